//! Links that open and close, and log-ins.

use super::neighbours::Blamed;
use super::timer::Timer;
use super::{Fault, Mode, Output, PeerId, Pressure, Swarm};
use alloc::vec::Vec;
use core::fmt;
use spotproto::ticket::Pseudonym;
use spotproto::{Dice, Instant, Seed};

/// Who wanted a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// This client, by [`Output::Dial`].
    Ours,
    /// The other side.
    Theirs,
}

/// Why a link is not kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NoRoom {
    /// There are as many neighbours as there may be.
    Full,
    /// That peer is a neighbour already, or the link's number is taken.
    Known,
    /// It is this client itself.
    Myself,
    /// Its last link ended in a [`Fault`].
    Blamed,
    /// This client has no neighbours: it is not logged in, or [`Mode::Alone`].
    Alone,
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "as many neighbours as there may be",
            Self::Known => "a neighbour already",
            Self::Myself => "a link to itself",
            Self::Blamed => "broke the rules before",
            Self::Alone => "takes no part among peers",
        })
    }
}

impl core::error::Error for NoRoom {}

impl<K: Copy + Eq> Swarm<K> {
    /// A log-in: what we are called from now on, and a fresh seed, from the system's entropy.
    ///
    /// Whatever a peer could know us by is left behind: links end, since they show the old link key; queries, candidates,
    /// who could not be reached and who broke the rules are forgotten; names of queries come from the new seed, and old
    /// ones don't tell what it is. The files wanted stay wanted, and are to be searched for again.
    pub fn new_log_in(&mut self, now: Instant, me: Pseudonym, seed: Seed) {
        self.hang_up_all(now, self.neighbours.peers().collect());
        self.me = Some(me);
        self.dice = Dice::new(&seed.part(0));
        self.search.begin_anew(seed);
        self.candidates = super::Candidates::new();
        self.blamed = Blamed::default();
        self.set_timer(Timer::Queries, now, None);
        self.set_timer(Timer::Dial, now, None);
    }

    /// Whether a link that the other side wants would be kept, before anything is known of that side.
    #[must_use]
    pub fn may_accept(&self) -> bool {
        self.may_have_links() && self.neighbours.len() < usize::from(self.config.neighbours.hard)
    }

    /// A link to a peer is open and both tickets are checked. Files that the peer is thought to have are asked for.
    ///
    /// # Errors
    /// The link is not kept: hang up. The swarm has not taken it.
    pub fn opened(
        &mut self,
        now: Instant,
        peer: PeerId,
        pseudonym: Pseudonym,
        direction: Direction,
    ) -> Result<(), NoRoom> {
        if let Err(why) = self.take_link(now, peer, &pseudonym) {
            if direction == Direction::Ours {
                self.dial_failed(now, pseudonym);
            }
            return Err(why);
        }
        let connected = self.candidates.connected(&pseudonym);
        connected.via.into_iter().for_each(|via| self.neighbours.found(now, via));
        connected.files.into_iter().for_each(|file| self.ask(now, peer, file));
        self.prune_soon(now);
        self.dial(now);
        Ok(())
    }

    /// A link is closed.
    pub fn closed(&mut self, now: Instant, peer: PeerId) {
        if self.neighbours.contains(peer) {
            self.forget(now, peer);
            self.dial(now);
        }
    }

    /// A dial that was asked for brought no link.
    pub fn dial_failed(&mut self, now: Instant, pseudonym: Pseudonym) {
        self.candidates.failed(now, &pseudonym, &self.config.neighbours, &mut self.dice);
        self.dial(now);
    }

    /// Changes what this client does among peers.
    pub fn set_mode(&mut self, now: Instant, mode: Mode) {
        self.mode = mode;
        if mode == Mode::Alone {
            self.hang_up_all(now, self.neighbours.peers().collect());
        }
        self.open_or_stop(now);
        self.dial(now);
    }

    /// Open links.
    #[must_use]
    pub const fn neighbours(&self) -> usize {
        self.neighbours.len()
    }

    /// Whether a link to this peer is open.
    #[must_use]
    pub fn is_neighbour(&self, peer: PeerId) -> bool {
        self.neighbours.contains(peer)
    }

    /// The shortest round trip to a neighbour.
    #[must_use]
    pub fn round_trip_to(&self, peer: PeerId) -> Option<core::time::Duration> {
        self.neighbours.round_trip(peer)
    }

    /// Ends the link of a peer that broke the rules, and makes no other to it.
    pub(super) fn fault(&mut self, now: Instant, peer: PeerId, fault: Fault) {
        if let Some(name) = self.neighbours.name(peer) {
            self.stats.faults += 1;
            self.blamed.add(name);
            self.hang_up(now, peer, Output::Fault { peer, fault });
            self.dial(now);
        }
    }

    /// Whether new links are wanted.
    pub(super) fn may_dial(&self) -> bool {
        let links = self.neighbours.len() + self.candidates.dialling();
        self.may_have_links() && links < usize::from(self.config.neighbours.soft)
    }

    /// Sees to it that there is pruning while there are too many links.
    pub(super) fn prune_soon(&mut self, now: Instant) {
        if self.neighbours.len() > usize::from(self.config.neighbours.soft) {
            self.timers.set_earlier(Timer::Prune, now + self.config.neighbours.prune_every);
        }
    }

    /// Prunes if there are too many links.
    pub(super) fn prune_if_crowded(&mut self, now: Instant) {
        if self.neighbours.len() > usize::from(self.config.neighbours.soft) {
            self.prune(now);
            self.prune_soon(now);
        }
    }

    /// Drops the least useful neighbours.
    fn prune(&mut self, now: Instant) {
        let config = self.config.neighbours;
        let (keep, interest) = (usize::from(config.prune_to), &self.interest);
        let useless = self.neighbours.least_useful(now, keep, config.young, |peer| interest.plays_from(peer));
        self.stats.pruned += useless.len() as u32;
        self.hang_up_all(now, useless);
    }

    /// Makes room for whom a file lacks. With as many links as are dialled for, somebody whom nobody dials would else reach
    /// nobody new, for as long as all of them stay.
    pub(super) fn prune_for_candidates(&mut self, now: Instant) {
        let crowded = self.neighbours.len() >= usize::from(self.config.neighbours.soft);
        if crowded && self.may_have_links() && self.wants_to_dial(now) {
            self.prune(now);
        }
    }

    /// Serves, or not, as mode and pressure say. Uploads that stopped come back when nothing is short any more.
    pub(super) fn open_or_stop(&mut self, now: Instant) {
        match self.pressure {
            Pressure::VeryLow => self.starved = true,
            Pressure::Fine => self.starved = false,
            Pressure::Low => {}
        }
        match self.mode {
            Mode::TakeOnly | Mode::Alone => self.uploads.shut(&mut self.out),
            Mode::Full if self.starved => self.uploads.stop(now, &self.config.uploads, &mut self.out),
            Mode::Full => self.uploads.open(now, &self.config.uploads, &mut self.out),
        }
        self.arm_uploads(now);
    }

    fn may_have_links(&self) -> bool {
        self.mode != Mode::Alone && self.me.is_some()
    }

    fn take_link(&mut self, now: Instant, peer: PeerId, pseudonym: &Pseudonym) -> Result<(), NoRoom> {
        if !self.may_have_links() {
            return Err(NoRoom::Alone);
        }
        if self.me.as_ref() == Some(pseudonym) {
            return Err(NoRoom::Myself);
        }
        if self.blamed.has(pseudonym) {
            return Err(NoRoom::Blamed);
        }
        if self.neighbours.contains(peer) || self.neighbours.named(pseudonym).is_some() {
            return Err(NoRoom::Known);
        }
        if !self.may_accept() {
            return Err(NoRoom::Full);
        }
        self.neighbours.insert(now, peer, pseudonym).map(|_| ()).ok_or(NoRoom::Full)
    }

    /// Forgets a neighbour and all that hung on it. Only what concerns others goes out.
    fn forget(&mut self, now: Instant, peer: PeerId) {
        if self.take_out(now, peer) {
            self.settle(now);
        }
    }

    /// Ends a link, before others hear what that means for them.
    fn hang_up(&mut self, now: Instant, peer: PeerId, output: Output<K>) {
        self.out.push(output);
        self.forget(now, peer);
    }

    /// The same of several: nobody moves up before all of them are gone, or it might be one that goes too.
    fn hang_up_all(&mut self, now: Instant, peers: Vec<PeerId>) {
        let mut any_slot = false;
        for peer in peers {
            self.out.push(Output::HangUp(peer));
            any_slot |= self.take_out(now, peer);
        }
        if any_slot {
            self.settle(now);
        }
    }

    /// Forgets a neighbour. Whether it wanted something: then slots may be given away anew.
    fn take_out(&mut self, now: Instant, peer: PeerId) -> bool {
        let Some(seat) = self.neighbours.remove(peer) else { return false };
        self.search.forget(seat);
        self.candidates.forget_via(peer);
        self.interest.forget(peer, &mut self.out);
        self.arm_interest(now);
        self.uploads.forget(peer)
    }
}
