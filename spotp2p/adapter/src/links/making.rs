//! One link, from the word to dial to its end.

use super::SESSION_QUEUE;
use super::expected::Place;
use super::line::{Line, hear, say};
use crate::clock::Clock;
use crate::connection::drive_into;
use crate::dial::{DialOptions, attempt};
use crate::entropy;
use crate::runtime::Runtime;
use crate::task::Tasks;
use alloc::vec::Vec;
use async_channel::{Receiver, Sender};
use bytes::Bytes;
use core::convert::Infallible;
use core::future::{Future, pending};
use core::net::SocketAddr;
use futures_lite::future::or;
use spotp2p::SessionId;
use spotp2p::node;
use spotp2p::reach::{Crossing, Meeting, Met};
use spotproto::content::FileId;
use spotproto::crypto::KeyPair;
use spotproto::message::Dial;
use spotproto::pump::{BATCH, Pump};
use spotproto::session::{Input, Session, Setup};
use spotproto::{CloseCode, Limits, Machine, SessionError};

/// What a link is made of, and its two ends on this side.
#[derive(Debug)]
pub(super) struct Making<R: Runtime> {
    pub(super) id: SessionId,
    pub(super) dial: Dial,
    pub(super) keys: KeyPair,
    /// Where connections come that the other side dialled, if there is a door.
    pub(super) place: Option<Place<R>>,
    pub(super) options: DialOptions,
    pub(super) limits: Limits,
    pub(super) clock: Clock<R>,
    pub(super) inputs: Receiver<Input>,
    pub(super) told: Sender<node::Input<FileId, Bytes>>,
}

/// What came of dialling and waiting.
enum Choice<R: Runtime> {
    Line(Line<R>),
    /// Nobody is there.
    Nobody,
    /// The owner does not want it any more.
    HungUp(CloseCode),
}

/// What a link waits for.
enum Come<R: Runtime> {
    Dialled(Option<Line<R>>),
    Arrived(Line<R>),
    Said(Option<Input>),
}

impl<R: Runtime> Making<R> {
    /// Makes the link and drives it, and tells of its end.
    pub(super) async fn run(self) {
        let (session, told) = (self.id, self.told.clone());
        let why = self.make().await;
        let _ = told.send(node::Input::Disconnected { session, why }).await;
    }

    async fn make(mut self) -> Option<SessionError> {
        let (link, role, dialling) = (self.dial.link, self.dial.role, self.dial.addresses.len());
        let clock = self.clock;
        let mut meeting = Meeting::new(clock.now(), link, role, dialling, self.place.is_some());
        let (until, mut early) = (meeting.until(), Vec::new());
        let late = async {
            clock.sleep_until(until).await;
            Choice::Nobody
        };
        let choice = or(self.choose(&mut meeting, &mut early), late).await;
        // Nobody else is let in, whatever becomes of this one.
        self.place = None;
        match choice {
            Choice::Line(line) => self.converse(line, early, meeting).await,
            Choice::HungUp(code) => Some(SessionError::Closed { code, by_peer: false }),
            Choice::Nobody => None,
        }
    }

    /// The first connection on which the handshake can go on. What the owner says meanwhile is put into `early`.
    async fn choose(&mut self, meeting: &mut Meeting, early: &mut Vec<Input>) -> Choice<R> {
        let mut dials = Tasks::default();
        for &to in &self.dial.addresses {
            dials.spawn::<R>(dialled::<R>(to, *meeting, self.options));
        }
        while !meeting.is_hopeless() {
            let dialled = async { Come::Dialled(some(dials.next()).await.flatten()) };
            let arrived = async { Come::Arrived(some(arrival(&mut self.place)).await) };
            let said = async {
                let input =
                    if early.len() < SESSION_QUEUE { self.inputs.recv().await.ok() } else { pending().await };
                Come::Said(input)
            };
            match or(said, or(dialled, arrived)).await {
                Come::Dialled(Some(line)) => return Choice::Line(line),
                Come::Dialled(None) => meeting.failed(),
                Come::Arrived(mut line) => {
                    if meeting.arrived(|| line.is_quiet()) == Met::GoOn {
                        return Choice::Line(line);
                    }
                }
                Come::Said(Some(Input::Close(code))) => return Choice::HungUp(code),
                Come::Said(Some(input)) => early.push(input),
                Come::Said(None) => return Choice::HungUp(CloseCode::Done),
            }
        }
        Choice::Nobody
    }

    async fn converse(self, line: Line<R>, early: Vec<Input>, meeting: Meeting) -> Option<SessionError> {
        let Line { stream, address, dialled, heard } = line;
        let opens = meeting.opens(dialled);
        let setup = Setup {
            role: self.dial.role,
            dialled: opens,
            link: self.dial.link,
            identity: self.keys,
            ephemeral: entropy::secret_key().ok()?,
            remote: Some(self.dial.link_key),
            limits: meeting.limits(self.clock.now(), self.limits),
        };
        let mut session: Session = Session::new(self.clock.now(), setup).ok()?;
        // What is asked already rides in the first message.
        let mut early = early.into_iter();
        while let Some(input) = early.next().or_else(|| self.inputs.try_recv().ok()) {
            if let Err(error) = session.handle_input(self.clock.now(), input) {
                return Some(error);
            }
        }
        let mut pump = Pump::new(Crossing::new(session, opens.then_some(self.dial.link)), BATCH);
        if let Some(mut heard) = heard {
            let Ok(()) = pump.receive(self.clock.now(), &mut heard, |space| Ok::<_, Infallible>(space.len()));
        }
        let wrap = |output| node::Input::of_session(self.id, address, output);
        let ended = drive_into(stream, pump, self.clock, self.inputs, self.told, wrap).await;
        Some(ended.why.machine().unwrap_or(SessionError::Lost))
    }
}

/// Dials an address, and greets there if that comes first.
async fn dialled<R: Runtime>(to: SocketAddr, meeting: Meeting, options: DialOptions) -> Option<Line<R>> {
    let mut stream = attempt::<R>(to, options).await.ok()?;
    let heard = match meeting.dialled() {
        Met::GoOn => None,
        Met::Greet(mine) => {
            say::<R>(&mut stream, &mine).await.ok()?;
            Some(hear::<R>(&mut stream).await.ok().filter(|theirs| meeting.heard(theirs) == Met::GoOn)?)
        }
        Met::Leave => return None,
    };
    Some(Line { stream, address: to, dialled: true, heard })
}

/// The next connection that comes, if any can.
async fn arrival<R: Runtime>(place: &mut Option<Place<R>>) -> Option<Line<R>> {
    match place {
        Some(place) => place.next().await,
        None => pending().await,
    }
}

/// What there is, as soon as there is something.
async fn some<T>(coming: impl Future<Output = Option<T>>) -> T {
    match coming.await {
        Some(come) => come,
        None => pending().await,
    }
}
