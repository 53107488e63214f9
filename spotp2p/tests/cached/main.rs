//! A node with a cache: what was heard once costs nothing again, and no disk can stop the music.

extern crate alloc;

mod disk;
mod faults;
mod house;
mod keeping;
mod plays;
#[path = "../contract/shelf.rs"]
mod shelf;
