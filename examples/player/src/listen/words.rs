//! What a listener is told of waits and failures.

use super::play::Play;
use super::player::Listener;
use super::report::date;
use crate::failure::{Exit, Failure};
use core::time::Duration;
use spotp2p::playout::Supplier;
use spotproto::SessionError;
use spotproto::error::Refused;
use spotproto::message::Refusal;

impl Listener {
    /// What is waited for, in words.
    pub(super) fn wait(&self, play: &Play, wait: Duration) -> String {
        let (server, seconds) = (&self.server, wait.as_secs_f64());
        match play.buffering {
            // Who might deliver is known no better by the node.
            Some(why) if why.supplier != Supplier::Link || self.line.is_up() => why.to_string(),
            _ if !self.line.is_up() => {
                format!("connecting to {server}, {seconds:.1} s")
            }
            _ if play.report.opened.is_none() => format!("asking {server} for the track, {seconds:.1} s"),
            _ => format!("waiting for the next piece, {seconds:.1} s"),
        }
    }

    /// What was missing when the server did not answer, in one line.
    pub(super) fn missing(&self, play: &Play) -> String {
        let Self { server, .. } = self;
        let gid = play.gid;
        match (play.from, play.lease_over) {
            (None, Some(until)) => format!(
                "{server} does not answer; the cache has track {gid}, but only the server can let it be played \
                 again: its lease ended on {}",
                date(until)
            ),
            (None, None) if self.cached => {
                format!("{server} does not answer, and the cache does not have track {gid}")
            }
            (None, None) => {
                format!("{server} does not answer; is the server running, and the address right?")
            }
            (Some(_), _) => {
                format!("{server} does not answer, and the cache does not have all of track {gid}")
            }
        }
    }

    pub(super) fn refused(&self, play: &Play, why: Refusal) -> Failure {
        let server = &self.server;
        if play.report.forged > 0 {
            let line =
                format!("{server} sends pieces that are not what it published; nothing of them was played");
            return Failure::new(Exit::Untrusted, line);
        }
        match why {
            Refusal::NotFound => Failure::new(Exit::NotFound, format!("{server} has no track {}", play.gid)),
            Refusal::NoRight => {
                Failure::new(Exit::Unreachable, format!("{server} does not let this device play it"))
            }
            why => Failure::runtime(format!("{server} can't deliver the track: {why}")),
        }
    }

    pub(super) fn gave_up(&self, why: SessionError) -> Failure {
        let server = &self.server;
        match why {
            SessionError::Refused(Refused::WrongKey) => Failure::new(
                Exit::Untrusted,
                format!(
                    "{server} does not have the key it is expected to have: it was set up anew, or somebody is in \
                     between; nothing was sent. If the change is right, name it with its new key (HOST:PORT#KEY)"
                ),
            ),
            why => Failure::new(Exit::Unreachable, format!("{server}: {why}")),
        }
    }
}
