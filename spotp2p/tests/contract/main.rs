//! The contract of machines, for the node and the access point; and what each of them promises beyond it, whatever
//! the other side and its own owner do.

extern crate alloc;

mod access_point;
mod answers;
mod anything;
mod company;
mod deeds;
#[path = "../cached/disk.rs"]
#[allow(dead_code, reason = "the disk of other tests, of which a part is used")]
mod disk;
mod excess;
mod heard;
mod journeys;
mod leases;
mod lies;
mod meetings;
mod shelf;
#[path = "../town/tunes.rs"]
mod tunes;
#[path = "../world/mod.rs"]
mod world;
