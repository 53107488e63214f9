//! Drives one machine over one TCP connection: waits, reads, writes; the [`Pump`] decides.

use crate::clock::{Alarm, Clock};
use crate::runtime::Runtime;
use crate::socket::BBR_FORGETS;
use crate::task::{Rounds, timeout};
use alloc::boxed::Box;
use async_channel::{Receiver, Send, Sender, TrySendError};
use core::cell::RefCell;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use futures_lite::stream::Stream as _;
use spotproto::Instant;
use spotproto::machine::{ByteMachine, Machine};
use spotproto::pump::{Fault, Pump, SCRATCH, Wants};
use std::io;

/// How long a closed line is read, so that what was written last is not lost to a reset.
const LINGER: Duration = Duration::from_secs(2);

/// Writes of a connection after which the kernel is asked to go on acknowledging at once. By then Linux has used up the
/// acknowledgements that it gives out at once to a new connection (sixteen at most).
const FIRST_WRITES: u8 = 8;

/// Bytes that are read meanwhile from a peer that doesn't stop sending.
const LINGER_BYTES: usize = 4 << 20;

/// How long an abandoned connection may still send what it owes.
const FAREWELL: Duration = Duration::from_secs(5);

thread_local! {
    /// Where every connection of a worker thread reads to; nothing stays in it across an await.
    static SHARED: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

/// A machine after its connection.
#[derive(Debug)]
pub struct Ended<M: Machine> {
    /// The machine, for what it still knows.
    pub machine: M,
    /// Why it is over.
    pub why: Why<M::Error>,
}

/// Why a connection is over.
#[derive(Debug)]
pub enum Why<E> {
    /// The other side closed, and everything was said and delivered.
    Closed,
    /// The machine ended, by its own choice or by someone's fault.
    Finished(Fault<E>),
    /// The line broke.
    Line(io::Error),
    /// The owner dropped both ends, for commands and for outputs.
    Abandoned,
}

impl<E> Why<E> {
    /// The machine's own word, if that is how it ended.
    #[must_use]
    pub fn machine(self) -> Option<E> {
        match self {
            Self::Finished(Fault::Machine(error)) => Some(error),
            _ => None,
        }
    }
}

/// Drives `pump` over `stream` until the machine is finished, or the other side closed, or the line broke, and
/// all outputs are delivered.
///
/// While `outputs` is full nothing is read, but commands are taken. If the owner drops `outputs` alone, outputs
/// are discarded; if it drops `commands` alone, none come; if both, the connection ends.
///
/// Dropping the future closes the connection at once, last words included.
pub async fn drive<R: Runtime, M: ByteMachine>(
    stream: R::Stream,
    pump: Pump<M>,
    clock: Clock<R>,
    commands: Receiver<M::Input>,
    outputs: Sender<M::Output>,
) -> Ended<M> {
    drive_into(stream, pump, clock, commands, outputs, |output| output).await
}

/// [`drive`] for an owner who has one channel for many connections: `wrap` says which one an output is from.
pub async fn drive_into<R: Runtime, M: ByteMachine, T>(
    mut stream: R::Stream,
    mut pump: Pump<M>,
    clock: Clock<R>,
    commands: Receiver<M::Input>,
    outputs: Sender<T>,
    wrap: impl FnMut(M::Output) -> T,
) -> Ended<M> {
    let over = run(&mut stream, &mut pump, clock, commands, &outputs, wrap).await;
    drop(outputs);
    let (machine, fault) = pump.into_end();
    let why = match (fault, over) {
        (Some(fault), over) => {
            // A machine may end before it has read everything, and to close then would reset the line.
            if !matches!(over, Over::Broken(_)) {
                close::<R>(stream, true).await;
            }
            Why::Finished(fault)
        }
        (None, Over::Broken(error)) => Why::Line(error),
        (None, Over::Done) => {
            close::<R>(stream, false).await;
            Why::Closed
        }
        (None, Over::Abandoned) => {
            close::<R>(stream, true).await;
            Why::Abandoned
        }
    };
    Ended { machine, why }
}

enum Over {
    Done,
    Abandoned,
    Broken(io::Error),
}

async fn run<R: Runtime, M: ByteMachine, T>(
    stream: &mut R::Stream,
    pump: &mut Pump<M>,
    clock: Clock<R>,
    commands: Receiver<M::Input>,
    outputs: &Sender<T>,
    mut wrap: impl FnMut(M::Output) -> T,
) -> Over {
    let mut alarm = Alarm::new(clock);
    let mut line: Line<'_, R> =
        Line { stream, broken: None, first_writes: FIRST_WRITES, wrote_at: clock.now() };
    let mut commands = pin!(commands);
    let mut commanded = true;
    // Kept across turns: a wait given up would lose its place among the connections that share the channel.
    let mut sending = pin!(None);
    let mut closed = pin!(outputs.closed());
    let mut forsaken = false;
    let mut leaving = None;
    let mut rounds = Rounds::default();
    loop {
        let wants = pump.turn(clock.now(), |output| deliver(outputs, sending.as_mut(), &mut wrap, output));
        let full = sending.is_some();
        if wants.done && !full {
            return line.broken.map_or(Over::Done, Over::Broken);
        }
        if leaving.is_some_and(|until| clock.now() >= until || !commanded && !wants.write && !wants.pause) {
            return Over::Abandoned;
        }
        if wants.pause {
            R::yield_now().await;
            continue;
        }
        // A channel that always has something never says that it is enough.
        rounds.pass::<R>().await;
        // Who drops outputs before commands wakes nobody by the latter while the machine refuses commands.
        let look = (forsaken && leaving.is_none() && !wants.command).then(|| clock.now() + FAREWELL);
        let wake = wants.wake.into_iter().chain(leaving).chain(look).min();
        // Reading and writing are always waited for together: two ends that each wait to write first stop for ever.
        poll_fn(|cx| {
            let mut moved =
                line.exchange(cx, pump, clock.now(), Wants { read: wants.read && !full, ..wants });
            if commanded
                && wants.command
                && let Poll::Ready(command) = commands.as_mut().poll_next(cx)
            {
                commanded = command.is_some();
                if let Some(command) = command {
                    pump.command(clock.now(), command);
                }
                moved = true;
            }
            if sending.as_mut().as_pin_mut().is_some_and(|sending| sending.poll(cx).is_ready()) {
                sending.set(None);
                moved = true;
            }
            // A machine that refuses commands can't be told the last ones; that no more come it need not know.
            if !forsaken && closed.as_mut().poll(cx).is_ready() {
                forsaken = true;
                moved = true;
            }
            if forsaken && leaving.is_none() && commands.is_closed() {
                leaving = Some(clock.now() + FAREWELL);
                moved = true;
            }
            if moved || alarm.poll(cx, wake).is_ready() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// Takes an output, unless another one waits for room; an owner who dropped the channel wants none.
fn deliver<'a, O, T>(
    outputs: &'a Sender<T>,
    mut sending: Pin<&mut Option<Send<'a, T>>>,
    wrap: &mut impl FnMut(O) -> T,
    output: O,
) -> Result<(), O> {
    if sending.is_some() {
        return Err(output);
    }
    if let Err(TrySendError::Full(output)) = outputs.try_send(wrap(output)) {
        sending.set(Some(outputs.send(output)));
    }
    Ok(())
}

/// A stream, and what became of it.
struct Line<'a, R: Runtime> {
    stream: &'a mut R::Stream,
    broken: Option<io::Error>,
    first_writes: u8,
    wrote_at: Instant,
}

impl<R: Runtime> Line<'_, R> {
    /// Writes and reads what it can. Answers whether there was anything.
    fn exchange<M: ByteMachine>(
        &mut self,
        cx: &mut Context<'_>,
        pump: &mut Pump<M>,
        now: Instant,
        wants: Wants,
    ) -> bool {
        let written = wants.write && self.write(cx, pump, now);
        let read = wants.read && self.read(cx, pump, now);
        written || read
    }

    fn write<M: ByteMachine>(&mut self, cx: &mut Context<'_>, pump: &mut Pump<M>, now: Instant) -> bool {
        if now.since(self.wrote_at) >= BBR_FORGETS {
            R::speak_after_pause(self.stream);
        }
        self.wrote_at = now;
        let Poll::Ready(written) = R::poll_write(self.stream, cx, pump.unsent()) else { return false };
        match written {
            Ok(count @ 1..) => {
                pump.sent(count);
                if let Some(left) = self.first_writes.checked_sub(1) {
                    self.first_writes = left;
                    R::acknowledge_at_once(self.stream);
                }
            }
            Ok(0) => {
                self.broken.get_or_insert(io::ErrorKind::WriteZero.into());
                pump.write_failed();
            }
            Err(error) if is_passing(&error) => {}
            Err(error) => {
                self.broken.get_or_insert(error);
                pump.write_failed();
            }
        }
        true
    }

    fn read<M: ByteMachine>(&mut self, cx: &mut Context<'_>, pump: &mut Pump<M>, now: Instant) -> bool {
        let read = SHARED.with_borrow_mut(|scratch| {
            pump.receive(now, scratch, |space| match R::poll_read(self.stream, cx, space) {
                Poll::Ready(read) => read.map_err(Some),
                Poll::Pending => Err(None),
            })
        });
        match read {
            Ok(()) => {}
            Err(None) => return false,
            Err(Some(error)) if is_passing(&error) => {}
            Err(Some(error)) => {
                self.broken.get_or_insert(error);
                pump.lost();
            }
        }
        true
    }
}

/// Only this one means "try again"; any other error taken for it would be tried again for ever.
fn is_passing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted
}

/// Says that nothing more comes, and if `linger` lets the other side finish: the system answers bytes that
/// reach a closed socket with a reset, which makes the peer's system throw away what it has not read.
async fn close<R: Runtime>(mut stream: R::Stream, linger: bool) {
    if poll_fn(|cx| R::poll_close(&mut stream, cx)).await.is_ok() && linger {
        let _ = timeout::<R, _>(LINGER, read_to_end::<R>(&mut stream)).await;
    }
}

async fn read_to_end<R: Runtime>(stream: &mut R::Stream) -> io::Result<()> {
    let mut left = LINGER_BYTES;
    while left > 0 {
        match poll_fn(|cx| SHARED.with_borrow_mut(|scratch| R::poll_read(stream, cx, scratch))).await {
            Ok(0) => break,
            Ok(count) => left = left.saturating_sub(count),
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::{DialOptions, connect_any};
    use crate::listen::listen;
    use crate::pretend::{Network, Pretend, run};
    use bytes::BytesMut;
    use spotproto::pump::BATCH;

    /// Takes nothing, and always has something to say.
    struct Talker;

    impl Machine for Talker {
        type Input = ();
        type Output = ();
        type Error = ();

        fn handle_input(&mut self, _now: Instant, _input: ()) -> Result<(), ()> {
            Ok(())
        }

        fn handle_timeout(&mut self, _now: Instant) -> Result<(), ()> {
            Ok(())
        }

        fn poll_output(&mut self) -> Option<()> {
            None
        }

        fn poll_timeout(&self) -> Option<Instant> {
            None
        }

        fn wants_input(&self) -> bool {
            false
        }
    }

    impl ByteMachine for Talker {
        fn handle_bytes(&mut self, _now: Instant, wire: &mut [u8]) -> Result<usize, ()> {
            Ok(wire.len())
        }

        fn handle_eof(&mut self, _now: Instant) -> Result<(), ()> {
            Ok(())
        }

        fn poll_transmit(&mut self, _now: Instant, wire: &mut BytesMut, limit: usize) -> bool {
            let before = wire.len();
            wire.resize(limit.max(before), 0);
            wire.len() > before
        }
    }

    #[test]
    fn an_owner_who_goes_while_the_machine_refuses_commands_is_noticed_whichever_end_he_drops_first() {
        for commands_first in [true, false] {
            run(Network::LAN, async {
                let mut listener =
                    listen::<Pretend>(([127, 0, 0, 1], 0).into(), &Default::default()).unwrap();
                let to = listener.local_addr().unwrap();
                // It reads nothing.
                let _peer = connect_any::<Pretend>([to], &DialOptions::default()).await.unwrap();
                let (stream, _) = listener.accept().await.unwrap();
                let ((commands, commanded), (told, outputs)) =
                    (async_channel::bounded(1), async_channel::bounded(1));
                let (ending, ended) = async_channel::bounded(1);
                Pretend::spawn(async move {
                    let pump = Pump::new(Talker, BATCH);
                    let over = drive(stream, pump, Clock::<Pretend>::start(), commanded, told).await;
                    let _ = ending.try_send(over.why);
                });
                let moment = || Pretend::timer(Duration::from_millis(10));
                moment().await;
                if commands_first {
                    drop(commands);
                    moment().await;
                    drop(outputs);
                } else {
                    drop(outputs);
                    moment().await;
                    drop(commands);
                }
                let why = timeout::<Pretend, _>(2 * FAREWELL + 2 * LINGER, ended.recv()).await;
                assert!(matches!(why, Some(Ok(Why::Abandoned))), "{why:?}");
            });
        }
    }
}
