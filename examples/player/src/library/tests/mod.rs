//! A library over real files, from the encoders that the demonstration uses.

mod change;
mod damage;
mod keys;
mod scanning;
mod serving;

use super::*;
use crate::tune::{Encoding, Pcm, encode};
use core::ops::ControlFlow;
use core::time::Duration;
use runtime_tokio::Store;
use spotcache::canonical::{Canonical, analyse};
use spotcache::seal::PieceCipher;
use spotproto::content::{FileId, Hash};
use spotproto::crypto::{Crypto, RustCrypto, SecretKey};
use spotproto::message::{PieceRange, Refusal, Wanted};
use spotproto::{Gid, Link};
use std::fs::{self, File};
use std::path::Path;
use std::time::SystemTime;
use tempfile::TempDir;

/// A folder of music and a state folder beside it.
struct Shelf {
    music: TempDir,
    state: TempDir,
}

impl Shelf {
    fn new() -> Self {
        Self { music: tempfile::tempdir().unwrap(), state: tempfile::tempdir().unwrap() }
    }

    /// Puts a file on the shelf that was left alone for an hour.
    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.music.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        self.age(name, Duration::from_secs(3600));
    }

    fn age(&self, name: &str, age: Duration) {
        let file = File::options().write(true).open(self.music.path().join(name)).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }

    fn library(&self) -> Library {
        self.library_of(Epochs::of(epoch(1)))
    }

    fn library_of(&self, epochs: Epochs) -> Library {
        self.library_with(epochs, Duration::from_millis(60))
    }

    fn library_with(&self, epochs: Epochs, settle: Duration) -> Library {
        let options = Options { readers: 2, settle, open_files: 4 };
        Library::open(self.music.path(), &self.database(), epochs, options).unwrap()
    }

    fn database(&self) -> std::path::PathBuf {
        self.state.path().join("library.sqlite")
    }
}

fn epoch(number: u8) -> Epoch {
    Epoch::new(number.into(), SecretKey([number; 32]))
}

fn scan(library: &Library) -> Report {
    library.scan(|_| ControlFlow::Continue(())).unwrap()
}

/// A few seconds of sound, another one for each seed.
fn sound(seed: u32, seconds: usize) -> Pcm {
    let mut noise = seed.wrapping_mul(0x9e37_79b9) | 1;
    let samples = (0..seconds * 2 * 22_050).map(|at| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let wave = ((at as f32) * (0.01 + 0.003 * seed as f32)).sin() * 9_000.0;
        wave as i16 + (noise >> 20) as i16
    });
    Pcm { title: format!("Song {seed}"), composer: "Nobody".into(), rate: 22_050, samples: samples.collect() }
}

const VORBIS: Encoding = Encoding::Vorbis { kbps: 96 };

fn song(seed: u32, encoding: Encoding) -> Vec<u8> {
    encode(&sound(seed, 3), encoding).unwrap()
}

fn gid(track: &Track) -> Gid {
    track.link.gid().unwrap()
}

/// The file of the one track.
fn only(library: &Library) -> (Gid, FileId) {
    let tracks = library.tracks().unwrap();
    assert_eq!(tracks.len(), 1, "{tracks:?}");
    let gid = gid(&tracks[0]);
    (gid, library.find(&Wanted::Track(gid)).unwrap().head.file)
}

/// What a client has in the end: every piece, checked and opened.
fn download(library: &Library, gid: Gid) -> Result<Vec<u8>, Refusal> {
    let entry = library.find(&Wanted::Track(gid))?;
    let cipher = PieceCipher::<RustCrypto>::new(&entry.key);
    let mut plaintext = Vec::new();
    for index in 0..entry.head.pieces() {
        let proofs = library.prove(&entry.head.file, &[PieceRange { start: index, count: 1 }])?;
        proofs[0].verify::<RustCrypto>(&entry.head.file.root(), entry.head.pieces()).unwrap();
        let mut piece = library.piece(&entry.head.file, index)?.to_vec();
        assert_eq!(Hash(RustCrypto::hash(&[&piece])), proofs[0].leaves[0]);
        plaintext.extend_from_slice(cipher.open(index, &mut piece).unwrap());
    }
    assert_eq!(plaintext.len() as u64, entry.head.geometry.plaintext_len());
    Ok(plaintext)
}

/// The canonical form of a file, straight from its bytes.
fn canonical(bytes: &[u8]) -> Vec<u8> {
    let Canonical { plan, .. } = analyse(&mut &bytes[..]).unwrap();
    let mut plaintext = vec![0; plan.len() as usize];
    assert_eq!(plan.read_at(&mut &bytes[..], 0, &mut plaintext).unwrap(), plaintext.len());
    plaintext
}

/// The one reason in a report.
fn why(report: &Report) -> &str {
    assert_eq!(report.skipped.len(), 1, "{:?}", report.skipped);
    &report.skipped[0].why
}
