//! docs/protocol.md against the program: every number in its tables, every byte in its vectors.
//!
//! Where they differ, the failing test prints the block as the program makes it. Nothing rewrites the document: whoever
//! changes the format has to say so there.

#![allow(clippy::std_instead_of_alloc, clippy::std_instead_of_core, reason = "tests have std")]

mod document;
mod layouts;
mod messages;
mod peers;
mod tables;
mod transcripts;
mod values;
mod words;

use document::{Block, Document};
use std::collections::BTreeSet;

fn all_blocks() -> Vec<Block> {
    [words::blocks(), messages::blocks(), peers::blocks(), transcripts::blocks()]
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn every_vector_is_what_the_program_makes() {
    Document::read().check(&all_blocks());
}

#[test]
fn no_vector_goes_unread() {
    let document = Document::read();
    let read: BTreeSet<String> = all_blocks().into_iter().map(|block| block.name).collect();
    // Those are read by the tests of spotcache, whose functions they need.
    let written = document.names().filter(|name| !name.starts_with("content-"));
    assert_eq!(written.collect::<BTreeSet<_>>(), read.iter().map(String::as_str).collect());
}
