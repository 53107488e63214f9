//! What a node holds, measured as what dropping it gives back to the allocator, plus its own size.

use crate::neighbourhood::{NOW, Neighbourhood};
use crate::world::{DATE, log_in};
use crate::{ALLOCATOR, alone};
use spotp2p::node::{CacheSetup, Config};
use spotcache::sheet::CacheKeys;
use spotproto::Seed;
use spotproto::crypto::{RustCrypto, SecretKey};
use stats_alloc::Region;

fn held_by<T>(value: T) -> usize {
    let region = Region::new(ALLOCATOR);
    drop(value);
    let change = region.change();
    size_of::<T>() + change.bytes_deallocated - change.bytes_allocated
}

fn config() -> Config {
    Config::new(log_in(), "test", Seed([3; 32]), (NOW, DATE))
}

fn idle(config: &Config, neighbours: u8) -> usize {
    held_by(Neighbourhood::new(config.clone(), neighbours).node)
}

#[test]
fn a_node_with_sixty_idle_neighbours_takes_four_kibibytes() {
    let _turn = alone();
    let config = config();
    let (none, sixty) = (idle(&config, 0), idle(&config, 60));
    println!("node of {} B, with nobody {none} B, with sixty {sixty} B", size_of::<crate::neighbourhood::Client>());
    let keys = CacheKeys::new::<RustCrypto>(&SecretKey([7; 32]));
    let cache = Some(CacheSetup { config: spotcache::cache::Config::default(), keys });
    let config = Config { cache, ..config };
    println!("with an empty cache {}", idle(&config, 60));
    assert!(sixty <= 4096, "{sixty}");
}
