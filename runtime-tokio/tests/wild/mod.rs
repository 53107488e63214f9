//! A client that shakes hands by the book, and whose owner then does with the line what it likes.

use bytes::BytesMut;
use runtime_tokio::{Clock, entropy};
use spotproto::crypto::{KeyPair, PublicKey, RustCrypto};
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::session::{Input, Output, Session, Setup};
use spotproto::{ByteMachine, Limits, Machine, WireMessage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::shelf::keys;

pub(crate) struct Wild {
    pub(crate) stream: TcpStream,
    session: Session,
    clock: Clock,
}

impl Wild {
    /// Connects to a server whose key is `keys(1)`; `window` bounds what the system takes for it.
    pub(crate) async fn shake_hands(address: &str, window: Option<u32>) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        if let Some(window) = window {
            socket.set_recv_buffer_size(window).expect("an option");
        }
        let stream = socket.connect(address.parse().expect("an address")).await.expect("it listens");
        let clock = Clock::start();
        let identity = KeyPair::new::<RustCrypto>(entropy::secret_key().expect("entropy"));
        let mut wild = Self { stream, session: session(&clock, identity), clock };
        let mut wire = BytesMut::new();
        loop {
            wild.flush().await;
            if let Some(Output::Established { .. }) = wild.session.poll_output() {
                return wild;
            }
            assert_ne!(wild.stream.read_buf(&mut wire).await.expect("the line holds"), 0, "shown out");
            let taken = wild.session.handle_bytes(wild.clock.now(), &mut wire).expect("by the book");
            let _ = wire.split_to(taken);
        }
    }

    pub(crate) async fn say(&mut self, message: WireMessage) {
        self.session.handle_input(self.clock.now(), Input::Send(message)).expect("it may be said");
        self.flush().await;
    }

    async fn flush(&mut self) {
        let mut wire = BytesMut::new();
        while self.session.poll_transmit(self.clock.now(), &mut wire, 8192) {
            self.stream.write_all_buf(&mut wire).await.expect("the kernel takes it");
        }
    }

    /// A first message that shows a key whose secret its sender does not have.
    pub(crate) fn first_message(shown: [u8; 32]) -> Vec<u8> {
        let clock = Clock::start();
        let secret = entropy::secret_key().expect("entropy");
        let mut session = session(&clock, KeyPair { secret, public: PublicKey(shown) });
        let mut wire = BytesMut::new();
        session.poll_transmit(clock.now(), &mut wire, 8192);
        wire.to_vec()
    }
}

fn session(clock: &Clock, identity: KeyPair) -> Session {
    let setup = Setup {
        role: Role::Initiator,
        dialled: true,
        link: LinkId::ACCESS_POINT,
        identity,
        ephemeral: entropy::secret_key().expect("entropy"),
        remote: Some(keys(1).public),
        limits: Limits::DEFAULT,
    };
    Session::new(clock.now(), setup).expect("keys of use")
}
