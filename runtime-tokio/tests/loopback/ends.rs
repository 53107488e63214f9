//! Two ends to drive toys on.

use crate::toy::Toy;
use runtime_tokio::Clock;
use tokio::net::{TcpListener, TcpStream};

/// Two ends of a connection on loopback.
pub(crate) async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let there = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (here, _) = listener.accept().await.unwrap();
    for stream in [&here, &there] {
        runtime_tokio::socket::set_up(&socket2::SockRef::from(stream), &Default::default()).unwrap();
    }
    (here, there)
}

/// Starts a toy with room for `queue` commands and outputs.
pub(crate) fn spawn(stream: TcpStream, queue: usize) -> runtime_tokio::Handle<Toy> {
    runtime_tokio::spawn(stream, Toy::new(), Clock::start(), queue)
}
