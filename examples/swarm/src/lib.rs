#![doc = include_str!("../README.md")]

extern crate alloc;

pub mod command;
pub mod engine;
pub mod metrics;
pub mod report;
pub mod scenario;
