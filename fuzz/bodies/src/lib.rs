//! What the fuzz targets do with their bytes.
//!
//! Each body takes any bytes, and panics only if something is wrong: libFuzzer looks for bytes that make one panic, and
//! the test `replay` hands it, without libFuzzer, all that was ever found. There are two kinds. Those of `words` take
//! the bytes as they would come from outside. Those of `operations` have them choose among what the property tests of
//! the other crates try at random, and check what those tests check: the operations, models and invariants are those
//! tests' own modules.

#![allow(clippy::std_instead_of_alloc, clippy::std_instead_of_core, reason = "all of this is for tests")]

extern crate alloc;

mod operations;
mod words;

/// What a target does with its bytes.
pub type Body = fn(&[u8]);

/// Every target but those of the programs, by its name.
pub const ALL: [(&str, Body); 27] = [
    ("preamble", words::wire::preamble),
    ("frame", words::wire::frame),
    ("message", words::wire::message),
    ("made_message", words::wire::made_message),
    ("ticket", words::wire::ticket),
    ("link", words::texts::link),
    ("url", words::texts::url),
    ("head", words::content::head),
    ("seek_table", words::content::seek_table),
    ("leaves", words::content::leaves),
    ("canonical", words::content::canonical),
    ("plan", words::content::plan),
    ("sheet", words::disk::sheet),
    ("leaf_group", words::disk::leaf_group),
    ("journal", operations::cache::journal),
    ("summary", words::disk::summary),
    ("handshake", words::session::handshake),
    ("records", words::session::records),
    ("http_answer", words::http::answer),
    ("mux", operations::session::honest_line),
    ("hostile_line", operations::session::hostile_line),
    ("cache", operations::cache::disk_and_model),
    ("planner", operations::planner::books),
    ("swarm", operations::swarm::model),
    ("access_point", operations::contract::access_point),
    ("node", operations::contract::node),
    ("town", operations::town::listening),
];

/// The targets of the programs, with the feature `programs`: they take long to build.
#[cfg(feature = "programs")]
pub const PROGRAMS: [(&str, Body); 4] = [
    ("decode", words::decode::decode),
    ("server_name", words::player::server_name),
    ("settings", words::player::settings),
    ("scenario", words::scenario::scenario),
];

/// Those that are not built.
#[cfg(not(feature = "programs"))]
pub const PROGRAMS: [(&str, Body); 0] = [];

/// The body of a target.
///
/// # Panics
/// If no target has this name.
#[must_use]
pub fn body(name: &str) -> Body {
    let found = ALL.iter().chain(&PROGRAMS).find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("no target is called {name}")).1
}
