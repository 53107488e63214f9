//! The journal, cut short, damaged, and made of anything.

use super::disk::{Disk, File, World, config, value};
use bytes::Bytes;
use proptest::prelude::*;
use spotcache::cache::{
    Cache, Config, Done, Effect, Event, Found, Input, Layout, Opened, Output, Place, Trouble,
};
use spotproto::{Instant, Machine, Seed, UnixTime};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What a cache holds: pieces of each file, and which are pinned.
pub type State = (BTreeMap<u32, BTreeSet<u32>>, BTreeSet<u32>);

/// A journal of all kinds of records, written anew at first, and a cache that lived through it.
pub fn journal() -> Vec<u8> {
    let mut setup = config(20 * 172);
    setup.limits.headers_share = 1;
    let mut world = World::new(setup, Disk::new());
    world.fill(1, 10, 2);
    world.fill(2, 70, 0);
    world.input(Input::Pin(2));
    world.input(Input::Forget(2, 3..9));
    world.input(Input::NoteDate(UnixTime(1_700_000_000)));
    for file in 3..20 {
        world.fill(file, 10, 2);
        world.wait(Duration::from_secs(4));
    }
    world.input(Input::Touch(17));
    world.input(Input::Remove(18));
    world.input(Input::Pin(19));
    world.input(Input::Unpin(19));
    world.input(Input::Sync);
    world.disk.journal.expect("one was written")
}

/// A journal of records with these bodies: docs/cache.md, "The journal".
pub fn written(bodies: &[&[u8]]) -> Vec<u8> {
    const FRONT: [u8; 4] = [0, 1, 0, 4];
    let mut journal = b"spotjrnl".to_vec();
    journal.extend(FRONT);
    journal.extend(crc32c(&journal).to_be_bytes());
    for body in bodies {
        let length = (body.len() as u16).to_be_bytes();
        journal.extend([0x9e, 0x5c]);
        journal.extend(length);
        journal.extend(*body);
        journal.extend(crc32c(&[&FRONT[..], &length, body].concat()).to_be_bytes());
    }
    journal
}

/// What is found with this journal, if every file has all its pieces.
pub fn replay(journal: &[u8]) -> (State, Vec<Event<u32, u32>>, UnixTime) {
    let mut cache = Cache::<u32, u32>::new(Config::default(), &Seed([5; 32]));
    cache.open();
    let Some(Output::Effect(Effect::Open { request })) = cache.poll_output() else { panic!("it opens") };
    let length = Layout { pieces: 100 }.length(100);
    let files = (0..100).map(|file| (file, length)).collect();
    let found = Found { journal: Some(Bytes::copy_from_slice(journal)), files, free: 1 << 40 };
    cache.done(Instant::START, request, Done::Opened(Ok(found)));
    let state = state(&cache);
    let events = std::iter::from_fn(|| cache.poll_output());
    let events =
        events.filter_map(|output| if let Output::Event(event) = output { Some(event) } else { None });
    let events = events.collect();
    (state, events, cache.date())
}

/// What this cache holds.
pub fn state(cache: &Cache<u32, u32>) -> State {
    let mut held = BTreeMap::new();
    let mut pinned = BTreeSet::new();
    for (file, holding) in cache.files() {
        held.insert(file, (0..holding.pieces).filter(|piece| cache.holds(&file, *piece)).collect());
        pinned.extend(holding.pinned.then_some(file));
    }
    (held, pinned)
}

fn opened(events: &[Event<u32, u32>]) -> Opened {
    match events {
        [Event::Ready(opened), ..] => *opened,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_journal_says_what_was_held() {
    let ((held, pinned), events, date) = replay(&journal());
    assert_eq!(held[&2], (0..3).chain(9..70).collect());
    assert_eq!(held[&17].len(), 10);
    assert!(!held.contains_key(&18) && held.contains_key(&19));
    assert_eq!(held[&3], [0, 1].into(), "what went left its headers");
    assert_eq!(pinned, [2].into());
    assert_eq!(date, UnixTime(1_700_000_000));
    assert_eq!(opened(&events).damaged, 0);
}

#[test]
fn every_beginning_of_a_journal_says_what_was_held_by_then() {
    let journal = journal();
    // Where records end, one more is known; anywhere else what was known at the last end.
    let mut known = replay(&[]).0;
    let mut ends = 0;
    for length in 0..=journal.len() {
        let (state, events, _) = replay(&journal[..length]);
        if opened(&events).damaged == 0 {
            ends += 1;
            known = state;
        } else {
            assert_eq!(state, known, "{length}");
        }
    }
    assert!(ends > 60, "{ends}");
}

#[test]
fn a_flipped_bit_costs_one_record_and_never_a_pin() {
    let journal = journal();
    let whole = replay(&journal).0;
    for bit in 0..journal.len() * 8 {
        let mut bad = journal.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let ((held, pinned), events, _) = replay(&bad);
        assert!(opened(&events).damaged > 0, "bit {bit}");
        assert!(pinned.contains(&2), "bit {bit}");
        // A record names one file: of the others everything is as it was.
        let files: BTreeSet<u32> = held.keys().chain(whole.0.keys()).copied().collect();
        let differ = files.iter().filter(|file| held.get(file) != whole.0.get(file)).count();
        assert!(differ <= 1, "bit {bit}: {differ} files differ");
    }
}

#[test]
fn a_cut_leaves_no_more_than_headers_whatever_the_journal_says() {
    // Of ten pieces two are headers, and all are held.
    let file = [1, 0, 0, 0, 7, 1, 10, 2];
    for (says, stay) in [(0, 0), (1, 1), (2, 2), (3, 2), (8, 2), (10, 2), (11, 2)] {
        let ((held, _), events, _) = replay(&written(&[&file, &[5, 0, 0, 0, 7, says]]));
        assert_eq!(opened(&events).damaged, 0);
        assert_eq!(held.get(&7).cloned().unwrap_or_default(), (0..stay).collect(), "{says}");
    }
}

#[test]
fn after_damage_the_journal_is_written_anew() {
    let mut world = World::new(config(10_000), Disk::new());
    world.fill(1, 10, 0);
    world.fill(2, 10, 0);
    let journal = world.disk.journal.as_mut().unwrap();
    let middle = journal.len() / 2;
    journal.truncate(middle);
    let world = world.restart(config(10_000));
    let damaged = |world: &World| {
        world.events.iter().any(|event| matches!(event, Event::Ready(opened) if opened.damaged > 0))
    };
    assert!(damaged(&world));
    assert!(!damaged(&world.restart(config(10_000))));
}

#[test]
fn a_journal_that_said_much_is_written_anew() {
    let mut world = World::new(config(10_000), Disk::new());
    for _ in 0..300 {
        world.fill(1, 10, 0);
        world.input(Input::Remove(1));
        world.wait(Duration::from_secs(5));
    }
    world.fill(2, 10, 0);
    let length = world.disk.journal.as_ref().unwrap().len();
    assert!(length < 70_000, "{length}");
    assert_eq!(world.restart(config(10_000)).pieces(2).len(), 10);
}

#[test]
fn a_newer_journal_and_one_of_other_names_are_left_alone() {
    let mut world = World::new(config(10_000), Disk::new());
    world.fill(1, 10, 0);
    // As `docs/cache.md` has it: magic, version, bytes of a name, CRC-32C.
    let header = |version: u16, names: u16| {
        let mut header = b"spotjrnl".to_vec();
        header.extend([version.to_be_bytes(), names.to_be_bytes()].concat());
        let crc = crc32c(&header);
        header.extend(crc.to_be_bytes());
        header
    };
    for (version, names, trouble) in
        [(2, 4, Trouble::NewerJournal { version: 2 }), (1, 32, Trouble::OtherNames { length: 32 })]
    {
        let mut disk = world.disk.clone();
        disk.journal.as_mut().unwrap()[..16].copy_from_slice(&header(version, names));
        let before = (disk.journal.clone(), disk.files.clone());
        let mut newer = World::new(config(10_000), disk);
        assert_eq!(newer.take_events(), [Event::Trouble(trouble)]);
        newer.fill(7, 3, 0);
        newer.wait(Duration::from_secs(10_000));
        assert_eq!((newer.disk.journal, newer.disk.files), before);
    }
}

#[test]
fn claims_behind_the_end_of_a_file_are_forgotten() {
    let mut world = World::new(config(10_000), Disk::new());
    world.fill(1, 10, 0);
    let layout = Layout { pieces: 10 };
    for (length, held) in [
        (layout.length(10), 10),
        (layout.length(9) + 1, 10),
        (layout.length(9), 9),
        (layout.length(9) - 1, 8),
        (layout.front(), 0),
        (0, 0),
    ] {
        let mut disk = world.disk.clone();
        disk.files.get_mut(&1).unwrap().length = length;
        let world = World::new(config(10_000), disk);
        assert_eq!(world.pieces(1), (0..held).collect::<Vec<_>>(), "{length}");
    }
}

#[test]
fn files_that_no_journal_knows_are_removed() {
    let mut disk = Disk::new();
    for file in 0..100 {
        let parts = [(Place::Piece(0), (value(file, 0), 0))].into();
        disk.files.insert(file, File { length: 20_000, parts });
    }
    let mut world = World::new(config(10_000), disk);
    assert!(world.disk.files.is_empty());
    assert!(matches!(world.take_events()[..], [Event::Ready(Opened { strays: 100, .. })]));
}

/// Bit by bit, from the definition.
pub fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 })
    })
}

proptest! {
    #[test]
    fn no_journal_makes_a_cache_panic(bytes: Vec<u8>, cuts in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..20)) {
        replay(&bytes);
        let mut mixed = journal();
        for (at, byte) in cuts {
            let at = usize::from(at) % mixed.len();
            mixed[at] = byte;
            if byte % 7 == 0 {
                mixed.drain(at..);
                mixed.extend(&bytes);
                mixed.push(0);
            }
        }
        replay(&mixed);
    }
}
