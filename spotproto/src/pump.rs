//! The half of a connection's driver loop that needs no runtime; adapters keep only the waiting.
//!
//! An adapter takes a turn, waits for whatever the [`Wants`] name, tells the pump what happened, and takes the
//! next turn. All decisions are here, so that every runtime behaves alike: when reading stops, what is held
//! back, how much is done before others get their turn, when a connection is over.

mod fault;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod toy;
mod wants;

pub use fault::{Broken, Fault};
pub use wants::Wants;

use crate::machine::{ByteMachine, SETTLE_ROUNDS};
use crate::time::Instant;
use bytes::{Buf, BytesMut};
use core::fmt;
use core::mem;
use core::time::Duration;

/// Bytes made ready for the line in one go, unless told otherwise. More would make the sending order a lie,
/// since what is here can be neither overtaken nor cancelled.
pub const BATCH: usize = 8 << 10;

/// Length that suits the scratch an adapter shares among its connections; a wire unit must be shorter.
pub const SCRATCH: usize = 64 << 10;

/// Work, in bytes moved, after which a connection lets others go first.
const FAIR_SHARE: usize = 128 << 10;

/// What a turn counts for in [`FAIR_SHARE`], however few bytes it moved.
const TURN_COST: usize = 512;

/// What an output counts for in [`FAIR_SHARE`].
const OUTPUT_COST: usize = 64;

/// How long a finished machine's last word may wait for a line that takes nothing.
const LAST_WORD: Duration = Duration::from_secs(5);

/// A machine on a byte stream, with what it could not take yet and what the line has not taken yet.
///
/// Holds no buffer while the connection is idle: bytes are read into a scratch that the adapter shares among
/// its connections, used there in place, and only an incomplete rest is kept.
pub struct Pump<M: ByteMachine> {
    machine: M,
    /// Bytes received that the machine has not used.
    inbox: BytesMut,
    /// Bytes the line has not taken.
    outbox: BytesMut,
    /// The output for which the owner had no room.
    held: Option<M::Output>,
    /// The inbox waits for a drain of the machine and not for more bytes.
    stalled: bool,
    eof: Eof,
    /// The line takes nothing more.
    cut: bool,
    ending: Option<Ending<M::Error>>,
    batch: usize,
    work: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Eof {
    /// More bytes may come.
    No,
    /// Seen on the line, but bytes before it are still to be used.
    Seen,
    /// The machine knows.
    Told,
}

#[derive(Debug)]
struct Ending<E> {
    fault: Fault<E>,
    since: Instant,
    /// The machine had its chance of a last word.
    spoke: bool,
}

impl<M: ByteMachine> Pump<M> {
    /// A pump that makes up to `batch` bytes ready for the line at a time ([`BATCH`] suits).
    #[must_use]
    pub fn new(machine: M, batch: usize) -> Self {
        Self {
            machine,
            inbox: BytesMut::new(),
            outbox: BytesMut::new(),
            held: None,
            stalled: false,
            eof: Eof::No,
            cut: false,
            ending: None,
            batch,
            work: 0,
        }
    }

    /// The machine, to look at.
    #[must_use]
    pub const fn machine(&self) -> &M {
        &self.machine
    }

    /// The machine, and why it ended; `None` if the other side closed and all was said.
    #[must_use]
    pub fn into_end(self) -> (M, Option<Fault<M::Error>>) {
        (self.machine, self.ending.map(|ending| ending.fault))
    }

    /// Does all there is to do at `now`, within a fair share, and says what to wait for.
    ///
    /// `deliver` takes an output, or gives it back when it has no room; that one is held, and reading stops
    /// until it is gone. Commands stay welcome as long as the machine itself wants them, so that an owner who
    /// waits to send one before it takes outputs is not stuck.
    pub fn turn(
        &mut self,
        now: Instant,
        mut deliver: impl FnMut(M::Output) -> Result<(), M::Output>,
    ) -> Wants {
        self.work = self.work.saturating_add(TURN_COST);
        self.fire(now);
        let drained = loop {
            let drained = self.exchange(now, &mut deliver);
            // What was put on the line may have made room in the machine, or an output.
            if !self.transmit(now) || self.exhausted() {
                break drained;
            }
        };
        self.forget_late_word(now);
        self.wants(now, drained)
    }

    /// Takes the output for which there was no room, for the owner who has some now.
    pub fn take_held(&mut self) -> Option<M::Output> {
        self.held.take()
    }

    /// Tells the machine something.
    pub fn command(&mut self, now: Instant, input: M::Input) {
        if self.is_running() {
            let told = self.machine.handle_input(now, input);
            self.heed(now, told);
        }
    }

    /// Has `read` fill a part of `scratch`, and lets the machine use in place what came. 0 read means that the
    /// other side sends nothing more.
    ///
    /// # Errors
    /// Those of `read`; they change nothing.
    pub fn receive<E>(
        &mut self,
        now: Instant,
        scratch: &mut [u8],
        read: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<(), E> {
        // Space is left in front, so that the rest can be joined with what follows it by the cheaper of two copies.
        let rest = self.inbox.len();
        let Some(space) = scratch.get_mut(rest..).filter(|space| !space.is_empty()) else {
            self.fail(now, Broken::UnitTooLong);
            return Ok(());
        };
        let came = read(space)?;
        if came == 0 {
            self.eof();
        } else if self.is_running() && self.eof == Eof::No {
            self.work = self.work.saturating_add(came);
            let end = rest.saturating_add(came).min(scratch.len());
            self.join(now, &mut scratch[..end], rest);
        }
        Ok(())
    }

    /// The bytes to put on the line next.
    #[must_use]
    pub fn unsent(&self) -> &[u8] {
        &self.outbox
    }

    /// The line took the first `count` bytes of [`Pump::unsent`].
    pub fn sent(&mut self, count: usize) {
        self.outbox.advance(count.min(self.outbox.len()));
        self.work = self.work.saturating_add(count);
    }

    /// The line takes nothing more. It is still read: what the other side said before it left tells why.
    pub fn write_failed(&mut self) {
        self.cut = true;
        self.outbox = BytesMut::new();
    }

    /// The line broke: nothing comes and nothing goes. What came before is still used and delivered.
    pub fn lost(&mut self) {
        self.write_failed();
        self.eof();
    }

    /// Bytes held: received but not used, and made ready but not sent.
    #[must_use]
    pub fn buffered(&self) -> (usize, usize) {
        (self.inbox.len(), self.outbox.len())
    }

    fn is_running(&self) -> bool {
        self.ending.is_none()
    }

    fn exhausted(&self) -> bool {
        self.work >= FAIR_SHARE
    }

    fn eof(&mut self) {
        if self.eof == Eof::No {
            self.eof = Eof::Seen;
        }
    }

    fn heed(&mut self, now: Instant, result: Result<(), M::Error>) {
        if let Err(error) = result {
            self.end(now, Fault::Machine(error), false);
        }
    }

    /// Ends a machine that broke the contract; it isn't asked for a last word, since it can't be trusted with it.
    fn fail(&mut self, now: Instant, broken: Broken) {
        self.end(now, Fault::Broken(broken), true);
    }

    fn end(&mut self, since: Instant, fault: Fault<M::Error>, spoke: bool) {
        if self.is_running() {
            self.ending = Some(Ending { fault, since, spoke });
            self.inbox = BytesMut::new();
            self.stalled = false;
        }
    }

    fn fire(&mut self, now: Instant) {
        for _ in 0..SETTLE_ROUNDS {
            if !self.is_running() || self.machine.poll_timeout().is_none_or(|at| at > now) {
                return;
            }
            let fired = self.machine.handle_timeout(now);
            self.heed(now, fired);
        }
        self.fail(now, Broken::StaysDue);
    }

    /// Hands outputs over, and gives the machine what had to wait for that. Answers whether no output is left.
    fn exchange(
        &mut self,
        now: Instant,
        deliver: &mut impl FnMut(M::Output) -> Result<(), M::Output>,
    ) -> bool {
        loop {
            let drained = self.drain(deliver);
            // Bytes wait for all that is queued, so that there is room left for what commands bring about.
            if !drained || self.exhausted() || !self.is_running() {
                return drained;
            }
            if self.stalled && self.machine.wants_input() {
                self.use_inbox(now);
            } else if self.eof == Eof::Seen && !self.stalled {
                self.eof = Eof::Told;
                self.inbox = BytesMut::new();
                let told = self.machine.handle_eof(now);
                self.heed(now, told);
            } else {
                return true;
            }
        }
    }

    fn drain(&mut self, deliver: &mut impl FnMut(M::Output) -> Result<(), M::Output>) -> bool {
        while !self.exhausted() {
            let Some(output) = self.held.take().or_else(|| self.machine.poll_output()) else {
                return true;
            };
            self.work = self.work.saturating_add(OUTPUT_COST);
            if let Err(output) = deliver(output) {
                self.held = Some(output);
                return false;
            }
        }
        false
    }

    /// Uses `wire`, of which the first `rest` bytes are missing: the inbox has them.
    fn join(&mut self, now: Instant, wire: &mut [u8], rest: usize) {
        let (front, came) = wire.split_at_mut(rest);
        if self.stalled || came.len() < front.len() {
            // A trickle: to copy a long rest to and fro for every byte would cost more than its bytes are worth.
            self.inbox.extend_from_slice(came);
            if !self.stalled {
                self.use_inbox(now);
            }
        } else {
            front.copy_from_slice(&self.inbox);
            self.inbox.clear();
            let used = self.offer(now, wire);
            self.keep(&wire[used..]);
        }
    }

    fn use_inbox(&mut self, now: Instant) {
        let mut inbox = mem::take(&mut self.inbox);
        let long = inbox.len();
        self.stalled = false;
        let used = self.offer(now, &mut inbox);
        inbox.advance(used);
        if self.stalled || inbox.len() > long / 2 {
            self.inbox = inbox;
        } else {
            // A short rest must not keep a long block alive.
            self.keep(&inbox);
        }
    }

    fn keep(&mut self, rest: &[u8]) {
        if rest.is_empty() || !self.is_running() {
            self.inbox = BytesMut::new();
        } else {
            self.inbox.extend_from_slice(rest);
        }
    }

    /// Offers `wire` until the machine takes no more of it, and returns how much it used.
    fn offer(&mut self, now: Instant, wire: &mut [u8]) -> usize {
        let mut used = 0;
        while self.is_running() && used < wire.len() {
            if !self.machine.wants_input() {
                self.stalled = true;
                break;
            }
            let left = &mut wire[used..];
            let offered = left.len();
            match self.machine.handle_bytes(now, left) {
                Ok(0) => break,
                Ok(count) if count <= offered => used += count,
                Ok(_) => self.fail(now, Broken::TookTooMuch),
                Err(error) => self.end(now, Fault::Machine(error), false),
            }
        }
        used
    }

    /// Tops the outbox up; answers whether anything was added.
    fn transmit(&mut self, now: Instant) -> bool {
        let before = self.outbox.len();
        if self.cut || before >= self.batch {
            return false;
        }
        if let Some(ending) = &mut self.ending
            && mem::replace(&mut ending.spoke, true)
        {
            self.release();
            return false;
        }
        let owed = self.machine.poll_transmit(now, &mut self.outbox, self.batch);
        let after = self.outbox.len();
        if after < before || owed && after == before {
            self.fail(now, Broken::AppendedNothing);
        } else if after > self.batch.saturating_add(SCRATCH) {
            self.fail(now, Broken::AppendedTooMuch);
        }
        self.release();
        after > before
    }

    fn release(&mut self) {
        if self.outbox.is_empty() {
            self.outbox = BytesMut::new();
        }
    }

    fn forget_late_word(&mut self, now: Instant) {
        if self.ending.as_ref().is_some_and(|ending| now.since(ending.since) >= LAST_WORD) {
            self.outbox = BytesMut::new();
        }
    }

    fn wants(&mut self, now: Instant, drained: bool) -> Wants {
        let pause = self.exhausted();
        if pause {
            self.work = 0;
        } else {
            self.refuse_to_hang(now, drained);
        }
        let drained = drained && self.held.is_none();
        let running = self.is_running();
        let open = running && self.machine.wants_input();
        let over = !running || self.eof == Eof::Told;
        let owed = !self.outbox.is_empty();
        Wants {
            read: open && self.eof == Eof::No && !self.stalled && self.held.is_none(),
            write: owed,
            command: open,
            room: self.held.is_some(),
            wake: match &self.ending {
                None => self.machine.poll_timeout(),
                Some(ending) => owed.then(|| ending.since + LAST_WORD),
            },
            pause,
            done: over && drained && !owed && !pause,
        }
    }

    /// A machine that refuses input although it was drained, owes nothing and waits for no moment would never
    /// be woken again.
    fn refuse_to_hang(&mut self, now: Instant, drained: bool) {
        let idle = drained && self.outbox.is_empty() && self.machine.poll_timeout().is_none();
        if !idle || self.eof == Eof::Told || !self.is_running() || self.machine.wants_input() {
            return;
        }
        if self.cut {
            // It may well wait for the line to take what it owes, and the line never will.
            self.inbox = BytesMut::new();
            self.stalled = false;
            self.eof = Eof::Told;
        } else {
            self.fail(now, Broken::RefusesWhenDrained);
        }
    }
}

impl<M: ByteMachine> fmt::Debug for Pump<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pump")
            .field("inbox", &self.inbox.len())
            .field("outbox", &self.outbox.len())
            .field("held", &self.held.is_some())
            .field("stalled", &self.stalled)
            .field("eof", &self.eof)
            .field("running", &self.is_running())
            .finish_non_exhaustive()
    }
}
