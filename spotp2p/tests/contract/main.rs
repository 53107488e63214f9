//! The contract of machines, for the node and the access point; and what each of them promises beyond it, whatever
//! the other side and its own owner do.

extern crate alloc;

mod access_point;
mod anything;
mod heard;
mod journeys;
mod leases;
mod lies;
mod shelf;
#[path = "../world/mod.rs"]
mod world;
