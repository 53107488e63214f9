//! Memory without an operating system: a block that is handed out from front to back.
//!
//! The only `unsafe` in the repository: a global allocator cannot be written without. It is test furniture and part of
//! no package.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

/// More than the checks ask for; nothing is taken back.
const SIZE: usize = 16 << 20;

struct Bump {
    block: UnsafeCell<[u8; SIZE]>,
    used: AtomicUsize,
}

#[global_allocator]
static MEMORY: Bump = Bump { block: UnsafeCell::new([0; SIZE]), used: AtomicUsize::new(0) };

// SAFETY: the block is only ever touched through ranges handed out below, each to one owner.
unsafe impl Sync for Bump {}

// SAFETY: `used` only grows, by compare-and-swap, so ranges never overlap; each lies within the block and is aligned.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let base: *mut u8 = self.block.get().cast();
        let mut used = self.used.load(Ordering::Relaxed);
        loop {
            // SAFETY: `used` is at most SIZE.
            let start = used + unsafe { base.add(used) }.align_offset(layout.align());
            let Some(end) = start.checked_add(layout.size()).filter(|end| *end <= SIZE) else {
                return ptr::null_mut();
            };
            match self.used.compare_exchange_weak(used, end, Ordering::Relaxed, Ordering::Relaxed) {
                // SAFETY: start <= end <= SIZE.
                Ok(_) => return unsafe { base.add(start) },
                Err(now) => used = now,
            }
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
