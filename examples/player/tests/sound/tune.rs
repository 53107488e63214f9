//! Music of our own: sound in measure, and files that other software reads.

use core::time::Duration;

use spot_player::decode::{Decoder, Layout, Samples};
use spot_player::tune::{EncodeError, Encoding, Pcm, encode, prelude, render};
use spotproto::content::Format;

fn music() -> Pcm {
    render(&prelude().first_bars(3))
}

#[test]
fn it_is_as_loud_as_fits_and_centred() {
    let pcm = music();
    let peak = pcm.samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
    assert!((27_000..29_000).contains(&peak), "{peak}");
    let power: f64 = pcm.samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    let rms = (power / pcm.samples.len() as f64).sqrt();
    assert!((1_500.0..9_000.0).contains(&rms), "{rms}");
    let mean = pcm.samples.iter().map(|sample| f64::from(*sample)).sum::<f64>() / pcm.samples.len() as f64;
    assert!(mean.abs() < 30.0, "{mean}");
    assert!(
        pcm.samples.rchunks(200).next().unwrap().iter().all(|sample| sample.abs() < 20),
        "it ends in silence"
    );
}

#[test]
fn it_lasts_as_long_as_its_score_and_rings_on() {
    let score = prelude().first_bars(3);
    let seconds = render(&score).frames() as f64 / 44_100.0;
    let ringing = seconds - score.duration().as_secs_f64();
    assert!((1.0..4.0).contains(&ringing), "{ringing}");
}

#[test]
fn the_same_score_is_the_same_file() {
    let score = prelude().first_bars(1);
    assert_eq!(render(&score), render(&score));
    for encoding in [Encoding::Vorbis { kbps: 160 }, Encoding::Flac, Encoding::Wav] {
        assert_eq!(encode(&render(&score), encoding), encode(&render(&score), encoding));
    }
}

/// The sum over all samples that every machine must come to.
#[test]
fn the_samples_are_these_and_no_others() {
    let pcm = render(&prelude().first_bars(1));
    let mix = |sum: u64, sample: &i16| (sum ^ *sample as u16 as u64).wrapping_mul(0x0100_0000_01b3);
    assert_eq!(pcm.samples.iter().fold(0xcbf2_9ce4_8422_2325, mix), EXPECTED);
}

const EXPECTED: u64 = 4_332_180_375_162_967_468;

#[test]
fn tags_travel_with_the_file() {
    let pcm = music();
    for encoding in [Encoding::Vorbis { kbps: 160 }, Encoding::Flac] {
        let file = encode(&pcm, encoding).unwrap();
        for tag in ["TITLE=Prelude in C major, BWV 846", "ARTIST=Johann Sebastian Bach"] {
            let found = file.windows(tag.len()).any(|window| window == tag.as_bytes());
            assert!(found, "{tag} in {encoding:?}");
        }
    }
}

#[test]
fn more_bits_make_a_bigger_file() {
    let pcm = music();
    let sizes = [96, 160, 320].map(|kbps| encode(&pcm, Encoding::Vorbis { kbps }).unwrap().len());
    assert!(sizes.is_sorted() && sizes[2] > 2 * sizes[0], "{sizes:?}");
    assert_eq!(encode(&pcm, Encoding::Vorbis { kbps: 0 }), Err(EncodeError::Refused));
    assert_eq!(encode(&pcm, Encoding::Vorbis { kbps: 100_000 }), Err(EncodeError::Refused));
}

#[test]
fn nothing_at_all_is_a_file_too() {
    let silence = render(&prelude().first_bars(0));
    assert!(encode(&silence, Encoding::Vorbis { kbps: 160 }).is_ok());
    assert!(encode(&silence, Encoding::Wav).is_ok());
}

#[test]
fn long_music_plays() {
    let score = prelude().first_bars(2).long(Duration::from_secs(20));
    let file = encode(&render(&score), Encoding::Vorbis { kbps: 96 }).unwrap();
    let layout =
        Layout { format: Format::OggVorbis, header: Vec::new(), seek: Vec::new(), delay: 0, samples: None };
    let bytes = Box::new(bytes::Bytes::from(file));
    let mut decoder = Decoder::open(bytes, layout, score.duration()).unwrap();
    let mut samples = Samples::new();
    assert!(decoder.next(&mut samples).unwrap());
    assert_eq!(samples.at, (score.duration().as_secs_f64() * 44_100.0).round() as u64);
}
