//! The door of a client: takes connections, reads who they are for, and shows the others out.

use super::expected::Expected;
use super::line::{Line, hear, passing};
use crate::listen::Listener;
use crate::runtime::Runtime;
use crate::task::{Rounds, Tasks, timeout};
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
    let mut rounds = Rounds::default();
    loop {
        rounds.pass::<R>().await;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::{DialOptions, connect_any};
    use crate::listen::listen;
    use crate::pretend::{Network, Pretend, run};

    #[test]
    fn whoever_else_is_on_the_thread_has_his_turn_while_many_connections_wait() {
        const CALLERS: usize = 200;
        run(Network::LAN, async {
            let listener = listen::<Pretend>(([127, 0, 0, 1], 0).into(), &Default::default()).unwrap();
            let to = listener.local_addr().unwrap();
            let mut callers = Vec::new();
            for _ in 0..CALLERS {
                callers.push(connect_any::<Pretend>([to], &DialOptions::default()).await.unwrap());
            }
            let expected = Arc::new(Expected::default());
            Pretend::spawn(keep(listener, expected.clone()));
            let (tell, told) = async_channel::bounded(1);
            // Each of those who were let in has one.
            Pretend::spawn(async move { tell.send(Arc::strong_count(&expected)).await.unwrap() });
            let before = told.recv().await.unwrap();
            assert!((3..CALLERS / 2).contains(&before), "{before} were let in first");
        });
    }
}
