//! A library with one file, and an origin in front of it.

use alloc::sync::Arc;
use core::net::SocketAddr;
use core::ops::ControlFlow;
use core::time::Duration;
use runtime_tokio::{SocketOptions, Store, listen};
use spot_player::library::{Library, Options, State};
use spot_player::origin::{self, Limits};
use spot_player::tune::{Encoding, encode, prelude, render};
use spotproto::content::{FileId, Geometry};
use spotproto::message::Wanted;
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// How long anything here may take, on a loaded machine too.
pub(crate) const SOON: Duration = Duration::from_secs(60);

pub(crate) struct World {
    folder: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) file: FileId,
    pub(crate) geometry: Geometry,
    /// The file, as the store of the protocol gives it.
    pub(crate) ciphertext: Vec<u8>,
    serving: JoinHandle<()>,
}

impl World {
    pub(crate) async fn new(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = library(&folder);
        let file = library.tracks().unwrap()[0].file;
        let geometry = library.find(&Wanted::File(file)).unwrap().head.geometry;
        let piece = |index| library.piece(&file, index).unwrap();
        let ciphertext = (0..geometry.pieces()).flat_map(piece).collect();
        let listener = listen("127.0.0.1:0".parse().unwrap(), &SocketOptions::default()).unwrap();
        let address = listener.local_addr().unwrap();
        let trouble = |error| panic!("{error}");
        let serving = origin::serve(listener, Arc::new(library), limits, core::future::pending(), trouble);
        Self { folder, address, file, geometry, ciphertext, serving: tokio::spawn(serving) }
    }

    /// The music, to be spoilt.
    pub(crate) fn music(&self) -> PathBuf {
        self.folder.path().join("music").join("bach.wav")
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// What comes back for these bytes until the server closes.
    pub(crate) async fn say(&self, request: &str) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut wire = Vec::new();
        tokio::time::timeout(SOON, stream.read_to_end(&mut wire)).await.expect("it closes").unwrap();
        Answer::parse(&wire)
    }

    /// The answer to one request with these header lines.
    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        self.say(&format!("{method} {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}\r\n")).await
    }

    pub(crate) fn path(&self) -> String {
        format!("/{}", self.file)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn library(folder: &TempDir) -> Library {
    let music = folder.path().join("music");
    std::fs::create_dir(&music).unwrap();
    let tune = encode(&render(&prelude().first_bars(1)), Encoding::Wav).unwrap();
    std::fs::write(music.join("bach.wav"), tune).unwrap();
    let state = State::open(&folder.path().join("state")).unwrap();
    let options = Options { settle: Duration::ZERO, ..Options::default() };
    let library = Library::open(&music, &state.database(), state.epochs.clone(), options).unwrap();
    assert_eq!(library.scan(|_| ControlFlow::Continue(())).unwrap().added, 1);
    library
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn parse(wire: &[u8]) -> Self {
        let end = wire.windows(4).position(|four| four == b"\r\n\r\n").map_or(wire.len(), |at| at + 4);
        let head = String::from_utf8(wire[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).map_or(0, |status| status.parse().unwrap());
        Self { status, head, body: wire[end..].to_vec() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}
