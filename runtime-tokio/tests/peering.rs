//! A port that a client claims is tried out over real sockets, and named to others once it answered.

extern crate alloc;

mod shelf;

use alloc::sync::Arc;
use bytes::Bytes;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use runtime_tokio::channel;
use runtime_tokio::connection::drive;
use runtime_tokio::{Clock, LinkOptions, Links, SocketOptions, entropy, listen};
use shelf::{Shelf, keys, start_server};
use spotp2p::{SessionId, node};
use spotproto::content::FileId;
use spotproto::crypto::{KeyPair, PublicKey};
use spotproto::message::{Connect, Dial, Hello, Holding, Message, WireMessage};
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::pump::{BATCH, Pump};
use spotproto::session::{Input, Output, Session, Setup};
use spotproto::ticket::Pseudonym;
use spotproto::{CloseCode, Limits, SessionError};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// The server's key.
const SERVER: u8 = 1;

/// A connection, driven beside the test.
struct Line {
    commands: channel::Sender<Input>,
    outputs: channel::Receiver<Output>,
}

impl Line {
    fn start(stream: TcpStream, role: Role, link: LinkId, identity: KeyPair, remote: PublicKey) -> Self {
        let clock = Clock::start();
        let setup = Setup {
            role,
            dialled: role == Role::Initiator,
            link,
            identity,
            ephemeral: entropy::secret_key().expect("entropy"),
            remote: Some(remote),
            limits: Limits::DEFAULT,
        };
        let session: Session = Session::new(clock.now(), setup).expect("keys of use");
        let (commands, inputs) = channel::bounded(16);
        let (news, outputs) = channel::bounded(16);
        tokio::spawn(drive(stream, Pump::new(session, BATCH), clock, inputs, news));
        Self { commands, outputs }
    }

    /// A device logs in, with a link key of the same number and this port.
    async fn log_in(server: &str, device: u8, port: u16) -> (Self, Pseudonym) {
        let stream = TcpStream::connect(server).await.expect("it listens");
        let server = keys(SERVER).public;
        let mut line = Self::start(stream, Role::Initiator, LinkId::ACCESS_POINT, keys(device), server);
        let hello = Hello { link_key: keys(device).public, port, agent: "test".into() };
        line.say(Message::Hello(Box::new(hello))).await;
        let name = line
            .hear(|message| match message {
                Message::Welcome(welcome) => Some(welcome.pseudonym),
                _ => None,
            })
            .await;
        (line, name)
    }

    async fn say(&self, message: WireMessage) {
        self.commands.send(Input::Send(message)).await.expect("the line holds");
    }

    /// What `wanted` finds in the first message in which it finds anything.
    async fn hear<T>(&mut self, wanted: impl Fn(WireMessage) -> Option<T>) -> T {
        let search = async {
            loop {
                if let Output::Message(message) = self.outputs.recv().await.expect("the line holds")
                    && let Some(found) = wanted(message)
                {
                    return found;
                }
            }
        };
        timeout(Duration::from_secs(10), search).await.expect("it comes in time")
    }

    async fn dial(&mut self) -> Dial {
        self.hear(|message| if let Message::Dial(dial) = message { Some(*dial) } else { None }).await
    }
}

/// The links of a device, with a door or without, and what is told of them.
fn links(has_door: bool) -> (Links, channel::Receiver<node::Input<FileId, Bytes>>) {
    let sockets = SocketOptions { share_port: true, ..SocketOptions::default() };
    let door = has_door.then(|| listen((Ipv4Addr::LOCALHOST, 0).into(), &sockets).expect("a free port"));
    let (told, inbox) = channel::bounded(64);
    let options = LinkOptions { sockets, limits: Limits::DEFAULT };
    (Links::new(door, options, Clock::start(), told).expect("a port"), inbox)
}

/// A link comes about.
async fn stands(inbox: &mut channel::Receiver<node::Input<FileId, Bytes>>, session: SessionId) {
    let first = timeout(Duration::from_secs(10), inbox.recv()).await.expect("it comes in time");
    let stands = matches!(first, Ok(node::Input::Connected { session: of, .. }) if of == session);
    assert!(stands, "{first:?}");
}

/// What a device of its own is told to dial for `file`.
async fn told(server: &str, device: u8, file: FileId, peer: Pseudonym) -> Vec<SocketAddr> {
    let (mut asker, _) = Line::log_in(server, device, 0).await;
    let connect = Box::new(Connect { file, peers: vec![peer] });
    asker.say(Message::Connect { channel: 1, connect }).await;
    asker.dial().await.addresses
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_answers_with_the_link_key_is_named_and_another_is_not() {
    let shelf = Arc::new(Shelf::new());
    let file = shelf.entry.head.file;
    let server = start_server(shelf, SERVER, "127.0.0.1:0");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();

    for (device, answers) in [(30, false), (40, true)] {
        let (mut holder, name) = Line::log_in(&server.address, device, port).await;
        let call = holder.dial().await;
        assert_eq!((call.role, call.link_key), (Role::Responder, keys(SERVER).public));
        let (stream, _) = listener.accept().await.expect("the access point dials");
        let identity = if answers { keys(device) } else { keys(99) };
        let probe = Line::start(stream, Role::Responder, call.link, identity, call.link_key);
        while timeout(Duration::from_secs(10), probe.outputs.recv()).await.expect("it ends").is_ok() {}
        holder.say(Message::Holding(Box::new(Holding { joined: vec![file], left: Vec::new() }))).await;

        // The verdict is under way to the access point; each asker is another, as no two are brought together twice.
        let mut named = false;
        for asker in 1..10 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let addresses = told(&server.address, device + asker, file, name).await;
            named |= addresses.iter().any(|address| address.port() == port);
            if named && answers {
                break;
            }
        }
        assert_eq!(named, answers);
    }
    server.stop.send(()).expect("it runs");
    server.task.await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_answers_probes_is_linked_to_by_those_who_ask() {
    let shelf = Arc::new(Shelf::new());
    let file = shelf.entry.head.file;
    let server = start_server(shelf, SERVER, "127.0.0.1:0");
    let (mut door, mut told) = links(true);
    let (mut holder, name) = Line::log_in(&server.address, 60, door.port()).await;

    // The probe may well be here before the word of it.
    door.make(SessionId(0), holder.dial().await, keys(60));
    stands(&mut told, SessionId(0)).await;
    let over = async {
        loop {
            if let Ok(node::Input::Disconnected { why, .. }) = told.recv().await {
                return why;
            }
        }
    };
    let over = timeout(Duration::from_secs(10), over).await.expect("a probe is short");
    assert_eq!(over, Some(SessionError::Closed { code: CloseCode::Done, by_peer: true }));
    holder.say(Message::Holding(Box::new(Holding { joined: vec![file], left: Vec::new() }))).await;

    for device in 61..70 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let (mut asker, _) = Line::log_in(&server.address, device, 0).await;
        let connect = Box::new(Connect { file, peers: vec![name] });
        asker.say(Message::Connect { channel: 1, connect }).await;
        let (mine, theirs) = tokio::join!(asker.dial(), holder.dial());
        // The verdict on the door is under way to the access point.
        if mine.addresses.iter().all(|address| address.port() != door.port()) {
            continue;
        }
        let (mut askers, mut answers) = links(false);
        let session = SessionId(device.into());
        askers.make(session, mine, keys(device));
        door.make(session, theirs, keys(60));
        tokio::join!(stands(&mut answers, session), stands(&mut told, session));
        return;
    }
    panic!("the door is never named");
}
