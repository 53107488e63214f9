//! Header ranges, then the bytes from a seek entry on: every sample from the entry's time must come out.

mod common;

use common::{canonical, decode, decode_forward, fixture};
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

/// Compares what was decoded after a jump with the end of the whole, and answers how many frames came.
fn check_tail(
    name: &str,
    entry: usize,
    whole: &[f32],
    after: &[f32],
    channels: usize,
    warm_up: usize,
) -> usize {
    let tail = &whole[whole.len() - after.len()..];
    let skip = warm_up * channels;
    assert!(after[skip..] == tail[skip..], "{name}: other sound after a jump to entry {entry}");
    after.len() / channels
}

#[test]
fn formats_that_say_where_they_are_yield_every_sample_from_an_entry_on() {
    // How many frames a decoder that was just started may get wrong: none, or what Vorbis' overlap needs.
    for name in ["sweep.ogg", "sweep.flac", "tone.wav"] {
        let (bytes, facts) = canonical(&fixture(name)).expect(name);
        let whole = decode(&bytes);
        assert!(facts.seek.len() >= 2, "{name}");
        for entry in 0..facts.seek.len() {
            let after = decode_forward(&jump(&bytes, &facts, entry));
            let frames = check_tail(name, entry, &whole.samples, &after.samples, whole.channels, 0);
            let first = whole.frames() - frames;
            assert!(first <= promised(&facts, entry), "{name}: entry {entry} yields from {first} on");
            assert!(entry == 0 || first > 0, "{name}: entry {entry} is the start");
        }
    }
}

#[test]
fn an_mp3_warms_up_before_the_time_of_an_entry() {
    for (name, samples_a_frame) in [("sweep-vbr.mp3", 1152), ("sweep.mp3", 576)] {
        let (bytes, facts) = canonical(&fixture(name)).expect(name);
        let whole = decode(&bytes[facts.headers.first().map_or(0, |range| range.end as usize)..]);
        for entry in 0..facts.seek.len() {
            let after = decode(&bytes[facts.seek.entry(entry) as usize..]);
            // As MP3_WARM_UP_FRAMES says: where the first frame at an entry belongs.
            let sample = promised(&facts, entry) + facts.delay as usize;
            let warm_up = MP3_WARM_UP_FRAMES * samples_a_frame;
            let first = (sample / samples_a_frame * samples_a_frame).saturating_sub(warm_up);
            assert_eq!(whole.frames() - after.frames(), first, "{name}: entry {entry}");
            let tail = &whole.samples[sample * whole.channels..];
            assert!(after.samples.ends_with(tail), "{name}: other sound after a jump to entry {entry}");
        }
    }
}

#[test]
fn entries_of_an_mp4_are_where_its_index_says() {
    for (name, bytes_each) in [("sweep.aac.m4a", 3..900), ("sweep.alac.m4a", 100..20_000)] {
        let (bytes, facts) = canonical(&fixture(name)).expect(name);
        let header = facts.headers[0].end;
        assert_eq!(&bytes[header as usize - 4..header as usize], b"mdat");
        let mut before = header;
        for entry in 0..facts.seek.len() {
            let at = facts.seek.entry(entry);
            assert!(at >= before && at < bytes.len() as u64, "{name}: entry {entry}");
            before = at;
        }
        assert!(bytes_each.contains(&facts.seek.lead()), "{name}: lead {}", facts.seek.lead());
    }
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
