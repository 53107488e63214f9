//! What a node is told of its connections, in the words of those who drive them.

use super::{Input, MirrorNews};
use crate::SessionId;
use crate::cdn::{CdnError, Refusal, Target, Url, leads_inward};
use bytes::Bytes;
use core::net::SocketAddr;
use spotproto::content::FileId;
use spotproto::session;

impl Input<FileId, Bytes> {
    /// What a session's output means; `address` is the other side's.
    #[must_use]
    pub fn of_session(session: SessionId, address: SocketAddr, output: session::Output) -> Self {
        match output {
            session::Output::Established { confirmed, .. } => Self::Connected { session, confirmed, address },
            session::Output::Confirmed => Self::Confirmed { session },
            session::Output::Message(message) => Self::Message { from: session, message },
            session::Output::Sent { channel, index } => Self::Sent { session, channel, index },
            session::Output::RoundTrip(span) => Self::RoundTrip { session, span },
        }
    }
}

impl<B> MirrorNews<B> {
    /// What a refusal means to whoever might ask again.
    #[must_use]
    pub const fn of_refusal(why: &Refusal) -> Self {
        if why.is_passing() { Self::Failed } else { Self::Refused }
    }

    /// The same of a connection that ended: what breaks HTTP will do so again, all else may pass.
    #[must_use]
    pub const fn of_end(why: Option<CdnError>) -> Self {
        match why {
            Some(CdnError::Broken(_)) => Self::Refused,
            _ => Self::Failed,
        }
    }

    /// The same of a redirect to another host than that of `from`.
    #[must_use]
    pub fn of_redirect(from: &Url, to: Target) -> Self {
        if leads_inward(from, to.url()) { Self::Refused } else { Self::Moved(to) }
    }
}
