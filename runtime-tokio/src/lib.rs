#![doc = include_str!("../README.md")]

mod on;

pub use on::Tokio;

spotp2p_adapter::names_of_an_adapter!(Tokio);
