//! One link, from the word to dial to its end.

use super::SESSION_QUEUE;
use super::crossing::Crossing;
use super::expected::Place;
use super::line::{Line, fit, hear};
use crate::clock::Clock;
use crate::connection::drive_into;
use crate::dial::{DialOptions, attempt};
use crate::{entropy, news};
use bytes::Bytes;
use core::convert::Infallible;
use core::future::pending;
use core::net::SocketAddr;
use core::time::Duration;
use spotp2p::SessionId;
use spotp2p::node;
use spotproto::content::FileId;
use spotproto::crypto::KeyPair;
use spotproto::message::Dial;
use spotproto::noise::{Pattern, Role};
use spotproto::preamble::{LINK_LASTS, Preamble};
use spotproto::pump::{BATCH, Pump};
use spotproto::session::{Input, Session, Setup};
use spotproto::{CloseCode, Limits, Machine, SessionError};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// What a link is made of, and its two ends on this side.
#[derive(Debug)]
pub(super) struct Making {
    pub(super) id: SessionId,
    pub(super) dial: Dial,
    pub(super) keys: KeyPair,
    /// Where connections come that the other side dialled, if there is a door.
    pub(super) place: Option<Place>,
    pub(super) options: DialOptions,
    pub(super) limits: Limits,
    pub(super) clock: Clock,
    pub(super) inputs: mpsc::Receiver<Input>,
    pub(super) told: mpsc::Sender<node::Input<FileId, Bytes>>,
}

/// What came of dialling and waiting.
enum Choice {
    Line(Line),
    /// Nobody is there.
    Nobody,
    /// The owner does not want it any more.
    HungUp(CloseCode),
}

impl Making {
    /// Makes the link and drives it, and tells of its end.
    pub(super) async fn run(self) {
        let (session, told) = (self.id, self.told.clone());
        let why = self.make().await;
        let _ = told.send(node::Input::Disconnected { session, why }).await;
    }

    async fn make(mut self) -> Option<SessionError> {
        let until = Instant::now() + LINK_LASTS;
        let mut early = Vec::new();
        let choice = timeout_at(until, self.choose(&mut early)).await;
        // Nobody else is let in, whatever becomes of this one.
        self.place = None;
        match choice {
            Ok(Choice::Line(line)) => self.converse(line, early, until - Instant::now()).await,
            Ok(Choice::HungUp(code)) => Some(SessionError::Closed { code, by_peer: false }),
            Ok(Choice::Nobody) | Err(_) => None,
        }
    }

    /// The first connection on which the handshake can go on. What the owner says meanwhile is put into `early`.
    async fn choose(&mut self, early: &mut Vec<Input>) -> Choice {
        let mine = Preamble { pattern: Pattern::Ik, role: self.dial.role, link: self.dial.link };
        let mut dials = JoinSet::new();
        for &to in &self.dial.addresses {
            dials.spawn(dialled(to, mine, self.options));
        }
        loop {
            if dials.is_empty() && self.place.is_none() {
                return Choice::Nobody;
            }
            tokio::select! {
                Some(line) = dials.join_next() => if let Ok(Some(line)) = line {
                    return Choice::Line(line);
                },
                Some(line) = arrival(&mut self.place) => if mine.role == Role::Responder || line.is_quiet() {
                    return Choice::Line(line);
                },
                input = self.inputs.recv(), if early.len() < SESSION_QUEUE => match input {
                    Some(Input::Close(code)) => return Choice::HungUp(code),
                    Some(input) => early.push(input),
                    None => return Choice::HungUp(CloseCode::Done),
                },
            }
        }
    }

    async fn converse(mut self, line: Line, early: Vec<Input>, left: Duration) -> Option<SessionError> {
        let Line { stream, address, dialled, heard } = line;
        let first = dialled && self.dial.role == Role::Initiator;
        self.limits.handshake = self.limits.handshake.min(left);
        let setup = Setup {
            role: self.dial.role,
            // A responder that dialled has sent its preamble already.
            dialled: first,
            link: self.dial.link,
            identity: self.keys,
            ephemeral: entropy::secret_key().ok()?,
            remote: Some(self.dial.link_key),
            limits: self.limits,
        };
        let mut session: Session = Session::new(self.clock.now(), setup).ok()?;
        // What is asked already rides in the first message.
        let mut early = early.into_iter();
        while let Some(input) = early.next().or_else(|| self.inputs.try_recv().ok()) {
            if let Err(error) = session.handle_input(self.clock.now(), input) {
                return Some(error);
            }
        }
        let mut pump = Pump::new(Crossing::new(session, first.then_some(self.dial.link)), BATCH);
        if let Some(mut heard) = heard {
            let Ok(()) = pump.receive(self.clock.now(), &mut heard, |space| Ok::<_, Infallible>(space.len()));
        }
        let wrap = |output| news::of_output(self.id, address, output);
        let ended = drive_into(stream, pump, self.clock, self.inputs, self.told, wrap).await;
        Some(news::of_end(ended.why))
    }
}

/// Dials an address. A responder says who is there, and waits for the initiator to go on here or elsewhere.
async fn dialled(to: SocketAddr, mine: Preamble, options: DialOptions) -> Option<Line> {
    let mut stream = attempt(to, &options).await.ok()?;
    let heard = match mine.role {
        Role::Initiator => None,
        Role::Responder => {
            stream.write_all(&mine.encode()).await.ok()?;
            Some(hear(&mut stream).await.ok().filter(|theirs| fit(&mine, theirs))?)
        }
    };
    Some(Line { stream, address: to, dialled: true, heard })
}

/// The next connection that comes, if any can.
async fn arrival(place: &mut Option<Place>) -> Option<Line> {
    match place {
        Some(place) => place.next().await,
        None => pending().await,
    }
}
