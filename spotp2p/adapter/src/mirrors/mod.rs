//! Asks web servers for pieces: a few connections to each, kept between requests.

mod mirror;
mod request;

use crate::clock::Clock;
use crate::dial::DialOptions;
use crate::runtime::Runtime;
use crate::task::Tasks;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use async_channel::Sender;
use bytes::Bytes;
use core::fmt;
use mirror::Mirror;
use request::Request;
use spotp2p::RequestId;
use spotp2p::cdn::{Get, Limits};
use spotp2p::node::{Input, MirrorId};
use spotproto::content::FileId;

/// Requests under way or waiting for their turn; more than a node ever has.
const REQUESTS: usize = 256;

/// How web servers are asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MirrorOptions {
    /// How to connect.
    pub dial: DialOptions,
    /// The bounds of a connection.
    pub limits: Limits,
}

/// What is asked of web servers, each request in a task of its own. Dropping it ends them, and all connections.
///
/// A mirror has two connections at most. They are dialled when a request finds none that is free, and kept until the mirror
/// is [left](Mirrors::leave), or either side has had enough of an idle one ([`Limits::idle`]). Further requests wait for
/// their turn.
///
/// What comes of a request is told as [`Input::Mirror`]: its pieces, then one end. A connection that had served before and
/// turns out to be dead is replaced without a word. A redirect to the same host is followed; whether to ask another host
/// is for the node to decide, but where a public one sends its clients to an address of a private network or of this
/// machine, that counts as a refusal.
///
/// Memory, in words: two times what a connection may hold ([`Limits`]) and 16 pieces, for each mirror that is not left; 256
/// requests.
pub struct Mirrors<R: Runtime> {
    options: MirrorOptions,
    clock: Clock<R>,
    told: Sender<Input<FileId, Bytes>>,
    mirrors: BTreeMap<MirrorId, Arc<Mirror>>,
    /// To drop one of these is to withdraw the request.
    requests: BTreeMap<RequestId, Sender<()>>,
    tasks: Tasks<()>,
}

impl<R: Runtime> Mirrors<R> {
    /// Nothing is asked yet.
    #[must_use]
    pub fn new(options: MirrorOptions, clock: Clock<R>, told: Sender<Input<FileId, Bytes>>) -> Self {
        let (mirrors, requests) = (BTreeMap::new(), BTreeMap::new());
        Self { options, clock, told, mirrors, requests, tasks: Tasks::default() }
    }

    /// Asks a mirror for pieces. `false` if too much is asked already: nothing will be told of this request.
    #[must_use]
    pub fn fetch(&mut self, mirror: MirrorId, get: Get) -> bool {
        self.tasks.tidy();
        if self.tasks.len() >= REQUESTS {
            return false;
        }
        self.requests.retain(|_, withdraw| !withdraw.is_closed());
        let (withdraw, withdrawn) = async_channel::bounded(1);
        self.requests.insert(get.request, withdraw);
        let mirror = self.mirrors.entry(mirror).or_default().clone();
        let (options, clock, told) = (self.options, self.clock, self.told.clone());
        self.tasks.spawn::<R>(Request { get, mirror, options, clock, told }.run(withdrawn));
        true
    }

    /// The pieces of a request that have not come yet are not wanted any more. Its end is not told; pieces that are on
    /// their way to the owner still come.
    pub fn fetch_no_more(&mut self, request: RequestId) {
        self.requests.remove(&request);
    }

    /// Closes the connections to a mirror: those that are idle at once, the others when their requests are over.
    pub fn leave(&mut self, mirror: MirrorId) {
        self.mirrors.remove(&mirror);
    }
}

impl<R: Runtime> fmt::Debug for Mirrors<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mirrors")
            .field("mirrors", &self.mirrors.len())
            .field("requests", &self.tasks.len())
            .finish_non_exhaustive()
    }
}
