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
        ("sweep.ogg", Format::OggVorbis, 16_000, 1, Some(59_200)),
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

#[test]
fn an_odd_number_of_bytes_in_a_wav_is_padded() {
    let mut wav = fixture("tone.wav");
    // One channel of 8 bits: one byte a frame.
    wav[22..24].copy_from_slice(&1u16.to_le_bytes());
    wav[32..36].copy_from_slice(&[1, 0, 8, 0]);
    let (bytes, facts) = canonical(&wav[..44 + 9]).unwrap();
    assert_eq!((bytes.len(), facts.samples), (44 + 10, Some(9)));
    assert_eq!(&bytes[4..8], &46u32.to_le_bytes());
    assert_eq!((&bytes[40..44], bytes[53]), (&9u32.to_le_bytes()[..], 0));
    assert!(canonical(&bytes).unwrap().0 == bytes);
}

#[test]
fn a_damaged_ogg_page_is_left_out_as_decoders_do() {
    let source = fixture("sweep.ogg");
    let starts: Vec<usize> =
        source.windows(5).enumerate().filter(|(_, bytes)| *bytes == b"OggS\0").map(|(at, _)| at).collect();
    let mut damaged = source.clone();
    damaged[starts[3] + 2000] ^= 1;
    let (whole, _) = canonical(&source).unwrap();
    let (rest, _) = canonical(&damaged).unwrap();
    assert_eq!(whole.len() - rest.len(), starts[4] - starts[3]);
    assert!(decode(&rest).samples == decode(&damaged).samples);
}

/// Where the frame with this number begins in the FLAC fixture, whose frames have 1024 samples.
fn flac_frame(source: &[u8], number: u8) -> usize {
    let is_it = |bytes: &[u8]| bytes[..2] == [0xff, 0xf8] && bytes[2] >> 4 == 10 && bytes[4] == number;
    source.windows(5).position(is_it).expect("a frame")
}

#[test]
fn a_likeness_of_a_frame_inside_a_flac_frame_is_not_taken_for_one() {
    let source = fixture("sweep.flac");
    let (_, facts) = canonical(&source).unwrap();
    for (number, inside) in [(2, 10), (27, 3), (20, 6)] {
        let mut lured = source.clone();
        let at = flac_frame(&source, number);
        let lure = source[at..at + 6].to_vec();
        let place = flac_frame(&source, inside) + 100;
        lured[place..place + 6].copy_from_slice(&lure);
        assert_eq!(canonical(&lured).unwrap().1, facts, "frame {number} in frame {inside}");
    }
}

#[test]
fn a_flac_that_lost_a_frame_keeps_its_times() {
    let source = fixture("sweep.flac");
    let (whole, facts) = canonical(&source).unwrap();
    let (start, end) = (flac_frame(&source, 10), flac_frame(&source, 11));
    let (bytes, scratched) = canonical(&[&source[..start], &source[end..]].concat()).unwrap();
    assert_eq!((whole.len() - bytes.len(), scratched.samples), (end - start, facts.samples));
    assert_eq!(scratched.seek.byte_at(1000), facts.seek.byte_at(1000));
    assert_eq!(scratched.seek.byte_at(2000), facts.seek.byte_at(2000) - (end - start) as u64);
}
