//! What a node is told of one of its connections.

use crate::connection::Why;
use bytes::Bytes;
use core::net::SocketAddr;
use spotp2p::SessionId;
use spotp2p::node::Input;
use spotproto::SessionError;
use spotproto::content::FileId;
use spotproto::pump::Fault;
use spotproto::session::Output;

/// What a session's output means to a node; `address` is the other side's.
pub(crate) fn of_output(session: SessionId, address: SocketAddr, output: Output) -> Input<FileId, Bytes> {
    match output {
        Output::Established { confirmed, .. } => Input::Connected { session, confirmed, address },
        Output::Confirmed => Input::Confirmed { session },
        Output::Message(message) => Input::Message { from: session, message },
        Output::Sent { channel, index } => Input::Sent { session, channel, index },
        Output::RoundTrip(span) => Input::RoundTrip { session, span },
    }
}

/// Why a connection that stood is over.
pub(crate) fn of_end(why: Why<SessionError>) -> SessionError {
    match why {
        Why::Finished(Fault::Machine(error)) => error,
        _ => SessionError::Lost,
    }
}
