//! A device's connection to its access point, without a node.

use core::fmt;
use runtime_tokio::{Clock, Handle, entropy, spawn};
use spotproto::Limits;
use spotproto::crypto::{KeyPair, PublicKey};
use spotproto::message::{Channel, Hello, Message, Welcome, WireMessage};
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::session::{Input, Output, Session, Setup};
use std::io;
use tokio::net::TcpStream;

/// Messages that may wait on the way in, and on the way out.
const QUEUE: usize = 256;

/// A log-in that the access point answered.
pub(crate) struct Line {
    handle: Handle<Session>,
    pub(crate) welcome: Welcome,
    last: Channel,
}

/// As whom a device logs in.
pub(crate) struct LogIn {
    pub(crate) device: KeyPair,
    pub(crate) link_key: PublicKey,
    /// Where it takes connections; 0 for nowhere.
    pub(crate) port: u16,
}

impl Line {
    /// Logs in over `stream` at the access point that has this key.
    pub(crate) async fn log_in(stream: TcpStream, server: PublicKey, log_in: LogIn) -> io::Result<Self> {
        let clock = Clock::start();
        let setup = Setup {
            role: Role::Initiator,
            dialled: true,
            link: LinkId::ACCESS_POINT,
            identity: log_in.device,
            ephemeral: entropy::secret_key().map_err(io::Error::other)?,
            remote: Some(server),
            limits: Limits::DEFAULT,
        };
        let session: Session = Session::new(clock.now(), setup).map_err(io::Error::other)?;
        let mut handle = spawn(stream, session, clock, QUEUE);
        let LogIn { link_key, port, .. } = log_in;
        let hello = Message::Hello(Box::new(Hello { link_key, port, agent: "crook".into() }));
        handle.tell(Input::Send(hello)).await.map_err(|_| over())?;
        while let Some(output) = handle.next().await {
            if let Output::Message(Message::Welcome(welcome)) = output {
                return Ok(Self { handle, welcome: *welcome, last: 0 });
            }
        }
        Err(over())
    }

    pub(crate) async fn say(&self, message: WireMessage) {
        // Who is told of the end by `hear` need not be told twice.
        let _ = self.handle.tell(Input::Send(message)).await;
    }

    /// Makes a request of a fresh channel, and says it.
    pub(crate) async fn ask(&mut self, request: impl FnOnce(Channel) -> WireMessage) -> Channel {
        self.last += 1;
        self.say(request(self.last)).await;
        self.last
    }

    /// The next message; `None` once the connection is over. May be dropped and called again.
    pub(crate) async fn hear(&mut self) -> Option<WireMessage> {
        loop {
            if let Output::Message(message) = self.handle.next().await? {
                return Some(message);
            }
        }
    }

    /// What `wanted` finds in the first message in which it finds anything.
    pub(crate) async fn find<T>(&mut self, wanted: impl Fn(WireMessage) -> Option<T>) -> Option<T> {
        loop {
            if let Some(found) = wanted(self.hear().await?) {
                return Some(found);
            }
        }
    }
}

fn over() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the access point ended the connection")
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("as", &self.welcome.pseudonym).finish_non_exhaustive()
    }
}
