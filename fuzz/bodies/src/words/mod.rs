//! Bytes as they come from outside.

pub(crate) mod content;
pub(crate) mod disk;
pub(crate) mod http;
#[cfg(feature = "player")]
pub(crate) mod player;
pub(crate) mod session;
pub(crate) mod texts;
pub(crate) mod wire;
