//! What a node holds, measured as what dropping it gives back to the allocator, plus its own size.

use crate::neighbourhood::{NOW, Neighbourhood};
use crate::world::{DATE, World, log_in};
use allocation_counter::measure;
use core::time::Duration;
use spotcache::sheet::CacheKeys;
use spotp2p::node::{CacheSetup, Command, Config};
use spotproto::Seed;
use spotproto::crypto::{RustCrypto, SecretKey};

/// A whole simulated client with sixty idle neighbours.
const IDLE: usize = 4 * 1024;

/// What a cache adds that has nothing in it.
const EMPTY_CACHE: usize = 2 * 1024;

/// What a session at the access point keeps once it was answered: room for numbers of pieces, none for an answer.
const ANSWERED: usize = 768;

fn held_by<T>(value: T) -> usize {
    let given_back = -measure(|| drop(value)).bytes_current;
    size_of::<T>() + usize::try_from(given_back).expect("a drop gives back")
}

/// A node that shares its numbers with others.
fn idle(config: &Config, neighbours: u8) -> usize {
    held_by(Neighbourhood::new(config.clone(), neighbours).node)
}

#[test]
fn a_node_with_sixty_idle_neighbours_takes_four_kibibytes() {
    let config = Config::new(log_in(), "test", Seed([3; 32]), (NOW, DATE));
    let (none, sixty) = (idle(&config, 0), idle(&config, 60));
    println!("node of nobody {none} B, of sixty {sixty} B");
    assert!(sixty <= IDLE, "{sixty}");
}

#[test]
fn an_empty_cache_adds_two_kibibytes() {
    let config = Config::new(log_in(), "test", Seed([3; 32]), (NOW, DATE));
    let keys = CacheKeys::new::<RustCrypto>(&SecretKey([7; 32]));
    let cache = Some(CacheSetup { config: spotcache::cache::Config::default(), keys });
    let without = idle(&config, 60);
    let with = idle(&Config { cache, ..config }, 60);
    println!("an empty cache {} B", with - without);
    assert!(with - without <= EMPTY_CACHE, "{with} and {without}");
}

#[test]
fn a_session_at_the_access_point_that_was_answered_takes_little_more_than_one_that_asked_nothing() {
    let mut listened = World::new();
    listened.command(Command::Connect);
    listened.run(Duration::from_secs(1));
    listened.play(0);
    listened.run(Duration::from_secs(8));
    assert!(listened.pieces().len() > 200, "the whole track came");
    let mut idle = World::new();
    idle.command(Command::Connect);
    idle.run(Duration::from_secs(9));
    let (listened, idle) = (held_by(listened.server), held_by(idle.server));
    println!("access point with a session that was answered {listened} B, with an idle one {idle} B");
    assert!(listened <= idle + ANSWERED, "{listened} and {idle}");
}
