//! The playout model from outside: what starts, what must not matter, what can't break it.

extern crate alloc;

mod allocation;
mod bad_input;
mod explanations;
mod monotone;
mod summaries;
mod world;
