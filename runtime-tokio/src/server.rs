//! Drives an [`AccessPoint`], its listener and its connections; a [`Store`] answers its effects.

use crate::clock::Clock;
use crate::connection::drive_into;
use crate::entropy;
use crate::listen::{AcceptError, Listener};
use crate::probe;
use crate::store::Store;
use crate::way::Way;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytes::Bytes;
use core::future::Future;
use core::net::SocketAddr;
use core::pin::pin;
use core::time::Duration;
use spotp2p::access_point::{AccessPoint, Config, Done, Effect, Event, Input, Output};
use spotp2p::{RequestId, SessionId};
use spotproto::content::FileId;
use spotproto::crypto::{KeyPair, PublicKey};
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::pump::{BATCH, Pump};
use spotproto::session::{self, Session, Setup};
use spotproto::{CloseCode, Limits, Machine};
use std::io;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Inputs that may wait for the access point; connections stop reading when it is full.
const QUEUE: usize = 256;

/// Messages that may wait for a session: more than an access point ever owes one that takes them.
const SESSION_QUEUE: usize = 512;

/// How long connections have to say goodbye when the server stops.
const FAREWELL: Duration = Duration::from_secs(3);

/// As whom a server answers.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The key that clients pin.
    pub identity: KeyPair,
    /// The bounds of a session.
    pub limits: Limits,
}

/// What a server tells its program.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerEvent {
    /// The access point says.
    AccessPoint(Event<FileId>),
    /// The system refuses to hand out connections for a moment.
    Accept(AcceptError),
}

type Inputs = Input<FileId, Bytes>;

struct Driver<S> {
    options: ServerOptions,
    clock: Clock,
    access_point: AccessPoint<FileId, Bytes>,
    store: Arc<S>,
    sessions: BTreeMap<SessionId, Way>,
    /// Connections that were ended here, of which the access point is still to be told.
    lost: Vec<SessionId>,
    next_session: u64,
    tasks: JoinSet<()>,
    inputs: mpsc::Sender<Inputs>,
}

/// Serves until `stop` is ready, then says goodbye to every client.
///
/// `trouble` hears what the operator may want to know; it must not block.
pub async fn serve<S: Store>(
    mut listener: Listener,
    store: Arc<S>,
    options: ServerOptions,
    clock: Clock,
    config: Config,
    stop: impl Future<Output = ()>,
    mut trouble: impl FnMut(ServerEvent),
) {
    let (inputs, mut inbox) = mpsc::channel(QUEUE);
    let mut driver = Driver {
        options,
        clock,
        access_point: AccessPoint::new(config),
        store,
        sessions: BTreeMap::new(),
        lost: Vec::new(),
        next_session: 0,
        tasks: JoinSet::new(),
        inputs,
    };
    let mut stop = pin!(stop);
    loop {
        driver.drain(&mut trouble);
        tokio::select! {
            () = &mut stop => break,
            Some(input) = inbox.recv() => driver.tell(input),
            Some(_) = driver.tasks.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => driver.accept(stream, from),
                Err(error) => trouble(ServerEvent::Accept(error)),
            },
        }
        // What came meanwhile is told before anything is carried out: one drain serves it all.
        while driver.access_point.wants_input() {
            let Ok(input) = inbox.try_recv() else { break };
            driver.tell(input);
        }
    }
    driver.say_goodbye(inbox).await;
}

impl<S: Store> Driver<S> {
    fn tell(&mut self, input: Inputs) {
        if let Input::Disconnected { session } = input {
            self.sessions.remove(&session);
        }
        let Ok(()) = self.access_point.handle_input(self.clock.now(), input);
    }

    fn accept(&mut self, stream: TcpStream, from: SocketAddr) {
        let session = SessionId(self.next_session);
        self.next_session += 1;
        let (queue, inputs) = mpsc::channel(SESSION_QUEUE);
        self.tell(Input::Accepted { session, from });
        let connection =
            connection(session, stream, self.options.clone(), self.clock, inputs, self.inputs.clone());
        let task = self.tasks.spawn(connection);
        self.sessions.insert(session, Way::new(queue, task));
    }

    fn drain(&mut self, trouble: &mut impl FnMut(ServerEvent)) {
        loop {
            while let Some(output) = self.access_point.poll_output() {
                self.heed(output, trouble);
            }
            let Some(session) = self.lost.pop() else { return };
            self.tell(Input::Disconnected { session });
        }
    }

    fn heed(&mut self, output: Output<FileId, Bytes>, trouble: &mut impl FnMut(ServerEvent)) {
        match output {
            Output::Send { to, message } => self.send(to, session::Input::Send(message)),
            Output::Effect(Effect::HangUp { session, code }) => {
                self.send(session, session::Input::Close(code));
                self.sessions.remove(&session);
            }
            Output::Effect(Effect::Probe { request, address, link, link_key }) => {
                self.probe(request, address, link, link_key);
            }
            Output::Effect(effect) => self.carry_out(effect),
            Output::Event(event) => trouble(ServerEvent::AccessPoint(event)),
            _ => {}
        }
    }

    fn send(&mut self, to: SessionId, input: session::Input) {
        if self.sessions.get(&to).is_some_and(|way| !way.send(input)) {
            self.sessions.remove(&to);
            self.lost.push(to);
        }
    }

    /// Has the store answer, on a thread where it may block.
    fn carry_out(&mut self, effect: Effect<FileId>) {
        let (store, inputs) = (self.store.clone(), self.inputs.clone());
        tokio::task::spawn_blocking(move || {
            if let Some((request, done)) = answer(&*store, effect) {
                // Waits while the access point is busy: this thread has nothing better to do.
                let _ = inputs.blocking_send(Input::Done(request, done));
            }
        });
    }

    /// Dials a port that a client claims, to see whether it is there.
    fn probe(&mut self, request: RequestId, address: SocketAddr, link: LinkId, link_key: PublicKey) {
        let (options, clock, inputs) = (self.options.clone(), self.clock, self.inputs.clone());
        self.tasks.spawn(async move {
            let answered = probe::answers(address, link, link_key, options, clock).await;
            let _ = inputs.send(Input::Done(request, Done::Probed(answered))).await;
        });
    }

    async fn say_goodbye(mut self, mut inbox: mpsc::Receiver<Inputs>) {
        for way in self.sessions.values() {
            way.send(session::Input::Close(CloseCode::ShuttingDown));
        }
        self.sessions.clear();
        let all_gone = async {
            loop {
                tokio::select! {
                    gone = self.tasks.join_next() => if gone.is_none() { return },
                    _ = inbox.recv() => {}
                }
            }
        };
        let _ = tokio::time::timeout(FAREWELL, all_gone).await;
    }
}

fn answer<S: Store>(store: &S, effect: Effect<FileId>) -> Option<(RequestId, Done<FileId, Bytes>)> {
    match effect {
        Effect::Find { request, wanted } => Some((request, Done::Found(store.find(&wanted).map(Box::new)))),
        Effect::Prove { request, file, ranges } => Some((request, Done::Proofs(store.prove(&file, &ranges)))),
        Effect::Fetch { request, file, piece } => Some((request, Done::Piece(store.piece(&file, piece)))),
        Effect::Index { request, files } => {
            Some((request, Done::Indexed(files.iter().map(|file| store.knows(file)).collect())))
        }
        _ => None,
    }
}

/// One connection, from its handshake to its end.
async fn connection(
    id: SessionId,
    stream: TcpStream,
    options: ServerOptions,
    clock: Clock,
    commands: mpsc::Receiver<session::Input>,
    inputs: mpsc::Sender<Inputs>,
) {
    if let Ok(session) = responder(options, clock) {
        let pump = Pump::new(session, BATCH);
        let wrap = move |output| input_of(id, output);
        drive_into(stream, pump, clock, commands, inputs.clone(), wrap).await;
    }
    let _ = inputs.send(Input::Disconnected { session: id }).await;
}

fn responder(options: ServerOptions, clock: Clock) -> io::Result<Session> {
    let setup = Setup {
        role: Role::Responder,
        dialled: false,
        link: LinkId::ACCESS_POINT,
        identity: options.identity,
        ephemeral: entropy::secret_key().map_err(io::Error::other)?,
        remote: None,
        limits: options.limits,
    };
    Session::new(clock.now(), setup).map_err(io::Error::other)
}

fn input_of(session: SessionId, output: session::Output) -> Inputs {
    match output {
        session::Output::Established { peer, confirmed } => {
            Input::Established { session, device: peer, confirmed }
        }
        session::Output::Confirmed => Input::Confirmed { session },
        session::Output::Message(message) => Input::Message { from: session, message },
        session::Output::Sent { channel, .. } => Input::Sent { session, channel },
        session::Output::RoundTrip(span) => Input::RoundTrip { session, span },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotp2p::access_point::Entry;
    use spotproto::content::LeafRange;
    use spotproto::crypto::{RustCrypto, SecretKey};
    use spotproto::message::{Message, PieceRange, Refusal, Wanted};
    use spotproto::{Instant, UnixTime};
    use tokio::io::AsyncReadExt;

    struct Empty;

    impl Store for Empty {
        fn find(&self, _wanted: &Wanted<FileId>) -> Result<Entry<FileId>, Refusal> {
            Err(Refusal::NotFound)
        }

        fn prove(&self, _file: &FileId, _ranges: &[PieceRange]) -> Result<Vec<LeafRange>, Refusal> {
            Err(Refusal::NotFound)
        }

        fn piece(&self, _file: &FileId, _piece: u32) -> Result<Bytes, Refusal> {
            Err(Refusal::NotFound)
        }
    }

    fn driver() -> (Driver<Empty>, mpsc::Receiver<Inputs>) {
        let (inputs, inbox) = mpsc::channel(QUEUE);
        let config = Config {
            ticket_key: SecretKey([2; 32]),
            pseudonym_key: SecretKey([3; 32]),
            identity: spotproto::crypto::PublicKey([8; 32]),
            date: (Instant::START, UnixTime(1_800_000_000)),
            ticket_lasts: Duration::from_secs(3600),
            lease: spotp2p::access_point::LEASE,
            limits: spotp2p::access_point::Limits::DEFAULT,
        };
        let identity = KeyPair::new::<RustCrypto>(SecretKey([1; 32]));
        let driver = Driver {
            options: ServerOptions { identity, limits: Limits::DEFAULT },
            clock: Clock::start(),
            access_point: AccessPoint::new(config),
            store: Arc::new(Empty),
            sessions: BTreeMap::new(),
            lost: Vec::new(),
            next_session: 0,
            tasks: JoinSet::new(),
            inputs,
        };
        (driver, inbox)
    }

    #[tokio::test]
    async fn a_connection_that_takes_nothing_ends_at_once_and_the_access_point_is_told() {
        let (mut driver, _inbox) = driver();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, from) = listener.accept().await.unwrap();
        driver.accept(stream, from);
        driver.drain(&mut |_| {});
        assert_eq!(driver.access_point.sessions(), 1);
        // Its task gets no turn meanwhile.
        for _ in 0..=SESSION_QUEUE {
            driver.send(SessionId(0), session::Input::Send(Message::Abort { channel: 1 }));
        }
        driver.drain(&mut |_| {});
        assert_eq!((driver.access_point.sessions(), driver.sessions.len()), (0, 0));
        let mut came = [0; 64];
        let end = tokio::time::timeout(Duration::from_secs(5), peer.read(&mut came)).await;
        assert!(matches!(end.expect("the connection stands"), Ok(0) | Err(_)));
    }
}
