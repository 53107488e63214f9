//! What an access point's owner sees of clients that hold files, are brought together, and report each other.

use super::access_point::{Act, Owner};
use super::world::{Key, Piece};
use alloc::collections::{BTreeMap, BTreeSet};
use core::time::Duration;
use proptest::prelude::*;
use proptest::sample::Index;
use spotp2p::access_point::{Effect, Input};
use spotp2p::{RequestId, SessionId};
use spotproto::message::{Connect, Dial, Holding, Message, Misdeed};
use spotproto::preamble::LinkId;
use spotproto::ticket::Pseudonym;

/// Files that any client may hold; what the sessions open are others.
pub(crate) const SHARED: u32 = 1 << 20;

/// What a client does for others, and of others.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Holds(u32),
    LetsGo(u32),
    Finds(u32, u8),
    /// Has links made to some of those whose names it may know, wherever from.
    Connects(Index, u8, u32),
    /// Says what came of one of the links that it was told of,
    Dialled(Index, bool),
    Reports(Index, u8),
    Renews(u16),
}

/// Who is who, and what was said of it.
#[derive(Debug, Default)]
pub(crate) struct Meetings {
    /// Those who are logged in.
    present: BTreeMap<Pseudonym, SessionId>,
    /// All who ever were.
    names: Vec<Pseudonym>,
    /// What each said that it holds, and did not take back.
    claims: BTreeSet<(SessionId, Key)>,
    /// Every link that somebody was told to dial: who, and whom.
    told: Vec<(SessionId, LinkId, Pseudonym)>,
    /// What came of them was said.
    dialled: BTreeSet<(SessionId, LinkId)>,
    /// How many devices were shunned.
    pub(crate) shunned: u32,
    /// Files that somebody asked for, by request.
    finds: BTreeMap<(SessionId, u32), Key>,
}

pub(crate) fn deed() -> impl Strategy<Value = Deed> {
    let file = || 0u32..3;
    let pick = any::<Index>;
    prop_oneof![
        6 => file().prop_map(Deed::Holds),
        1 => file().prop_map(Deed::LetsGo),
        3 => (file(), any::<u8>()).prop_map(|(file, most)| Deed::Finds(file, most)),
        6 => (pick(), 0u8..12, file()).prop_map(|(first, count, file)| Deed::Connects(first, count, file)),
        3 => (pick(), any::<bool>()).prop_map(|(link, stands)| Deed::Dialled(link, stands)),
        4 => (pick(), prop_oneof![2 => 1u8..5, 1 => any::<u8>()])
            .prop_map(|(link, what)| Deed::Reports(link, what)),
        1 => (0u16..3).prop_map(Deed::Renews),
    ]
}

/// Seconds mostly, and some times as long as a ticket lasts.
pub(crate) fn wait() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => (0u64..5_000).prop_map(|ms| Act::Wait(Duration::from_millis(ms))),
        1 => (0u64..5_000).prop_map(|s| Act::Wait(Duration::from_secs(s))),
    ]
}

impl Meetings {
    pub(crate) fn came(&mut self, name: Pseudonym, session: SessionId) {
        assert!(
            self.present.insert(name, session).is_none() && !self.names.contains(&name),
            "not its own name"
        );
        self.names.push(name);
    }

    pub(crate) fn left(&mut self, session: SessionId) {
        self.present.retain(|_, of| *of != session);
        self.claims.retain(|(of, _)| *of != session);
        self.finds.retain(|(of, _), _| *of != session);
    }

    /// Whom the answer to a request names: others that are here and said that they hold the file.
    pub(crate) fn named(&self, to: SessionId, channel: u32, peers: &[Pseudonym]) {
        let file = self.finds.get(&(to, channel)).expect("nobody asked for that");
        assert!(peers.len() <= 10 && BTreeSet::from_iter(peers).len() == peers.len(), "{peers:?}");
        for peer in peers {
            let session = self.present.get(peer).expect("somebody that is gone is named");
            assert!(*session != to && self.claims.contains(&(*session, *file)), "{session:?} for {file:?}");
        }
    }

    /// A client is told to dial another, or to expect the access point at its port.
    pub(crate) fn dials(&mut self, to: SessionId, dial: &Dial) {
        let is_new = !self.told.iter().any(|(of, link, _)| (*of, *link) == (to, dial.link));
        assert!(is_new, "a link under another's name");
        if dial.pseudonym != Pseudonym([0; 16]) {
            assert!(self.present.get(&dial.pseudonym).is_some_and(|other| *other != to), "{dial:?}");
            self.told.push((to, dial.link, dial.pseudonym));
        }
    }

    /// Links that somebody was told to dial.
    pub(crate) fn links(&self) -> usize {
        self.told.len()
    }

    /// Whether this may be news of a link.
    pub(crate) fn is_dialled(&mut self, session: SessionId) {
        let of = self
            .told
            .iter()
            .filter(|(of, link, _)| *of == session && self.dialled.contains(&(session, *link)));
        assert!(of.count() > 0, "{session:?} was told of no such link, or said nothing");
    }
}

impl Owner {
    pub(crate) fn meets(&mut self, from: SessionId, deed: &Deed) {
        match *deed {
            Deed::Holds(file) => {
                let file = Key(SHARED + file);
                self.meetings.claims.insert((from, file));
                let holding = Holding { joined: vec![file], left: Vec::new() };
                self.tell(Input::Message { from, message: Message::Holding(Box::new(holding)) });
            }
            Deed::LetsGo(file) => {
                let file = Key(SHARED + file);
                self.meetings.claims.remove(&(from, file));
                let holding = Holding { joined: Vec::new(), left: vec![file] };
                self.tell(Input::Message { from, message: Message::Holding(Box::new(holding)) });
            }
            Deed::Finds(file, most) => self.asks_of_peers(from, Key(SHARED + file), |channel, file| {
                Message::FindPeers { channel, file, most }
            }),
            Deed::Connects(first, count, file) => {
                let all = &self.meetings.names;
                let from_first = all.iter().cycle().skip(first.index(all.len().max(1)));
                let peers: Vec<Pseudonym> =
                    from_first.take(usize::from(count).min(all.len())).copied().collect();
                self.asks_of_peers(from, Key(SHARED + file), |channel, file| Message::Connect {
                    channel,
                    connect: Box::new(Connect { file, peers }),
                });
            }
            Deed::Dialled(link, stands) => {
                let Some(link) = self.told_of(from, link, false) else { return };
                self.meetings.dialled.insert((from, link));
                self.tell(Input::Message { from, message: Message::Dialled { link, stands } });
            }
            Deed::Reports(link, what) => {
                let Some(link) = self.told_of(from, link, what > 200) else { return };
                let what = Misdeed::from_number(what);
                self.tell(Input::Message { from, message: Message::Report { link, what } });
            }
            Deed::Renews(port) => self.tell(Input::Message { from, message: Message::Renew { port } }),
        }
    }

    /// How an effect that serves no request is answered.
    pub(crate) fn chore(effect: &Effect<Key>) -> Option<RequestId> {
        match effect {
            Effect::Index { request, .. } | Effect::Probe { request, .. } => Some(*request),
            _ => None,
        }
    }

    /// A link that this client was told of; if `stray`, that anybody was.
    fn told_of(&self, from: SessionId, pick: Index, stray: bool) -> Option<LinkId> {
        let told = &self.meetings.told;
        let own: Vec<LinkId> =
            told.iter().filter(|(of, ..)| stray || *of == from).map(|(_, link, _)| *link).collect();
        (!own.is_empty()).then(|| own[pick.index(own.len())])
    }

    fn asks_of_peers(
        &mut self,
        from: SessionId,
        file: Key,
        message: impl FnOnce(u32, Key) -> Message<Key, Piece>,
    ) {
        let Some(channel) = self.opens(from, Some(0)) else { return };
        self.meetings.finds.insert((from, channel), file);
        self.tell(Input::Message { from, message: message(channel, file) });
    }
}
