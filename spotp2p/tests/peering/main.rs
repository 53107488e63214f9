//! What clients are to each other at an access point, and what those try who want more than they should have.

extern crate alloc;

mod addresses;
mod finding;
mod hall;
mod reporting;
mod tickets;
#[path = "../world/mod.rs"]
mod world;
