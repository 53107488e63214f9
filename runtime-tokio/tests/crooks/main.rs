//! Peers that mean ill, over real sockets: the music comes all the same, and whoever is to blame, and nobody else, goes.

extern crate alloc;

mod access_point;
mod crook;
mod line;
mod listener;
mod music;
#[path = "../shelf/mod.rs"]
mod shelf;
mod talk;
mod town;
