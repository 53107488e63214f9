//! The door of a client: takes connections, reads who they are for, and shows the others out.

use super::expected::Expected;
use super::line::{Line, hear};
use crate::listen::Listener;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use spotp2p::Prefix;
use spotproto::SessionError;
use spotproto::error::Refused;
use spotproto::noise::Role;
use spotproto::preamble::Preamble;
use tokio::net::TcpStream;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

/// Connections that have not said yet for which link they are, or came before it was expected.
const WAITING: usize = 64;

/// The same, from one address prefix (/24 or /56).
const WAITING_PER_PREFIX: usize = 8;

/// How long one may take to say so.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long one waits whose link is not expected. Both sides are told to dial at the same time, but the word may take longer
/// to get here than who dialled at once on hearing it: by the way between the two, by a packet that was lost.
const EARLY: Duration = Duration::from_secs(1);

/// Takes whoever comes to `listener` until it is aborted. Never waits for a connection, nor for those who make links.
pub(super) async fn keep(mut listener: Listener, expected: Arc<Expected>) {
    let mut tasks = JoinSet::new();
    let mut doorway = Doorway::default();
    for number in 0.. {
        let (stream, from) = loop {
            tokio::select! {
                // When it fails it waits by itself before it accepts again.
                accepted = listener.accept() => if let Ok(accepted) = accepted { break accepted },
                Some(left) = tasks.join_next() => if let Ok(left) = left { doorway.leave(left) },
            }
        };
        let expected = expected.clone();
        let task = tasks.spawn(async move {
            let _ = timeout(PATIENCE, let_in(stream, from, &expected)).await;
            number
        });
        doorway.enter(number, from.ip(), task);
    }
}

/// Reads for which link a connection is, and hands it over.
async fn let_in(mut stream: TcpStream, address: SocketAddr, expected: &Expected) {
    let Ok(bytes) = hear(&mut stream).await else { return };
    match Preamble::decode(&bytes) {
        Ok(theirs) => {
            let mut line = Some(Line { stream, address, dialled: false, heard: Some(bytes) });
            let _ = timeout(EARLY, expected.hand_over_soon(theirs.link, theirs.role, &mut line)).await;
            if let Some(line) = line
                && theirs.role == Role::Initiator
            {
                refuse(&line.stream, Refused::UnknownLink);
            }
        }
        Err(SessionError::Refusing(why)) => refuse(&stream, why),
        Err(_) => {}
    }
}

/// Answers with the byte that says why, as far as that costs no time.
fn refuse(stream: &TcpStream, why: Refused) {
    let _ = stream.try_write(&[why as u8]);
    // What was not read would make the system answer with a reset, which takes the byte away again.
    while matches!(stream.try_read(&mut [0; 8192]), Ok(8192)) {}
}

/// Connections that have not said for whom they are, oldest first.
///
/// When it is full the oldest one goes, from the same prefix if that one has more than its share: a flood of silent
/// connections pushes itself out, and who belongs here says so in its first packet.
#[derive(Debug, Default)]
struct Doorway {
    waiting: BTreeMap<u64, (Prefix, AbortHandle)>,
}

impl Doorway {
    fn enter(&mut self, number: u64, from: IpAddr, task: AbortHandle) {
        let prefix = Prefix::of(from);
        let mut beside = self.waiting.iter().filter(|(_, (of, _))| *of == prefix).map(|(number, _)| *number);
        let oldest_beside = beside.next();
        let pushed = if 1 + beside.count() >= WAITING_PER_PREFIX {
            oldest_beside
        } else {
            self.waiting.keys().next().copied().filter(|_| self.waiting.len() >= WAITING)
        };
        if let Some((_, task)) = pushed.and_then(|number| self.waiting.remove(&number)) {
            task.abort();
        }
        self.waiting.insert(number, (prefix, task));
    }

    fn leave(&mut self, number: u64) {
        self.waiting.remove(&number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::future::pending;
    use core::net::Ipv4Addr;

    /// Sends so many in from the networks of `third` bytes, and tells which of them are still there.
    async fn crowd(comers: impl IntoIterator<Item = u8>) -> Vec<u64> {
        let mut tasks = JoinSet::new();
        let mut doorway = Doorway::default();
        for (number, third) in (0..).zip(comers) {
            let task = tasks.spawn(pending::<()>());
            doorway.enter(number, Ipv4Addr::new(11, 0, third, 1).into(), task);
        }
        let aborted = async {
            while tasks.len() > doorway.waiting.len() {
                assert!(tasks.join_next().await.is_some_and(|left| left.unwrap_err().is_cancelled()));
            }
        };
        timeout(Duration::from_secs(5), aborted).await.expect("who was pushed out is gone");
        doorway.waiting.into_keys().collect()
    }

    #[tokio::test]
    async fn a_flood_from_one_network_pushes_itself_out_and_nobody_else() {
        let stay = crowd([9].into_iter().chain([1; 200])).await;
        let last = 201 - WAITING_PER_PREFIX as u64..201;
        assert_eq!(stay, core::iter::once(0).chain(last).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_full_doorway_lets_the_oldest_go() {
        assert_eq!(crowd(0..200).await, (200 - WAITING as u64..200).collect::<Vec<_>>());
    }
}
