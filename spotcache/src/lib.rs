#![no_std]
#![doc = include_str!("../README.md")]
extern crate alloc;

pub mod cache;
pub mod canonical;
pub mod seal;
pub mod sheet;
