//! Bytes as they come from outside.

pub(crate) mod content;
mod cuts;
#[cfg(feature = "programs")]
pub(crate) mod decode;
pub(crate) mod disk;
pub(crate) mod http;
#[cfg(feature = "programs")]
pub(crate) mod player;
#[cfg(feature = "programs")]
pub(crate) mod scenario;
pub(crate) mod session;
pub(crate) mod texts;
pub(crate) mod wire;
