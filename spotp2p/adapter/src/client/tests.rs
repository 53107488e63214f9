//! What a driver does with its node's effects; the access point is a bare session.

use super::access_point::SESSION_QUEUE;
use super::driver::Inputs;
use super::*;
use crate::connection::drive;
use crate::entropy;
use crate::listen::{Listener, listen};
use crate::pretend::{Network, Pretend, run};
use crate::task::timeout;
use spotp2p::node::{Effect, Input, LogIn};
use spotp2p::{RequestId, SessionId};
use spotproto::crypto::{RustCrypto, SecretKey};
use spotproto::message::{Dial, Message, Misdeed, Wanted};
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::pump::{BATCH, Pump};
use spotproto::session::{self, Output, Session, Setup};
use spotproto::ticket::Pseudonym;
use spotproto::{Gid, Machine, Seed, UnixTime};

const SOON: Duration = Duration::from_secs(10);

const ACCESS_POINT: SessionId = SessionId(0);

struct Bench {
    driver: Driver<Pretend>,
    inbox: Receiver<Inputs>,
    events: Receiver<ClientEvent>,
    listener: Listener<Pretend>,
}

fn keys(byte: u8) -> KeyPair {
    KeyPair::new::<RustCrypto>(SecretKey([byte; 32]))
}

fn setup(server: &Listener<Pretend>, clock: Clock<Pretend>) -> (ClientOptions, Config) {
    let options = ClientOptions {
        server: server.local_addr().unwrap().to_string(),
        server_key: None,
        identity: keys(1),
        dial: DialOptions::default(),
        limits: Limits::DEFAULT,
        listen: None,
    };
    let log_in = LogIn { link_key: keys(1).public, seed: Seed([1; 32]) };
    (options, Config::new(log_in, "test", Seed([1; 32]), (clock.now(), UnixTime(1_800_000_000))))
}

/// Without a cache it is answered with a refusal.
const KEEP: Command<FileId> = Command::Keep { wanted: Wanted::Track(Gid::from_bytes([1; 16])) };

impl Bench {
    fn new() -> Self {
        let listener = listen("127.0.0.1:0".parse().unwrap(), &SocketOptions::default()).unwrap();
        let clock = Clock::start();
        let (options, config) = setup(&listener, clock);
        let (inputs, inbox) = async_channel::bounded(QUEUE);
        let (told, events) = async_channel::bounded(QUEUE);
        let driver = driver(options, clock, config, None, inputs, told).unwrap();
        Self { driver, inbox, events, listener }
    }

    async fn next(&mut self) -> Inputs {
        timeout::<Pretend, _>(SOON, self.inbox.recv())
            .await
            .expect("it is told")
            .expect("the driver has a sender")
    }

    /// The access point's side of the connection that the driver makes.
    async fn access_point(&mut self) -> Receiver<Output> {
        self.driver.carry_out(Effect::Connect { session: ACCESS_POINT, request: RequestId(0) });
        let (stream, _) =
            timeout::<Pretend, _>(SOON, self.listener.accept()).await.expect("it dials").unwrap();
        let clock = self.driver.clock;
        let setup = Setup {
            role: Role::Responder,
            dialled: false,
            link: LinkId::ACCESS_POINT,
            identity: keys(9),
            ephemeral: entropy::secret_key().unwrap(),
            remote: None,
            limits: Limits::DEFAULT,
        };
        let session: Session = Session::new(clock.now(), setup).unwrap();
        let (_, commands) = async_channel::bounded(1);
        let (told, outputs) = async_channel::bounded(16);
        Pretend::spawn(async move {
            drive(stream, Pump::new(session, BATCH), clock, commands, told).await;
        });
        outputs
    }
}

#[test]
fn a_connection_that_takes_nothing_ends_at_once_and_the_node_is_told() {
    run(Network::LAN, async {
        let Bench { mut driver, events, listener, .. } = Bench::new();
        let clock = driver.clock;
        let Ok(()) = driver.node.handle_input(clock.now(), Input::Command(Command::Connect));
        driver.drain();
        let session = driver.access_point.as_ref().expect("it dials").session;
        // Its task gets no turn meanwhile.
        for _ in 0..=SESSION_QUEUE {
            driver.send(session, session::Input::Send(Message::Abort { channel: 1 }));
        }
        driver.drain();
        assert!(driver.access_point.is_none());
        let event = events.try_recv().expect("the program is told");
        assert!(matches!(event, ClientEvent::Node(Event::Offline { .. })), "{event:?}");
        assert!(driver.tasks.next().await.expect("its task").is_none(), "it was ended");
        drop(listener);
    });
}

#[test]
fn commands_wait_while_nobody_takes_what_comes_of_them_and_none_is_lost() {
    const COMMANDS: usize = 10 * QUEUE;
    run(Network::LAN, async {
        let Bench { driver, inbox, events, .. } = Bench::new();
        let (commands, commanded) = async_channel::bounded(COMMANDS);
        for _ in 0..COMMANDS {
            commands.try_send(KEEP).unwrap();
        }
        Pretend::spawn(super::run(driver, commanded, inbox));
        Pretend::timer(SOON).await;
        let taken = COMMANDS - commands.len();
        assert!(taken < COMMANDS / 2, "{taken} were taken");
        for _ in 0..COMMANDS {
            let event = timeout::<Pretend, _>(SOON, events.recv()).await.expect("it is told").unwrap();
            assert!(matches!(event, ClientEvent::Node(Event::NotKept { .. })), "{event:?}");
        }
    });
}

#[test]
fn a_client_that_takes_no_commands_since_its_events_were_not_taken_leaves_at_once_all_the_same() {
    run(Network::LAN, async {
        let listener = listen("127.0.0.1:0".parse().unwrap(), &SocketOptions::default()).unwrap();
        let clock = Clock::start();
        let (options, config) = setup(&listener, clock);
        let client = Client::start(options, clock, config, None).unwrap();
        while timeout::<Pretend, _>(Duration::from_secs(1), client.tell(KEEP)).await.is_some() {}
        let began = clock.now();
        client.leave().await;
        assert!(clock.now().since(began) < Duration::from_secs(1));
    });
}

#[test]
fn every_log_in_is_followed_by_fresh_keys_and_a_first_contact_shows_its_key() {
    run(Network::LAN, async {
        let mut bench = Bench::new();
        let mut keys_given = Vec::new();
        for _ in 0..2 {
            let _access_point = bench.access_point().await;
            match bench.driver.owed.pop_front() {
                Some(Input::LogIn(next)) => keys_given.push(next.link_key),
                other => panic!("{other:?}"),
            }
            let connected = loop {
                match bench.next().await {
                    Input::Connected { confirmed, address, .. } => break (confirmed, address),
                    // Of the connection before.
                    Input::RoundTrip { .. } | Input::Disconnected { .. } => {}
                    other => panic!("{other:?}"),
                }
            };
            assert_eq!(connected, (true, bench.listener.local_addr().unwrap()));
            let (confirmed, address) = connected;
            bench.driver.tell(Input::Connected { session: ACCESS_POINT, confirmed, address });
        }
        assert_ne!(keys_given[0], keys_given[1]);
        assert!(keys_given.iter().all(|key| bench.driver.log_ins.pair(*key).is_some()));
        // Shown once, and held to ever after.
        assert_eq!(bench.events.try_recv(), Ok(ClientEvent::ServerKey(keys(9).public)));
        assert!(bench.events.try_recv().is_err());
        assert_eq!(bench.driver.options.server_key, Some(keys(9).public));
    });
}

#[test]
fn a_link_shows_the_key_of_its_log_in_and_is_reported_by_its_id() {
    run(Network::LAN, async {
        let mut bench = Bench::new();
        let access_point = bench.access_point().await;
        let Some(Input::LogIn(next)) = bench.driver.owed.pop_front() else { panic!("a log-in is owed") };
        let dial = Dial {
            link: LinkId([7; 16]),
            role: Role::Responder,
            pseudonym: Pseudonym([2; 16]),
            link_key: keys(2).public,
            addresses: Vec::new(),
        };
        // With a key that nobody has it can't be made, and without addresses it does not come about.
        for (session, link_key) in [(SessionId(1), keys(1).public), (SessionId(2), next.link_key)] {
            bench.driver.carry_out(Effect::Link { session, dial: Box::new(dial.clone()), link_key });
        }
        let over = |input: &Inputs| match input {
            Input::Disconnected { session, why: None } => Some(*session),
            _ => None,
        };
        assert_eq!(bench.driver.owed.pop_front().as_ref().and_then(over), Some(SessionId(1)));
        loop {
            let input = bench.next().await;
            let session = over(&input);
            bench.driver.tell(input);
            if session.is_some() {
                assert_eq!(session, Some(SessionId(2)));
                break;
            }
        }
        bench.driver.carry_out(Effect::Report { session: SessionId(1), what: Misdeed::Forged });
        bench.driver.carry_out(Effect::Report { session: SessionId(2), what: Misdeed::Flooding });
        let report = async {
            loop {
                if let Output::Message(message) = access_point.recv().await.expect("the line holds") {
                    return message;
                }
            }
        };
        let report = timeout::<Pretend, _>(SOON, report).await.expect("it is reported");
        assert_eq!(report, Message::Report { link: LinkId([7; 16]), what: Misdeed::Flooding });
    });
}
