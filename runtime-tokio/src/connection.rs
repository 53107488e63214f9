//! Drives one machine over one TCP connection: waits, reads, writes; the [`Pump`] decides.

use crate::clock::{Alarm, Clock};
use crate::socket::acknowledge_at_once;
use core::cell::RefCell;
use core::future::{Future, pending};
use core::pin::{Pin, pin};
use core::time::Duration;
use spotproto::machine::{ByteMachine, Machine};
use spotproto::pump::{Fault, Pump, SCRATCH, Wants};

use std::io;
use tokio::io::{AsyncWriteExt, Interest, Ready};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

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

/// Drives `pump` over `stream` until the machine is finished, or the other side closed, or the line broke, and
/// all outputs are delivered.
///
/// While `outputs` is full nothing is read, but commands are taken. If the owner drops `outputs` alone, outputs
/// are discarded; if it drops `commands` alone, none come; if both, the connection ends.
///
/// Dropping the future closes the connection at once, last words included.
pub async fn drive<M: ByteMachine>(
    stream: TcpStream,
    pump: Pump<M>,
    clock: Clock,
    commands: mpsc::Receiver<M::Input>,
    outputs: mpsc::Sender<M::Output>,
) -> Ended<M> {
    drive_into(stream, pump, clock, commands, outputs, |output| output).await
}

/// [`drive`] for an owner who has one channel for many connections: `wrap` says which one an output is from.
pub async fn drive_into<M: ByteMachine, T>(
    stream: TcpStream,
    mut pump: Pump<M>,
    clock: Clock,
    commands: mpsc::Receiver<M::Input>,
    outputs: mpsc::Sender<T>,
    wrap: impl FnMut(M::Output) -> T,
) -> Ended<M> {
    let over = run(&stream, &mut pump, clock, commands, outputs, wrap).await;
    let (machine, fault) = pump.into_end();
    let why = match (fault, over) {
        (Some(fault), over) => {
            // A machine may end before it has read everything, and to close then would reset the line.
            if !matches!(over, Over::Broken(_)) {
                close(stream, true).await;
            }
            Why::Finished(fault)
        }
        (None, Over::Broken(error)) => Why::Line(error),
        (None, Over::Done) => {
            close(stream, false).await;
            Why::Closed
        }
        (None, Over::Abandoned) => {
            close(stream, true).await;
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

async fn run<M: ByteMachine, T>(
    stream: &TcpStream,
    pump: &mut Pump<M>,
    clock: Clock,
    mut commands: mpsc::Receiver<M::Input>,
    outputs: mpsc::Sender<T>,
    mut wrap: impl FnMut(M::Output) -> T,
) -> Over {
    let mut alarm = Alarm::new(clock);
    // Kept across turns: a wait given up would lose its place among the connections that share the channel.
    let mut reserving = pin!(None);
    let mut broken = None;
    let mut commanded = true;
    let mut leaving = None;
    let mut first_writes = FIRST_WRITES;
    loop {
        let now = clock.now();
        let wants = pump.turn(now, |output| deliver(&outputs, &mut wrap, output));
        if wants.done {
            return broken.map_or(Over::Done, Over::Broken);
        }
        if leaving.is_some_and(|until| now >= until || !wants.write && !wants.pause) {
            return Over::Abandoned;
        }
        if wants.pause {
            tokio::task::yield_now().await;
            continue;
        }
        match (wants.room, reserving.is_some()) {
            (true, false) => reserving.set(Some(outputs.reserve())),
            (false, true) => reserving.set(None),
            _ => {}
        }
        let wake = wants.wake.into_iter().chain(leaving).min();
        tokio::select! {
            ready = ready(stream, wants) => {
                if let Err(error) = exchange(stream, pump, clock, wants, ready, &mut first_writes) {
                    broken.get_or_insert(error);
                }
            }
            command = commands.recv(), if commanded && wants.command => match command {
                Some(command) => pump.command(clock.now(), command),
                None => commanded = false,
            },
            permit = each(reserving.as_mut()) => {
                reserving.set(None);
                if let (Ok(permit), Some(output)) = (permit, pump.take_held()) {
                    permit.send(wrap(output));
                }
            }
            () = outputs.closed(), if !commanded && leaving.is_none() => {
                leaving = Some(clock.now() + FAREWELL);
            }
            () = wait(&mut alarm, wake) => {}
        }
    }
}

/// Takes an output, unless the owner has no room; an owner who dropped the channel wants none.
fn deliver<O, T>(outputs: &mpsc::Sender<T>, wrap: &mut impl FnMut(O) -> T, output: O) -> Result<(), O> {
    match outputs.try_reserve() {
        Ok(permit) => permit.send(wrap(output)),
        Err(TrySendError::Full(())) => return Err(output),
        Err(TrySendError::Closed(())) => {}
    }
    Ok(())
}

/// Reading and writing are always waited for together: two ends that each wait to write first stop for ever.
async fn ready(stream: &TcpStream, wants: Wants) -> io::Result<Ready> {
    let interest = match (wants.read, wants.write) {
        (true, true) => Interest::READABLE | Interest::WRITABLE,
        (true, false) => Interest::READABLE,
        (false, true) => Interest::WRITABLE,
        (false, false) => pending().await,
    };
    stream.ready(interest).await
}

fn exchange<M: ByteMachine>(
    stream: &TcpStream,
    pump: &mut Pump<M>,
    clock: Clock,
    wants: Wants,
    ready: io::Result<Ready>,
    first_writes: &mut u8,
) -> io::Result<()> {
    let ready = ready.inspect_err(|_| pump.lost())?;
    let written = write(stream, pump, wants.write && ready.is_writable(), first_writes);
    if written.is_err() {
        pump.write_failed();
    }
    let read = read(stream, pump, clock, wants.read && ready.is_readable());
    if read.is_err() {
        pump.lost();
    }
    written.and(read)
}

fn write<M: ByteMachine>(
    stream: &TcpStream,
    pump: &mut Pump<M>,
    due: bool,
    first_writes: &mut u8,
) -> io::Result<()> {
    if !due {
        return Ok(());
    }
    match stream.try_write(pump.unsent()) {
        Ok(0) => Err(io::ErrorKind::WriteZero.into()),
        Ok(count) => {
            pump.sent(count);
            if let Some(left) = first_writes.checked_sub(1) {
                *first_writes = left;
                acknowledge_at_once(stream);
            }
            Ok(())
        }
        Err(error) => later(error),
    }
}

fn read<M: ByteMachine>(stream: &TcpStream, pump: &mut Pump<M>, clock: Clock, due: bool) -> io::Result<()> {
    if !due {
        return Ok(());
    }
    SHARED
        .with_borrow_mut(|scratch| pump.receive(clock.now(), scratch, |space| stream.try_read(space)))
        .or_else(later)
}

/// Only these two mean "try again"; any other error taken for one would be tried again for ever.
fn later(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(()),
        _ => Err(error),
    }
}

async fn each<F: Future>(slot: Pin<&mut Option<F>>) -> F::Output {
    match slot.as_pin_mut() {
        Some(future) => future.await,
        None => pending().await,
    }
}

async fn wait(alarm: &mut Alarm, wake: Option<spotproto::Instant>) {
    match wake {
        Some(at) => alarm.until(at).await,
        None => pending().await,
    }
}

/// Says that nothing more comes, and if `linger` lets the other side finish: the system answers bytes that
/// reach a closed socket with a reset, which makes the peer's system throw away what it has not read.
async fn close(mut stream: TcpStream, linger: bool) {
    if stream.shutdown().await.is_ok() && linger {
        let _ = tokio::time::timeout(LINGER, read_to_end(&stream)).await;
    }
}

async fn read_to_end(stream: &TcpStream) -> io::Result<()> {
    let mut left = LINGER_BYTES;
    while left > 0 {
        stream.readable().await?;
        match SHARED.with_borrow_mut(|scratch| stream.try_read(scratch)) {
            Ok(0) => break,
            Ok(count) => left = left.saturating_sub(count),
            Err(error) => later(error)?,
        }
    }
    Ok(())
}
