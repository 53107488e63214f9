//! The door of a client: takes connections, reads who they are for, and shows the others out.

use super::expected::Expected;
use super::line::{Line, hear, passing};
use crate::listen::Listener;
use crate::runtime::Runtime;
use crate::task::{Tasks, timeout};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::net::SocketAddr;
use core::task::Poll;
use futures_lite::future::or;
use futures_util::future::AbortHandle;
use spotp2p::reach::{Caller, Doorway};
use spotproto::error::Refused;

/// Takes whoever comes to `listener` until it is aborted. Never waits for a connection, nor for those who make links.
pub(super) async fn keep<R: Runtime>(mut listener: Listener<R>, expected: Arc<Expected<R>>) {
    let mut tasks = Tasks::default();
    let mut doorway = Doorway::default();
    let mut handles: BTreeMap<u64, AbortHandle> = BTreeMap::new();
    loop {
        // When it fails it waits by itself before it accepts again.
        let coming = async { listener.accept().await.ok() };
        let leaving = async {
            match tasks.next().await {
                Some(left) => {
                    if let Some(number) = left {
                        doorway.leave(number);
                        handles.remove(&number);
                    }
                    None
                }
                None => core::future::pending().await,
            }
        };
        let Some((stream, from)) = or(leaving, coming).await else { continue };
        let (number, pushed) = doorway.enter(from.ip());
        if let Some(pushed) = pushed.and_then(|pushed| handles.remove(&pushed)) {
            pushed.abort();
        }
        let expected = expected.clone();
        let task = async move {
            let _ = timeout::<R, _>(Doorway::PATIENCE, let_in::<R>(stream, from, &expected)).await;
            number
        };
        handles.insert(number, tasks.spawn::<R>(task));
    }
}

/// Reads for which link a connection is, and hands it over.
async fn let_in<R: Runtime>(mut stream: R::Stream, address: SocketAddr, expected: &Expected<R>) {
    let Ok(bytes) = hear::<R>(&mut stream).await else { return };
    match Doorway::caller(&bytes) {
        Caller::Peer { link, role } => {
            let mut line = Some(Line { stream, address, dialled: false, heard: Some(bytes) });
            let handed_over = expected.hand_over_soon(link, role, &mut line);
            let _ = timeout::<R, _>(Doorway::EARLY, handed_over).await;
            if let (Some(mut line), Some(why)) = (line, Doorway::unexpected(role)) {
                refuse::<R>(&mut line.stream, why);
            }
        }
        Caller::Refused(why) => refuse::<R>(&mut stream, why),
        Caller::Stranger => {}
    }
}

/// Answers with the byte that says why, as far as that costs no time.
fn refuse<R: Runtime>(stream: &mut R::Stream, why: Refused) {
    let _ = R::poll_write(stream, &mut passing(), &[why as u8]);
    // What was not read would make the system answer with a reset, which takes the byte away again.
    while matches!(R::poll_read(stream, &mut passing(), &mut [0; 8192]), Poll::Ready(Ok(8192))) {}
}
