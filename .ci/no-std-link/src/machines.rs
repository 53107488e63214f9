//! spotp2p: the whole client and the whole server as machines.

use bytes::Bytes;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use spotp2p::access_point::{self, LEASE, Limits};
use spotp2p::node::{self, Command, Effect, LogIn};
use spotp2p::{AccessPoint, Node, SessionId};
use spotproto::content::FileId;
use spotproto::crypto::{KeyPair, PublicKey, RustCrypto, SecretKey};
use spotproto::{Instant, Machine, Seed, UnixTime};

/// A node wants to connect when told to; an access point takes a connection and gives it time.
pub fn node_and_access_point() -> Option<()> {
    let link_key = KeyPair::new::<RustCrypto>(SecretKey([4; 32])).public;
    let log_in = LogIn { link_key, seed: Seed([9; 32]) };
    let date = (Instant::START, UnixTime(1_800_000_000));
    let config = node::Config::new(log_in, "no-std-link", Seed([5; 32]), date);
    let mut node = Node::<FileId, Bytes>::new(Instant::START, config);
    node.handle_input(Instant::START, node::Input::Command(Command::Connect)).ok()?;
    let node::Output::Effect(Effect::Connect { .. }) = node.poll_output()? else { return None };

    let mut server = AccessPoint::<FileId, Bytes>::new(access_point::Config {
        ticket_key: SecretKey([6; 32]),
        pseudonym_key: SecretKey([7; 32]),
        identity: PublicKey([8; 32]),
        date: (Instant::START, UnixTime(1_800_000_000)),
        ticket_lasts: Duration::from_secs(3600),
        lease: LEASE,
        limits: Limits::DEFAULT,
    });
    let accepted = access_point::Input::Accepted {
        session: SessionId(1),
        from: SocketAddr::from((Ipv4Addr::LOCALHOST, 4070)),
    };
    server.handle_input(Instant::START, accepted).ok()?;
    (server.sessions() == 1).then_some(())
}
