//! Plays out of a client's own cache: one notice each, counted where it can't be a replay or a flood.

use super::{AccessPoint, Event, Output};
use crate::SessionId;
use crate::payload::FileKey;
use spotproto::Instant;
use spotproto::crypto::Crypto;

impl<K: FileKey, B, C: Crypto> AccessPoint<K, B, C> {
    /// What does not count is no fault: a notice may be ignored, and whoever skips through a list sends many.
    pub(super) fn playing(&mut self, now: Instant, id: SessionId, file: K) {
        let Some(session) = self.sessions.get_mut(&id).filter(|session| session.logged_in) else { return };
        let Some(device) = session.device else { return };
        if session.plays.take(now, self.config.limits.plays) {
            self.out.push(Output::Event(Event::Playing { session: id, device, file }));
        }
    }
}
