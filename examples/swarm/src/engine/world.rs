//! What does not change while a run goes on: who lives where, behind which line, and what is to be heard.

use super::catalogue::{Catalogue, chance, even, normal};
use super::names::mix;
use crate::scenario::{Scenario, Sessions};
use alloc::sync::Arc;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use spotp2p::playout::Ahead;
use spotp2p::{planner, swarm};
use spotproto::{Dice, Seed};

/// Somebody: a client, or behind them an access point.
pub(crate) type Who = u32;

/// Microseconds in a second, and in an hour.
pub(crate) const SECOND: u64 = 1_000_000;
pub(crate) const HOUR: u64 = 3600 * SECOND;

/// What is behind a front door.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct House {
    x: f32,
    y: f32,
    continent: u8,
    /// Whether it can be dialled.
    pub(crate) open: bool,
    pub(crate) mobile: bool,
    pub(crate) ill: Ill,
    /// Bytes a second.
    pub(crate) down: f32,
    pub(crate) up: f32,
}

/// What somebody who means ill does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ill {
    Not,
    Forges,
    Stalls,
    Boasts,
}

/// What all share and nobody changes.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) catalogue: Catalogue,
    pub(crate) houses: Vec<House>,
    pub(crate) swarm: Arc<swarm::Config>,
    pub(crate) planner: Arc<planner::Config>,
    pub(crate) agent: Arc<str>,
    /// How often people sit down to listen, and pick what they hear next.
    pub(crate) sessions: Sessions,
    /// When counting begins, and when all ends.
    pub(crate) counts_from: u64,
    pub(crate) ends: u64,
}

impl World {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let clients = scenario.population.clients;
        let micros = |hours: f64| (hours * HOUR as f64) as u64;
        let counts_from = micros(scenario.time.warm_up_h);
        Self {
            catalogue: Catalogue::new(&scenario.tracks, scenario.seed),
            houses: (0..clients).map(|who| house(scenario, who)).collect(),
            swarm: Arc::new(swarm_config(scenario)),
            planner: Arc::new(planner_config(scenario)),
            agent: "swarm".into(),
            sessions: Sessions::new(&scenario.listening, &scenario.tracks),
            counts_from,
            ends: counts_from + micros(scenario.time.hours),
            scenario: scenario.clone(),
        }
    }

    pub(crate) const fn clients(&self) -> u32 {
        self.houses.len() as u32
    }

    /// The least time between two, and so the length of a window.
    pub(crate) fn window(&self) -> u64 {
        (self.scenario.distances.least_ms * 1000.0) as u64
    }

    /// The access point of a client: on its own continent if there is one.
    pub(crate) fn site_of(&self, who: Who) -> Who {
        let house = &self.houses[who as usize];
        let (sites, continents) = (self.scenario.server.sites, self.scenario.distances.continents);
        let continent = u32::from(house.continent);
        // Those of a continent are every so many-th.
        let (first, every) =
            if sites >= continents { (continent, continents) } else { (continent % sites, sites) };
        let own = (sites - first).div_ceil(every);
        let number = first + every * (mix(u64::from(who) ^ 0x517e) % u64::from(own)) as u32;
        self.clients() + number
    }

    /// From one client to another, one way, in microseconds.
    pub(crate) fn away(&self, one: Who, other: Who) -> u32 {
        let (a, b) = (&self.houses[one as usize], &self.houses[other as usize]);
        let oceans = i32::from(a.continent).abs_diff(i32::from(b.continent));
        self.micros(libm::hypotf(a.x - b.x, a.y - b.y), oceans)
    }

    /// From a client to an access point, which stands in the middle of a continent.
    pub(crate) fn away_from_site(&self, who: Who, site: Who) -> u32 {
        let house = &self.houses[who as usize];
        let continent = (site - self.clients()) % self.scenario.distances.continents;
        let oceans = u32::from(house.continent).abs_diff(continent);
        self.micros(libm::hypotf(house.x - 0.5, house.y - 0.5), oceans)
    }

    fn micros(&self, way: f32, oceans: u32) -> u32 {
        let distances = &self.scenario.distances;
        let millis = distances.least_ms
            + distances.across_ms * f64::from(way)
            + distances.ocean_ms * f64::from(oceans);
        (millis * 1000.0) as u32
    }

    /// A generator of one's own.
    pub(crate) fn dice(&self, who: Who) -> Dice {
        Dice::new(&self.seed(who, 0))
    }

    pub(crate) fn seed(&self, who: Who, part: u64) -> Seed {
        seed(self.scenario.seed, who, part)
    }
}

fn seed(of: u64, who: Who, part: u64) -> Seed {
    let mut bytes = [0; 32];
    let mut bits = mix(of ^ mix(u64::from(who) << 20 ^ part));
    for place in bytes.chunks_mut(8) {
        bits = mix(bits.wrapping_add(0x9e37_79b9_7f4a_7c15));
        place.copy_from_slice(&bits.to_le_bytes());
    }
    Seed(bytes)
}

/// Every home has a network of 256 addresses of its own, so that a /24 is one household.
const FIRST_NETWORK: u32 = 20 << 16;

/// Phones share the operator's networks: up to 256 have the same /24.
const OPERATOR: u32 = 120 << 24;

/// The port on which who can be dialled is reached. Connections to the access point come from it too, so that there is
/// nothing to be tried out.
pub(crate) const PORT: u16 = 4070;

pub(crate) fn address(world: &World, who: Who, open: bool) -> SocketAddr {
    let port = if open { PORT } else { 50_000 };
    let mobile = world.houses.get(who as usize).is_some_and(|house| house.mobile);
    let ip = if mobile { OPERATOR | who } else { (FIRST_NETWORK + who) << 8 | 1 };
    (Ipv4Addr::from(ip), port).into()
}

/// Who lives there.
pub(crate) fn at(address: SocketAddr) -> Option<Who> {
    match address {
        SocketAddr::V4(v4) => match u32::from(*v4.ip()) {
            ip if ip >= OPERATOR => Some(ip - OPERATOR),
            ip => (ip >> 8).checked_sub(FIRST_NETWORK),
        },
        SocketAddr::V6(_) => None,
    }
}

fn house(scenario: &Scenario, who: Who) -> House {
    let Scenario { lines, population, reach, crooks, distances, .. } = scenario;
    let mut dice = Dice::new(&seed(scenario.seed, who, 1));
    let mobile = chance(&mut dice, population.mobile);
    let symmetric = chance(&mut dice, lines.symmetric);
    let spread = libm::exp(lines.down_sigma * normal(&mut dice));
    let (down, up) = if mobile {
        (lines.mobile_kbit_s * spread, lines.mobile_kbit_s * spread / 4.0)
    } else if symmetric {
        (lines.symmetric_kbit_s, lines.symmetric_kbit_s)
    } else {
        let down = lines.down_kbit_s * spread;
        (down, (down * lines.up_part).clamp(lines.up_least_kbit_s, lines.up_most_kbit_s))
    };
    let ill = if chance(&mut dice, crooks.share) {
        match even(&mut dice) {
            u if u < crooks.forge => Ill::Forges,
            u if u < crooks.forge + crooks.stall => Ill::Stalls,
            u if u < crooks.forge + crooks.stall + crooks.boast => Ill::Boasts,
            _ => Ill::Not,
        }
    } else {
        Ill::Not
    };
    House {
        x: even(&mut dice) as f32,
        y: even(&mut dice) as f32,
        continent: dice.below(distances.continents) as u8,
        open: chance(&mut dice, reach.inbound) && !mobile,
        mobile,
        ill,
        down: (down * 125.0) as f32,
        up: (up * 125.0) as f32,
    }
}

fn swarm_config(scenario: &Scenario) -> swarm::Config {
    let peers = &scenario.peers;
    let mut config = swarm::Config::default();
    config.neighbours.soft = peers.soft;
    config.neighbours.hard = peers.hard;
    config.neighbours.prune_to = config.neighbours.prune_to.min(peers.soft);
    config.search.few = peers.few;
    config.search.two_hops = peers.two_hops;
    config.search.enough = peers.enough;
    if !peers.overlay_search {
        config.search.sent = 0;
    }
    config.uploads.slots = peers.slots;
    config.uploads.partial = peers.partial;
    config
}

fn planner_config(scenario: &Scenario) -> planner::Config {
    let (peers, player) = (&scenario.peers, &scenario.player);
    planner::Config {
        hedge_share: peers.hedge_share,
        hedge_allowance: peers.hedge_allowance,
        free_ahead: Duration::from_secs_f64(peers.free_ahead_s),
        free_growth: peers.free_growth,
        ahead: Duration::from_secs_f64(peers.ahead_s),
        first_ahead: Duration::from_secs_f64(peers.first_ahead_s),
        search_ahead: Duration::from_secs_f64(peers.search_ahead_s),
        alone_ahead: Duration::from_secs_f64(peers.alone_ahead_s),
        next: Ahead {
            peers: Duration::from_secs_f64(player.peers_ahead_s),
            server: Duration::from_secs_f64(player.server_ahead_s),
            ..Ahead::DEFAULT
        },
        ..planner::Config::PLAYER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_found_at_their_address_and_phones_share_their_operator_s_networks() {
        let settings = ["population.clients=600".to_owned(), "population.mobile=0.5".to_owned()];
        let world = World::new(&crate::scenario::with(&Scenario::default(), &settings).unwrap());
        let network = |who| match address(&world, who, true) {
            SocketAddr::V4(v4) => u32::from(*v4.ip()) >> 8,
            SocketAddr::V6(_) => unreachable!("all have addresses of four bytes"),
        };
        for who in 0..600 {
            assert_eq!(at(address(&world, who, who % 2 == 0)), Some(who));
            let others = (0..600).filter(|other| network(*other) == network(who)).count();
            let mobile = world.houses.get(who as usize).is_some_and(|house| house.mobile);
            assert_eq!(others > 1, mobile, "{who}: {others} in a network");
        }
    }
}
