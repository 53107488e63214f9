//! The overlay, from one client among neighbours that behave, or don't, to fifty that search.

extern crate alloc;

mod acts;
mod finding;
mod graph;
mod hostile;
mod links;
mod memory;
mod operations;
mod rig;
mod slots;
