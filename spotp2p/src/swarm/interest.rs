//! What we want of neighbours, and what each of them said to it.
//!
//! A want goes only to those that are thought to have the file, never to all; nothing is announced of what we have got
//! (talk, "Brief comparison to Bittorrent"). A neighbour that serves is a source for whoever plans the requests. What a
//! promise is worth shows with the pieces: who is silent for too long is no source any more.

use super::config::InterestConfig;
use super::output::Output;
use super::words::{PeerId, PeerMessage, SlotState, Want};
use alloc::vec::Vec;
use spotproto::message::Urgency;
use spotproto::{Instant, Outbox};

/// Wants, and to whom they were told. Holds at most `files` × (`asked` + 1) entries of 48 bytes (with 32-byte names 80).
#[derive(Debug)]
pub(super) struct Interest<K> {
    files: Vec<(K, Urgency)>,
    asks: Vec<Ask<K>>,
}

/// One neighbour, asked for one file.
#[derive(Debug)]
struct Ask<K> {
    peer: PeerId,
    file: K,
    state: State,
    /// Pieces asked of it and not here yet.
    outstanding: u32,
    /// When patience with it ends.
    deadline: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Nothing heard yet.
    Asked,
    Queued,
    Served,
    /// It refused, or disappointed: not asked again until the deadline.
    Resting,
}

/// What a slot told by a neighbour meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Heard {
    /// It is the first word that it has the file.
    HasIt,
    /// It is news.
    Noted,
    /// It was not asked for.
    Unasked,
}

impl<K: Copy + Eq> Interest<K> {
    pub(super) const fn new() -> Self {
        Self { files: Vec::new(), asks: Vec::new() }
    }

    /// Wants a file, or changes how soon, and tells those asked already. `false` if there are too many files.
    pub(super) fn want(
        &mut self,
        file: K,
        urgency: Urgency,
        config: &InterestConfig,
        out: &mut Outbox<Output<K>>,
    ) -> bool {
        let full = self.files.len() >= usize::from(config.files);
        match self.files.iter_mut().find(|wanted| wanted.0 == file) {
            Some(wanted) if wanted.1 == urgency => return true,
            Some(wanted) => wanted.1 = urgency,
            None if full => return false,
            None => self.files.push((file, urgency)),
        }
        for ask in self.asks.iter().filter(|ask| ask.file == file && ask.is_told()) {
            tell(out, ask.peer, file, Some(urgency));
        }
        true
    }

    /// Wants a file no more.
    pub(super) fn unwant(&mut self, file: K, out: &mut Outbox<Output<K>>) {
        self.files.retain(|wanted| wanted.0 != file);
        for ask in self.asks.iter().filter(|ask| ask.file == file && ask.is_told()) {
            tell(out, ask.peer, file, None);
            ask.lose(out);
        }
        self.asks.retain(|ask| ask.file != file);
        self.give_back();
    }

    /// Whether nothing is wanted.
    pub(super) const fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    pub(super) fn urgency(&self, file: &K) -> Option<Urgency> {
        self.files.iter().find(|wanted| wanted.0 == *file).map(|wanted| wanted.1)
    }

    /// The files wanted, in the order in which they came.
    pub(super) fn files(&self) -> impl Iterator<Item = (K, Urgency)> {
        self.files.iter().copied()
    }

    /// How many neighbours serve the file, or may be about to. One that lets us wait is nobody to count on.
    pub(super) fn hopeful(&self, file: &K) -> usize {
        let hopeful = |state| matches!(state, State::Asked | State::Served);
        self.asks.iter().filter(|ask| ask.file == *file && hopeful(ask.state)).count()
    }

    /// Asks a neighbour that is thought to have the file, unless it was asked of late.
    pub(super) fn ask(
        &mut self,
        now: Instant,
        peer: PeerId,
        file: K,
        config: &InterestConfig,
        out: &mut Outbox<Output<K>>,
    ) {
        let Some(urgency) = self.urgency(&file) else { return };
        let known = self.asks.iter().any(|ask| ask.peer == peer && ask.file == file);
        let of_file = self.asks.iter().filter(|ask| ask.file == file).count();
        if known || of_file >= usize::from(config.asked) {
            return;
        }
        let deadline = Some(now + config.answer_time);
        self.asks.push(Ask { peer, file, state: State::Asked, outstanding: 0, deadline });
        tell(out, peer, file, Some(urgency));
    }

    /// A neighbour told what became of a want.
    pub(super) fn heard(
        &mut self,
        now: Instant,
        peer: PeerId,
        file: K,
        state: SlotState,
        config: &InterestConfig,
        out: &mut Outbox<Output<K>>,
    ) -> Heard {
        let told = self.find(peer, &file).filter(|ask| ask.is_told());
        let Some(ask) = told else { return Heard::Unasked };
        let before = ask.state;
        match state {
            SlotState::Served => {
                if before == State::Served {
                    return Heard::Noted;
                }
                (ask.state, ask.deadline) = (State::Served, None);
                out.push(Output::SourceUp { peer, file });
            }
            SlotState::Queued { .. } => {
                ask.lose(out);
                (ask.state, ask.outstanding) = (State::Queued, 0);
                ask.deadline = Some(now + config.queue_time);
            }
            SlotState::Refused(_) => {
                ask.lose(out);
                ask.rest(now, config);
                return Heard::Noted;
            }
        }
        if before == State::Asked { Heard::HasIt } else { Heard::Noted }
    }

    /// Pieces were asked of a source.
    pub(super) fn requested(
        &mut self,
        now: Instant,
        peer: PeerId,
        file: &K,
        n: u32,
        config: &InterestConfig,
    ) {
        if let Some(ask) = self.find(peer, file).filter(|ask| ask.state == State::Served) {
            if ask.outstanding == 0 {
                ask.deadline = Some(now + config.piece_time);
            }
            ask.outstanding = ask.outstanding.saturating_add(n);
        }
    }

    /// A piece came from a source.
    pub(super) fn arrived(&mut self, now: Instant, peer: PeerId, file: &K, config: &InterestConfig) {
        if let Some(ask) = self.find(peer, file).filter(|ask| ask.state == State::Served) {
            ask.outstanding = ask.outstanding.saturating_sub(1);
            ask.deadline = (ask.outstanding > 0).then(|| now + config.piece_time);
        }
    }

    /// Pieces that were asked of a source will not come: cancelled, or refused.
    pub(super) fn withdrawn(&mut self, peer: PeerId, file: &K, n: u32) {
        if let Some(ask) = self.find(peer, file).filter(|ask| ask.state == State::Served) {
            ask.outstanding = ask.outstanding.saturating_sub(n);
            if ask.outstanding == 0 {
                ask.deadline = None;
            }
        }
    }

    /// A neighbour that said that it has the file has it not; it is told that nothing is wanted of it any more.
    pub(super) fn disappointed(
        &mut self,
        now: Instant,
        peer: PeerId,
        file: K,
        config: &InterestConfig,
        out: &mut Outbox<Output<K>>,
    ) -> bool {
        let Some(ask) = self.find(peer, &file).filter(|ask| ask.is_told()) else { return false };
        ask.give_up(now, config, out);
        true
    }

    /// Gives up whose time is over; how many did not keep a promise.
    pub(super) fn expire(
        &mut self,
        now: Instant,
        config: &InterestConfig,
        out: &mut Outbox<Output<K>>,
    ) -> u32 {
        let due = |ask: &Ask<K>| ask.deadline.is_some_and(|deadline| deadline <= now);
        self.asks.retain(|ask| ask.state != State::Resting || !due(ask));
        let mut broken = 0;
        for ask in self.asks.iter_mut().filter(|ask| due(ask)) {
            broken += u32::from(ask.state == State::Served);
            ask.give_up(now, config, out);
        }
        self.give_back();
        broken
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.asks.iter().filter_map(|ask| ask.deadline).min()
    }

    /// A link closed.
    pub(super) fn forget(&mut self, peer: PeerId, out: &mut Outbox<Output<K>>) {
        for ask in self.asks.iter().filter(|ask| ask.peer == peer) {
            ask.lose(out);
        }
        self.asks.retain(|ask| ask.peer != peer);
        self.give_back();
    }

    /// Whether the link carries, or will carry, what plays now.
    pub(super) fn plays_from(&self, peer: PeerId) -> bool {
        let mut asks = self.asks.iter().filter(|ask| ask.peer == peer && ask.outstanding > 0);
        asks.any(|ask| self.urgency(&ask.file) == Some(Urgency::Playing))
    }

    fn find(&mut self, peer: PeerId, file: &K) -> Option<&mut Ask<K>> {
        self.asks.iter_mut().find(|ask| ask.peer == peer && ask.file == *file)
    }

    fn give_back(&mut self) {
        if self.asks.is_empty() {
            self.asks = Vec::new();
        }
    }
}

impl<K: Copy> Ask<K> {
    /// Whether the neighbour keeps our want in mind.
    fn is_told(&self) -> bool {
        self.state != State::Resting
    }

    /// It is a source no more, if it was one.
    fn lose(&self, out: &mut Outbox<Output<K>>) {
        if self.state == State::Served {
            out.push(Output::SourceDown { peer: self.peer, file: self.file });
        }
    }

    fn rest(&mut self, now: Instant, config: &InterestConfig) {
        (self.state, self.outstanding) = (State::Resting, 0);
        self.deadline = Some(now + config.rest);
    }

    fn give_up(&mut self, now: Instant, config: &InterestConfig, out: &mut Outbox<Output<K>>) {
        self.lose(out);
        tell(out, self.peer, self.file, None);
        self.rest(now, config);
    }
}

fn tell<K>(out: &mut Outbox<Output<K>>, to: PeerId, file: K, urgency: Option<Urgency>) {
    out.push(Output::Send { to, message: PeerMessage::Want(Want { file, urgency }) });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swarm::words::SlotRefusal;
    use core::time::Duration;

    const PEER: PeerId = PeerId(3);
    const QUEUED: SlotState = SlotState::Queued { place: 2 };

    fn at(seconds: u64) -> Instant {
        Instant::START + Duration::from_secs(seconds)
    }

    struct World {
        interest: Interest<u32>,
        out: Outbox<Output<u32>>,
        config: InterestConfig,
    }

    impl World {
        /// File 7 plays and one neighbour is asked for it.
        fn new() -> Self {
            let config = InterestConfig { rest: Duration::from_secs(60), ..InterestConfig::default() };
            let mut world = Self { interest: Interest::new(), out: Outbox::new(64), config };
            assert!(world.interest.want(7, Urgency::Playing, &world.config, &mut world.out));
            world.ask(0);
            assert_eq!(world.outputs(), [told(7, Some(Urgency::Playing))]);
            world
        }

        fn ask(&mut self, seconds: u64) {
            self.interest.ask(at(seconds), PEER, 7, &self.config, &mut self.out);
        }

        fn hear(&mut self, seconds: u64, state: SlotState) -> Heard {
            self.interest.heard(at(seconds), PEER, 7, state, &self.config, &mut self.out)
        }

        fn expire(&mut self, seconds: u64) -> u32 {
            self.interest.expire(at(seconds), &self.config, &mut self.out)
        }

        fn outputs(&mut self) -> Vec<Output<u32>> {
            core::iter::from_fn(|| self.out.pop()).collect()
        }
    }

    fn told(file: u32, urgency: Option<Urgency>) -> Output<u32> {
        Output::Send { to: PEER, message: PeerMessage::Want(Want { file, urgency }) }
    }

    const UP: Output<u32> = Output::SourceUp { peer: PEER, file: 7 };
    const DOWN: Output<u32> = Output::SourceDown { peer: PEER, file: 7 };

    #[test]
    fn a_served_slot_makes_a_source_and_a_revoked_one_ends_it() {
        let mut world = World::new();
        assert_eq!(world.hear(1, QUEUED), Heard::HasIt);
        assert_eq!(world.hear(2, SlotState::Served), Heard::Noted);
        assert_eq!(world.hear(2, SlotState::Served), Heard::Noted);
        assert_eq!(world.hear(3, QUEUED), Heard::Noted);
        assert_eq!(world.outputs(), [UP, DOWN]);
    }

    #[test]
    fn who_refuses_is_no_source_and_is_not_asked_again_for_a_while() {
        let mut world = World::new();
        world.hear(1, SlotState::Served);
        world.hear(2, SlotState::Refused(SlotRefusal::NotHere));
        world.ask(3);
        assert_eq!(world.outputs(), [UP, DOWN]);
        assert_eq!(world.hear(4, SlotState::Served), Heard::Unasked);
        assert_eq!(world.interest.deadline(), Some(at(62)));
        assert_eq!(world.expire(62), 0);
        world.ask(62);
        assert_eq!(world.outputs(), [told(7, Some(Urgency::Playing))]);
    }

    #[test]
    fn no_answer_no_news_and_no_piece_each_end_patience() {
        for (state, seconds) in [(None, 5), (Some(QUEUED), 60), (Some(SlotState::Served), 10)] {
            let mut world = World::new();
            if let Some(state) = state {
                world.hear(0, state);
            }
            world.interest.requested(at(0), PEER, &7, 3, &world.config);
            assert_eq!(world.interest.deadline(), Some(at(seconds)));
            let served = state == Some(SlotState::Served);
            assert_eq!(world.expire(seconds), u32::from(served));
            let expected = if served { [UP, DOWN, told(7, None)].to_vec() } else { [told(7, None)].to_vec() };
            assert_eq!(world.outputs(), expected);
        }
    }

    #[test]
    fn a_source_of_which_nothing_is_asked_may_be_silent_for_ever() {
        let mut world = World::new();
        world.hear(0, SlotState::Served);
        assert_eq!(world.interest.deadline(), None);
        world.interest.requested(at(1), PEER, &7, 2, &world.config);
        assert!(world.interest.plays_from(PEER));
        world.interest.arrived(at(5), PEER, &7, &world.config);
        assert_eq!(world.interest.deadline(), Some(at(15)));
        world.interest.withdrawn(PEER, &7, 1);
        assert_eq!(world.interest.deadline(), None);
        assert!(!world.interest.plays_from(PEER));
    }

    #[test]
    fn a_change_of_urgency_is_told_and_a_withdrawn_want_too() {
        let mut world = World::new();
        world.interest.want(7, Urgency::Next, &world.config, &mut world.out);
        world.interest.want(7, Urgency::Next, &world.config, &mut world.out);
        world.interest.unwant(7, &mut world.out);
        assert_eq!(world.outputs(), [told(7, Some(Urgency::Next)), told(7, None)]);
        assert_eq!(world.hear(1, SlotState::Served), Heard::Unasked);
    }

    #[test]
    fn files_and_neighbours_asked_are_bounded() {
        let mut world = World::new();
        let wanted = (0..100)
            .filter(|file| world.interest.want(*file, Urgency::Offline, &world.config, &mut world.out));
        assert_eq!(wanted.count(), 8);
        for peer in 0..100 {
            world.interest.ask(at(0), PeerId(peer), 7, &world.config, &mut world.out);
        }
        assert_eq!((world.interest.asks.len(), world.interest.hopeful(&7)), (20, 20));
    }

    #[test]
    fn a_link_that_closes_takes_its_sources_along() {
        let mut world = World::new();
        world.hear(0, SlotState::Served);
        world.interest.forget(PEER, &mut world.out);
        assert_eq!(world.outputs(), [UP, DOWN]);
        assert_eq!((world.interest.deadline(), world.interest.asks.capacity()), (None, 0));
    }
}
