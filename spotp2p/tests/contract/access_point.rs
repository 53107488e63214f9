//! What an access point promises whatever its clients do, as long as its owner does its part: reports what the line
//! took, answers every effect once, counts connections up.

use super::anything::access_point_config;
use super::meetings::{self, Meetings};
use super::world::{Key, Piece, head};
use alloc::collections::BTreeMap;
use core::net::Ipv4Addr;
use core::time::Duration;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use spotp2p::access_point::{AccessPoint, Done, Effect, Entry, Event, Input, Limits, Output};
use spotp2p::{RequestId, SessionId};
use spotproto::content::ContentKey;
use spotproto::crypto::PublicKey;
use spotproto::message::{Hello, Message, Open, PieceRange, Read, Refusal, Urgency, Wanted};
use spotproto::{Instant, Machine};

/// What happens next; which one of the things that it could happen to is chosen by an index.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    Accept,
    /// One comes and logs in, as it should.
    Arrive,
    Establish(Index, bool),
    Confirm(Index),
    Hello(Index),
    Open(Index, u16),
    Read(Index, PieceRange, bool, Urgency),
    Abort(Index, Index),
    Sent(Index),
    Disconnect(Index),
    Answer(Index),
    Refuse(Index),
    /// A client that is logged in says something of others.
    Meet(Index, meetings::Deed),
    Wait(Duration),
}

pub(crate) fn act() -> impl Strategy<Value = Act> {
    let pick = any::<Index>;
    let range = (0u32..300, 1u32..20).prop_map(|(start, count)| PieceRange { start, count });
    let urgency = proptest::sample::select(Urgency::ALL.to_vec());
    prop_oneof![
        2 => Just(Act::Accept),
        3 => Just(Act::Arrive),
        3 => (pick(), any::<bool>()).prop_map(|(who, confirmed)| Act::Establish(who, confirmed)),
        2 => pick().prop_map(Act::Confirm),
        1 => pick().prop_map(Act::Hello),
        4 => (pick(), 0u16..80).prop_map(|(who, credit)| Act::Open(who, credit)),
        6 => (pick(), range, any::<bool>(), urgency)
            .prop_map(|(who, range, leaves, urgency)| Act::Read(who, range, leaves, urgency)),
        3 => (pick(), pick()).prop_map(|(who, which)| Act::Abort(who, which)),
        12 => pick().prop_map(Act::Sent),
        1 => pick().prop_map(Act::Disconnect),
        16 => pick().prop_map(Act::Answer),
        1 => pick().prop_map(Act::Refuse),
        16 => (pick(), meetings::deed()).prop_map(|(who, deed)| Act::Meet(who, deed)),
        2 => meetings::wait(),
    ]
}

/// A connection as its owner sees it.
#[derive(Debug, Default)]
struct Line {
    established: bool,
    confirmed: bool,
    logged_in: bool,
    next_channel: u32,
    /// Requests without their end, and the pieces that are still to come, if that is known.
    open: BTreeMap<u32, Option<u32>>,
    /// Pieces queued for the line, by request.
    queued: Vec<u32>,
    fetching: usize,
}

/// An effect under way, and whose it is: every session asks for a file of its own.
type Errand = (RequestId, SessionId, Effect<Key>);

pub(crate) struct Owner {
    access_point: AccessPoint<Key, Piece>,
    now: Instant,
    pub(crate) meetings: Meetings,
    limits: Limits,
    lines: BTreeMap<SessionId, Line>,
    errands: Vec<Errand>,
    accepted: u64,
}

impl Owner {
    fn new() -> Self {
        let mut limits = Limits::DEFAULT;
        // One bad report is enough.
        (limits.reports.networks, limits.reports.weight, limits.reports.of_links) = (1, 3, 1);
        Self {
            access_point: AccessPoint::new(access_point_config(limits)),
            now: Instant::START,
            meetings: Meetings::default(),
            limits,
            lines: BTreeMap::new(),
            errands: Vec::new(),
            accepted: 0,
        }
    }

    pub(crate) fn tell(&mut self, input: Input<Key, Piece>) {
        let Ok(()) = self.access_point.handle_input(self.now, input);
        while let Some(output) = self.access_point.poll_output() {
            match output {
                Output::Send { to, message } => self.sent_to(to, message),
                Output::Effect(Effect::HangUp { session, .. }) => {
                    assert!(self.lines.remove(&session).is_some(), "{session:?} is gone already");
                    self.meetings.left(session);
                }
                Output::Effect(effect) => self.asked_to(effect),
                Output::Event(Event::LoggedIn { session, .. }) => {
                    assert!(self.lines[&session].confirmed, "a replay logs nobody in");
                }
                Output::Event(Event::Shunned { .. }) => self.meetings.shunned += 1,
                Output::Event(Event::Dialled { session, .. }) => self.meetings.is_dialled(session),
                _ => {}
            }
        }
        for (id, line) in &self.lines {
            let most = if line.confirmed { self.limits.ahead } else { self.limits.ahead_unconfirmed };
            assert!(line.fetching + line.queued.len() <= most, "{id:?} has {line:?}");
        }
    }

    fn sent_to(&mut self, to: SessionId, message: Message<Key, Piece>) {
        let line = self.lines.get_mut(&to).expect("nothing is sent to a session that is gone");
        match message {
            Message::Welcome(welcome) => {
                assert!(line.confirmed, "a replay gets no welcome");
                self.meetings.came(welcome.pseudonym, to);
                assert!(!core::mem::replace(&mut line.logged_in, true));
            }
            Message::Opened { channel, opened } => {
                let pieces = opened.first.iter().map(|range| range.count).sum();
                let open = line.open.get_mut(&channel).expect("opened on an open channel");
                assert_eq!(open.replace(pieces), None);
            }
            Message::Piece { channel, .. } => {
                let open = line.open.get_mut(&channel).expect("pieces for an open channel");
                let left = open.as_mut().expect("a header comes first");
                *left = left.checked_sub(1).expect("no more than was asked for");
                line.queued.push(channel);
            }
            Message::Leaves { channel, .. } => assert!(line.open.contains_key(&channel)),
            Message::Peers { channel, peers } => {
                assert!(line.open.contains_key(&channel));
                self.meetings.named(to, channel, &peers);
            }
            Message::Dial(dial) => self.meetings.dials(to, &dial),
            Message::Renewed(_) => assert!(line.logged_in),
            Message::End { channel } => assert_eq!(line.open.remove(&channel), Some(Some(0))),
            Message::Refuse { channel, .. } => assert!(line.open.remove(&channel).is_some()),
            other => panic!("a server does not say {other:?}"),
        }
    }

    fn asked_to(&mut self, effect: Effect<Key>) {
        if let Some(request) = Self::chore(&effect) {
            return self.errands.push((request, SessionId(u64::MAX), effect));
        }
        let (request, file) = match &effect {
            Effect::Find { request, wanted: Wanted::File(file) } => (*request, *file),
            Effect::Prove { request, file, .. } => (*request, *file),
            Effect::Fetch { request, file, .. } => (*request, *file),
            other => panic!("nobody asked for {other:?}"),
        };
        let session = SessionId(file.0.into());
        if matches!(effect, Effect::Fetch { .. })
            && let Some(line) = self.lines.get_mut(&session)
        {
            line.fetching += 1;
        }
        self.errands.push((request, session, effect));
    }

    fn answer(&mut self, place: usize, refusal: Option<Refusal>) {
        let (request, session, effect) = self.errands.swap_remove(place);
        if matches!(effect, Effect::Fetch { .. })
            && let Some(line) = self.lines.get_mut(&session)
        {
            line.fetching -= 1;
        }
        let done = match (effect, refusal) {
            (Effect::Index { files, .. }, why) => Done::Indexed(vec![why.is_none(); files.len()]),
            (Effect::Probe { .. }, why) => Done::Probed(why.is_none()),
            (Effect::Find { .. }, Some(why)) => Done::Found(Err(why)),
            (Effect::Prove { .. }, Some(why)) => Done::Proofs(Err(why)),
            (_, Some(why)) => Done::Piece(Err(why)),
            (Effect::Find { .. }, None) => {
                let head = spotproto::content::Head { file: Key(session.0 as u32), ..head() };
                let key = ContentKey::new([5; 32]);
                Done::Found(Ok(Box::new(Entry {
                    head,
                    key,
                    title: "".into(),
                    artist: "".into(),
                    mirrors: Vec::new(),
                })))
            }
            (Effect::Prove { .. }, None) => Done::Proofs(Ok(Vec::new())),
            _ => Done::Piece(Ok(Piece { size: 16_384, genuine: true })),
        };
        self.tell(Input::Done(request, done));
    }

    fn who(&self, pick: Index) -> Option<SessionId> {
        (!self.lines.is_empty()).then(|| *self.lines.keys().nth(pick.index(self.lines.len())).expect("one"))
    }

    /// A request of an established session, on a channel above all before, as the session machine makes sure of.
    fn ask(
        &mut self,
        pick: Index,
        pieces: Option<u32>,
        message: impl FnOnce(u32, Key) -> Message<Key, Piece>,
    ) {
        let Some(id) = self.who(pick).filter(|id| self.lines[id].established) else { return };
        let Some(channel) = self.opens(id, pieces) else { return };
        self.tell(Input::Message { from: id, message: message(channel, Key(id.0 as u32)) });
    }

    /// A channel for a new request, and the pieces that will come, if that is known.
    pub(crate) fn opens(&mut self, id: SessionId, pieces: Option<u32>) -> Option<u32> {
        let line = self.lines.get_mut(&id)?;
        line.next_channel += 1;
        line.open.insert(line.next_channel, pieces);
        Some(line.next_channel)
    }

    fn abort(&mut self, pick: Index, which: Index) {
        let Some(id) = self.who(pick) else { return };
        let Some(line) = self.lines.get_mut(&id).filter(|line| line.next_channel > 0) else { return };
        let channel = which.index(line.next_channel as usize) as u32 + 1;
        line.open.remove(&channel);
        line.queued.retain(|queued| *queued != channel);
        self.tell(Input::Message { from: id, message: Message::Abort { channel } });
    }

    fn line_takes(&mut self, pick: Index) {
        let Some(session) = self.who(pick) else { return };
        let Some(line) = self.lines.get_mut(&session).filter(|line| !line.queued.is_empty()) else { return };
        let channel = line.queued.remove(0);
        self.tell(Input::Sent { session, channel });
    }

    fn disconnect(&mut self, session: SessionId) {
        self.lines.remove(&session);
        self.meetings.left(session);
        self.tell(Input::Disconnected { session });
    }

    fn everyone_leaves(&mut self) {
        let all: Vec<SessionId> = self.lines.keys().copied().collect();
        all.into_iter().for_each(|session| self.disconnect(session));
    }

    fn accept(&mut self) -> SessionId {
        let session = SessionId(self.accepted);
        self.accepted += 1;
        self.lines.insert(session, Line::default());
        // A few networks.
        let from = (Ipv4Addr::new(11, session.0 as u8 % 8, 0, 1), 4070).into();
        self.tell(Input::Accepted { session, from });
        session
    }

    fn establish(&mut self, session: SessionId, confirmed: bool) {
        let Some(line) = self.lines.get_mut(&session).filter(|line| !line.established) else { return };
        (line.established, line.confirmed) = (true, confirmed);
        // Some devices log in twice.
        let device = PublicKey([(session.0 - u64::from(session.0 % 6 == 5)) as u8; 32]);
        self.tell(Input::Established { session, device, confirmed });
    }

    fn hello(&mut self, from: SessionId) {
        let port = [0, 5000][from.0 as usize % 2];
        let hello = Hello { link_key: PublicKey([1; 32]), port, agent: "x".into() };
        self.tell(Input::Message { from, message: Message::Hello(Box::new(hello)) });
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Accept => drop(self.accept()),
            Act::Arrive => {
                let session = self.accept();
                self.establish(session, true);
                self.hello(session);
            }
            Act::Establish(pick, confirmed) => {
                if let Some(session) = self.who(pick) {
                    self.establish(session, confirmed);
                }
            }
            Act::Confirm(pick) => {
                let Some(session) = self.who(pick) else { return };
                let Some(line) = self.lines.get_mut(&session).filter(|line| line.established) else { return };
                line.confirmed = true;
                self.tell(Input::Confirmed { session });
            }
            Act::Hello(pick) => {
                if let Some(from) = self.who(pick).filter(|id| self.lines[id].established) {
                    self.hello(from);
                }
            }
            Act::Open(pick, credit) => self.ask(pick, None, |channel, file| {
                let open = Open { wanted: Wanted::File(file), at_ms: 0, credit, urgency: Urgency::Playing };
                Message::Open { channel, open }
            }),
            Act::Read(pick, pieces, leaves, urgency) => {
                self.ask(pick, Some(pieces.count), |channel, file| {
                    let read = Read { file, pieces, urgency, leaves: leaves.then_some(pieces) };
                    Message::Read { channel, read }
                });
            }
            Act::Abort(pick, which) => self.abort(pick, which),
            Act::Sent(pick) => self.line_takes(pick),
            Act::Disconnect(pick) => {
                if let Some(session) = self.who(pick) {
                    self.disconnect(session);
                }
            }
            Act::Answer(pick) if !self.errands.is_empty() => {
                self.answer(pick.index(self.errands.len()), None);
            }
            Act::Refuse(pick) if !self.errands.is_empty() => {
                self.answer(pick.index(self.errands.len()), Some(Refusal::Unavailable));
            }
            Act::Answer(_) | Act::Refuse(_) => {}
            Act::Meet(pick, deed) => {
                let here: Vec<SessionId> = self
                    .lines
                    .iter()
                    .filter(|(_, line)| line.logged_in)
                    .map(|(session, _)| *session)
                    .collect();
                if !here.is_empty() {
                    self.meets(here[pick.index(here.len())], &deed);
                }
            }
            Act::Wait(span) => {
                self.now = self.now + span;
                let Ok(()) = self.access_point.handle_timeout(self.now);
            }
        }
    }

    /// Answers all and lets all lines take all, until nothing moves.
    fn finish(&mut self) {
        for round in 0.. {
            assert!(round < 100_000, "it never ends");
            if !self.errands.is_empty() {
                self.answer(0, None);
                continue;
            }
            let busy = self.lines.iter().find(|(_, line)| !line.queued.is_empty()).map(|(id, _)| *id);
            let Some(session) = busy else { return };
            let channel = self.lines.get_mut(&session).expect("it is there").queued.remove(0);
            self.tell(Input::Sent { session, channel });
        }
    }
}

/// All of these; then all is answered, and everyone leaves.
pub(crate) fn every_request_is_answered(acts: Vec<Act>) {
    let mut owner = Owner::new();
    acts.into_iter().for_each(|act| owner.act(act));
    owner.finish();
    for (id, line) in owner.lines.iter().filter(|(_, line)| line.established) {
        assert!(line.open.is_empty(), "{id:?} still waits: {line:?}");
    }
    assert_eq!(owner.access_point.sessions(), owner.lines.len());
    owner.everyone_leaves();
    assert!(owner.errands.is_empty());
    nothing_is_left(&owner.access_point);
}

/// All of these; then everyone leaves, and all is answered.
pub(crate) fn nothing_is_left_behind(acts: Vec<Act>) {
    let mut owner = Owner::new();
    acts.into_iter().for_each(|act| owner.act(act));
    owner.everyone_leaves();
    owner.finish();
    nothing_is_left(&owner.access_point);
}

/// Nothing of who went is in any part of it: not with the doorkeeper, the broker, the tracker.
fn nothing_is_left(access_point: &AccessPoint<Key, Piece>) {
    assert_eq!(access_point.sessions(), 0);
    let text = format!("{access_point:?}");
    let empty = ["errands", "waiting", "chores", "devices", "clients", "members", "names", "links"];
    let left = empty.iter().find(|part| !text.contains(&format!("{part}: {{}}")));
    assert_eq!(left, None, "{text}");
    assert!(text.contains("probes: 0") && !text.contains("taken: true"), "{text}");
    let mut holders = text.split("clients: ").skip(1);
    assert!(holders.all(|rest| rest.starts_with(['0', '{'])), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn whatever_clients_do_memory_is_bounded_and_every_request_of_who_stays_is_answered(
        acts in vec(act(), 0..250)
    ) {
        every_request_is_answered(acts);
    }

    #[test]
    fn after_everyone_left_late_answers_leave_nothing_behind(acts in vec(act(), 0..250)) {
        nothing_is_left_behind(acts);
    }
}

/// Or the others would say nothing of whom the access point brings together.
#[test]
fn clients_are_brought_together_and_some_of_them_shunned() {
    let mut runner = TestRunner::deterministic();
    let mut reached = [0; 3];
    for _ in 0..100 {
        let mut owner = Owner::new();
        let acts = vec(act(), 250).new_tree(&mut runner).expect("acts").current();
        acts.into_iter().for_each(|act| owner.act(act));
        let Meetings { shunned, .. } = owner.meetings;
        let links = owner.meetings.links();
        let these = [links > 0, links > 6, shunned > 0];
        reached.iter_mut().zip(these).for_each(|(count, this)| *count += u32::from(this));
    }
    println!("links, more of them, somebody shunned: {reached:?} of 100");
    assert!(reached.iter().all(|count| *count > 2), "{reached:?}");
}
