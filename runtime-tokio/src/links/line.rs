//! A connection on which a link's handshake can go on.

use core::net::SocketAddr;
use spotproto::preamble::{PREAMBLE_LEN, Preamble};
use std::io;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// A connection that was dialled or taken for a link, and the other side's preamble, if that was waited for.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) stream: TcpStream,
    /// Who is at the other end.
    pub(super) address: SocketAddr,
    pub(super) dialled: bool,
    /// What was read of it: it goes to the session first.
    pub(super) heard: Option<[u8; PREAMBLE_LEN]>,
}

impl Line {
    /// Whether it still stands, as far as the system knows. Behind a responder's preamble nothing may come unasked.
    pub(super) fn is_quiet(&self) -> bool {
        matches!(self.stream.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

/// The other side's preamble, and not a byte more.
pub(super) async fn hear(stream: &mut TcpStream) -> io::Result<[u8; PREAMBLE_LEN]> {
    let mut bytes = [0; PREAMBLE_LEN];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// Whether these two preambles are of one link, from its two sides.
pub(super) fn fit(mine: &Preamble, theirs: &[u8; PREAMBLE_LEN]) -> bool {
    Preamble::decode(theirs).is_ok_and(|theirs| theirs.link == mine.link && theirs.role != mine.role)
}
