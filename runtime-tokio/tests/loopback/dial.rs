//! Connecting, on loopback.

use core::net::{Ipv6Addr, SocketAddr};
use core::time::Duration;
use runtime_tokio::dial::AttemptError;
use runtime_tokio::{DialError, DialOptions, Leaving, Listener, SocketOptions, connect, connect_any, listen};
use socket2::{Domain, Socket, Type};
use std::time::Instant;

const SHARED: SocketOptions = SocketOptions { share_port: true, prefer_bbr: false };

fn loopback() -> (Listener, SocketAddr) {
    let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0)), &SHARED).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// An address where nobody listens.
fn closed(host: [u8; 4]) -> SocketAddr {
    let socket = std::net::TcpListener::bind((core::net::Ipv4Addr::from(host), 0)).unwrap();
    socket.local_addr().unwrap()
}

/// An address that answers nothing: its queue of connections to accept is full. Lasts as long as what is returned.
fn silent() -> (SocketAddr, Vec<Socket>) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from(([127, 0, 0, 3], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap();
    let mut kept = vec![socket];
    for _ in 0..3 {
        let filler = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        filler.set_nonblocking(true).unwrap();
        let _ = filler.connect(&address);
        kept.push(filler);
    }
    (address.as_socket().unwrap(), kept)
}

fn leaving(leaving: Leaving) -> DialOptions {
    DialOptions { leaving, ..DialOptions::default() }
}

#[tokio::test]
async fn a_name_with_a_port_is_looked_up() {
    let (mut listener, address) = loopback();
    let target = format!("localhost:{}", address.port());
    let (stream, to) = connect(&target, &DialOptions::default()).await.unwrap();
    assert_eq!(to, address);
    assert!(stream.nodelay().unwrap());
    assert_eq!(listener.accept().await.unwrap().1, stream.local_addr().unwrap());
}

#[tokio::test]
async fn bad_names_are_told_from_dead_lines() {
    for bad in ["localhost", "", "localhost:port", "127.0.0.1:99999"] {
        let error = connect(bad, &DialOptions::default()).await.unwrap_err();
        assert!(matches!(error, DialError::Lookup(_)), "{bad}: {error}");
    }
    let error = connect("0.0.0.0:0", &DialOptions::default()).await.unwrap_err();
    assert!(matches!(error, DialError::NoAddress));
}

#[tokio::test]
async fn a_dead_address_costs_nothing_and_a_silent_one_a_stagger() {
    let (_listener, good) = loopback();
    let dead = closed([127, 0, 0, 2]);
    let dead_v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, dead.port()));
    let began = Instant::now();
    let (_, to) = connect_any([dead_v6, dead, good], &DialOptions::default()).await.unwrap();
    assert_eq!(to, good);
    println!("past two dead addresses in {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());

    let (silent, _kept) = silent();
    let began = Instant::now();
    let (_, to) = connect_any([silent, good], &DialOptions::default()).await.unwrap();
    assert_eq!(to, good);
    let took = began.elapsed();
    println!("past a silent address in {took:?}");
    // To the millisecond it is tested where it is decided; here the computer may be busy.
    assert!(took >= Duration::from_millis(240) && took <= Duration::from_millis(450), "{took:?}");
}

#[tokio::test]
async fn when_all_refuse_the_last_ones_word_is_reported_at_once() {
    let (one, two) = (closed([127, 0, 0, 1]), closed([127, 0, 0, 2]));
    let began = Instant::now();
    let error = connect_any([one, two], &DialOptions::default()).await.unwrap_err();
    assert!(began.elapsed() < Duration::from_millis(200));
    let DialError::Unreachable(address, AttemptError::Connect(cause)) = error else { panic!("{error}") };
    assert_eq!((address, cause.kind()), (two, std::io::ErrorKind::ConnectionRefused));
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let (silent, _kept) = silent();
    let mut options = DialOptions::default();
    options.race.deadline = Duration::from_millis(100);
    let began = Instant::now();
    let error = connect_any([silent], &options).await.unwrap_err();
    assert!(matches!(error, DialError::TimedOut), "{error}");
    assert!(began.elapsed() < Duration::from_millis(400));
}

#[tokio::test]
async fn connections_leave_from_the_port_that_is_listened_at() {
    let (mut own, own_address) = door().await;
    let (mut one, one_address) = loopback();
    let (mut two, two_address) = loopback();
    let port = own_address.port();
    let (to_one, _) = connect_any([one_address], &leaving(Leaving::Port(port))).await.unwrap();
    let (to_two, _) = connect_any([two_address], &leaving(Leaving::Port(port))).await.unwrap();
    assert_eq!(one.accept().await.unwrap().1, own_address);
    assert_eq!(two.accept().await.unwrap().1, own_address);
    // The port still takes connections.
    let (to_own, _) = connect_any([own_address], &DialOptions::default()).await.unwrap();
    assert_eq!(own.accept().await.unwrap().1, to_own.local_addr().unwrap());
    drop((to_one, to_two));
}

#[tokio::test]
async fn a_port_in_use_for_the_same_address_is_an_error_or_given_up_as_asked() {
    let (_own, own_address) = door().await;
    let (_listener, address) = loopback();
    let port = own_address.port();
    let (_first, _) = connect_any([address], &leaving(Leaving::Port(port))).await.unwrap();
    let error = connect_any([address], &leaving(Leaving::Port(port))).await.unwrap_err();
    assert!(matches!(error, DialError::Unreachable(_, AttemptError::Connect(_))), "{error}");
    let (second, _) = connect_any([address], &leaving(Leaving::PortOrAny(port))).await.unwrap();
    assert_ne!(second.local_addr().unwrap().port(), port);
}

#[tokio::test]
async fn nobody_connects_to_himself() {
    let error = loop {
        let (_own, address) = loopback();
        let error = connect_any([address], &leaving(Leaving::Port(address.port()))).await.unwrap_err();
        if !is_taken(&error) {
            break error;
        }
    };
    assert!(matches!(error, DialError::Unreachable(_, AttemptError::Itself)), "{error}");
}

/// Whether somebody else on this machine has the port that the system gave, at another address.
fn is_taken(error: &DialError) -> bool {
    let DialError::Unreachable(_, AttemptError::Socket(error)) = error else { return false };
    error.cause.kind() == std::io::ErrorKind::AddrInUse
}

/// A listener whose port one may leave from.
async fn door() -> (Listener, SocketAddr) {
    loop {
        let (own, address) = loopback();
        let (_other, there) = loopback();
        match connect_any([there], &leaving(Leaving::Port(address.port()))).await {
            Err(error) if is_taken(&error) => {}
            _ => return (own, address),
        }
    }
}
