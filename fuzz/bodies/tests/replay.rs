//! All inputs that fuzzers found and that are kept, once more: those that go further than others, and those that crashed.

#![allow(clippy::std_instead_of_alloc, clippy::std_instead_of_core, reason = "tests have std")]

use fuzz_bodies::{ALL, Body, PROGRAMS};
#[cfg(feature = "programs")]
use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

fn fuzz() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder of all that is for fuzzing")
}

fn targets() -> impl Iterator<Item = (&'static str, Body)> {
    ALL.into_iter().chain(PROGRAMS)
}

/// The files of a folder in order; none if there is no folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    files.sort();
    files
}

/// Hands every file of each target's folder to the target; how many there were.
fn replay(kept: &str) -> usize {
    let mut count = 0;
    for (name, body) in targets() {
        for file in files(&fuzz().join(kept).join(name)) {
            let bytes = fs::read(&file).expect("a readable file");
            assert!(catch_unwind(|| body(&bytes)).is_ok(), "{name} panics on {}", file.display());
            count += 1;
        }
    }
    count
}

#[test]
fn no_input_of_the_corpora_makes_its_target_panic() {
    assert!(replay("corpus") > 300);
}

#[test]
fn no_input_that_once_crashed_does_so_again() {
    assert!(replay("regressions") >= 14);
}

#[cfg(feature = "programs")]
#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let known: BTreeSet<String> = targets().map(|(name, _)| name.to_owned()).collect();
    let named = |folder: &str| -> BTreeSet<String> {
        let name = |file: PathBuf| file.file_stem().expect("a name").to_string_lossy().into_owned();
        files(&fuzz().join(folder)).into_iter().map(name).collect()
    };
    assert_eq!(named("corpus"), known);
    assert_eq!(named("fuzz_targets"), known);
    assert!(named("regressions").is_subset(&known));
    for name in known {
        assert!(!files(&fuzz().join("corpus").join(&name)).is_empty(), "{name}");
    }
}

#[test]
fn no_target_panics_on_next_to_nothing() {
    for (_, body) in targets() {
        body(&[]);
        (0..=255).for_each(|byte| body(&[byte]));
        (1..64).for_each(|length| body(&vec![0xff; length]));
        (1..64).for_each(|length| body(&vec![0; length]));
    }
}
