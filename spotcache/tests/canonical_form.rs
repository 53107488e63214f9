//! What canonical forms keep, and what they leave out.

mod common;

use common::{FIXTURES, canonical, decode, fixture};
use spotproto::codec::Reader;
use spotproto::content::{FileId, Format, HEAD_LEN_MAX, Head};

#[test]
fn the_canonical_form_of_a_canonical_form_is_itself() {
    for name in FIXTURES {
        let (once, facts) = canonical(&fixture(name)).expect(name);
        let (twice, again) = canonical(&once).expect(name);
        assert!(once == twice, "{name} changes when canonicalised again");
        assert_eq!(facts, again, "{name}");
    }
}

#[test]
fn a_canonical_form_decodes_to_the_very_same_samples() {
    for name in FIXTURES {
        let source = fixture(name);
        let (bytes, facts) = canonical(&source).expect(name);
        let (before, after) = (decode(&source), decode(&bytes));
        assert_eq!((after.rate, after.channels), (facts.sample_rate, facts.channels.into()), "{name}");
        assert_eq!(before.frames(), after.frames(), "{name}");
        assert!(before.samples == after.samples, "{name} sounds different");
    }
}

#[test]
fn facts_say_what_the_encoders_were_given() {
    for (name, format, rate, channels, samples) in [
        ("sweep.ogg", Format::OggVorbis, 22_050, 1, Some(81_585)),
        ("sweep.flac", Format::Flac, 8000, 1, Some(29_600)),
        // Its frames are too short for LAME to tell of delay and padding.
        ("sweep.mp3", Format::Mp3, 22_050, 1, None),
        ("sweep-vbr.mp3", Format::Mp3, 44_100, 1, Some(163_170)),
        ("tone.wav", Format::Wav, 2400, 2, Some(4080)),
        ("sweep.alac.m4a", Format::Alac, 8000, 1, Some(29_600)),
    ] {
        let (_, facts) = canonical(&fixture(name)).expect(name);
        assert_eq!(
            (facts.format, facts.sample_rate, facts.channels, facts.samples),
            (format, rate, channels, samples),
            "{name}"
        );
    }
    let (_, facts) = canonical(&fixture("sweep.aac.m4a")).unwrap();
    assert_eq!(
        (facts.format, facts.sample_rate, facts.channels, facts.delay),
        (Format::Aac, 16_000, 2, 1024)
    );
    assert!((3690..3800).contains(&facts.duration_ms), "{} ms", facts.duration_ms);
}

#[test]
fn facts_make_a_head_that_players_accept() {
    for name in FIXTURES {
        let (bytes, facts) = canonical(&fixture(name)).expect(name);
        let head = facts.head(FileId([1; 32]), Some(-300));
        let mut encoded = Vec::new();
        head.encode(&mut encoded);
        assert!(encoded.len() <= HEAD_LEN_MAX, "{name}");
        assert_eq!(Head::decode(&mut Reader::new(&encoded)).expect(name), head);
        let bits = bytes.len() as u64 * 8000 / u64::from(facts.duration_ms);
        assert_eq!(u64::from(facts.bit_rate), bits, "{name}");
    }
}

#[test]
fn what_a_decoder_needs_first_comes_first_and_is_small() {
    for (name, most) in [
        ("sweep.ogg", 4096),
        ("sweep.flac", 42),
        ("sweep-vbr.mp3", 500),
        ("tone.wav", 80),
        ("sweep.aac.m4a", 1500),
        ("sweep.alac.m4a", 1500),
    ] {
        let (_, facts) = canonical(&fixture(name)).expect(name);
        let [header] = &facts.headers[..] else { panic!("{name}: {:?}", facts.headers) };
        assert!(header.start == 0 && header.end <= most, "{name}: {header:?}");
    }
}
