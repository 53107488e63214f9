//! What an adapter is: a node driven by a plain loop, without any async runtime. Listens to a track without playing it:
//!
//! ```text
//! cargo run -p spotp2p-smol --example blocking -- HOST:PORT TRACK
//! ```
//!
//! The loop carries out what the node asks for, moves bytes, and waits for the socket or the next deadline.

use bytes::Bytes;
use core::{error::Error, net::SocketAddr};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use runtime_smol::entropy;
use spotp2p::SessionId;
use spotp2p::node::{Command, Config, Effect, Event, Input, LogIns, Node, Output};
use spotproto::content::FileId;
use spotproto::crypto::{KeyPair, RustCrypto};
use spotproto::message::Wanted;
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::pump::{BATCH, Fault, Pump, SCRATCH, Wants};
use spotproto::session::{Input as ToSession, Session, Setup};
use spotproto::{Gid, Instant, Limits, Machine, SessionError, UnixTime};
use std::io::{ErrorKind, Read, Write};
use std::net::ToSocketAddrs;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, track] = &arguments[..] else { return Err("usage: blocking HOST:PORT TRACK".into()) };
    let server = server.to_socket_addrs()?.next().ok_or("the name stands for nothing")?;
    let pieces = listen(server, Wanted::Track(track.parse::<Gid>()?))?;
    println!("it is here: {pieces} pieces");
    Ok(())
}

pub(crate) fn listen(server: SocketAddr, wanted: Wanted<FileId>) -> Result<u32, Box<dyn Error>> {
    let identity = KeyPair::new::<RustCrypto>(entropy::secret_key()?);
    let epoch = std::time::Instant::now();
    let now = || Instant::after_start(epoch.elapsed());
    let mut log_ins = LogIns::default();
    let log_in = log_ins.renew(entropy::seed()?, entropy::secret_key()?);
    let today = UnixTime(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs());
    let mut node: Node<FileId, Bytes> =
        Node::new(now(), Config::new(log_in, "blocking", entropy::seed()?, (now(), today)));
    let Ok(()) = node.handle_input(now(), Input::Command(Command::Open { wanted, at_ms: 0 }));
    let both = Interest::READABLE | Interest::WRITABLE;
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(8));
    let (mut line, mut here, mut pieces) = (None::<Line>, 0, None);
    loop {
        let Ok(()) = node.handle_timeout(now());
        while let Some(output) = node.poll_output() {
            match output {
                Output::Send { message, .. } => say(&mut line, now(), ToSession::Send(message)),
                Output::Effect(Effect::Connect { session, .. }) => {
                    let next = log_ins.renew(entropy::seed()?, entropy::secret_key()?);
                    let Ok(()) = node.handle_input(now(), Input::LogIn(next));
                    let Ok(mut stream) = TcpStream::connect(server) else {
                        let Ok(()) = node.handle_input(now(), Input::Disconnected { session, why: None });
                        continue;
                    };
                    poll.registry().register(&mut stream, Token(0), both)?;
                    let pump = Pump::new(Session::new(now(), setup(&identity)?)?, BATCH);
                    line = Some(Line { session, stream, pump });
                }
                Output::Effect(Effect::HangUp { code, .. }) => say(&mut line, now(), ToSession::Close(code)),
                Output::Event(Event::Opened { opened, .. }) => pieces = Some(opened.head.geometry.pieces()),
                Output::Event(Event::Piece { .. }) => here += 1,
                Output::Event(over @ (Event::Refused(_) | Event::GaveUp { .. })) => {
                    return Err(format!("{over:?}").into());
                }
                _ => {}
            }
        }
        if pieces == Some(here) {
            return Ok(here);
        }
        let (mut wake, mut moved) = (node.poll_timeout(), false);
        if let Some(&mut Line { session, ref mut stream, ref mut pump }) = line.as_mut() {
            let wants = pump.turn(now(), |output| {
                moved = true;
                if !node.wants_input() {
                    return Err(output);
                }
                let Ok(()) = node.handle_input(now(), Input::of_session(session, server, output));
                Ok(())
            });
            moved |= exchange(stream, pump, now(), wants) || wants.pause || wants.done;
            wake = wake.into_iter().chain(wants.wake).min();
            if wants.done {
                let fault = line.take().and_then(|line| line.pump.into_end().1);
                let why = Some(if let Some(Fault::Machine(why)) = fault { why } else { SessionError::Lost });
                let Ok(()) = node.handle_input(now(), Input::Disconnected { session, why });
            }
        }
        if !moved {
            let waited = poll.poll(&mut events, wake.map(|at| at.since(now())));
            // A signal came.
            waited.or_else(|why| if why.kind() == ErrorKind::Interrupted { Ok(()) } else { Err(why) })?;
        }
    }
}

/// The connection to the access point. If it fails the node says when to dial again.
struct Line {
    session: SessionId,
    stream: TcpStream,
    pump: Pump<Session>,
}

fn setup(identity: &KeyPair) -> Result<Setup, Box<dyn Error>> {
    Ok(Setup {
        role: Role::Initiator,
        dialled: true,
        link: LinkId::ACCESS_POINT,
        identity: identity.clone(),
        ephemeral: entropy::secret_key()?,
        remote: None,
        limits: Limits::DEFAULT,
    })
}

fn say(line: &mut Option<Line>, now: Instant, input: ToSession) {
    if let Some(line) = line {
        line.pump.command(now, input);
    }
}

/// Writes and reads what it can. Answers whether there was anything.
fn exchange(stream: &mut TcpStream, pump: &mut Pump<Session>, now: Instant, wants: Wants) -> bool {
    let blocks = |kind| matches!(kind, ErrorKind::WouldBlock | ErrorKind::NotConnected);
    let mut moved = false;
    if wants.write {
        let written = stream.write(pump.unsent());
        moved |= !written.as_ref().is_err_and(|error| blocks(error.kind()));
        match written {
            Ok(count) => pump.sent(count),
            Err(_) if moved => pump.write_failed(),
            Err(_) => {}
        }
    }
    if wants.read {
        match pump.receive(now, &mut [0; SCRATCH], |space| stream.read(space)) {
            Err(error) if blocks(error.kind()) => return moved,
            Err(_) => pump.lost(),
            Ok(()) => {}
        }
    }
    moved || wants.read
}
