//! MP4 as muxers write it: in chunks, with uneven times, the index at either end.

use bytes::Bytes;
use spotcache::canonical::analyse;

use crate::files::{self, rest, tail};
use crate::remux::{Index, noted, remuxed};

#[test]
fn every_layout_gives_the_very_frames_from_anywhere() {
    for file in [files::aac(), files::alac()] {
        let wanted = rest(&mut file.open(0).unwrap()).unwrap();
        let length = wanted.frames() as u64 * 1_000 / u64::from(wanted.rate);
        for index in [Index::First, Index::Last] {
            let original = remuxed(&file.bytes, index);
            let canonical = canonical(&original);
            for (form, bytes) in [("original", original), ("canonical", canonical)] {
                let other = file.with(bytes);
                for ms in [0, 1, 333, 600, 1_111, 1_700, 1_950, 2_900, length - 1] {
                    if ms >= length {
                        continue;
                    }
                    let mut decoder = other.open(ms).unwrap();
                    let heard = rest(&mut decoder).unwrap();
                    let wanted = tail(&wanted, (ms * u64::from(wanted.rate) + 500) / 1_000);
                    let what = format!("{}, index {index:?}, {form}, from {ms} ms", file.layout.format);
                    assert_eq!((heard.at, heard.frames()), (wanted.at, wanted.frames()), "{what}");
                    assert!(heard.data == wanted.data, "{what} sounds different");
                    assert_eq!((decoder.skipped(), decoder.ended_early()), (0, false), "{what}");
                }
                assert!(rest(&mut other.open(length + 1).unwrap()).unwrap().is_empty());
            }
        }
    }
}

#[test]
fn the_order_of_the_original_does_not_show_in_the_canonical_form() {
    for file in [files::aac(), files::alac()] {
        let [first, last] = [Index::First, Index::Last].map(|index| canonical(&remuxed(&file.bytes, index)));
        assert!(first == last, "{}", file.layout.format);
    }
}

#[test]
fn what_only_itunes_note_leaves_out_is_left_out() {
    let file = files::aac();
    let wanted = rest(&mut file.open(0).unwrap()).unwrap();
    let facts = analyse(&mut &file.bytes[..]).unwrap().facts;
    let (delay, samples) = (facts.delay, wanted.frames() as u64);
    assert!(delay > 0);
    let original = noted(&remuxed(&file.bytes, Index::Last), delay, samples);
    let facts = analyse(&mut &original[..]).unwrap().facts;
    assert_eq!((facts.delay, facts.samples), (delay, Some(samples)));
    for bytes in [original.clone(), canonical(&original)] {
        let mut other = file.with(bytes);
        (other.layout.delay, other.layout.samples) = (facts.delay, facts.samples);
        for ms in [0, 333, 1_111, 1_950] {
            let heard = rest(&mut other.open(ms).unwrap()).unwrap();
            let wanted = tail(&wanted, (ms * u64::from(wanted.rate) + 500) / 1_000);
            assert_eq!((heard.at, heard.frames()), (wanted.at, wanted.frames()), "from {ms} ms");
            assert!(heard.data == wanted.data, "from {ms} ms it sounds different");
        }
    }
}

#[test]
fn a_file_that_is_cut_off_plays_to_the_cut() {
    for file in [files::aac(), files::alac()] {
        let all = rest(&mut file.open(0).unwrap()).unwrap();
        let original = remuxed(&file.bytes, Index::First);
        let mut decoder = file.with(original.slice(..original.len() * 3 / 4)).open(0).unwrap();
        let heard = rest(&mut decoder).unwrap();
        assert!(decoder.ended_early());
        assert!((0.6..0.9).contains(&(heard.frames() as f64 / all.frames() as f64)));
        // Without its index there is no telling packets apart.
        let original = remuxed(&file.bytes, Index::Last);
        assert!(file.with(original.slice(..original.len() * 3 / 4)).open(0).is_err());
    }
}

/// The form that is shared.
fn canonical(original: &[u8]) -> Bytes {
    let mut source = original;
    let plan = analyse(&mut source).unwrap().plan;
    let mut bytes = vec![0; plan.len() as usize];
    assert_eq!(plan.read_at(&mut source, 0, &mut bytes), Ok(bytes.len()));
    bytes.into()
}
