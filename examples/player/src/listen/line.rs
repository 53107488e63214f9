//! The connection to the server, as a listener is told of it.

use std::time::Instant;

/// Whether it stands, and since when not; from one track to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Line {
    ever_up: bool,
    down_since: Option<Instant>,
}

impl Line {
    /// The server said something.
    pub(super) const fn up(&mut self) {
        *self = Self { ever_up: true, down_since: None };
    }

    /// It broke, or could not be made; whether it had stood.
    pub(super) fn down(&mut self) -> bool {
        let broke = self.is_up();
        self.down_since.get_or_insert_with(Instant::now);
        broke
    }

    /// Whether it stands.
    pub(super) const fn is_up(&self) -> bool {
        self.ever_up && self.down_since.is_none()
    }

    /// Whether that was told, and it does not stand yet.
    pub(super) const fn is_down(&self) -> bool {
        self.down_since.is_some()
    }

    /// Whether the server has ever answered.
    pub(super) const fn was_up(&self) -> bool {
        self.ever_up
    }

    /// Since when whoever wanted something at that moment has been waiting for it; nothing while it stands.
    pub(super) fn waits_since(&self, wanted: Instant) -> Option<Instant> {
        match self.down_since {
            Some(since) => Some(since.max(wanted)),
            None => (!self.ever_up).then_some(wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_break_is_one_however_often_it_is_tried_again() {
        let mut line = Line::default();
        let wanted = Instant::now();
        assert!(!line.down() && !line.is_up() && line.waits_since(wanted).is_some());
        line.up();
        assert!(line.is_up() && line.waits_since(wanted).is_none());
        assert!(line.down() && !line.down() && line.was_up());
        let later = Instant::now();
        assert_eq!(line.waits_since(later), Some(later), "whoever comes later has not waited yet");
    }
}
