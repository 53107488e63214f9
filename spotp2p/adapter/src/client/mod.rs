//! Drives a [`Node`], its connection to the access point, its links to peers, its mirrors and the disk of its cache.

mod access_point;
mod driver;
mod start;
#[cfg(test)]
mod tests;

pub use start::StartError;

use crate::clock::Clock;
use crate::dial::{DialOptions, Leaving};
use crate::disk::Disk;
use crate::entropy;
use crate::links::{LinkOptions, Links};
use crate::listen::listen_everywhere;
use crate::mirrors::{MirrorOptions, Mirrors};
use crate::runtime::Runtime;
use crate::socket::SocketOptions;
use crate::task::{Tasks, spawn};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use async_channel::{Receiver, Sender};
use bytes::Bytes;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::time::Duration;
use driver::{Driver, run};
use futures_lite::future::{or, zip};
use futures_util::future::AbortHandle;
use spotp2p::cdn;
use spotp2p::node::{Command, Config, Event, LogIns, Node};
use spotproto::content::FileId;
use spotproto::crypto::{KeyPair, PublicKey};
use spotproto::{Instant, Limits};

/// Room for commands, events and inputs; each side waits when it is full.
const QUEUE: usize = 64;

/// How long a client that leaves waits for its disk and its connections.
const FAREWELL: Duration = Duration::from_secs(5);

/// Whom a client talks to, and as whom.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The access point, as `host:port`.
    pub server: String,
    /// Its key; without it the first contact shows it ([`ClientEvent::ServerKey`]), and it holds from then on.
    pub server_key: Option<PublicKey>,
    /// This device's key.
    pub identity: KeyPair,
    /// How to connect. If a port is listened at and none is named to leave from, it is that one: peers dial what the access
    /// point sees.
    pub dial: DialOptions,
    /// The bounds of a session.
    pub limits: Limits,
    /// The port at which links are taken, at every address; 0 for any. Without one only those peers can be linked to that
    /// can be dialled.
    pub listen: Option<u16>,
}

/// What a client tells its program.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum ClientEvent {
    /// First contact: the key that the server showed. Keep it, and insist on it next time.
    ServerKey(PublicKey),
    /// The node says.
    Node(Event<FileId, Bytes>),
}

/// A node that runs in a task of its own. Dropping it ends the task and its connection; what its cache had not made
/// safe may be lost, as in a crash. [`Client::leave`] loses nothing.
pub struct Client {
    commands: Sender<Command<FileId>>,
    events: Receiver<ClientEvent>,
    task: AbortHandle,
    has_cache: bool,
    port: u16,
    time: Arc<dyn Time>,
}

/// A clock of whichever runtime the client is on.
trait Time: Send + Sync {
    fn now(&self) -> Instant;
    fn sleep(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

impl<R: Runtime> Time for Clock<R> {
    fn now(&self) -> Instant {
        self.now()
    }

    fn sleep(&self, span: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(R::timer(span))
    }
}

impl Client {
    /// Starts a node. It connects when it is told to, or has something to ask. `clock` is the one of `config`'s date,
    /// and `disk` is where its cache is, if it has one. The log-in and the port that `config` names count for nothing: keys
    /// are drawn here, where their secrets are kept, and the port is the one that is listened at.
    ///
    /// # Errors
    /// The port can't be listened at, or the system has no entropy to give.
    pub fn start<R: Runtime>(
        options: ClientOptions,
        clock: Clock<R>,
        mut config: Config,
        disk: Option<Disk>,
    ) -> Result<Self, StartError> {
        let has_cache = disk.is_some() && config.cache.is_some();
        // One without the other is none.
        let disk = disk.filter(|_| has_cache);
        config.cache = config.cache.filter(|_| has_cache);
        let (commands, commanded) = async_channel::bounded(QUEUE);
        let (told, events) = async_channel::bounded(QUEUE);
        let (inputs, inbox) = async_channel::bounded(QUEUE);
        let driver = driver(options, clock, config, disk, inputs, told)?;
        let port = driver.links.port();
        let task = spawn::<R>(run(driver, commanded, inbox));
        Ok(Self { commands, events, task, has_cache, port, time: Arc::new(clock) })
    }

    /// Whether it has a cache.
    #[must_use]
    pub const fn has_cache(&self) -> bool {
        self.has_cache
    }

    /// The port at which links are taken; 0 for none.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The time, by the clock that its events are told by.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.time.now()
    }

    /// Where commands go; may be cloned.
    #[must_use]
    pub fn commands(&self) -> Sender<Command<FileId>> {
        self.commands.clone()
    }

    /// Gives a command, as soon as there is room.
    ///
    /// # Errors
    /// The client's task has ended.
    pub async fn tell(&self, command: Command<FileId>) -> Result<(), Command<FileId>> {
        self.commands.send(command).await.map_err(|refused| refused.0)
    }

    /// The next event; `None` once the client is over.
    pub async fn next(&mut self) -> Option<ClientEvent> {
        self.events.recv().await.ok()
    }

    /// Makes safe what is cached, says goodbye, and waits until both are done or five seconds have passed.
    pub async fn leave(mut self) {
        let time = self.time.clone();
        let commands = self.commands();
        // There may be no room for the word until events are taken.
        let farewell = async {
            let _ = zip(commands.send(Command::Leave), async { while self.next().await.is_some() {} }).await;
        };
        or(farewell, time.sleep(FAREWELL)).await;
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("over", &self.commands.is_closed()).finish_non_exhaustive()
    }
}

/// A driver of a new node, and the door of its links.
fn driver<R: Runtime>(
    mut options: ClientOptions,
    clock: Clock<R>,
    mut config: Config,
    disk: Option<Disk>,
    inputs: Sender<driver::Inputs>,
    events: Sender<ClientEvent>,
) -> Result<Driver<R>, StartError> {
    let (sockets, limits) = (options.dial.sockets, options.limits);
    let shared = SocketOptions { share_port: true, ..sockets };
    let listener = options.listen.map(|port| listen_everywhere(port, &shared)).transpose()?;
    let links = Links::new(listener, LinkOptions { sockets, limits }, clock, inputs.clone())?;
    // A web server has no use for the port.
    let dial = DialOptions { leaving: Leaving::AnyPort, ..options.dial };
    let mirrors = Mirrors::new(MirrorOptions { dial, limits: cdn::Limits::DEFAULT }, clock, inputs.clone());
    if links.port() != 0 && options.dial.leaving == Leaving::AnyPort {
        options.dial.leaving = Leaving::PortOrAny(links.port());
    }
    let mut log_ins = LogIns::default();
    config.port = links.port();
    config.log_in = log_ins.renew(entropy::seed()?, entropy::secret_key()?);
    Ok(Driver {
        options,
        clock,
        node: Node::new(clock.now(), config),
        log_ins,
        access_point: None,
        links,
        mirrors,
        disk,
        inputs,
        owed: VecDeque::new(),
        events,
        held: None,
        tasks: Tasks::default(),
        gone: false,
    })
}
