//! The two tunes that the town knows.

use super::shelf::{SHELF, Shelf};
use spotproto::content::FileId;
use std::sync::LazyLock;

/// The tune that follows, as long as the first.
pub(crate) static NEXT: LazyLock<Shelf> = LazyLock::new(|| Shelf::new(77));

/// Which of the two a file is.
pub(crate) fn shelf_of(file: &FileId) -> &'static Shelf {
    if *file == NEXT.file() { &NEXT } else { &SHELF }
}
