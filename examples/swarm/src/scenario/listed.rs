//! A written list of plays, in place of habits: what somebody else can play as well, to see whether the same comes of it.

use alloc::collections::BTreeMap;
use serde::{Deserialize, Serialize};

/// A play of a written list. Each listener hears theirs in the order of the list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// Who listens.
    pub who: u32,
    /// The track.
    pub track: u32,
    /// The second at which somebody clicks on it, whatever plays then; without it, it follows what `who` hears before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_s: Option<f64>,
    /// It is left after so many seconds of music; without it, it is heard to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_s: Option<f64>,
    /// What the program expects after it, if that is not what follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expects: Option<u32>,
}

/// What is wrong with a list: the number of a play, and what of it.
pub(super) fn fault(list: &[Listed], clients: u32, tracks: u32) -> Option<(usize, &'static str)> {
    let mut heard = BTreeMap::new();
    list.iter().enumerate().find_map(|(number, play)| {
        if play.who >= clients {
            return Some((number, "nobody has that number"));
        }
        let last = heard.entry(play.who).or_insert(f64::NEG_INFINITY);
        if play.track >= tracks || play.expects.is_some_and(|track| track >= tracks) {
            return Some((number, "no track has that number"));
        }
        if !play.until_s.is_none_or(|until| (0.5..=1e6).contains(&until)) {
            return Some((number, "is to be left after 0.5 to 1e6 seconds"));
        }
        let at = play.at_s.unwrap_or(*last);
        if !(0.0..=1e6).contains(&at) || play.at_s.is_some() && at <= *last {
            return Some((number, "is neither later than the one before nor follows one"));
        }
        *last = at;
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(who: u32, track: u32, at_s: Option<f64>) -> Listed {
        Listed { who, track, at_s, until_s: None, expects: None }
    }

    #[test]
    fn a_list_is_in_the_order_of_its_listeners_time() {
        let good = [play(0, 3, Some(5.0)), play(1, 0, Some(4.0)), play(0, 3, None), play(0, 1, Some(9.0))];
        assert_eq!(fault(&good, 2, 4), None);
        assert_eq!(fault(&good, 1, 4).map(|it| it.0), Some(1), "there is no second listener");
        assert_eq!(fault(&good, 2, 3).map(|it| it.0), Some(0), "there is no fourth track");
        assert_eq!(fault(&good[2..], 2, 4).map(|it| it.0), Some(0), "nothing goes before it");
        let back = [play(0, 0, Some(5.0)), play(0, 0, Some(5.0))];
        assert_eq!(fault(&back, 2, 4).map(|it| it.0), Some(1));
        let short = Listed { until_s: Some(0.0), ..play(0, 0, Some(1.0)) };
        assert!(fault(&[short], 2, 4).is_some());
    }
}
