//! A client's door: where it listens, and what it leaves from.

extern crate alloc;

mod shelf;

use core::net::{Ipv6Addr, SocketAddr};
use core::time::Duration;
use runtime_tokio::{Client, ClientOptions, Clock, DialOptions, StartError};
use shelf::keys;
use socket2::{Domain, Socket, Type};
use spotp2p::node::{Command, Config, LogIn};
use spotproto::{Limits, Seed, UnixTime};
use std::io;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);

fn start(server: &str, listen: Option<u16>) -> Result<Client, StartError> {
    let dial = DialOptions::default();
    let (server, identity, limits) = (server.into(), keys(1), Limits::DEFAULT);
    let options = ClientOptions { server, server_key: None, identity, dial, limits, listen };
    let clock = Clock::start();
    let date = (clock.now(), UnixTime(1_800_000_000));
    let log_in = LogIn { link_key: keys(1).public, seed: Seed([1; 32]) };
    Client::start(options, clock, Config::new(log_in, "test", Seed([1; 32]), date), None)
}

#[tokio::test]
async fn the_access_point_is_dialled_from_the_port_that_is_listened_at() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = start(&server.local_addr().unwrap().to_string(), Some(0)).unwrap();
    assert_ne!(client.port(), 0);
    client.tell(Command::Connect).await.unwrap();
    let (_line, from) = timeout(SOON, server.accept()).await.expect("it dials").unwrap();
    assert_eq!(from.port(), client.port());
    // Meanwhile the door is open; it closes with the client.
    let door = ("127.0.0.1", client.port());
    TcpStream::connect(door).await.unwrap();
    drop(client);
    let closed = async { while TcpStream::connect(door).await.is_ok() {} };
    timeout(SOON, closed).await.expect("the door closes");
}

#[tokio::test]
async fn without_a_door_any_port_will_do() {
    let client = start("127.0.0.1:1", None).unwrap();
    assert_eq!(client.port(), 0);
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_at_once() {
    let taken = Socket::new(Domain::IPV6, Type::STREAM, None).unwrap();
    taken.set_only_v6(false).unwrap();
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    taken.bind(&any.into()).unwrap();
    taken.listen(1).unwrap();
    let port = taken.local_addr().unwrap().as_socket().unwrap().port();
    match start("127.0.0.1:1", Some(port)) {
        Err(StartError::Listen(error)) => assert_eq!(error.cause.kind(), io::ErrorKind::AddrInUse),
        other => panic!("{other:?}"),
    }
}
