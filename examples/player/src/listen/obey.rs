//! What becomes of a key.

use super::control::Order;
use super::play::Play;
use super::player::{Listener, Then, millis};
use super::sound::Sound;
use crate::keys::Key;
use core::time::Duration;
use spotp2p::node::Command;

/// How far an arrow key jumps.
const STEP: Duration = Duration::from_secs(10);

/// From here on "previous" means the beginning of this track, as with most players.
const RESTART: Duration = Duration::from_secs(3);

/// A jump beyond the end leads so far before it.
const BEFORE_END: Duration = Duration::from_millis(500);

/// What is wanted after a track that is left by this key, wherever its sound is.
pub(super) const fn leaving(key: Key) -> Option<Then> {
    match key {
        Key::Previous => Some(Then::Previous),
        Key::Next => Some(Then::Next),
        Key::Quit => Some(Then::Quit),
        Key::Pause | Key::Back | Key::On => None,
    }
}

impl Listener {
    /// Does what the listener wants.
    pub(super) fn obey(&mut self, play: &mut Play, key: Key) {
        match key {
            Key::Pause => self.pause(play),
            Key::Back => self.jump(play, play.position.saturating_sub(STEP)),
            Key::On => self.jump(play, play.position + STEP),
            Key::Previous if play.position >= RESTART => self.jump(play, Duration::ZERO),
            key => leaving(key).into_iter().for_each(|then| play.leave(then)),
        }
    }

    /// Goes to another place of the track: what is held of it sounds at once.
    fn jump(&mut self, play: &mut Play, to: Duration) {
        let end = play.length.saturating_sub(BEFORE_END);
        let to = to.min(end);
        if self.client.commands().try_send(Command::Seek { at_ms: millis(to) }).is_err() {
            // The node is busy: the person presses again.
            return;
        }
        self.starts.jumped();
        play.gate.close();
        (play.position, play.sound, play.paused) = (to, Sound::default(), false);
        play.jumps += 1;
        play.order(Order::Jump(to, play.jumps));
    }

    /// Silence, or sound again.
    fn pause(&mut self, play: &mut Play) {
        if !play.paused {
            let at_ms = millis(play.position);
            if self.client.commands().try_send(Command::Silent { at_ms }).is_err() {
                return;
            }
            self.starts.jumped();
            play.gate.close();
            play.sound = Sound::default();
        }
        play.paused = !play.paused;
        play.control.pause(play.paused);
    }
}
