//! A connection on which a link's handshake can go on.

use crate::runtime::Runtime;
use core::future::poll_fn;
use core::net::SocketAddr;
use core::task::{Context, Poll, Waker};
use spotproto::preamble::{PREAMBLE_LEN, Preamble};
use std::io;

/// A connection that was dialled or taken for a link, and the other side's preamble, if that was waited for.
#[derive(Debug)]
pub(super) struct Line<R: Runtime> {
    pub(super) stream: R::Stream,
    /// Who is at the other end.
    pub(super) address: SocketAddr,
    pub(super) dialled: bool,
    /// What was read of it: it goes to the session first.
    pub(super) heard: Option<[u8; PREAMBLE_LEN]>,
}

impl<R: Runtime> Line<R> {
    /// Whether it still stands, as far as the system knows. Behind a responder's preamble nothing may come unasked.
    pub(super) fn is_quiet(&mut self) -> bool {
        R::poll_read(&mut self.stream, &mut passing(), &mut [0]).is_pending()
    }
}

/// For a look at what there is now.
pub(super) const fn passing() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// The other side's preamble, and not a byte more.
pub(super) async fn hear<R: Runtime>(stream: &mut R::Stream) -> io::Result<[u8; PREAMBLE_LEN]> {
    let mut bytes = [0; PREAMBLE_LEN];
    let mut heard = 0;
    poll_fn(|cx| {
        while heard < PREAMBLE_LEN {
            match R::poll_read(stream, cx, &mut bytes[heard..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Poll::Ready(Ok(more)) => heard += more,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    })
    .await?;
    Ok(bytes)
}

/// Says who is here.
pub(super) async fn say<R: Runtime>(stream: &mut R::Stream, preamble: &Preamble) -> io::Result<()> {
    let bytes = preamble.encode();
    let mut said = 0;
    poll_fn(|cx| {
        while said < PREAMBLE_LEN {
            match R::poll_write(stream, cx, &bytes[said..]) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(more)) => said += more,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    })
    .await
}
