//! The origin of ciphertext, asked over real sockets: by hand, and by the machine that clients use.

extern crate alloc;

mod by_hand;
mod by_machine;
mod slow;
mod world;
