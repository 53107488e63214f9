#![doc = include_str!("../README.md")]

extern crate alloc;

pub mod decode;
pub mod output;
pub mod tune;
