//! Drives a [`Node`], its connection to the access point and the disk of its cache.

use crate::clock::{Alarm, Clock};
use crate::connection::{Why, drive_into};
use crate::dial::{DialOptions, connect};
use crate::disk::Disk;
use crate::entropy;
use crate::way::Way;
use bytes::Bytes;
use core::fmt;
use core::future::pending;
use core::time::Duration;
use spotcache::cache::{Done, RequestId};
use spotp2p::SessionId;
use spotp2p::node::{Command, Config, Effect, Event, Input, Node, Output};
use spotproto::content::FileId;
use spotproto::crypto::{KeyPair, PublicKey};
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::pump::{BATCH, Fault, Pump};
use spotproto::session::{self, Session, Setup};
use spotproto::{Limits, Machine, SessionError};
use std::io;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::{JoinHandle, JoinSet};

/// Room for commands and events; both sides wait when it is full.
const QUEUE: usize = 64;

/// How long a client that leaves waits for its disk and its connection.
const FAREWELL: Duration = Duration::from_secs(5);

/// How long a connection has to say goodbye.
const GOODBYE: Duration = Duration::from_millis(500);

/// Messages that may wait for a session; more than a node ever has outstanding on one.
const SESSION_QUEUE: usize = 1024;

/// Whom a client talks to, and as whom.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The access point, as `host:port`.
    pub server: String,
    /// Its key; without it the first contact shows it ([`ClientEvent::ServerKey`]), and it holds from then on.
    pub server_key: Option<PublicKey>,
    /// This device's key.
    pub identity: KeyPair,
    /// How to connect.
    pub dial: DialOptions,
    /// The bounds of a session.
    pub limits: Limits,
}

/// What a client tells its program.
#[derive(Clone, PartialEq, Eq, Debug)]
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
    commands: mpsc::Sender<Command<FileId>>,
    events: mpsc::Receiver<ClientEvent>,
    task: JoinHandle<()>,
    has_cache: bool,
}

impl Client {
    /// Starts a node. It connects when it is told to, or has something to ask. `clock` is the one of `config`'s date,
    /// and `disk` is where its cache is, if it has one.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O and time enabled.
    #[must_use]
    pub fn start(options: ClientOptions, clock: Clock, mut config: Config, disk: Option<Disk>) -> Self {
        let (commands, commanded) = mpsc::channel(QUEUE);
        let (told, events) = mpsc::channel(QUEUE);
        let has_cache = disk.is_some() && config.cache.is_some();
        // One without the other is none.
        let disk = disk.filter(|_| has_cache);
        config.cache = config.cache.filter(|_| has_cache);
        let task = tokio::spawn(run(options, clock, config, disk, commanded, told));
        Self { commands, events, task, has_cache }
    }

    /// Whether it has a cache.
    #[must_use]
    pub const fn has_cache(&self) -> bool {
        self.has_cache
    }

    /// Where commands go; may be cloned.
    #[must_use]
    pub fn commands(&self) -> mpsc::Sender<Command<FileId>> {
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
        self.events.recv().await
    }

    /// Makes safe what is cached, says goodbye, and waits until both are done or five seconds have passed.
    pub async fn leave(mut self) {
        let farewell = async {
            if self.tell(Command::Leave).await.is_ok() {
                while self.next().await.is_some() {}
            }
        };
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("over", &self.task.is_finished()).finish_non_exhaustive()
    }
}

/// What comes back from a connection's task.
enum News {
    Session(session::Output),
    Ended(Option<SessionError>),
}

struct Driver {
    options: ClientOptions,
    clock: Clock,
    node: Node<FileId, Bytes>,
    /// The one connection, while there is one: its number and the way to it.
    session: Option<(SessionId, Way)>,
    /// A connection that was ended here, of which the node is still to be told.
    lost: Option<SessionId>,
    tasks: JoinSet<()>,
    news: mpsc::Sender<(SessionId, News)>,
    events: mpsc::Sender<ClientEvent>,
    disk: Option<Disk>,
    /// The event for which there was no room.
    held: Option<ClientEvent>,
    /// The node has nothing more to do.
    gone: bool,
}

async fn run(
    options: ClientOptions,
    clock: Clock,
    config: Config,
    disk: Option<Disk>,
    mut commands: mpsc::Receiver<Command<FileId>>,
    events: mpsc::Sender<ClientEvent>,
) {
    let (news, mut reports) = mpsc::channel(QUEUE);
    let node = Node::new(clock.now(), config);
    let mut driver = Driver::new(options, clock, node, disk, news, events);
    let mut alarm = Alarm::new(clock);
    let room = driver.events.clone();
    loop {
        driver.drain();
        if driver.gone {
            return driver.end().await;
        }
        let wake = driver.node.poll_timeout();
        // While the program takes no events nothing more is read, but its commands stay welcome: it may be waiting
        // to give one before it looks at events again.
        let full = driver.held.is_some();
        let reading = !full && driver.node.wants_input();
        let input = tokio::select! {
            command = commands.recv() => match command {
                Some(command) => Input::Command(command),
                None => return,
            },
            Some((session, news)) = reports.recv(), if reading => match driver.report(session, news) {
                Some(input) => input,
                None => continue,
            },
            (request, done) = answer(&mut driver.disk), if reading => Input::Disk(request, done),
            permit = room.reserve(), if full => {
                let (Ok(permit), Some(event)) = (permit, driver.held.take()) else { return };
                permit.send(event);
                continue;
            }
            () = async { match wake { Some(at) => alarm.until(at).await, None => pending().await } } => {
                let Ok(()) = driver.node.handle_timeout(clock.now());
                continue;
            }
        };
        let Ok(()) = driver.node.handle_input(clock.now(), input);
    }
}

/// What the disk answers.
async fn answer(disk: &mut Option<Disk>) -> (RequestId, Done<FileId, Bytes>) {
    match disk {
        Some(disk) => disk.next().await,
        None => pending().await,
    }
}

impl Driver {
    fn new(
        options: ClientOptions,
        clock: Clock,
        node: Node<FileId, Bytes>,
        disk: Option<Disk>,
        news: mpsc::Sender<(SessionId, News)>,
        events: mpsc::Sender<ClientEvent>,
    ) -> Self {
        let tasks = JoinSet::new();
        let (session, lost, held) = (None, None, None);
        Self { options, clock, node, session, lost, tasks, news, events, disk, held, gone: false }
    }

    /// Carries out what the node asks for, until an event finds no room.
    fn drain(&mut self) {
        while self.held.is_none() {
            let Some(output) = self.node.poll_output() else {
                let Some(session) = self.lost.take() else { return };
                let lost = Input::Disconnected { session, why: Some(SessionError::Lost) };
                let Ok(()) = self.node.handle_input(self.clock.now(), lost);
                continue;
            };
            match output {
                Output::Send { to, message } => self.send(to, session::Input::Send(message)),
                Output::Effect(Effect::Connect { session, .. }) => self.connect(session),
                Output::Effect(Effect::HangUp { session, code }) => {
                    self.send(session, session::Input::Close(code));
                    self.session = None;
                }
                Output::Effect(Effect::Disk(effect)) => {
                    if let Some(disk) = self.disk.as_mut() {
                        disk.submit(effect);
                    }
                }
                Output::Event(Event::Gone) => self.gone = true,
                Output::Event(event) => self.show(ClientEvent::Node(event)),
                _ => {}
            }
        }
    }

    /// Waits for what is still on its way to the disk and to the server.
    async fn end(mut self) {
        let goodbyes = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GOODBYE, goodbyes).await;
        if let Some(disk) = self.disk {
            // The node has been told of what failed.
            let _ = disk.close().await;
        }
    }

    fn show(&mut self, event: ClientEvent) {
        if let Err(TrySendError::Full(event)) = self.events.try_send(event) {
            self.held = Some(event);
        }
    }

    fn send(&mut self, to: SessionId, input: session::Input) {
        if let Some((session, way)) = &self.session
            && *session == to
            && !way.send(input)
        {
            self.session = None;
            self.lost = Some(to);
        }
    }

    fn connect(&mut self, session: SessionId) {
        let (queue, inputs) = mpsc::channel(SESSION_QUEUE);
        while self.tasks.try_join_next().is_some() {}
        let connection = connection(session, self.options.clone(), self.clock, inputs, self.news.clone());
        let task = self.tasks.spawn(connection);
        self.session = Some((session, Way::new(queue, task)));
    }

    /// What the node is to be told of a connection's news.
    fn report(&mut self, session: SessionId, news: News) -> Option<Input<FileId, Bytes>> {
        match news {
            News::Session(session::Output::Established { peer, .. }) => {
                if self.options.server_key.replace(peer).is_none() {
                    self.show(ClientEvent::ServerKey(peer));
                }
                Some(Input::Connected { session })
            }
            News::Session(session::Output::Message(message)) => {
                Some(Input::Message { from: session, message })
            }
            News::Session(session::Output::RoundTrip(span)) => Some(Input::RoundTrip { session, span }),
            News::Session(_) => None,
            News::Ended(why) => Some(Input::Disconnected { session, why }),
        }
    }
}

/// One connection, from the dialling to its end.
async fn connection(
    id: SessionId,
    options: ClientOptions,
    clock: Clock,
    inputs: mpsc::Receiver<session::Input>,
    news: mpsc::Sender<(SessionId, News)>,
) {
    // Without a connection there is no error to tell: no address answered, and the node tries again by its own rule.
    let why = converse(id, options, clock, inputs, news.clone()).await.unwrap_or_default();
    let _ = news.send((id, News::Ended(why))).await;
}

async fn converse(
    id: SessionId,
    options: ClientOptions,
    clock: Clock,
    mut inputs: mpsc::Receiver<session::Input>,
    news: mpsc::Sender<(SessionId, News)>,
) -> io::Result<Option<SessionError>> {
    let (stream, _) = connect(&options.server, &options.dial).await.map_err(io::Error::other)?;
    let setup = Setup {
        role: Role::Initiator,
        dialled: true,
        link: LinkId::ACCESS_POINT,
        identity: options.identity,
        ephemeral: entropy::secret_key().map_err(io::Error::other)?,
        remote: options.server_key,
        limits: options.limits,
    };
    let mut session: Session = Session::new(clock.now(), setup).map_err(io::Error::other)?;
    // What is asked already rides in the first message.
    while let Ok(input) = inputs.try_recv() {
        if let Err(error) = session.handle_input(clock.now(), input) {
            return Ok(Some(error));
        }
    }
    let pump = Pump::new(session, BATCH);
    let ended = drive_into(stream, pump, clock, inputs, news, |output| (id, News::Session(output))).await;
    Ok(Some(match ended.why {
        Why::Finished(Fault::Machine(error)) => error,
        _ => SessionError::Lost,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::DialOptions;
    use spotproto::crypto::{RustCrypto, SecretKey};
    use spotproto::message::Message;
    use spotproto::{Seed, UnixTime};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_connection_that_takes_nothing_ends_at_once_and_the_node_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let identity = KeyPair::new::<RustCrypto>(SecretKey([1; 32]));
        let options = ClientOptions {
            server: listener.local_addr().unwrap().to_string(),
            server_key: None,
            identity: identity.clone(),
            dial: DialOptions::default(),
            limits: Limits::DEFAULT,
        };
        let clock = Clock::start();
        let date = (clock.now(), UnixTime(1_800_000_000));
        let node = Node::new(clock.now(), Config::new(identity.public, "test", Seed([1; 32]), date));
        let (news, _reports) = mpsc::channel(QUEUE);
        let (told, mut events) = mpsc::channel(QUEUE);
        let mut driver = Driver::new(options, clock, node, None, news, told);
        let Ok(()) = driver.node.handle_input(clock.now(), Input::Command(Command::Connect));
        driver.drain();
        let session = driver.session.as_ref().expect("it dials").0;
        // Its task gets no turn meanwhile.
        for _ in 0..=SESSION_QUEUE {
            driver.send(session, session::Input::Send(Message::Abort { channel: 1 }));
        }
        driver.drain();
        assert!(driver.session.is_none());
        let event = events.try_recv().expect("the program is told");
        assert!(matches!(event, ClientEvent::Node(Event::Offline { .. })), "{event:?}");
        assert!(driver.tasks.join_next().await.expect("its task").unwrap_err().is_cancelled());
    }
}
