//! Links between peers: an access point brokers them, both sides dial, one connection is kept.

mod door;
mod expected;
mod line;
mod making;

use crate::clock::Clock;
use crate::dial::{DialOptions, Leaving};
use crate::listen::Listener;
use crate::runtime::Runtime;
use crate::socket::{SocketError, SocketOptions, Step};
use crate::task::{Tasks, spawn};
use crate::way::Way;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use async_channel::Sender;
use bytes::Bytes;
use core::fmt;
use expected::Expected;
use futures_util::future::AbortHandle;
use making::Making;
use spotp2p::SessionId;
use spotp2p::node;
use spotproto::content::FileId;
use spotproto::crypto::KeyPair;
use spotproto::message::Dial;
use spotproto::preamble::LinkId;
use spotproto::session::Input;
use spotproto::{CloseCode, Limits};

/// Messages that may wait for a link's session; more than a node ever has outstanding on one.
const SESSION_QUEUE: usize = 1024;

/// Links of which the id is remembered, so that they can be reported after their end.
const REMEMBERED: usize = 256;

/// How links are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkOptions {
    /// How sockets are set up.
    pub sockets: SocketOptions,
    /// The bounds of a session.
    pub limits: Limits,
}

/// The links of a client, and its door, each in a task of its own. Dropping it ends them all.
///
/// Each link dials all addresses that its broker named at once, from the port that is listened at, and takes connections
/// that come with its id. The initiator goes on with the first that stands, the responder with the first on which it hears
/// the initiator. A link that has not come about [`LINK_LASTS`](spotproto::preamble::LINK_LASTS) after it was asked for
/// never will.
///
/// What comes of them is told by a channel of a node's inputs: [`Connected`](node::Input::Connected),
/// [`Confirmed`](node::Input::Confirmed), messages, and for each link one [`Disconnected`](node::Input::Disconnected).
///
/// Memory, in words: what the session of each link may hold ([`Limits`]), and at most 1,024 messages that wait for it;
/// 64 connections at most whose link is not known, with nothing but a socket and 24 bytes each, and
/// four for each link that is being made. How many links there are is for the owner to bound.
pub struct Links<R: Runtime> {
    options: LinkOptions,
    clock: Clock<R>,
    told: Sender<node::Input<FileId, Bytes>>,
    expected: Arc<Expected<R>>,
    /// The port that is listened at, and the task that does.
    door: Option<(u16, AbortHandle)>,
    links: BTreeMap<SessionId, Way>,
    /// The ids of the latest links, by their sessions.
    ids: BTreeMap<SessionId, LinkId>,
    tasks: Tasks<()>,
}

impl<R: Runtime> Links<R> {
    /// None yet. Connections that come to `listener`, which should [share](SocketOptions::share_port) its port, are for the
    /// links that are asked for; without one only those come about whose other side can be dialled.
    ///
    /// # Errors
    /// The listener can't tell its port.
    pub fn new(
        listener: Option<Listener<R>>,
        options: LinkOptions,
        clock: Clock<R>,
        told: Sender<node::Input<FileId, Bytes>>,
    ) -> Result<Self, SocketError> {
        let expected = Arc::new(Expected::default());
        let door = match listener {
            Some(listener) => {
                let fail = |cause| SocketError { step: Step::Listen, address: None, cause };
                let port = listener.local_addr().map_err(fail)?.port();
                Some((port, spawn::<R>(door::keep(listener, expected.clone()))))
            }
            None => None,
        };
        let (links, ids, tasks) = (BTreeMap::new(), BTreeMap::new(), Tasks::default());
        Ok(Self { options, clock, told, expected, door, links, ids, tasks })
    }

    /// The port that is listened at; 0 for none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.door.as_ref().map_or(0, |(port, _)| *port)
    }

    /// Makes the link that `dial` tells of, in the role that it says, and calls it `session`. `keys` holds the static key
    /// to show. What is [sent](Self::send) before the connection stands goes with the first message.
    pub fn make(&mut self, session: SessionId, dial: Dial, keys: KeyPair) {
        self.tasks.tidy();
        self.remember(session, dial.link);
        let (queue, inputs) = async_channel::bounded(SESSION_QUEUE);
        let place = self.door.as_ref().and_then(|_| self.expected.expect(dial.link, dial.role));
        let leaving = self.door.as_ref().map_or(Leaving::AnyPort, |(port, _)| Leaving::PortOrAny(*port));
        let options = DialOptions { leaving, sockets: self.options.sockets, ..DialOptions::default() };
        let (limits, clock, told) = (self.options.limits, self.clock, self.told.clone());
        let making = Making { id: session, dial, keys, place, options, limits, clock, inputs, told };
        let task = self.tasks.spawn::<R>(making.run());
        self.links.insert(session, Way::new(queue, task));
    }

    /// Hands an input to a link, if it is not over. `false` if the link had to be ended because it takes none: it can't tell
    /// of that itself.
    pub fn send(&mut self, to: SessionId, input: Input) -> bool {
        let goes_on = self.links.get(&to).is_none_or(|way| way.send(input));
        if !goes_on {
            self.links.remove(&to);
        }
        goes_on
    }

    /// Ends a link, with a word of why.
    pub fn hang_up(&mut self, session: SessionId, code: CloseCode) {
        if let Some(way) = self.links.remove(&session) {
            way.send(Input::Close(code));
        }
    }

    /// Ends all links, with a word of why.
    pub fn hang_up_all(&mut self, code: CloseCode) {
        while let Some((_, way)) = self.links.pop_first() {
            way.send(Input::Close(code));
        }
    }

    /// The owner has heard that a link is over.
    pub fn forget(&mut self, session: SessionId) {
        self.links.remove(&session);
    }

    /// The id of a link, also after its end, if it is among the 256 latest.
    #[must_use]
    pub fn id_of(&self, session: SessionId) -> Option<LinkId> {
        self.ids.get(&session).copied()
    }

    /// Waits until all links are over. May be dropped and called again.
    pub async fn all_over(&mut self) {
        while self.tasks.next().await.is_some() {}
    }

    fn remember(&mut self, session: SessionId, link: LinkId) {
        self.ids.insert(session, link);
        if self.ids.len() > REMEMBERED {
            self.ids.pop_first();
        }
    }
}

impl<R: Runtime> Drop for Links<R> {
    fn drop(&mut self) {
        if let Some((_, task)) = &self.door {
            task.abort();
        }
    }
}

impl<R: Runtime> fmt::Debug for Links<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links")
            .field("port", &self.port())
            .field("links", &self.links.len())
            .finish_non_exhaustive()
    }
}
