//! A peer that means ill, to try out what it does to listeners of a server:
//!
//! ```text
//! cargo run -p spotp2p-tokio --example crook -- --server HOST:PORT#KEY --file FILE --port PORT --as MANNER
//! ```
//!
//! `HOST:PORT#KEY` and `FILE` are what `spot serve` says of itself and of a track, `PORT` is where the crook takes
//! connections (0 for any), and `MANNER` is one of `garbage`, `late`, `silent`, `queues`, `lacks`, `flood` and `rude`. It
//! goes on until it is stopped, or the server ends the connection.

extern crate alloc;

#[path = "../tests/crooks/crook.rs"]
#[allow(dead_code, reason = "what only tests need")]
mod crook;
#[path = "../tests/crooks/line.rs"]
#[allow(dead_code, reason = "what only tests need")]
mod line;

use core::error::Error;
use core::time::Duration;
use crook::{Crook, Manner};
use runtime_tokio::channel;
use runtime_tokio::{DialOptions, SocketOptions, connect, entropy, listen_everywhere};
use spotproto::content::FileId;
use spotproto::crypto::{KeyPair, PublicKey, RustCrypto};

/// How much later pieces come.
const LATE: Duration = Duration::from_secs(12);

const USAGE: &str = "usage: crook --server HOST:PORT#KEY --file FILE --port PORT \
                     --as garbage|late|silent|queues|lacks|flood|rude";

struct Arguments {
    server: String,
    key: PublicKey,
    file: FileId,
    port: u16,
    manner: Manner,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { server, key, file, port, manner } = arguments().ok_or(USAGE)?;
    let shared = SocketOptions { share_port: true, ..SocketOptions::default() };
    let listener = listen_everywhere(port, &shared)?;
    let (stream, _) = connect(&server, &DialOptions::default()).await?;
    let device = KeyPair::new::<RustCrypto>(entropy::secret_key()?);
    let (deeds, seen) = channel::bounded(1024);
    let crook = Crook::log_in(stream, key, device, Some(listener), file, deeds).await?;
    println!("logged in as {:?}", crook.name().0);
    let look_on = async {
        while let Ok(deed) = seen.recv().await {
            println!("{deed:?}");
        }
    };
    tokio::join!(crook.run(manner), look_on);
    Ok(())
}

fn arguments() -> Option<Arguments> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = given.iter().position(|given| given == name)?;
        given.get(at + 1).map(String::as_str)
    };
    let (server, key) = value("--server")?.split_once('#')?;
    let manner = match value("--as")? {
        "garbage" => Manner::Garbage,
        "late" => Manner::Late(LATE),
        "silent" => Manner::Silent,
        "queues" => Manner::Queues,
        "lacks" => Manner::Lacks,
        "flood" => Manner::Floods,
        "rude" => Manner::Rude,
        _ => return None,
    };
    Some(Arguments {
        server: server.into(),
        // As many digits as a file has.
        key: PublicKey(key.parse::<FileId>().ok()?.0),
        file: value("--file")?.parse().ok()?,
        port: value("--port")?.parse().ok()?,
        manner,
    })
}
