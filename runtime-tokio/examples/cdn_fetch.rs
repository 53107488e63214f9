//! Fetches a file's ciphertext from a web server and proves it by its name:
//!
//! ```text
//! cargo run --example cdn_fetch -- http://HOST:PORT/FOLDER/ FILE BYTES [PIECES]
//! ```
//!
//! `FILE` and `BYTES` are what `spot serve --json` says of a track. So many `PIECES` are asked for at a time. A file's
//! name is the root of the hashes of all its pieces, so a whole file needs no other proof.

use core::error::Error;
use core::ops::Range;
use runtime_tokio::connection::Why;
use runtime_tokio::{Clock, DialOptions, Handle, cdn};
use spotp2p::RequestId;
use spotp2p::cdn::{Connection, Get, Input, Limits, Output, Target, Url};
use spotproto::content::{FileId, Geometry, Hash, RootBuilder};
use spotproto::crypto::{Crypto, RustCrypto};
use std::env;
use std::process::ExitCode;

/// Pieces that are asked for at a time, unless told otherwise.
const PIECES: u32 = 16;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match fetch().await {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("cdn_fetch: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn fetch() -> Result<String, Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder, file, bytes, at_a_time @ ..] = &arguments[..] else {
        return Err("usage: cdn_fetch http://HOST:PORT/FOLDER/ FILE BYTES [PIECES]".into());
    };
    let folder: Url = folder.parse()?;
    let file: FileId = file.parse()?;
    let geometry = Geometry::of_ciphertext(bytes.parse()?).ok_or("no file has that length")?;
    let at_a_time = at_a_time.first().map_or(Ok(PIECES), |count| count.parse())?.max(1);
    let url = folder.of_file(&file)?;

    let clock = Clock::start();
    let mut connection = cdn::open(&url, &DialOptions::default(), clock, Limits::DEFAULT).await?;
    let mut root = RootBuilder::new();
    while root.count() < geometry.pieces() {
        let start = root.count();
        let pieces = start..geometry.pieces().min(start.saturating_add(at_a_time));
        let request = RequestId(start.into());
        let get = Get { request, target: Target::new(url.clone()), geometry, pieces: pieces.clone() };
        // A connection that is over says why below.
        let _ = connection.tell(Input::Get(get)).await;
        if !take(&mut connection, &mut root, pieces).await? {
            return Err(match connection.ended().await?.why {
                Why::Finished(fault) => {
                    format!("after {} of {} pieces: {fault}", root.count(), geometry.pieces())
                }
                why => format!("after {} of {} pieces: {why:?}", root.count(), geometry.pieces()),
            }
            .into());
        }
    }
    if root.root::<RustCrypto>() != Some(file.root()) {
        return Err("what came is not the file of that name".into());
    }
    let span = clock.now().since(spotproto::Instant::START);
    Ok(format!("{} pieces, {bytes} bytes, proved, in {} ms", geometry.pieces(), span.as_millis()))
}

/// Takes the pieces of one request; `false` if the connection ended.
async fn take(
    connection: &mut Handle<Connection>,
    root: &mut RootBuilder,
    pieces: Range<u32>,
) -> Result<bool, Box<dyn Error>> {
    while let Some(output) = connection.next().await {
        match output {
            Output::Piece { index, data, .. } if index == root.count() && pieces.contains(&index) => {
                root.push::<RustCrypto>(Hash(RustCrypto::hash(&[&data])));
            }
            Output::Piece { index, .. } => return Err(format!("piece {index} came out of turn").into()),
            Output::Finished { .. } => return Ok(true),
            Output::Refused { why, .. } => return Err(why.into()),
            Output::Moved { target, .. } => {
                return Err(format!("it lies elsewhere now, at {}", target.url()).into());
            }
        }
    }
    Ok(false)
}
