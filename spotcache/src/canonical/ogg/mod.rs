//! Vorbis in Ogg (RFC 3533; Vorbis I specification §4.2 and appendix A).
//!
//! The three header packets are paged anew in front, with an empty comment packet; audio pages keep every byte but
//! serial number, sequence number and checksum. Sound in the page that ends the headers gets a page of its own.

mod headers;
mod page;
mod scan;

pub(super) use page::{Renumbering, renumber};
pub(super) use scan::analyse;
