//! Decoding: complete, from anywhere, of broken files and from broken sources.

use core::ops::Range;
use std::io::ErrorKind;

use crate::files::{self, MUSIC, Watched, rest, tail};
use spot_player::decode::{Data, DecodeError, SeekPoint};
use spotproto::content::Format;

#[test]
fn every_frame_comes_back_and_none_too_many() {
    for (file, frames) in [
        (files::vorbis(), MUSIC.frames()),
        (files::flac(), MUSIC.frames()),
        (files::wav(), MUSIC.frames()),
        (files::mp3(), 4 * 44_100),
        (files::aac(), 4 * 44_100),
        (files::alac(), 2 * 22_050),
    ] {
        let mut decoder = file.open(0).unwrap();
        let all = rest(&mut decoder).unwrap();
        assert_eq!((all.at, all.frames()), (0, frames), "{}", file.layout.format);
        assert_eq!(decoder.spec(), Some(all.spec()));
        assert_eq!((decoder.skipped(), decoder.ended_early()), (0, false), "{}", file.layout.format);
    }
}

#[test]
fn lossless_files_give_the_very_integers() {
    for file in [files::flac(), files::wav()] {
        let all = rest(&mut file.open(0).unwrap()).unwrap();
        assert_eq!(all.data, Data::I16(MUSIC.samples.clone()), "{}", file.layout.format);
    }
}

#[test]
fn lossy_files_sound_like_the_music() {
    let all = rest(&mut files::vorbis().open(0).unwrap()).unwrap();
    let Data::F32(decoded) = all.data else { panic!("Vorbis gives floats") };
    let pairs = decoded.iter().zip(&MUSIC.samples).map(|(a, b)| (*a, f32::from(*b) / 32_768.0));
    let (noise, signal) =
        pairs.fold((0.0, 0.0), |(noise, signal), (a, b)| (noise + (a - b) * (a - b), signal + b * b));
    assert!(signal > 100.0 * noise, "{signal} {noise}");
}

#[test]
fn a_start_in_the_middle_is_the_tail_of_the_whole() {
    for file in files::all() {
        let all = rest(&mut file.open(0).unwrap()).unwrap();
        let length = all.frames() as u64 * 1_000 / u64::from(all.rate);
        for ms in [1, 250, 777, 1_000, 1_300, 3_200, 3_999, 7_000, length - 300, length - 100, length - 1] {
            if ms >= length {
                continue;
            }
            let first = (ms * u64::from(all.rate) + 500) / 1_000;
            let heard = rest(&mut file.open(ms).unwrap()).unwrap();
            let wanted = tail(&all, first);
            assert_eq!((heard.at, heard.frames()), (first, wanted.frames()), "{} {ms}", file.layout.format);
            assert!(heard.data == wanted.data, "{} from {ms} ms sounds different", file.layout.format);
        }
    }
}

#[test]
fn a_decoder_can_jump_back_and_forth() {
    for file in files::all() {
        let mut decoder = file.open(1_500).unwrap();
        let wanted = rest(&mut decoder).unwrap();
        for ms in [900, 0, 1_500] {
            decoder.seek(core::time::Duration::from_millis(ms)).unwrap();
        }
        assert!(rest(&mut decoder).unwrap() == wanted, "{}", file.layout.format);
    }
}

#[test]
fn a_start_in_the_middle_reads_the_header_and_one_place() {
    for file in [files::vorbis(), files::flac(), files::mp3(), files::wav(), files::alac()] {
        let watched = Watched::new(&file.bytes);
        let mut decoder = file.open_as(Box::new(watched.clone()), 1_800).unwrap();
        assert!(decoder.next(&mut spot_player::decode::Samples::new()).unwrap());
        let asked = watched.asked.lock().unwrap();
        let is_mp4 = file.layout.format == Format::Alac;
        let jumps = asked.windows(2).filter(|pair| {
            // Of MP4, the headers of boxes and a table are read again, all of it in the header.
            let is_in_header = is_mp4 && pair[1].end <= file.layout.header[0].end;
            pair[0].end != pair[1].start && !is_in_header
        });
        let jumps = jumps.count();
        let read: u64 = asked.iter().map(|range| range.end - range.start).sum();
        assert!(jumps <= 2, "{}: {asked:?}", file.layout.format);
        assert!(read < file.bytes.len() as u64 / 2 + 20_000, "{}: {read}", file.layout.format);
    }
}

#[test]
fn a_seek_table_that_is_a_little_late_is_forgiven() {
    let mut file = files::vorbis();
    let wanted = rest(&mut file.open(3_000).unwrap()).unwrap();
    for point in &mut file.layout.seek {
        point.time = point.time.saturating_sub(core::time::Duration::from_millis(350));
    }
    assert!(rest(&mut file.open(3_000).unwrap()).unwrap() == wanted);
}

#[test]
fn a_seek_table_of_nonsense_is_an_error_or_sound_but_no_panic() {
    for mut file in files::all() {
        let nonsense = |(index, offset): (u64, u64)| SeekPoint {
            time: core::time::Duration::from_millis(index * 100),
            offset,
        };
        file.layout.seek = (0..).zip([7, u64::MAX, 3, 20_000, 20_001, 1_000_000_000]).map(nonsense).collect();
        file.layout.header = vec![5..9, 0..u64::MAX, Range { start: 100, end: 50 }];
        for ms in [0, 150, 450, 1_700, 1_000_000] {
            let _ = file.open(ms).and_then(|mut decoder| rest(&mut decoder));
        }
    }
}

#[test]
fn behind_the_end_there_is_silence_and_no_error() {
    for file in files::all() {
        let mut decoder =
            file.open(3_600_000).unwrap_or_else(|error| panic!("{}: {error}", file.layout.format));
        assert!(rest(&mut decoder).unwrap().is_empty());
        assert_eq!(decoder.spec(), None);
    }
}

#[test]
fn three_quarters_of_a_file_play_to_the_cut() {
    for file in files::all() {
        let all = rest(&mut file.open(0).unwrap()).unwrap();
        let mut decoder = file.with(file.bytes.slice(..file.bytes.len() * 3 / 4)).open(0).unwrap();
        let heard = rest(&mut decoder).unwrap();
        let part = heard.frames() as f64 / all.frames() as f64;
        assert!((0.6..0.9).contains(&part), "{}: {part}", file.layout.format);
        assert!(
            decoder.ended_early() || file.layout.format == Format::Mp3,
            "MP3 does not say how long it is"
        );
    }
}

#[test]
fn garbage_is_an_error() {
    let mut noise = 1_u32;
    let mut byte = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    };
    let noise: Vec<u8> = (0..40_000).map(|_| byte()).collect();
    for file in files::all() {
        for bytes in
            [&noise[..], &[], &[0; 5_000], b"OggS", b"fLaC", b"RIFF\0\0\0\0WAVE", b"<html>not found</html>"]
        {
            let error = file.with(bytes.to_vec()).open(0).err();
            assert!(error.is_some(), "{} took {} bytes of garbage", file.layout.format, bytes.len());
        }
    }
}

#[test]
fn one_format_under_anothers_name_is_an_error() {
    let files = files::all();
    for (index, file) in files.iter().enumerate() {
        let other = &files[(index + 1) % files.len()];
        // MP4 is one container: AAC under the name of ALAC plays.
        if !matches!(file.layout.format, Format::Aac | Format::Alac)
            || other.layout.format == Format::OggVorbis
        {
            assert!(file.with(other.bytes.clone()).open(0).is_err(), "{}", file.layout.format);
        }
    }
}

#[test]
fn damage_in_the_middle_is_a_gap_and_no_end() {
    for file in files::all() {
        let all = rest(&mut file.open(0).unwrap()).unwrap();
        let mut bytes = file.bytes.to_vec();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 400].iter_mut().for_each(|byte| *byte = !*byte);
        let mut decoder = file.with(bytes).open(0).unwrap();
        let heard = rest(&mut decoder).unwrap();
        assert!(heard.frames() * 10 > all.frames() * 8, "{}: {}", file.layout.format, heard.frames());
    }
}

#[test]
fn damage_anywhere_never_panics() {
    for file in files::all() {
        // The header is where parsers have most to lose.
        let near_start = file.bytes.len().min(6_000);
        for round in 0..60_usize {
            let mut bytes = file.bytes.slice(..file.bytes.len().min(40_000)).to_vec();
            for step in 0..=round % 5 {
                let random = (round * 7_919 + step * 104_729).wrapping_mul(2_654_435_761);
                let span = if round % 3 == 0 { bytes.len() } else { near_start.min(bytes.len()) };
                bytes[random / 7 % span] = (random >> 5) as u8;
            }
            let _ = file.with(bytes).open(0).and_then(|mut decoder| rest(&mut decoder));
        }
    }
}

#[test]
fn a_header_of_impossible_sizes_is_an_error() {
    let mut bytes = files::wav().bytes.to_vec();
    // More channels than a frame has bytes.
    bytes[22..24].copy_from_slice(&u16::MAX.to_le_bytes());
    bytes[32..34].copy_from_slice(&u16::MAX.to_le_bytes());
    assert!(files::wav().with(bytes).open(0).is_err());
}

#[test]
fn a_stop_is_told_from_an_end_and_from_a_fault() {
    for file in files::all() {
        for part in [0, 10, 200, 20_000] {
            for (kind, wanted) in [
                (ErrorKind::Interrupted, DecodeError::Stopped),
                (ErrorKind::TimedOut, DecodeError::Source(ErrorKind::TimedOut)),
                (ErrorKind::UnexpectedEof, DecodeError::Source(ErrorKind::UnexpectedEof)),
            ] {
                let mut source = Watched::new(&file.bytes);
                source.fails = Some((part, kind));
                let ended = file.open_as(Box::new(source), 0).and_then(|mut decoder| rest(&mut decoder));
                assert_eq!(ended.err(), Some(wanted), "{} after {part} bytes", file.layout.format);
            }
        }
    }
}
