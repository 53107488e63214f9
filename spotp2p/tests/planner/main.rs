//! The planner between sources of every character, on virtual time; and against a small model, on random operations.

extern crate alloc;

mod ahead;
mod bound;
mod catch_up;
mod operations;
mod playing;
mod rescue;
mod sources;
mod steps;
mod world;
