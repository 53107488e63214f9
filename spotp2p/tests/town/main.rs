//! Whole listeners among each other: nodes with disks, an access point, lines with delays and rates. All that counts is what
//! they hear, from whom, and when; who means ill is one of them.

#![allow(clippy::std_instead_of_alloc, clippy::std_instead_of_core, reason = "tests have std")]

extern crate alloc;

mod anything;
mod changes;
mod crooks;
#[path = "../cached/disk.rs"]
mod disk;
mod giving;
mod hostile;
mod listener;
mod listening;
mod next;
#[path = "../contract/shelf.rs"]
mod shelf;
mod starting;
mod streets;
mod town;
mod tunes;
mod wire;
