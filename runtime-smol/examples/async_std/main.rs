//! The same adapter on async-std: its executor, its sockets. Listens to a track without playing it:
//!
//! ```text
//! cargo run -p spotp2p-smol --example async_std -- HOST:PORT TRACK
//! ```

pub(crate) mod parts;

use core::error::Error;
use parts::Parts;
use runtime_smol::clock::Clock;
use runtime_smol::{Client, ClientEvent, ClientOptions, DialOptions, On, entropy};
use spotp2p::node::{Command, Config, Event, LogIn};
use spotproto::crypto::{KeyPair, RustCrypto};
use spotproto::message::Wanted;
use spotproto::{Gid, Limits, UnixTime};
use std::time::{SystemTime, UNIX_EPOCH};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, track] = &arguments[..] else { return Err("usage: async_std HOST:PORT TRACK".into()) };
    let pieces = async_std::task::block_on(listen(server, track.parse()?))?;
    println!("it is here: {pieces} pieces");
    Ok(())
}

pub(crate) async fn listen(server: &str, track: Gid) -> Result<u32, Box<dyn Error>> {
    let identity = KeyPair::new::<RustCrypto>(entropy::secret_key()?);
    let clock = Clock::<On<Parts>>::start();
    let log_in = LogIn { link_key: identity.public, seed: entropy::seed()? };
    let today = UnixTime(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs());
    let config = Config::new(log_in, "async_std", entropy::seed()?, (clock.now(), today));
    let options = ClientOptions {
        server: server.into(),
        server_key: None,
        identity,
        dial: DialOptions::default(),
        limits: Limits::DEFAULT,
        listen: None,
    };
    let mut client = Client::start(options, clock, config, None)?;
    client
        .tell(Command::Open { wanted: Wanted::Track(track), at_ms: 0 })
        .await
        .map_err(|_| "the client ended")?;
    let (mut here, mut pieces) = (0, None);
    while pieces != Some(here) {
        match client.next().await.ok_or("the client ended")? {
            ClientEvent::Node(Event::Opened { opened, .. }) => {
                pieces = Some(opened.head.geometry.pieces());
            }
            ClientEvent::Node(Event::Piece { .. }) => here += 1,
            ClientEvent::Node(Event::Refused(why)) => return Err(format!("{why:?}").into()),
            ClientEvent::Node(Event::GaveUp { why }) => return Err(format!("{why:?}").into()),
            _ => {}
        }
    }
    client.leave().await;
    Ok(here)
}
