//! Outputs that need nothing from outside.

use spot_player::decode::Samples;
use spot_player::output::{Output, Wav};

use crate::files::{self, MUSIC, scratch};

#[test]
fn a_lossless_track_into_a_wav_file_is_the_original_file() {
    let path = scratch("lossless.wav");
    let mut decoder = files::flac().open(0).unwrap();
    let mut wav = Wav::new(&path);
    wav.start(decoder.spec().unwrap()).unwrap();
    let mut samples = Samples::new();
    while decoder.next(&mut samples).unwrap() {
        wav.write(&samples).unwrap();
    }
    wav.drain().unwrap();
    assert_eq!(wav.played(), MUSIC.frames() as u64);
    assert!(std::fs::read(&path).unwrap() == files::wav().bytes);
    std::fs::remove_file(path).unwrap();
}
