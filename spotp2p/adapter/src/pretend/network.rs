//! Connections between the tasks of one world.

use super::pipe::{Pipe, Read};
use super::world::{self, Timer};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::fmt;
use core::future::{Future, poll_fn};
use core::net::{Ipv4Addr, SocketAddr};
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

type Shared = Arc<Mutex<Pipe>>;

/// Connections that wait to be accepted.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    streams: VecDeque<Stream>,
    acceptor: Option<Waker>,
}

/// A port that is listened at, at every address.
pub struct Port {
    address: SocketAddr,
    waiting: Arc<Mutex<Waiting>>,
}

/// One end of a connection.
pub struct Stream {
    pub(super) here: SocketAddr,
    pub(super) there: SocketAddr,
    inward: Shared,
    outward: Shared,
    /// Goes off when what is under way is here.
    arrival: Option<Timer>,
}

/// Connects to whoever listens at that port, whatever the address.
pub(super) async fn connect(to: SocketAddr, port: Option<u16>) -> io::Result<Stream> {
    let (network, port) = world::with(|world| {
        let port = port.unwrap_or(world.free_port);
        world.free_port = world.free_port.checked_add(1).unwrap_or(49_152);
        (world.network, port)
    });
    Timer::after(network.delay).await;
    let Some(waiting) = world::with(|world| world.ports.get(&to.port()).cloned()) else {
        Timer::after(network.delay).await;
        return Err(io::ErrorKind::ConnectionRefused.into());
    };
    let (there, back) = (Shared::new(Pipe::new(network).into()), Shared::new(Pipe::new(network).into()));
    let from = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let end = |here, there, inward: &Shared, outward: &Shared| Stream {
        here,
        there,
        inward: inward.clone(),
        outward: outward.clone(),
        arrival: None,
    };
    let stream = end(from, to, &back, &there);
    let acceptor = {
        let mut waiting = lock(&waiting);
        waiting.streams.push_back(end(to, from, &there, &back));
        waiting.acceptor.take()
    };
    if let Some(acceptor) = acceptor {
        acceptor.wake();
    }
    Timer::after(network.delay).await;
    Ok(stream)
}

impl Port {
    pub(super) fn open(address: SocketAddr, share: bool) -> io::Result<Self> {
        world::with(|world| {
            let mut port = address.port();
            if port == 0 {
                port = (1024..u16::MAX).find(|port| !world.ports.contains_key(port)).unwrap_or(port);
            }
            if world.ports.contains_key(&port) && !share {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            let waiting: Arc<Mutex<Waiting>> = Arc::default();
            world.ports.insert(port, waiting.clone());
            Ok(Self { address: SocketAddr::new(address.ip(), port), waiting })
        })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) async fn accept(&self) -> (Stream, SocketAddr) {
        poll_fn(|cx| {
            let mut waiting = lock(&self.waiting);
            match waiting.streams.pop_front() {
                Some(stream) => {
                    let from = stream.there;
                    Poll::Ready((stream, from))
                }
                None => {
                    waiting.acceptor = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        world::with_rest(|world| {
            let mine =
                world.ports.get(&self.address.port()).is_some_and(|open| Arc::ptr_eq(open, &self.waiting));
            if mine {
                world.ports.remove(&self.address.port());
            }
        });
        let left = core::mem::take(&mut lock(&self.waiting).streams);
        drop(left);
    }
}

impl Stream {
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            match lock(&self.inward).read(world::now(), cx, into) {
                Read::Some(count) => return Poll::Ready(Ok(count)),
                Read::Reset => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                Read::Nothing => return Poll::Pending,
                Read::At(at) => {
                    let timer = self.arrival.insert(Timer::at(at));
                    ready!(Pin::new(timer).poll(cx));
                }
            }
        }
    }

    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        lock(&self.outward).write(world::now(), cx, bytes)
    }

    /// Leaves room for so many bytes under way or unread, each way, at least one.
    pub fn narrow(&self, window: usize) {
        lock(&self.inward).narrow(window);
        lock(&self.outward).narrow(window);
    }

    pub(super) fn close(&mut self) {
        lock(&self.outward).close(world::now());
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let Some(now) = world::with_rest(|world| world.now()) else { return };
        // As a system does: who closes without having read answers with a reset.
        let rude = lock(&self.inward).is_unread(now);
        lock(&self.inward).reset();
        let mut outward = lock(&self.outward);
        if rude {
            outward.reset();
        } else {
            outward.close(now);
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Port({})", self.address)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stream({} to {})", self.here, self.there)
    }
}
