#![doc = include_str!("../README.md")]

extern crate alloc;

pub mod decode;
pub mod library;
pub mod output;
pub mod tune;
