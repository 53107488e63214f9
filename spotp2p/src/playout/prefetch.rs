//! When to fetch the track that will most likely be next.

use super::why::Why;
use core::time::Duration;

/// What prefetching goes by.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ahead {
    /// Music left of this track when peers are asked for the next.
    pub peers: Duration,
    /// Music left when the server is asked for its beginning, over a line that brings it in no time.
    pub server: Duration,
    /// The greatest chance of a stutter in this track with which anything else is asked for.
    pub risk: f32,
}

impl Ahead {
    /// Peers 30 s and the server 10 s before the end (Kreitz and Niemelä 2010, II-E).
    pub const DEFAULT: Self =
        Self { peers: Duration::from_secs(30), server: Duration::from_secs(10), risk: 0.01 };
}

/// Something to do about the next track.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prefetched<K> {
    /// Ask peers for it.
    AskPeers(K),
    /// Ask the server for its beginning.
    AskServer(K),
    /// It will not be next: withdraw what was asked.
    Cancel(K),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Asked {
    Nobody,
    Peers,
    Server,
}

/// The next track of a player; `K` names tracks. Each guess is asked for once of peers and once of the server.
#[derive(Clone, Debug)]
pub struct Prefetch<K> {
    ahead: Ahead,
    guess: Option<K>,
    asked: Asked,
    right: u64,
    wrong: u64,
}

impl<K: Clone + PartialEq> Prefetch<K> {
    /// Nothing is guessed yet.
    #[must_use]
    pub const fn new(ahead: Ahead) -> Self {
        Self { ahead, guess: None, asked: Asked::Nobody, right: 0, wrong: 0 }
    }

    /// `next` will most likely follow; `None`: nothing will. A guess that was acted on and given up is wrong.
    pub fn guess(&mut self, next: Option<K>) -> Option<Prefetched<K>> {
        if self.guess == next {
            return None;
        }
        let before = core::mem::replace(&mut self.guess, next);
        self.give_up(before)
    }

    /// So much music is `left` of this track, of which `why` tells how safe it is; the server needs that `long` to bring the
    /// next one's beginning; `begins` says that this is here already.
    pub fn look(&mut self, left: Duration, why: &Why, long: Duration, begins: bool) -> Option<Prefetched<K>> {
        let guess = self.guess.as_ref()?;
        if why.risk > self.ahead.risk || why.risk.is_nan() {
            return None;
        }
        if self.asked < Asked::Peers && left <= self.ahead.peers {
            self.asked = Asked::Peers;
            return Some(Prefetched::AskPeers(guess.clone()));
        }
        if self.asked == Asked::Peers && left <= self.ahead.server.max(long) && !begins {
            self.asked = Asked::Server;
            return Some(Prefetched::AskServer(guess.clone()));
        }
        None
    }

    /// What is guessed.
    #[must_use]
    pub const fn guessed(&self) -> Option<&K> {
        self.guess.as_ref()
    }

    /// Whether it is time for the server too.
    #[must_use]
    pub fn is_near(&self) -> bool {
        self.asked == Asked::Server
    }

    /// A track begins to play: the guess was right, or is to be cancelled.
    pub fn began(&mut self, track: &K) -> Option<Prefetched<K>> {
        let guess = self.guess.take();
        if guess.as_ref() == Some(track) {
            self.right += u64::from(self.asked > Asked::Nobody);
            self.asked = Asked::Nobody;
            return None;
        }
        self.give_up(guess)
    }

    /// Guesses acted on that were right, and that were wrong.
    #[must_use]
    pub const fn guesses(&self) -> (u64, u64) {
        (self.right, self.wrong)
    }

    fn give_up(&mut self, guess: Option<K>) -> Option<Prefetched<K>> {
        let asked = core::mem::replace(&mut self.asked, Asked::Nobody);
        let guess = guess.filter(|_| asked > Asked::Nobody)?;
        self.wrong += 1;
        Some(Prefetched::Cancel(guess))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playout::{Basis, Supplier, Verdict};

    fn risk(risk: f32) -> Why {
        let (buffered, supplier) = (Duration::from_secs(5), Supplier::Link);
        let (verdict, basis) = (Verdict::Start, Basis::Forecast);
        Why {
            verdict,
            basis,
            buffered,
            wanted: buffered,
            state: 3,
            rate: 1.0,
            usual: 0.0,
            music: 0.0,
            risk,
            budget: 0.01,
            supplier,
            wait: None,
        }
    }

    fn left(prefetch: &mut Prefetch<u32>, seconds: u64) -> Option<Prefetched<u32>> {
        prefetch.look(Duration::from_secs(seconds), &risk(0.0), Duration::ZERO, false)
    }

    #[test]
    fn peers_are_asked_at_thirty_seconds_and_the_server_at_ten() {
        let mut prefetch = Prefetch::new(Ahead::DEFAULT);
        prefetch.guess(Some(7));
        assert_eq!((left(&mut prefetch, 31), left(&mut prefetch, 30)), (None, Some(Prefetched::AskPeers(7))));
        assert_eq!(
            (left(&mut prefetch, 11), left(&mut prefetch, 10)),
            (None, Some(Prefetched::AskServer(7)))
        );
        assert_eq!((left(&mut prefetch, 5), prefetch.began(&7), prefetch.guesses()), (None, None, (1, 0)));
    }

    #[test]
    fn a_server_that_needs_longer_is_asked_earlier_but_after_peers() {
        let mut prefetch = Prefetch::new(Ahead::DEFAULT);
        prefetch.guess(Some(7));
        let mut left =
            |seconds| prefetch.look(Duration::from_secs(seconds), &risk(0.0), Duration::from_secs(60), false);
        assert_eq!((left(31), left(30)), (None, Some(Prefetched::AskPeers(7))));
        assert_eq!((left(30), left(29)), (Some(Prefetched::AskServer(7)), None));
    }

    #[test]
    fn nothing_is_asked_for_while_this_track_may_stutter_or_once_the_beginning_is_here() {
        let mut prefetch = Prefetch::new(Ahead::DEFAULT);
        prefetch.guess(Some(7));
        assert_eq!(prefetch.look(Duration::from_secs(20), &risk(0.02), Duration::ZERO, false), None);
        assert_eq!(left(&mut prefetch, 9), Some(Prefetched::AskPeers(7)));
        assert_eq!(prefetch.look(Duration::from_secs(8), &risk(0.0), Duration::ZERO, true), None);
    }

    #[test]
    fn a_wrong_guess_is_cancelled_and_counted_if_it_was_acted_on() {
        let mut prefetch = Prefetch::new(Ahead::DEFAULT);
        prefetch.guess(Some(1));
        assert_eq!(prefetch.guess(Some(2)), None, "nobody was asked for 1");
        assert_eq!(left(&mut prefetch, 20), Some(Prefetched::AskPeers(2)));
        assert_eq!(prefetch.guess(Some(3)), Some(Prefetched::Cancel(2)));
        assert_eq!(left(&mut prefetch, 20), Some(Prefetched::AskPeers(3)));
        assert_eq!((prefetch.began(&9), prefetch.guesses()), (Some(Prefetched::Cancel(3)), (0, 2)));
        assert_eq!(left(&mut prefetch, 1), None);
    }
}
