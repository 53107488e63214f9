//! A part of the world that one thread runs: some households, some access points, and what is due for them.

use super::home::Home;
use super::names::mix;
use super::net::{Desk, Net, Outgoing, Parcel, Parcels, What};
use super::site::Site;
use super::wheel::{Entry, WAKE, Wheel};
use super::world::{HOUR, SECOND, Who, World};
use crate::metrics::Tally;
use alloc::collections::BinaryHeap;
use core::cmp::Reverse;

/// How often everybody is looked at.
const LOOKS_EVERY: u64 = HOUR / 6;

/// Everybody of one shard: those whose number leaves this rest, divided by the number of shards.
#[derive(Debug)]
pub(crate) struct Shard {
    number: usize,
    shards: usize,
    homes: Vec<Home>,
    sites: Vec<Site>,
    desk: Desk,
    window: u64,
    until: u64,
    next_look: u64,
}

impl Shard {
    pub(crate) fn new(world: &World, number: usize, shards: usize) -> Self {
        let all = world.clients() + world.scenario.server.sites;
        let own = |who: &Who| *who as usize % shards == number;
        let homes = (0..world.clients()).filter(own).map(|who| Home::new(world, who)).collect();
        let sites = (world.clients()..all).filter(own).map(|_| Site::new(world)).collect();
        let desk = Desk {
            wheel: Wheel::new(world.window()),
            parcels: Parcels::new(),
            outgoing: (0..shards).map(|_| Vec::new()).collect(),
            own: number,
            soon: BinaryHeap::new(),
            tally: Tally::default(),
            events: 0,
        };
        let mut shard = Self {
            number,
            shards,
            homes,
            sites,
            desk,
            window: world.window(),
            until: world.window(),
            next_look: world.counts_from + LOOKS_EVERY,
        };
        shard.begins(world);
        shard
    }

    /// Puts what begins by itself in its place.
    fn begins(&mut self, world: &World) {
        let Scene { flash, dies } = Scene::of(world);
        let mut firsts: Vec<(u64, Who, What)> = Vec::new();
        for (at, home) in self.homes.iter().enumerate() {
            let who = self.who(at);
            firsts.push((home.first(who), who, What::Life));
            let throw = mix(world.scenario.seed ^ mix(u64::from(who) ^ 0xf1a5));
            let (share, within) = (world.scenario.flash.share, world.scenario.flash.within_min);
            if let Some(at) = flash.filter(|_| (throw as u32 as f64) < share * 4_294_967_296.0) {
                let late = within * 60.0 * SECOND as f64 * (throw >> 32) as f64 / 4_294_967_296.0;
                firsts.push((at + late as u64, who, What::Flash));
            }
        }
        for at in 0..self.sites.len() {
            let who = self.who(self.homes.len() + at);
            if let Some((dies, returns)) = dies {
                firsts.push((dies, who, What::Dies));
                firsts.push((returns, who, What::Returns));
            }
        }
        for (at, who, what) in firsts {
            let parcel = self.desk.parcels.put(Parcel { from: who, count: 0, what });
            self.desk.wheel.put(Entry { at, to: who, parcel });
        }
    }

    /// Who is at a place: households first, then access points, each in the order of their numbers.
    fn who(&self, at: usize) -> Who {
        (at * self.shards + self.number) as Who
    }

    /// Takes what came from other shards.
    pub(crate) fn takes(&mut self, news: &mut Outgoing) {
        for (at, to, parcel) in news.drain(..) {
            let parcel = self.desk.parcels.put(parcel);
            self.desk.wheel.put(Entry { at, to, parcel });
        }
    }

    /// What goes to other shards, by shard.
    pub(crate) fn outgoing(&mut self) -> &mut [Outgoing] {
        &mut self.desk.outgoing
    }

    /// Runs a window.
    pub(crate) fn runs(&mut self, world: &World) {
        if self.until > self.next_look {
            self.looks_around(world);
        }
        let mut due = self.desk.wheel.next();
        self.until += self.window;
        if !due.is_empty() {
            let Desk { parcels, .. } = &self.desk;
            due.sort_unstable_by(|one, other| {
                (one.to, one.at)
                    .cmp(&(other.to, other.at))
                    .then_with(|| parcels.order(one.parcel).cmp(&parcels.order(other.parcel)))
            });
            for part in due.chunk_by(|one, other| one.to == other.to) {
                self.turn(world, part);
            }
        }
        self.desk.wheel.give_back(due);
    }

    /// Somebody's turn: all that is due for them within the window.
    fn turn(&mut self, world: &World, due: &[Entry]) {
        let Some(first) = due.first() else { return };
        let (who, until) = (first.to, self.until);
        let place = who as usize / self.shards;
        let Self { homes, sites, desk, .. } = self;
        if who < world.clients() {
            let Some(home) = homes.get_mut(place) else { return };
            let (mut count, mut hash) = (home.count, home.hash);
            let mut net = Net { world, desk, me: who, count: &mut count, hash: &mut hash, now: 0, until };
            if home.wakes_at < until {
                home.wakes_at = u64::MAX;
            }
            run(&mut net, due, home);
            if let Some(at) = home.timer().filter(|at| *at < home.wakes_at) {
                home.wakes_at = at;
                desk.wheel.put(Entry { at, to: who, parcel: WAKE });
            }
            (home.count, home.hash) = (count, hash);
        } else {
            let Some(site) = sites.get_mut(place - homes.len()) else { return };
            let (mut count, mut hash) = (site.count, site.hash);
            let mut net = Net { world, desk, me: who, count: &mut count, hash: &mut hash, now: 0, until };
            run(&mut net, due, site);
            (site.count, site.hash) = (count, hash);
        }
    }

    /// The world ends: everybody is looked at once more, if it is time for that, and counted for an hour that is cut short.
    pub(crate) fn looks_back(&mut self, world: &World) {
        if self.next_look <= world.ends {
            self.looks_around(world);
        }
        let since = world.ends - (self.next_look - LOOKS_EVERY);
        if since > 0 {
            self.looks_at_all(world, world.ends - 1, since);
        }
        let counted = world.ends - world.counts_from;
        if !counted.is_multiple_of(HOUR) {
            self.counts_people(counted / HOUR);
        }
    }

    /// Counts who is there at the end of the hour of this number.
    fn counts_people(&mut self, number: u64) {
        let hour = self.desk.tally.hour(number as usize);
        self.homes.iter().for_each(|home| home.is_counted(hour));
    }

    /// Looks at everybody, every ten minutes that count.
    fn looks_around(&mut self, world: &World) {
        let now = self.next_look;
        self.next_look += LOOKS_EVERY;
        self.looks_at_all(world, now - 1, LOOKS_EVERY);
        let past = now - world.counts_from;
        if past.is_multiple_of(HOUR) {
            self.counts_people(past / HOUR - 1);
        }
    }

    /// Looks at everybody at a time, and counts what goes on all the time since this was done last.
    fn looks_at_all(&mut self, world: &World, now: u64, since: u64) {
        let Self { homes, desk, until, .. } = self;
        for home in homes {
            let (mut count, mut hash) = (home.count, home.hash);
            let mut net = Net { world, desk, me: 0, count: &mut count, hash: &mut hash, now, until: *until };
            home.is_looked_at(&mut net, since);
        }
    }

    /// Until when everything has happened.
    pub(crate) const fn until(&self) -> u64 {
        self.until
    }

    pub(crate) const fn events(&self) -> u64 {
        self.desk.events
    }

    /// What was counted, what each household gave, and the hash of all that happened.
    pub(crate) fn ends(self) -> (Tally, Vec<u64>, u64, u64) {
        let given = self.homes.iter().map(Home::given).collect();
        let homes = self.homes.iter().map(|home| home.hash).enumerate();
        let count = self.homes.len();
        let sites = self.sites.iter().map(|site| site.hash).enumerate().map(|(at, hash)| (at + count, hash));
        let (shards, number) = (self.shards, self.number);
        let hash = homes
            .chain(sites)
            .fold(0u64, |sum, (at, hash)| sum.wrapping_add(mix(hash ^ mix((at * shards + number) as u64))));
        (self.desk.tally, given, hash, self.desk.events)
    }
}

/// Somebody who lives in a shard.
trait Dweller {
    fn timer(&self) -> Option<u64>;
    fn wakes(&mut self, net: &mut Net<'_>);
    fn happens(&mut self, net: &mut Net<'_>, from: Who, what: What);
}

impl Dweller for Home {
    fn timer(&self) -> Option<u64> {
        Self::timer(self)
    }

    fn wakes(&mut self, net: &mut Net<'_>) {
        Self::wakes(self, net);
    }

    fn happens(&mut self, net: &mut Net<'_>, from: Who, what: What) {
        Self::happens(self, net, from, what);
    }
}

impl Dweller for Site {
    fn timer(&self) -> Option<u64> {
        None
    }

    fn wakes(&mut self, _: &mut Net<'_>) {}

    fn happens(&mut self, net: &mut Net<'_>, from: Who, what: What) {
        Self::happens(self, net, from, what);
    }
}

/// All that happens to somebody within a window, in order: by time, sender, and the sender's count.
fn run(net: &mut Net<'_>, due: &[Entry], who: &mut impl Dweller) {
    let mut due = due.iter().filter(|entry| entry.parcel != WAKE).peekable();
    loop {
        let arrives = due.peek().map(|entry| {
            let (from, count) = net.desk.parcels.order(entry.parcel);
            (entry.at, from, count)
        });
        let soon = net.desk.soon.peek().map(|Reverse(soon)| (soon.at, net.me, soon.count));
        let timer = who.timer().filter(|at| *at < net.until);
        let next = arrives.into_iter().chain(soon).min();
        match (next, timer) {
            (Some((at, ..)), Some(timer)) if timer <= at => {
                net.now = net.now.max(timer);
                who.wakes(net);
            }
            (None, Some(timer)) => {
                net.now = net.now.max(timer);
                who.wakes(net);
            }
            (Some(next), _) => {
                net.now = net.now.max(next.0);
                if soon == Some(next) {
                    let Some(Reverse(soon)) = net.desk.soon.pop() else { return };
                    net.notes(net.me, &soon.what);
                    who.happens(net, net.me, soon.what);
                } else if let Some(entry) = due.next() {
                    let parcel = net.desk.parcels.take(entry.parcel);
                    net.notes(parcel.from, &parcel.what);
                    who.happens(net, parcel.from, parcel.what);
                }
            }
            (None, None) => return,
        }
    }
}

/// What happens to the whole world.
struct Scene {
    flash: Option<u64>,
    /// When the access points die, and come back.
    dies: Option<(u64, u64)>,
}

impl Scene {
    fn of(world: &World) -> Self {
        let at = |hours: f64| world.counts_from + (hours * HOUR as f64) as u64;
        let (flash, server) = (&world.scenario.flash, &world.scenario.server);
        Self {
            flash: (flash.at_h >= 0.0).then(|| at(flash.at_h)),
            dies: (server.dies_at_h >= 0.0)
                .then(|| (at(server.dies_at_h), at(server.dies_at_h + server.gone_h))),
        }
    }
}
