//! Files that are not taken, each with a reason that names what is wrong with it.

mod common;

use common::ogg::checksum;
use common::{canonical, fixture};
use spotcache::canonical::Refusal;

fn refusal(bytes: &[u8]) -> Refusal {
    canonical(bytes).map(|(_, facts)| facts).expect_err("a refusal")
}

fn replaced(name: &str, old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut bytes = fixture(name);
    let at = bytes.windows(old.len()).position(|window| window == old).expect("what to replace");
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

#[test]
fn what_is_empty_or_not_sound_is_said_so() {
    assert_eq!(refusal(b""), Refusal::Empty);
    for bytes in [
        &b"\x89PNG\r\n\x1a\n and a picture"[..],
        b"just some text",
        b"\xff",
        b"\xff\xd8\xff\xe0 a photograph",
    ] {
        assert_eq!(refusal(bytes), Refusal::NotAudio);
    }
    let noise: Vec<u8> = (0..400_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    assert_eq!(refusal(&noise), Refusal::NotAudio);
}

#[test]
fn half_copied_files_are_told_from_damaged_ones() {
    for name in ["sweep.ogg", "sweep.flac", "sweep-vbr.mp3", "sweep.aac.m4a", "sweep.alac.m4a"] {
        let bytes = fixture(name);
        assert_eq!(refusal(&bytes[..bytes.len() / 2]), Refusal::Truncated, "{name}");
        let most = if name.ends_with("mp3") { bytes.len() - 2000 } else { bytes.len() - 1 };
        assert_eq!(refusal(&bytes[..most]), Refusal::Truncated, "{name}");
    }
}

#[test]
fn a_wav_cut_short_is_taken_in_whole_sample_frames() {
    let bytes = fixture("tone.wav");
    let (whole, _) = canonical(&bytes).unwrap();
    let (cut, facts) = canonical(&bytes[..bytes.len() - 6]).unwrap();
    assert_eq!((cut.len(), facts.samples), (whole.len() - 8, Some(4078)));
    assert!(whole[44..].starts_with(&cut[44..]));
}

#[test]
fn a_wav_of_a_streaming_writer_reaches_to_its_end() {
    let (whole, _) = canonical(&fixture("tone.wav")).unwrap();
    for size in [[0xff; 4], [0; 4]] {
        let mut bytes = fixture("tone.wav");
        bytes[40..44].copy_from_slice(&size);
        assert!(canonical(&bytes).unwrap().0 == whole);
    }
}

#[test]
fn an_rf64_is_taken_by_its_true_size() {
    let wav = fixture("tone.wav");
    let sound = &wav[44..];
    let ds64 = [&b"ds64\x1c\0\0\0"[..], &[0; 8], &(sound.len() as u64).to_le_bytes(), &[0; 12]].concat();
    let rf64 =
        [&b"RF64\xff\xff\xff\xffWAVE"[..], &ds64, &wav[12..40], &[0xff; 4], sound, b"LIST\x04\0\0\0abcd"]
            .concat();
    assert!(canonical(&rf64).unwrap().0 == canonical(&wav).unwrap().0);
}

#[test]
fn codecs_that_are_not_supported_are_named() {
    let wav = |codec: u8| {
        let mut bytes = fixture("tone.wav");
        bytes[20] = codec;
        bytes
    };
    for (bytes, name) in [
        (ogg(b"OpusHead\x01"), "Opus"),
        (ogg(b"Speex   1.2"), "Speex"),
        (ogg(b"\x80theora"), "Theora video"),
        (ogg(b"\x7fFLAC\x01"), "FLAC in Ogg"),
        (wav(2), "ADPCM in WAV"),
        (wav(7), "µ-law in WAV"),
        (b"FORM\0\0\0\0AIFF".to_vec(), "AIFF"),
        (b"\x1a\x45\xdf\xa3 and more".to_vec(), "Matroska or WebM"),
        (b"\xff\xf1\x50\x80\x02\x1f\xfc and more".to_vec(), "AAC outside MP4 (ADTS)"),
        (b"\xff\xfd\x90\x04 and more".to_vec(), "MPEG layer II (MP2)"),
        (replaced("sweep.alac.m4a", b"alac", b"ac-3"), "Dolby Digital (AC-3)"),
        (replaced("sweep.aac.m4a", b"soun", b"vide"), "a film without sound"),
        (replaced("sweep.aac.m4a", b"udta", b"mvex"), "fragmented MP4"),
        // MPEG-4's object types: SBR in place of LC.
        (replaced("sweep.aac.m4a", b"\x05\x80\x80\x80\x05\x14", b"\x05\x80\x80\x80\x05\x2c"), "HE-AAC"),
    ] {
        assert_eq!(refusal(&bytes), Refusal::Unsupported(name));
    }
}

#[test]
fn protected_files_are_said_so() {
    assert_eq!(refusal(&replaced("sweep.aac.m4a", b"mp4a", b"drms")), Refusal::Protected);
    assert_eq!(refusal(&replaced("sweep.aac.m4a", b"mp4a", b"enca")), Refusal::Protected);
}

#[test]
fn several_songs_in_one_ogg_are_refused() {
    let twice = fixture("sweep.ogg").repeat(2);
    assert_eq!(refusal(&twice), Refusal::Unsupported("Ogg with several streams"));
}

#[test]
fn sizes_beyond_reason_are_refused_without_believing_them() {
    // A hundred million frames of equal size, in a table that needs no bytes to say so.
    let mut bytes = fixture("sweep.aac.m4a");
    let at = bytes.windows(4).position(|window| window == b"stsz").expect("sizes");
    bytes[at + 8..at + 16].copy_from_slice(&[0, 0, 0, 1, 0x05, 0xf5, 0xe1, 0x00]);
    assert_eq!(refusal(&bytes), Refusal::TooLarge("the number of frames"));
    let at = bytes.windows(4).position(|window| window == b"stco").expect("offsets");
    let mut bytes = fixture("sweep.aac.m4a");
    bytes[at + 8..at + 12].copy_from_slice(&[0xff; 4]);
    assert_eq!(refusal(&bytes), Refusal::Damaged("a table is shorter than it says"));
}

#[test]
fn a_small_file_is_not_taken_for_a_long_one_by_chunks_that_lie_over_each_other() {
    let mut bytes = fixture("sweep.aac.m4a");
    let mut put = |name: &[u8; 4], skip: usize, words: &[u32]| {
        let at = bytes.windows(4).position(|window| window == name).expect("a table") + skip;
        words.iter().enumerate().for_each(|(index, word)| {
            bytes[at + 4 * index..at + 4 * index + 4].copy_from_slice(&word.to_be_bytes());
        });
    };
    // Seven chunks of 59 frames, 100 bytes each. The offsets take the room of the table behind them, `sgpd`.
    put(b"stsz", 8, &[100, 7 * 59]);
    put(b"stco", 8, &[7, 44, 44, 44, 44, 44, 44, 44]);
    let at = bytes.windows(4).position(|window| window == b"stco").expect("offsets");
    bytes[at - 1] += 26;
    assert_eq!(refusal(&bytes), Refusal::Damaged("its chunks lie over each other"));
}

#[test]
fn reasons_are_words_for_people() {
    assert_eq!(refusal(&ogg(b"OpusHead\x01")).to_string(), "Opus is not supported");
    assert_eq!(Refusal::Truncated.to_string(), "the file ends too early; perhaps it is still being copied");
}

/// A first page with this packet.
fn ogg(packet: &[u8]) -> Vec<u8> {
    let mut page = [&b"OggS\0\x02"[..], &[0; 20], &[1, packet.len() as u8], packet].concat();
    let sum = checksum(&page).to_le_bytes();
    page[22..26].copy_from_slice(&sum);
    page
}
