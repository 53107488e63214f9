//! Connects to whom a name or a list of addresses stands for; [`Race`] decides in which order.

use crate::clock::{Alarm, Clock};
use crate::runtime::Runtime;
use crate::socket::{SocketError, SocketOptions};
use crate::task::timeout;
use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use core::future::{Future, pending};
use core::net::SocketAddr;
use core::pin::Pin;
use futures_lite::future::or;
use futures_lite::stream::StreamExt as _;
use futures_util::future::{AbortHandle, Abortable, Aborted};
use futures_util::stream::FuturesUnordered;
use spotp2p::reach::{NoAddress, Race, RaceConfig, RaceError, RaceInput, RaceOutput};
use spotproto::Machine;
use std::io;

/// The port that a connection leaves from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Leaving {
    /// One that the system chooses.
    #[default]
    AnyPort,
    /// This one, which may be listened at if its listener [shares](SocketOptions::share_port) it.
    Port(u16),
    /// This one, or any if it is taken: by others, or by an older connection to the same address.
    PortOrAny(u16),
}

/// How to connect.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DialOptions {
    /// The port to leave from.
    pub leaving: Leaving,
    /// How sockets are set up. The port is always shared if one is named in `leaving`.
    pub sockets: SocketOptions,
    /// Delays and deadline; looking the name up and connecting have the deadline each.
    pub race: RaceConfig,
}

/// Why there is no connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum DialError {
    /// The name could not be looked up, or is no `host:port`.
    Lookup(io::Error),
    /// The name stands for no address that can be dialled.
    NoAddress,
    /// Every address refused; what the last one said.
    Unreachable(SocketAddr, AttemptError),
    /// Nobody answered in time.
    TimedOut,
}

/// Why an address could not be connected to.
#[derive(Debug)]
#[non_exhaustive]
pub enum AttemptError {
    /// The socket could not be set up or bound.
    Socket(SocketError),
    /// The system's word on connecting.
    Connect(io::Error),
    /// It is the very address and port that the connection left from. TCP connects such a socket to itself.
    Itself,
}

/// Connects to `target`, a `host:port`, trying all the addresses it stands for.
///
/// # Errors
/// Nobody could be reached.
pub async fn connect<R: Runtime>(
    target: &str,
    options: &DialOptions,
) -> Result<(R::Stream, SocketAddr), DialError> {
    let found = timeout::<R, _>(options.race.deadline, R::look_up(target.to_owned())).await;
    let found = found.ok_or(DialError::TimedOut)?;
    connect_any::<R>(found.map_err(DialError::Lookup)?, options).await
}

/// Connects to whichever of `addresses` answers first, the preferred one first.
///
/// # Errors
/// Nobody could be reached.
pub async fn connect_any<R: Runtime>(
    addresses: impl IntoIterator<Item = SocketAddr>,
    options: &DialOptions,
) -> Result<(R::Stream, SocketAddr), DialError> {
    let clock = Clock::<R>::start();
    let mut race = Race::new(clock.now(), addresses, options.race)?;
    let mut attempts = Attempts::<R>::default();
    let mut alarm = Alarm::new(clock);
    loop {
        while let Some(output) = race.poll_output() {
            if let Some(won) = attempts.carry_out(output, options) {
                return Ok(won);
            }
        }
        let late = async {
            alarm.until_some(race.poll_timeout()).await;
            None
        };
        let news = or(async { Some(attempts.next().await) }, late).await;
        let told = match news {
            Some(news) => race.handle_input(clock.now(), news),
            None => race.handle_timeout(clock.now()),
        };
        told.map_err(|error| attempts.lost(error))?;
    }
}

/// An attempt's number, its address, and what came of it.
type Attempted<S> = (usize, SocketAddr, Result<S, AttemptError>);

/// An attempt under way, in whichever task waits for all of them: who dials is woken once, by the socket.
type Attempt<S> = Abortable<Pin<Box<dyn Future<Output = Attempted<S>> + Send>>>;

/// Attempts under way, which end when this is dropped, and connections that the race has not chosen yet.
struct Attempts<R: Runtime> {
    running: FuturesUnordered<Attempt<R::Stream>>,
    handles: Vec<AbortHandle>,
    connected: Vec<(usize, R::Stream, SocketAddr)>,
    refused: Option<(SocketAddr, AttemptError)>,
}

impl<R: Runtime> Default for Attempts<R> {
    fn default() -> Self {
        let running = FuturesUnordered::new();
        Self { running, handles: Vec::new(), connected: Vec::new(), refused: None }
    }
}

impl<R: Runtime> Attempts<R> {
    fn carry_out(&mut self, output: RaceOutput, options: &DialOptions) -> Option<(R::Stream, SocketAddr)> {
        match output {
            RaceOutput::Dial { attempt: number, to } => {
                let options = *options;
                let running = async move { (number, to, attempt::<R>(to, options).await) };
                let (handle, registration) = AbortHandle::new_pair();
                self.running.push(Abortable::new(Box::pin(running), registration));
                // The race numbers its attempts as they come, so each handle finds its own place.
                self.handles.push(handle);
            }
            RaceOutput::HangUp(attempt) => {
                self.connected.retain(|(connected, ..)| *connected != attempt);
                if let Some(handle) = self.handles.get(attempt) {
                    handle.abort();
                }
            }
            RaceOutput::Won(attempt) => {
                let place = self.connected.iter().position(|(connected, ..)| *connected == attempt)?;
                let (_, stream, from) = self.connected.swap_remove(place);
                return Some((stream, from));
            }
        }
        None
    }

    async fn next(&mut self) -> RaceInput {
        loop {
            match self.running.next().await {
                Some(Ok((attempt, to, Ok(stream)))) => {
                    self.connected.push((attempt, stream, to));
                    return RaceInput::Connected(attempt);
                }
                Some(Ok((attempt, to, Err(error)))) => {
                    self.refused = Some((to, error));
                    return RaceInput::Failed(attempt);
                }
                // It was hung up.
                Some(Err(Aborted)) => {}
                None => pending().await,
            }
        }
    }

    fn lost(&mut self, error: RaceError) -> DialError {
        match (error, self.refused.take()) {
            (RaceError::Unreachable, Some((address, error))) => DialError::Unreachable(address, error),
            _ => DialError::TimedOut,
        }
    }
}

/// Connects to one address, and sets the connection up.
pub(crate) async fn attempt<R: Runtime>(
    to: SocketAddr,
    options: DialOptions,
) -> Result<R::Stream, AttemptError> {
    let sockets = options.sockets;
    let stream = match options.leaving {
        Leaving::AnyPort => R::connect(to, None, sockets).await?,
        Leaving::Port(port) => R::connect(to, Some(port), sockets).await?,
        Leaving::PortOrAny(port) => match R::connect(to, Some(port), sockets).await {
            Err(error) if error.is_taken() => R::connect(to, None, sockets).await?,
            other => other?,
        },
    };
    if R::local_addr(&stream).ok() == R::peer_addr(&stream).ok() {
        return Err(AttemptError::Itself);
    }
    R::set_up(&stream, &sockets).map_err(AttemptError::Socket)?;
    Ok(stream)
}

impl AttemptError {
    fn is_taken(&self) -> bool {
        let cause = match self {
            Self::Socket(error) => &error.cause,
            Self::Connect(cause) => cause,
            Self::Itself => return false,
        };
        matches!(cause.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable)
    }
}

impl From<NoAddress> for DialError {
    fn from(_: NoAddress) -> Self {
        Self::NoAddress
    }
}

impl fmt::Display for AttemptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(error) => error.fmt(f),
            Self::Connect(error) => error.fmt(f),
            Self::Itself => f.write_str("that is the caller itself"),
        }
    }
}

impl Error for AttemptError {}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup(error) => write!(f, "cannot look the name up: {error}"),
            Self::NoAddress => NoAddress.fmt(f),
            Self::Unreachable(address, error) => write!(f, "cannot connect to {address}: {error}"),
            Self::TimedOut => RaceError::TimedOut.fmt(f),
        }
    }
}

impl Error for DialError {}
