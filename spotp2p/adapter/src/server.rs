//! Drives an [`AccessPoint`], its listener and its connections; a [`Store`] answers its effects.

use crate::clock::Clock;
use crate::connection::drive_into;
use crate::entropy;
use crate::listen::{AcceptError, Listener};
use crate::probe;
use crate::runtime::Runtime;
use crate::store::{Store, answer_or_refuse};
use crate::task::{Rounds, Tasks, timeout};
use crate::way::Way;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use async_channel::{Receiver, Sender};
use bytes::Bytes;
use core::future::{Future, pending};
use core::net::SocketAddr;
use core::pin::pin;
use core::time::Duration;
use futures_lite::future::or;
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

/// Inputs that may wait for the access point; connections stop reading when it is full.
const QUEUE: usize = 256;

/// Messages that may wait for a session: more than an access point ever owes one that takes them.
const SESSION_QUEUE: usize = 512;

/// Connections that may take their time to end after they were hung up on. A flood of them is turned away as it comes, and
/// each would be read until the other side closes it, or for seconds.
const LEAVING: usize = 64;

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

/// What a server waits for.
enum Come<S> {
    Stop,
    Told(Inputs),
    Accepted(Result<(S, SocketAddr), AcceptError>),
}

type Inputs = Input<FileId, Bytes>;

struct Driver<R: Runtime, S> {
    options: ServerOptions,
    clock: Clock<R>,
    access_point: AccessPoint<FileId, Bytes>,
    store: Arc<S>,
    sessions: BTreeMap<SessionId, Way>,
    /// Connections that were hung up on and may still be there, the latest last.
    leaving: VecDeque<(SessionId, Way)>,
    /// Connections that were ended here, of which the access point is still to be told.
    lost: Vec<SessionId>,
    next_session: u64,
    tasks: Tasks<()>,
    inputs: Sender<Inputs>,
}

/// Serves until `stop` is ready, then says goodbye to every client.
///
/// `trouble` hears what the operator may want to know; it must not block.
pub async fn serve<R: Runtime, S: Store>(
    mut listener: Listener<R>,
    store: Arc<S>,
    options: ServerOptions,
    clock: Clock<R>,
    config: Config,
    stop: impl Future<Output = ()>,
    mut trouble: impl FnMut(ServerEvent),
) {
    let (inputs, inbox) = async_channel::bounded(QUEUE);
    let mut driver = Driver {
        options,
        clock,
        access_point: AccessPoint::new(config),
        store,
        sessions: BTreeMap::new(),
        leaving: VecDeque::new(),
        lost: Vec::new(),
        next_session: 0,
        tasks: Tasks::default(),
        inputs,
    };
    let mut stop = pin!(stop);
    let mut rounds = Rounds::default();
    loop {
        rounds.pass::<R>().await;
        driver.drain(&mut trouble);
        let stopped = async {
            stop.as_mut().await;
            Come::Stop
        };
        let told = async {
            match inbox.recv().await {
                Ok(input) => Come::Told(input),
                Err(_) => pending().await,
            }
        };
        let accepted = async { Come::Accepted(listener.accept().await) };
        match or(stopped, or(accepted, told)).await {
            Come::Stop => break,
            Come::Told(input) => driver.tell(input),
            Come::Accepted(Ok((stream, from))) => driver.accept(stream, from),
            Come::Accepted(Err(error)) => trouble(ServerEvent::Accept(error)),
        }
        // What came meanwhile is told before anything is carried out: one drain serves it all.
        while driver.access_point.wants_input() {
            let Ok(input) = inbox.try_recv() else { break };
            driver.tell(input);
        }
    }
    driver.say_goodbye(inbox).await;
}

impl<R: Runtime, S: Store> Driver<R, S> {
    fn tell(&mut self, input: Inputs) {
        if let Input::Disconnected { session } = input {
            self.sessions.remove(&session);
            self.leaving.retain(|(leaving, _)| *leaving != session);
        }
        let Ok(()) = self.access_point.handle_input(self.clock.now(), input);
    }

    fn accept(&mut self, stream: R::Stream, from: SocketAddr) {
        let session = SessionId(self.next_session);
        self.next_session += 1;
        let (queue, inputs) = async_channel::bounded(SESSION_QUEUE);
        self.tell(Input::Accepted { session, from });
        let connection =
            connection(session, stream, self.options.clone(), self.clock, inputs, self.inputs.clone());
        self.tasks.tidy();
        let task = self.tasks.spawn::<R>(connection);
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
            Output::Effect(Effect::HangUp { session, code }) => self.hang_up(session, code),
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

    /// Has a connection say why, and end. The access point counts it no more, so the oldest of those that still do is ended
    /// at once when there are too many.
    fn hang_up(&mut self, session: SessionId, code: CloseCode) {
        self.send(session, session::Input::Close(code));
        if let Some(way) = self.sessions.remove(&session) {
            self.leaving.push_back((session, way));
        }
        if self.leaving.len() > LEAVING
            && let Some((_, oldest)) = self.leaving.pop_front()
        {
            oldest.end();
        }
    }

    /// Has the store answer, on a thread where it may block.
    fn carry_out(&mut self, effect: Effect<FileId>) {
        let (store, inputs) = (self.store.clone(), self.inputs.clone());
        let answered = R::unblock(move || answer_or_refuse(&*store, effect));
        R::spawn(async move {
            if let Some((request, done)) = answered.await {
                // Waits while the access point is busy.
                let _ = inputs.send(Input::Done(request, done)).await;
            }
        });
    }

    /// Dials a port that a client claims, to see whether it is there.
    fn probe(&mut self, request: RequestId, address: SocketAddr, link: LinkId, link_key: PublicKey) {
        let (options, clock, inputs) = (self.options.clone(), self.clock, self.inputs.clone());
        self.tasks.spawn::<R>(async move {
            let answered = probe::answers(address, link, link_key, options, clock).await;
            let _ = inputs.send(Input::Done(request, Done::Probed(answered))).await;
        });
    }

    async fn say_goodbye(mut self, inbox: Receiver<Inputs>) {
        for way in self.sessions.values() {
            way.send(session::Input::Close(CloseCode::ShuttingDown));
        }
        self.sessions.clear();
        let all_gone = async { while self.tasks.next().await.is_some() {} };
        // Nobody must wait for room to tell of its end.
        let hear = async { while inbox.recv().await.is_ok() {} };
        let _ = timeout::<R, _>(FAREWELL, or(all_gone, hear)).await;
    }
}

/// One connection, from its handshake to its end.
async fn connection<R: Runtime>(
    id: SessionId,
    stream: R::Stream,
    options: ServerOptions,
    clock: Clock<R>,
    commands: Receiver<session::Input>,
    inputs: Sender<Inputs>,
) {
    if let Ok(session) = responder(options, clock) {
        let pump = Pump::new(session, BATCH);
        let wrap = move |output| Input::of_session(id, output);
        drive_into(stream, pump, clock, commands, inputs.clone(), wrap).await;
    }
    let _ = inputs.send(Input::Disconnected { session: id }).await;
}

fn responder<R: Runtime>(options: ServerOptions, clock: Clock<R>) -> io::Result<Session> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::{DialOptions, connect_any};
    use crate::listen::listen;
    use crate::pretend::{Network, Pretend, run};
    use core::future::poll_fn;
    use core::sync::atomic::{AtomicUsize, Ordering};
    use core::task::Poll;
    use spotp2p::access_point::Entry;
    use spotproto::content::LeafRange;
    use spotproto::crypto::{RustCrypto, SecretKey};
    use spotproto::message::{Message, PieceRange, Refusal, Wanted};
    use spotproto::{Instant, UnixTime};

    const ADDRESS: SocketAddr = SocketAddr::new(core::net::IpAddr::V4(core::net::Ipv4Addr::LOCALHOST), 80);

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

    fn config() -> Config {
        Config {
            ticket_key: SecretKey([2; 32]),
            pseudonym_key: SecretKey([3; 32]),
            identity: spotproto::crypto::PublicKey([8; 32]),
            date: (Instant::START, UnixTime(1_800_000_000)),
            ticket_lasts: Duration::from_secs(3600),
            lease: spotp2p::access_point::LEASE,
            limits: spotp2p::access_point::Limits::DEFAULT,
        }
    }

    fn options() -> ServerOptions {
        ServerOptions { identity: KeyPair::new::<RustCrypto>(SecretKey([1; 32])), limits: Limits::DEFAULT }
    }

    fn driver() -> (Driver<Pretend, Empty>, Receiver<Inputs>) {
        let (inputs, inbox) = async_channel::bounded(QUEUE);
        let driver = Driver {
            options: options(),
            clock: Clock::start(),
            access_point: AccessPoint::new(config()),
            store: Arc::new(Empty),
            sessions: BTreeMap::new(),
            leaving: VecDeque::new(),
            lost: Vec::new(),
            next_session: 0,
            tasks: Tasks::default(),
            inputs,
        };
        (driver, inbox)
    }

    #[test]
    fn a_flood_that_is_turned_away_keeps_few_connections_however_silent_it_is() {
        run(Network::LAN, async {
            let (mut driver, _inbox) = driver();
            let mut listener = listen::<Pretend>(ADDRESS, &Default::default()).unwrap();
            let mut callers = Vec::new();
            let (mut most, half_open) = (0, spotp2p::access_point::Limits::DEFAULT.half_open_per_prefix);
            for _ in 0..half_open + 4 * LEAVING {
                callers.push(connect_any::<Pretend>([ADDRESS], &DialOptions::default()).await.unwrap());
                let (stream, from) = listener.accept().await.unwrap();
                driver.accept(stream, from);
                driver.drain(&mut |_| {});
                Pretend::yield_now().await;
                driver.tasks.tidy();
                most = most.max(driver.tasks.len());
            }
            assert_eq!(driver.access_point.sessions(), half_open);
            assert!(most <= half_open + LEAVING + 1, "{most}");
        });
    }

    #[test]
    fn whoever_else_is_on_the_thread_has_his_turn_while_many_connections_wait() {
        const CALLERS: usize = 200;
        run(Network::LAN, async {
            let (access_point, options) = (config(), options());
            let listener = listen::<Pretend>(ADDRESS, &Default::default()).unwrap();
            let mut callers = Vec::new();
            for _ in 0..CALLERS {
                callers.push(connect_any::<Pretend>([ADDRESS], &DialOptions::default()).await.unwrap());
            }
            let rounds = Arc::new(AtomicUsize::new(0));
            let counted = rounds.clone();
            // It is asked in each round.
            let stop = poll_fn(move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
                Poll::Pending
            });
            let store = Arc::new(Empty);
            Pretend::spawn(serve(listener, store, options, Clock::start(), access_point, stop, |_| {}));
            let (tell, told) = async_channel::bounded(1);
            Pretend::spawn(async move { tell.send(rounds.load(Ordering::Relaxed)).await.unwrap() });
            let before = told.recv().await.unwrap();
            assert!((1..CALLERS / 2).contains(&before), "it had to wait for {before} rounds");
        });
    }

    #[test]
    fn a_store_that_panics_refuses() {
        struct Broken;

        impl Store for Broken {
            fn find(&self, _wanted: &Wanted<FileId>) -> Result<Entry<FileId>, Refusal> {
                panic!("as no store should")
            }

            fn prove(&self, _file: &FileId, _ranges: &[PieceRange]) -> Result<Vec<LeafRange>, Refusal> {
                panic!("as no store should")
            }

            fn piece(&self, _file: &FileId, _piece: u32) -> Result<Bytes, Refusal> {
                panic!("as no store should")
            }
        }

        let (request, file) = (RequestId(7), FileId([1; 32]));
        let refused = Err::<(), _>(Refusal::Unavailable);
        for effect in [
            Effect::Find { request, wanted: Wanted::File(file) },
            Effect::Prove { request, file, ranges: Vec::new() },
            Effect::Fetch { request, file, piece: 0 },
            Effect::Index { request, files: vec![file; 3] },
        ] {
            let (answered, done) = answer_or_refuse(&Broken, effect).expect("an answer");
            assert_eq!(answered, request);
            match done {
                Done::Found(found) => assert_eq!(found.map(drop), refused),
                Done::Proofs(proofs) => assert_eq!(proofs.map(drop), refused),
                Done::Piece(piece) => assert_eq!(piece.map(drop), refused),
                Done::Indexed(known) => assert_eq!(known, [false; 3]),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn a_connection_that_takes_nothing_ends_at_once_and_the_access_point_is_told() {
        run(Network::LAN, async {
            let (mut driver, _inbox) = driver();
            let mut listener = listen::<Pretend>(ADDRESS, &Default::default()).unwrap();
            let (mut peer, _) = connect_any::<Pretend>([ADDRESS], &DialOptions::default()).await.unwrap();
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
            let end = poll_fn(|cx| Pretend::poll_read(&mut peer, cx, &mut came));
            let end = timeout::<Pretend, _>(Duration::from_secs(5), end).await;
            assert!(matches!(end.expect("the connection stands"), Ok(0) | Err(_)));
        });
    }
}
