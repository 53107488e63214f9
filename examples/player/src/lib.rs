#![doc = include_str!("../README.md")]

extern crate alloc;

pub mod cached;
pub mod command;
pub mod decode;
pub mod device;
pub mod failure;
pub mod keys;
pub mod library;
pub mod listen;
pub mod origin;
pub mod output;
pub mod server_name;
pub mod settings;
pub mod shown;
pub mod start_log;
pub mod tune;
