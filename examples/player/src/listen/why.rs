//! Why each piece of a play came from where it came, for people and for scripts.

use crate::shown::printable;
use core::fmt::Write;
use serde_json::{Value, json};
use spotp2p::planner::{Decision, Kind, Outcome, Why};
use spotproto::Instant;

/// A piece that was asked of somebody, and what came of it. Times are in milliseconds from the click.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Which piece.
    pub piece: u32,
    /// Of whom: what sort of source.
    pub from: String,
    /// Which one of that sort; the number means nothing beyond this play.
    pub source: u32,
    /// Why.
    pub why: String,
    /// What came of it.
    pub outcome: String,
    /// When it was asked.
    pub asked: i64,
    /// When it was needed, as things stood; nothing for never.
    pub due: Option<i64>,
    /// When it was expected.
    pub expected: i64,
    /// When it was here, or given up.
    pub ended: i64,
}

impl Step {
    /// A decision of a node, after a click at `began`.
    #[must_use]
    pub fn of(decision: &Decision, began: Instant) -> Self {
        let ms = |at: Instant| {
            let (after, before) = (at.since(began).as_millis(), began.since(at).as_millis());
            i64::try_from(after).unwrap_or(i64::MAX) - i64::try_from(before).unwrap_or(i64::MAX)
        };
        Self {
            piece: decision.piece,
            from: kind(decision.kind).into(),
            source: decision.source.0,
            why: why(decision.why).into(),
            outcome: outcome(decision.outcome).into(),
            asked: ms(decision.asked_at),
            due: decision.due.map(ms),
            expected: ms(decision.predicted),
            ended: ms(decision.ended_at),
        }
    }

    /// One object for scripts.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "piece": self.piece, "from": self.from, "source": self.source, "why": self.why, "outcome": self.outcome,
            "asked_ms": self.asked, "due_ms": self.due, "expected_ms": self.expected, "ended_ms": self.ended,
        })
    }

    /// What [`json`](Self::json) wrote.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Self> {
        let text = |name: &str| Some(printable(value.get(name)?.as_str()?).into_owned());
        let number = |name: &str| value.get(name)?.as_i64();
        let small = |name: &str| u32::try_from(number(name)?).ok();
        Some(Self {
            piece: small("piece")?,
            from: text("from")?,
            source: small("source")?,
            why: text("why")?,
            outcome: text("outcome")?,
            asked: number("asked_ms")?,
            due: number("due_ms"),
            expected: number("expected_ms")?,
            ended: number("ended_ms")?,
        })
    }

    /// Whether this one goes on where `other` ended, for the same reason.
    fn follows(&self, other: &Self, last: u32) -> bool {
        self.piece == last + 1
            && (&self.from, self.source, &self.why, &self.outcome)
                == (&other.from, other.source, &other.why, &other.outcome)
    }
}

/// A table: a line for each run of pieces that came from the same source for the same reason, or for each piece.
#[must_use]
pub fn steps_table(steps: &[Step], each: bool) -> String {
    let mut steps: Vec<&Step> = steps.iter().collect();
    steps.sort_by_key(|step| (step.piece, step.asked));
    let mut text = format!(
        "{:>11}  {:<10} {:<28} {:>9} {:>9} {:>9}  {}\n",
        "piece", "from", "because", "asked", "due", "here", ""
    );
    let mut at = 0;
    while let Some(first) = steps.get(at) {
        let (mut last, mut ended) = (first.piece, first.ended);
        at += 1;
        while let Some(next) = steps.get(at).filter(|next| !each && next.follows(first, last)) {
            (last, ended) = (next.piece, ended.max(next.ended));
            at += 1;
        }
        let pieces =
            if last == first.piece { first.piece.to_string() } else { format!("{}-{last}", first.piece) };
        let from = match first.from.as_str() {
            "peer" | "lan" | "cdn" => format!("{} {}", first.from, first.source),
            other => other.into(),
        };
        let late = first.due.is_some_and(|due| due < first.ended) && first.outcome == "here";
        let note = if late {
            "late"
        } else if first.outcome == "here" {
            ""
        } else {
            &first.outcome
        };
        let due = first.due.map_or("never".into(), seconds);
        let _ = writeln!(
            text,
            "{pieces:>11}  {from:<10} {:<28} {:>9} {due:>9} {:>9}  {note}",
            first.why,
            seconds(first.asked),
            seconds(ended)
        );
    }
    text
}

/// Milliseconds as seconds.
fn seconds(ms: i64) -> String {
    format!("{:.2} s", ms as f64 / 1000.0)
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Cache => "cache",
        Kind::Lan => "lan",
        Kind::Peer => "peer",
        Kind::Cdn => "cdn",
        Kind::Server => "server",
    }
}

const fn why(why: Why) -> &'static str {
    match why {
        Why::Cheapest => "the cheapest in time",
        Why::Soonest => "nobody is in time: soonest",
        Why::Gap => "peers would be too late",
        Why::Alone => "there are no peers",
        Why::Urgent => "due too soon for promises",
        Why::Patience => "peers gave nothing for long",
        Why::Hedge => "another one may be late",
        Why::Moved => "taken from a late one",
        Why::Promised => "it came with the open",
        _ => "another reason",
    }
}

const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Arrived => "here",
        Outcome::Wasted => "was here already",
        Outcome::Cancelled => "called back",
        Outcome::GivenUp => "silent, given up",
        Outcome::Refused => "refused",
        Outcome::Lost => "source gone",
        Outcome::Forged => "forged",
        _ => "otherwise",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(piece: u32, from: &str, source: u32, ended: i64) -> Step {
        let (why, outcome) = ("the cheapest in time".into(), "here".into());
        let from = from.into();
        Step { piece, from, source, why, outcome, asked: 20, due: Some(900), expected: 400, ended }
    }

    #[test]
    fn runs_of_one_source_take_one_line() {
        let steps = [
            step(7, "peer", 3, 500),
            step(8, "peer", 3, 600),
            step(9, "peer", 5, 1_000),
            step(0, "server", 0, 90),
        ];
        let lines: Vec<String> = steps_table(&steps, false).lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert!(lines[1].contains("server") && lines[2].contains("7-8") && lines[2].contains("0.60 s"));
        assert!(lines[3].contains("peer 5") && lines[3].ends_with("late"));
        assert_eq!(steps_table(&steps, true).lines().count(), 5);
    }

    #[test]
    fn what_was_written_is_read_back() {
        let step = Step { due: None, ..step(3, "cdn", 2, -4) };
        assert_eq!(Step::from_json(&step.json()), Some(step));
        assert_eq!(Step::from_json(&json!({ "piece": -1 })), None);
    }
}
