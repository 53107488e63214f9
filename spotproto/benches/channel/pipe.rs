//! A line in memory, the same for every contestant: what goes in is copied once, as into a socket, and once more on its way out.

use alloc::rc::Rc;
use core::cell::RefCell;
use core::task::{Context, Waker};

/// Bytes that the line holds before it takes no more.
pub(crate) const ROOM: usize = 64 << 10;

/// One direction of the line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pipe(Rc<RefCell<Held>>);

#[derive(Debug, Default)]
struct Held {
    bytes: Vec<u8>,
    read: usize,
}

impl Pipe {
    /// Takes what there is room for.
    pub(crate) fn write(&self, bytes: &[u8]) -> usize {
        let mut held = self.0.borrow_mut();
        let count = bytes.len().min(ROOM.saturating_sub(held.bytes.len() - held.read));
        held.bytes.extend_from_slice(&bytes[..count]);
        count
    }

    /// Fills the front of `out` with what is there.
    pub(crate) fn read(&self, out: &mut [u8]) -> usize {
        let mut held = self.0.borrow_mut();
        let bytes = &held.bytes[held.read..];
        let count = bytes.len().min(out.len());
        out[..count].copy_from_slice(&bytes[..count]);
        held.read += count;
        if held.read == held.bytes.len() {
            held.bytes.clear();
            held.read = 0;
        }
        count
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().bytes.is_empty()
    }

    pub(crate) fn has_room(&self) -> bool {
        let held = self.0.borrow();
        held.bytes.len() - held.read < ROOM
    }
}

/// Polls round and round until `round` says that all is done. Everything runs on this thread and in memory, so whoever waits
/// is served by the next round, and no waker is needed.
pub(crate) fn spin(mut round: impl FnMut(&mut Context<'_>) -> bool) {
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..1_000_000 {
        if round(&mut context) {
            return;
        }
    }
    panic!("the contestants wait for each other");
}
