//! The cache against a disk in memory and a model of what it should hold.

#![allow(clippy::std_instead_of_alloc, clippy::std_instead_of_core, reason = "tests have std")]
#![allow(unreachable_pub, reason = "modules of one test program")]

mod acts;
mod behaviour;
mod contract;
mod disk;
mod journal;
mod model;
mod once;
mod room;
