//! A cache on its disk.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "modules of tests, of which a part is used")]

#[path = "../../../../spotcache/tests/cache/acts.rs"]
mod acts;
#[path = "../../../../spotcache/tests/cache/contract.rs"]
mod contract;
#[path = "../../../../spotcache/tests/cache/disk.rs"]
mod disk;
#[path = "../../../../spotcache/tests/cache/journal.rs"]
mod journal;
#[path = "../../../../spotcache/tests/cache/model.rs"]
mod model;

use super::draws;
use alloc::collections::BTreeMap;
use disk::{Disk, File, World, config};
use spotcache::cache::{Eviction, Layout};

/// The first byte chooses: the model, with one policy or the other, or the contract of machines.
pub(crate) fn disk_and_model(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let eviction = match which % 4 {
        0 | 1 => Eviction::Lru,
        2 => Eviction::S3Fifo,
        _ => return contract::run(draws(&contract::step(), bytes, 120)),
    };
    model::run(eviction, draws(&acts::act(), bytes, 120));
}

/// A cache that opens with any journal, and then once more, holds the same.
///
/// An odd first byte: the journal as it is. An even one: bodies of records, each behind its length, one byte; they get the
/// header, marks and checksums that they need to be believed.
pub(crate) fn journal(bytes: &[u8]) {
    let Some((how, bytes)) = bytes.split_first() else { return };
    let journal = if how % 2 == 1 { bytes.to_vec() } else { believed(bytes) };
    journal::replay(&journal);
    let length = Layout { pieces: 100 }.length(100);
    let files: BTreeMap<u32, File> =
        (0..20).map(|file| (file, File { length, parts: BTreeMap::new() })).collect();
    let disk = Disk { journal: Some(journal), files: files.clone(), durable: files, ..Disk::new() };
    let first = World::new(config(1 << 30), disk);
    let second = World::new(config(1 << 30), first.disk.clone());
    assert_eq!(journal::state(&second.cache), journal::state(&first.cache));
    assert_eq!(second.cache.date(), first.cache.date());
}

/// Of bodies, each behind its length.
fn believed(mut bytes: &[u8]) -> Vec<u8> {
    let mut bodies = Vec::new();
    while let Some((length, rest)) = bytes.split_first() {
        let (body, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        bodies.push(body);
        bytes = rest;
    }
    journal::written(&bodies)
}
