//! Music of our own, for demonstrations and tests: a piece that belongs to everybody, played by a small synthesiser.
//!
//! A [`Score`] becomes [`Pcm`], the same samples on every machine, and that becomes a file in one of the [`Encoding`]s.

mod bach;
mod encode;
mod maths;
mod piano;
mod render;
mod room;
mod score;

pub use bach::prelude;
pub use encode::{EncodeError, Encoding, encode};
pub use render::{Pcm, render};
pub use score::{Bar, Figure, Note, Score};
