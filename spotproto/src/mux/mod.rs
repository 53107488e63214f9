//! Many requests over one connection: who asked for what, what is owed, and in which order it goes out.

mod answering;
mod asking;
mod credit;
mod order;

pub(crate) use answering::{Answering, Ending, Put};
pub(crate) use asking::Asking;
