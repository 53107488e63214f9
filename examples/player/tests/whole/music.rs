//! A folder of music made for the occasion, and what it sounds like.

use crate::spot::{good, spot};
use core::time::Duration;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::SystemTime;
use tempfile::TempDir;

/// Every encoding that is made here: name of the file, and of the encoding.
pub(crate) const TUNES: [(&str, &str); 3] =
    [("tune.ogg", "vorbis96"), ("tune.flac", "flac"), ("tune.wav", "wav")];

/// Samples in a second of the music: 44,100 frames of two.
const SECOND: usize = 44_100 * 2;

static MUSIC: LazyLock<Music> = LazyLock::new(Music::make);

/// The folder with the music, made once; tests that change something use a copy.
struct Music {
    folder: PathBuf,
}

impl Music {
    fn make() -> Self {
        // Always the same place: nobody cleans up after a static.
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("whole-music");
        fs::create_dir_all(&folder).expect("a folder");
        std::thread::scope(|scope| {
            for (name, encoding) in TUNES {
                let file = folder.join(name);
                let wav = folder.join(format!("{name}.decoded"));
                let folder = &folder;
                scope.spawn(move || {
                    let tune = ["tune", "--encoding", encoding, "--seconds", "1"].map(String::from);
                    let file = file.to_str().expect("plain").to_owned();
                    good(&spot(folder, tune.into_iter().chain([file.clone()])));
                    let output = format!("wav:{}", wav.display());
                    good(&spot(folder, ["decode".to_owned(), file, "--output".into(), output]));
                });
            }
        });
        Self { folder }
    }
}

/// A folder of one's own with these files of the music in it, and a home.
pub(crate) struct Place {
    pub(crate) home: TempDir,
}

impl Place {
    pub(crate) fn with(tunes: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        let place = Self { home };
        fs::create_dir(place.music()).expect("a folder");
        for tune in tunes {
            fs::copy(MUSIC.folder.join(tune), place.music().join(tune)).expect("room for a copy");
            place.settle(tune);
        }
        place
    }

    /// The folder to serve.
    pub(crate) fn music(&self) -> PathBuf {
        self.home.path().join("music")
    }

    /// Where the server keeps its things.
    pub(crate) fn state(&self) -> PathBuf {
        self.home.path().join("state")
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.music().join(name), bytes).expect("room for a file");
        self.settle(name);
    }

    /// Makes a file look as if it had been there for a while, so that nobody waits for it to be complete.
    fn settle(&self, name: &str) {
        let file = File::options().write(true).open(self.music().join(name)).expect("it is there");
        file.set_modified(SystemTime::now() - Duration::from_secs(60)).expect("a date");
    }
}

/// The bytes of an original.
pub(crate) fn original(tune: &str) -> Vec<u8> {
    fs::read(MUSIC.folder.join(tune)).expect("it was made")
}

/// What it sounds like, as a WAV file.
pub(crate) fn decoded(tune: &str) -> Vec<u8> {
    fs::read(MUSIC.folder.join(format!("{tune}.decoded"))).expect("it was made")
}

/// The samples in a WAV file, whose header depends on their kind.
pub(crate) fn samples(wav: &[u8]) -> &[u8] {
    let data = wav.windows(4).position(|name| name == b"data").expect("a chunk of samples");
    &wav[data + 8..]
}

/// The samples of a tune from this second on.
pub(crate) fn from_second(tune: &str, second: usize) -> Vec<u8> {
    let wav = decoded(tune);
    // Vorbis is decoded to floats, the others have 16 bits.
    let sample = usize::from(u16::from_le_bytes([wav[34], wav[35]]) / 8);
    samples(&wav)[second * SECOND * sample..].to_vec()
}

/// Fails unless two sounds are the same, without printing millions of samples.
#[track_caller]
pub(crate) fn same(heard: &[u8], right: &[u8], what: &str) {
    let differs = heard.iter().zip(right).position(|(a, b)| a != b);
    assert_eq!((heard.len(), differs), (right.len(), None), "{what}");
}
