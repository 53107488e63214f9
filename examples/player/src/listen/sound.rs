//! What the node is told of the sound, so that it knows when each piece is needed.

use crate::output::BUFFER;
use core::time::Duration;
use spotp2p::node::Command;
use spotproto::content::FileId;
use std::time::Instant;

/// A wait that is no stop of the sound yet: the output still has some.
const SHORT: Duration = BUFFER;

/// How far the sound may be from where the node believes it before that is told anew.
const DRIFT: Duration = Duration::from_millis(500);

/// Where the decoder is, as the node was told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Sound {
    runs: Option<(Instant, Duration)>,
}

impl Sound {
    /// Looks where the decoder is, and for how long it has been waiting; what is to be told, if it is news.
    pub(super) fn look(
        &mut self,
        position: Duration,
        waiting: Option<Duration>,
        first_sound: Option<Duration>,
    ) -> Option<Command<FileId>> {
        let at_ms = u32::try_from(position.as_millis()).unwrap_or(u32::MAX);
        if waiting.is_some_and(|waiting| waiting > SHORT) {
            return self.runs.take().map(|_| Command::Silent { at_ms });
        }
        first_sound?;
        let as_told = self.runs.map(|(since, from)| from + since.elapsed());
        if as_told.is_some_and(|told| told.abs_diff(position) <= DRIFT) {
            return None;
        }
        self.runs = Some((Instant::now(), position));
        Some(Command::Sounds { at_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_node_hears_of_beginning_stop_and_jumps_and_of_nothing_else() {
        let mut sound = Sound::default();
        assert!(sound.look(SECOND, None, None).is_none(), "there is no sound yet");
        let told = sound.look(SECOND, None, Some(SHORT));
        assert!(matches!(told, Some(Command::Sounds { at_ms: 1_000 })));
        assert!(sound.look(SECOND, Some(SHORT / 2), Some(SHORT)).is_none());
        assert!(matches!(sound.look(9 * SECOND, None, Some(SHORT)), Some(Command::Sounds { at_ms: 9_000 })));
        let told = sound.look(9 * SECOND, Some(SECOND), Some(SHORT));
        assert!(matches!(told, Some(Command::Silent { at_ms: 9_000 })));
        assert!(sound.look(9 * SECOND, Some(SECOND), Some(SHORT)).is_none());
        assert!(matches!(sound.look(9 * SECOND, None, Some(SHORT)), Some(Command::Sounds { .. })));
    }
}
