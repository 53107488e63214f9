//! Music of our own.
