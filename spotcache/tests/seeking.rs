//! Header ranges, then the bytes from a seek entry on: every sample from the entry's time must come out.

mod common;

use common::{canonical, decode, decode_forward, decode_from, fixture, ogg};
use spotcache::canonical::{Facts, MP3_WARM_UP_FRAMES};

/// What a player that jumps to an entry feeds its decoder.
fn jump(bytes: &[u8], facts: &Facts, entry: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for range in &facts.headers {
        out.extend_from_slice(&bytes[range.start as usize..range.end as usize]);
    }
    out.extend_from_slice(&bytes[facts.seek.entry(entry) as usize..]);
    out
}

/// Sample frame of the music that an entry promises.
fn promised(facts: &Facts, entry: usize) -> usize {
    entry * facts.seek.step_ms() as usize * facts.sample_rate as usize / 1000
}

/// Of formats that say where they are.
fn check_jumps(name: &str, source: &[u8]) {
    let (bytes, facts) = canonical(source).expect(name);
    let whole = decode(&bytes);
    assert!(facts.seek.len() >= 2, "{name}");
    for entry in 0..facts.seek.len() {
        let after = decode_forward(&jump(&bytes, &facts, entry));
        assert!(whole.samples.ends_with(&after.samples), "{name}: other sound after a jump to entry {entry}");
        let first = whole.frames() - after.frames();
        assert!(first <= promised(&facts, entry), "{name}: entry {entry} yields from {first} on");
    }
    assert!(facts.seek.byte_at(u32::MAX) > facts.seek.byte_at(0), "{name}: all entries are the start");
}

#[test]
fn formats_that_say_where_they_are_yield_every_sample_from_an_entry_on() {
    for name in ["sweep.ogg", "sweep.flac", "tone.wav"] {
        check_jumps(name, &fixture(name));
    }
}

#[test]
fn vorbis_whose_sound_began_in_a_header_page_yields_every_sample_from_an_entry_on() {
    let source = fixture("sweep.ogg");
    for segments in [1, 10, 39] {
        check_jumps("sweep.ogg", &ogg::shared(&source, segments));
    }
    check_jumps("sweep.ogg", &ogg::shared_with_open_packet(&source));
}

#[test]
fn an_mp3_warms_up_before_the_time_of_an_entry() {
    for (name, samples_a_frame) in [("sweep-vbr.mp3", 1152), ("sweep.mp3", 576)] {
        let (bytes, facts) = canonical(&fixture(name)).expect(name);
        let whole = decode_forward(&bytes);
        for entry in 0..facts.seek.len() {
            let after = decode_forward(&jump(&bytes, &facts, entry));
            // As MP3_WARM_UP_FRAMES says: where the first frame at an entry belongs. The decoder takes the delay off
            // the front of whatever comes behind the header.
            let sample = promised(&facts, entry) + facts.delay as usize;
            let warm_up = MP3_WARM_UP_FRAMES * samples_a_frame;
            let first = (sample / samples_a_frame * samples_a_frame).saturating_sub(warm_up);
            let skip = promised(&facts, entry) - first;
            let tail = &whole.samples[promised(&facts, entry) * whole.channels..];
            assert!(
                after.samples[skip * whole.channels..].starts_with(tail),
                "{name}: other sound after a jump to entry {entry}"
            );
        }
    }
}

/// Offsets of all frames, from the table of sizes alone: in a canonical form they lie one behind the other.
fn mp4_frames(bytes: &[u8], header: usize) -> Vec<usize> {
    let table = bytes.windows(4).position(|window| window == b"stsz").expect("sizes") + 4;
    let count = u32::from_be_bytes(bytes[table + 8..table + 12].try_into().unwrap()) as usize;
    let sizes = bytes[table + 12..].chunks(4).take(count);
    let mut at = header;
    sizes
        .map(|size| {
            let here = at;
            at += u32::from_be_bytes(size.try_into().unwrap()) as usize;
            here
        })
        .collect()
}

#[test]
fn an_mp4_entry_is_the_frame_before_the_one_that_sounds() {
    for (name, samples_a_frame) in [("sweep.aac.m4a", 1024), ("sweep.alac.m4a", 4096)] {
        let (bytes, facts) = canonical(&fixture(name)).expect(name);
        let header = facts.headers[0].end as usize;
        assert_eq!(&bytes[header - 4..header], b"mdat");
        let frames = mp4_frames(&bytes, header);
        let whole = decode(&bytes);
        for entry in 0..facts.seek.len() {
            let at = facts.seek.entry(entry) as usize;
            let sounding = (promised(&facts, entry) + facts.delay as usize) / samples_a_frame;
            assert_eq!(at, frames[sounding.saturating_sub(1)], "{name}: entry {entry}");

            // Nothing but the header and the bytes from the entry on has arrived.
            let mut arrived = bytes.clone();
            arrived[header..at].fill(0);
            let before = sounding.saturating_sub(1) * samples_a_frame;
            let after = decode_from(&arrived, before as u64);
            let tail = &whole.samples[sounding * samples_a_frame * whole.channels..];
            assert!(after.samples.ends_with(tail), "{name}: other sound after a jump to entry {entry}");
        }
    }
}

#[test]
fn music_that_itunes_encoded_is_as_long_as_it_says() {
    let source = fixture("sweep.aac.m4a");
    let (_, edited) = canonical(&source).unwrap();
    // iTunes writes no edit list, but a note among the tags, which take the place of the encoder's name here.
    let mut noted = source.clone();
    let at = |kind: &[u8]| source.windows(4).position(|window| window == kind).expect("an atom");
    noted[at(b"edts")..][..4].copy_from_slice(b"free");
    let (_, plain) = canonical(&noted).unwrap();
    assert_eq!((plain.delay, plain.samples.unwrap()), (0, edited.samples.unwrap() + 1024));

    let atom = |kind: &[u8], body: &[u8]| [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat();
    let name = atom(b"name", b"\0\0\0\0iTunSMPB");
    let data = atom(b"data", b"\0\0\0\x01\0\0\0\0 00000000 00000400 00000100 000000000000E000 00000000");
    let note = atom(b"ilst", &atom(b"----", &[name, data].concat()));
    let tags = atom(b"udta", &atom(b"meta", &[&[0; 4], &note[..]].concat()));
    // The index is at the end of this file, so it can grow without moving the sound.
    noted[at(b"udta")..][..4].copy_from_slice(b"free");
    noted.extend_from_slice(&tags);
    let moov = at(b"moov") - 4;
    let len = (noted.len() - moov) as u32;
    noted[moov..moov + 4].copy_from_slice(&len.to_be_bytes());
    let (_, facts) = canonical(&noted).unwrap();
    assert_eq!((facts.delay, facts.samples), (1024, Some(0xe000)));
}

#[test]
fn with_the_bytes_due_by_a_time_a_decoder_gets_that_far() {
    for name in ["sweep.ogg", "sweep.flac", "sweep-vbr.mp3", "tone.wav"] {
        let (bytes, facts) = canonical(&fixture(name)).expect(name);
        for ms in (0..facts.duration_ms).step_by(1000) {
            let arrived = &bytes[..facts.seek.bytes_by(ms) as usize];
            let frames = decode_forward(arrived).frames();
            let promised = ms as usize * facts.sample_rate as usize / 1000;
            assert!(frames >= promised, "{name}: {frames} frames of {promised} at {ms} ms");
        }
    }
}
