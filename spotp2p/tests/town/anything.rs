//! Anything that listeners, lines, disks and the access point may do, in any order.

use super::crooks::Crook;
use super::shelf::SHELF;
use super::town::Town;
use core::time::Duration;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use spotp2p::node::Command;
use spotp2p::swarm::Mode;
use spotproto::UnixTime;
use spotproto::crypto::{RustCrypto, SecretKey};
use spotproto::message::{Holding, Message, Query, Wanted};
use spotproto::ticket::{Pseudonym, Rights, Ticket};

/// Longer than any wait that a node may be in when all is well again.
const CALM: Duration = Duration::from_secs(90);

/// What a good line takes, in bytes a second.
pub(crate) const LINE: f64 = 1.25e6;

/// The tune takes two minutes.
const TUNE: Duration = Duration::from_secs(180);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Turn {
    Honest,
    Garbage,
    Late,
    Silent,
    Queues,
    Forges,
    Shows,
    Alters,
}

#[derive(Clone, Debug)]
pub(crate) enum Act {
    LogsIn(Index),
    Leaves(Index),
    /// The power fails.
    Dies(Index),
    Clicks(Index),
    Seeks(Index, u32),
    Stops(Index),
    Keeps(Index),
    Becomes(Index, Mode),
    Turns(Index, Turn),
    Floods(Index, Index),
    Boasts(Index),
    Cuts(Index, Index),
    Rots(Index, Vec<Index>),
    ServerDies,
    ServerComes,
    Passes(u64),
}

pub(crate) fn act() -> impl Strategy<Value = Act> {
    let who = any::<Index>;
    let turns = [
        Turn::Honest,
        Turn::Garbage,
        Turn::Late,
        Turn::Silent,
        Turn::Queues,
        Turn::Forges,
        Turn::Shows,
        Turn::Alters,
    ];
    let modes = vec![Mode::Full, Mode::Full, Mode::TakeOnly, Mode::Alone];
    prop_oneof![
        3 => who().prop_map(Act::LogsIn),
        1 => who().prop_map(Act::Leaves),
        1 => who().prop_map(Act::Dies),
        8 => who().prop_map(Act::Clicks),
        4 => (who(), 0u32..125_000).prop_map(|(who, at)| Act::Seeks(who, at)),
        2 => who().prop_map(Act::Stops),
        2 => who().prop_map(Act::Keeps),
        1 => (who(), proptest::sample::select(modes)).prop_map(|(who, mode)| Act::Becomes(who, mode)),
        2 => (who(), proptest::sample::select(turns.to_vec())).prop_map(|(who, turn)| Act::Turns(who, turn)),
        1 => (who(), who()).prop_map(|(who, link)| Act::Floods(who, link)),
        1 => who().prop_map(Act::Boasts),
        2 => (who(), who()).prop_map(|(who, link)| Act::Cuts(who, link)),
        1 => (who(), vec(any::<Index>(), 1..40)).prop_map(|(who, parts)| Act::Rots(who, parts)),
        1 => Just(Act::ServerDies),
        1 => Just(Act::ServerComes),
        8 => (0u64..3000).prop_map(Act::Passes),
        4 => (0u64..20_000).prop_map(Act::Passes),
    ]
}

struct Life {
    town: Town,
    /// Who ever meant ill.
    crooks: Vec<usize>,
}

impl Life {
    /// So many listeners, with lines of these speeds, of whom the first have heard the tune.
    fn new(lines: &[f64], heard: usize, server: f64) -> Self {
        let mut town = Town::new(lines.len());
        town.wakes_up();
        town.heard_before(&(0..heard).collect::<Vec<_>>());
        town.server_up = server;
        town.listeners.iter_mut().zip(lines).for_each(|(listener, up)| listener.up = *up);
        Self { town, crooks: Vec::new() }
    }

    fn act(&mut self, act: &Act) {
        let count = self.town.listeners.len();
        let at_home = |town: &Town, who: &Index| {
            let who = who.index(count);
            town.listeners[who].at_home.then_some(who)
        };
        let town = &mut self.town;
        match act {
            Act::LogsIn(who) => {
                town.comes_home(who.index(count));
                town.tell(who.index(count), Command::Connect);
            }
            Act::Passes(millis) => town.run(Duration::from_millis(*millis)),
            Act::ServerDies => town.server_dies(),
            Act::ServerComes => town.up = true,
            Act::Leaves(who) => {
                if let Some(who) = at_home(town, who) {
                    town.tell(who, Command::Leave);
                    town.run(Duration::from_millis(100));
                    town.goes(who);
                }
            }
            Act::Dies(who) => {
                if let Some(who) = at_home(town, who) {
                    town.goes(who);
                }
            }
            Act::Clicks(who) => {
                if let Some(who) = at_home(town, who) {
                    town.clicks(who);
                }
            }
            Act::Seeks(who, at_ms) => {
                if let Some(who) = at_home(town, who) {
                    let command = town.listeners[who].seek(*at_ms);
                    town.tell(who, command);
                }
            }
            Act::Stops(who) => {
                if let Some(who) = at_home(town, who) {
                    let command = town.listeners[who].stop();
                    town.tell(who, command);
                }
            }
            Act::Keeps(who) => {
                if let Some(who) = at_home(town, who) {
                    town.tell(who, Command::Keep { wanted: Wanted::File(SHELF.file()) });
                }
            }
            Act::Becomes(who, mode) => {
                if let Some(who) = at_home(town, who) {
                    town.tell(who, Command::Peers(*mode));
                }
            }
            Act::Cuts(who, link) => {
                if let Some(who) = at_home(town, who) {
                    let links: Vec<_> = town.listeners[who].links.keys().copied().collect();
                    if !links.is_empty() {
                        town.cut(who, *link.get(&links));
                    }
                }
            }
            Act::Rots(who, parts) => {
                let disk = &mut town.listeners[who.index(count)].disk;
                for part in parts {
                    let places: Vec<_> = disk.parts.keys().copied().collect();
                    if !places.is_empty() {
                        let (file, place) = *part.get(&places);
                        disk.rot(file, place);
                    }
                }
            }
            Act::Turns(who, turn) => self.turn(who.index(count), *turn),
            Act::Floods(who, link) => self.flood(who.index(count), link),
            Act::Boasts(who) => self.boast(who.index(count)),
        }
        self.honest_blame_no_honest();
    }

    fn turn(&mut self, who: usize, turn: Turn) {
        if !matches!(turn, Turn::Honest) {
            self.crooks.push(who);
        }
        let link_key = self.town.listeners[who].log_in.link_key;
        let not_after = UnixTime(1_800_003_600);
        let ticket = Ticket { pseudonym: Pseudonym([9; 16]), link_key, rights: Rights::NONE, not_after };
        self.town.listeners[who].crook = match turn {
            Turn::Honest => Crook::Honest,
            Turn::Garbage => Crook::Garbage,
            Turn::Late => Crook::Late(Duration::from_secs(12)),
            Turn::Silent => Crook::Silent,
            Turn::Queues => Crook::Queues,
            Turn::Forges => Crook::Forges((0..20).map(|n| Pseudonym([n; 16])).collect()),
            Turn::Shows => Crook::Shows(ticket.sign::<RustCrypto>(&SecretKey([2; 32]))),
            Turn::Alters => Crook::Alters,
        };
    }

    fn flood(&mut self, who: usize, link: &Index) {
        let links: Vec<_> = self.town.listeners[who].links.keys().copied().collect();
        if links.is_empty() {
            return;
        }
        self.crooks.push(who);
        for id in 0..300 {
            let query = Query { id, file: SHELF.file(), hops: 1 };
            self.town.says(who, *link.get(&links), Message::Query(query));
        }
    }

    /// Says that it holds the tune.
    fn boast(&mut self, who: usize) {
        if self.town.listeners[who].server.is_some() {
            self.crooks.push(who);
            let holding = Holding { joined: vec![SHELF.file()], left: Vec::new() };
            self.town.tells_server(who, Message::Holding(Box::new(holding)));
        }
    }

    fn honest_blame_no_honest(&self) {
        for (who, other) in &self.town.accusations {
            let crook = self.crooks.contains(who) || self.crooks.contains(other);
            assert!(crook, "{who} blames {other}");
        }
    }

    /// All is well again: whoever clicks hears the tune.
    fn ends_well(mut self, who: usize) {
        (self.town.up, self.town.server_up) = (true, LINE);
        self.town.run(CALM);
        self.town.comes_home(who);
        self.town.clicks(who);
        self.town.until_heard(who, TUNE);
        assert!(self.town.listeners[who].has_played(), "{who}: {:?}", self.town.listeners[who].player);
        self.honest_blame_no_honest();
    }
}

/// All of these among listeners with such lines, of whom the first have heard the tune; and in the end one clicks.
pub(crate) fn all_of(lines: &[f64], server: f64, heard: usize, acts: &[Act], who: usize) {
    let mut life = Life::new(lines, heard, server);
    acts.iter().for_each(|act| life.act(act));
    life.ends_well(who % lines.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_happens_whoever_clicks_in_the_end_hears_the_tune(
        lines in vec(proptest::sample::select(vec![15_000.0, 60_000.0, LINE]), 5..=8),
        server in proptest::sample::select(vec![40_000.0, 250_000.0, LINE]),
        heard in 0usize..4,
        acts in vec(act(), 0..60),
        who in 0usize..8,
    ) {
        all_of(&lines, server, heard, &acts, who);
    }
}
