//! What an access point is told of its connections, in the words of those who drive them.

use super::Input;
use crate::SessionId;
use bytes::Bytes;
use spotproto::content::FileId;
use spotproto::session::Output;

impl Input<FileId, Bytes> {
    /// What a session's output means.
    #[must_use]
    pub fn of_session(session: SessionId, output: Output) -> Self {
        match output {
            Output::Established { peer, confirmed } => Self::Established { session, device: peer, confirmed },
            Output::Confirmed => Self::Confirmed { session },
            Output::Message(message) => Self::Message { from: session, message },
            Output::Sent { channel, .. } => Self::Sent { session, channel },
            Output::RoundTrip(span) => Self::RoundTrip { session, span },
        }
    }
}
