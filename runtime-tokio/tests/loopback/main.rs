//! The adapter over real sockets, on loopback.

extern crate alloc;

mod connection;
mod dial;
mod ends;
mod listen;
mod toy;
