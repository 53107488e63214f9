//! What a node costs that has neighbours and nothing to do. Counted is what the test's own thread asks the allocator for.

#![allow(clippy::std_instead_of_alloc, clippy::std_instead_of_core, reason = "tests have std")]

mod counted;
mod events;
mod memory;
mod neighbourhood;
#[path = "../world/mod.rs"]
mod world;
