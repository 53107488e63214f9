//! What a listener presses while music plays, where standard input is a terminal.

use tokio::sync::mpsc;

/// What a key means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    /// Silence, or sound again.
    Pause,
    /// Ten seconds back.
    Back,
    /// Ten seconds on.
    On,
    /// The track before, or the beginning of this one.
    Previous,
    /// The track that follows.
    Next,
    /// No more.
    Quit,
}

/// One line for people.
pub const HELP: &str = "space: pause   ← →: 10 s back, on   p: previous   n: next   q: quit";

/// What bytes of a terminal mean; what means nothing is passed over.
#[must_use]
pub fn read(bytes: &[u8]) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        // ECMA-48, 8.3.20 and 8.3.18: the cursor keys, in both of the forms that terminals send.
        let (key, used) = match (first, after) {
            (0x1b, [b'[' | b'O', b'C', ..]) => (Some(Key::On), 3),
            (0x1b, [b'[' | b'O', b'D', ..]) => (Some(Key::Back), 3),
            (0x1b, [b'[' | b'O', _, ..]) => (None, 3),
            (b' ', _) => (Some(Key::Pause), 1),
            (b'n' | b'>', _) => (Some(Key::Next), 1),
            (b'p' | b'<', _) => (Some(Key::Previous), 1),
            (b'q', _) => (Some(Key::Quit), 1),
            _ => (None, 1),
        };
        keys.extend(key);
        rest = rest.get(used..).unwrap_or_default();
    }
    keys
}

/// The terminal, one key at a time; as it was before, once this is dropped.
#[derive(Debug)]
pub struct Keyboard {
    #[cfg(unix)]
    before: rustix::termios::Termios,
}

impl Keyboard {
    /// Takes keys of standard input; nothing if that is no terminal.
    #[cfg(unix)]
    #[must_use]
    pub fn open() -> Option<(Self, mpsc::Receiver<Key>)> {
        use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};
        let before = tcgetattr(std::io::stdin()).ok()?;
        if !is_ours() {
            return None;
        }
        let mut now = before.clone();
        // Signals stay: Ctrl-C ends the program as ever.
        now.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
        now.special_codes[SpecialCodeIndex::VMIN] = 1;
        now.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(std::io::stdin(), OptionalActions::Now, &now).ok()?;
        let (press, keys) = mpsc::channel(16);
        // It waits for a key until the program ends.
        std::thread::Builder::new().name("keys".into()).spawn(move || listen(&now, &press)).ok()?;
        Some((Self { before }, keys))
    }

    /// There are none.
    #[cfg(not(unix))]
    #[must_use]
    pub fn open() -> Option<(Self, mpsc::Receiver<Key>)> {
        None
    }
}

#[cfg(unix)]
impl Drop for Keyboard {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if is_ours() {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before);
        }
    }
}

/// How often the terminal is looked at, if nobody presses a key.
#[cfg(unix)]
const LOOK: rustix::event::Timespec = rustix::event::Timespec { tv_sec: 1, tv_nsec: 0 };

/// In the background the terminal is somebody else's: whoever reads from it then, or changes it, is stopped (POSIX.1-2017,
/// 11.1.4).
#[cfg(unix)]
fn is_ours() -> bool {
    use rustix::{process::getpgrp, termios::tcgetpgrp};
    tcgetpgrp(std::io::stdin()).is_ok_and(|foreground| foreground == getpgrp())
}

/// Passes keys on until there are no more, or nobody listens.
#[cfg(unix)]
fn listen(ours: &rustix::termios::Termios, press: &mpsc::Sender<Key>) {
    use rustix::event::{PollFd, PollFlags, poll};
    use rustix::termios::{OptionalActions, tcsetattr};
    let stdin = std::io::stdin();
    let mut bytes = [0; 64];
    let mut was_ours = true;
    while !press.is_closed() {
        let ours_now = is_ours();
        if ours_now && !was_ours {
            // The shell has taken it back meanwhile.
            let _ = tcsetattr(&stdin, OptionalActions::Now, ours);
        }
        was_ours = ours_now;
        if !ours_now {
            std::thread::sleep(core::time::Duration::from_secs(1));
            continue;
        }
        match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&LOOK)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Ok(_) if !is_ours() => continue,
            Ok(_) => {}
            Err(_) => return,
        }
        // Not through std's buffer, which `poll` does not see.
        let Ok(count @ 1..) = rustix::io::read(&stdin, &mut bytes) else { return };
        for key in read(bytes.get(..count).unwrap_or_default()) {
            if press.blocking_send(key).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_terminals_send_them() {
        assert_eq!(read(b"n\x1b[C\x1bOD p"), [Key::Next, Key::On, Key::Back, Key::Pause, Key::Previous]);
        assert_eq!(read(b"\x1b[Ax\x1b\xff<>q"), [Key::Previous, Key::Next, Key::Quit]);
        assert_eq!(read(b"\x1b["), []);
    }
}
