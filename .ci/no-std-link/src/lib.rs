//! The pure crates in a program without std: they link, and they run.
//!
//! If any of them, or anything they depend on, drags in std, this crate does not compile: std brings a panic handler
//! of its own, and there may be one only.

#![no_std]

extern crate alloc;

mod bump;
mod content;
mod machines;
mod session;

use core::panic::PanicInfo;

/// Runs everything; answers 0, or the number of the check that failed.
#[unsafe(no_mangle)]
pub extern "C" fn no_std_link() -> i32 {
    let checks = [
        session::two_ends_confirm_each_other,
        content::a_sealed_piece_opens,
        machines::node_and_access_point,
    ];
    for (number, check) in (1..).zip(checks) {
        if check().is_none() {
            return number;
        }
    }
    0
}

unsafe extern "C" {
    /// The C library's: there is nothing else in here that could end the program.
    safe fn abort() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    abort()
}

/// The prebuilt `core` and `alloc` name this in their unwind tables. Nothing unwinds here, so nothing calls it.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
