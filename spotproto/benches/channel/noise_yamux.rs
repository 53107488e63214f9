//! The second rival: yamux over Noise, as peer-to-peer stacks have it.

use crate::pipe::{Pipe, spin};
use bytes::Bytes;
use core::pin::Pin;
use core::task::{Context, Poll};
use futures::Stream as _;
use futures::io::{AsyncRead, AsyncWrite};
use snow::resolvers::{DefaultResolver, FallbackResolver, RingResolver};
use snow::{Builder, HandshakeState, TransportState};
use std::io;
use yamux::{Config, Connection, Mode, Stream};

/// Most plaintext in a record: 64 KiB less length and tag.
const MAX_PLAIN: usize = 65_535 - 16;

pub(crate) struct NoiseYamux {
    client: Connection<Noise>,
    server: Connection<Noise>,
    data: Bytes,
}

impl NoiseYamux {
    /// `suite` names the cipher as Noise does.
    pub(crate) fn new(suite: &str, data: Bytes) -> Self {
        let (client, server) = noise_pair(suite);
        let client = Connection::new(client, Config::default(), Mode::Client);
        let server = Connection::new(server, Config::default(), Mode::Server);
        Self { client, server, data }
    }

    pub(crate) fn download(&mut self, pieces: u32) {
        let Self { client, server, data } = self;
        let (mut asked, mut answering) = (None::<Stream>, None::<Answer>);
        let mut bytes = 0;
        spin(|context| {
            if asked.is_none()
                && let Poll::Ready(stream) = client.poll_new_outbound(context)
            {
                let mut stream = stream.expect("an open connection");
                let written = Pin::new(&mut stream).poll_write(context, &pieces.to_be_bytes());
                assert!(matches!(written, Poll::Ready(Ok(4))));
                asked = Some(stream);
            }
            assert!(client.poll_next_inbound(context).is_pending());
            if let Poll::Ready(stream) = server.poll_next_inbound(context) {
                let stream = stream.expect("an open connection").expect("an honest client");
                answering = Some(Answer { stream, left: None, sent: 0 });
            }
            if let Some(answer) = &mut answering {
                answer.send_pieces(context, data);
            }
            asked.as_mut().is_some_and(|asked| receive(asked, context, &mut bytes))
        });
        assert_eq!(bytes, pieces as usize * data.len());
    }
}

/// Takes what is there; whether that was all.
fn receive(asked: &mut Stream, context: &mut Context<'_>, bytes: &mut usize) -> bool {
    loop {
        match Pin::new(&mut *asked).poll_next(context) {
            Poll::Ready(Some(packet)) => *bytes += packet.expect("an honest server").as_ref().len(),
            Poll::Ready(None) => return true,
            Poll::Pending => return false,
        }
    }
}

/// The answering application.
struct Answer {
    stream: Stream,
    /// Pieces to send; unknown until the request is read.
    left: Option<u32>,
    /// Bytes of the piece at hand that are out.
    sent: usize,
}

impl Answer {
    fn send_pieces(&mut self, context: &mut Context<'_>, data: &Bytes) {
        let stream = Pin::new(&mut self.stream);
        let Some(left) = &mut self.left else {
            let mut request = [0; 4];
            if let Poll::Ready(count) = stream.poll_read(context, &mut request) {
                assert_eq!(count.expect("an honest client"), 4);
                self.left = Some(u32::from_be_bytes(request));
            }
            return;
        };
        let mut stream = stream;
        while *left > 0 {
            let Poll::Ready(count) = stream.as_mut().poll_write(context, &data[self.sent..]) else { return };
            self.sent += count.expect("an honest client");
            if self.sent == data.len() {
                self.sent = 0;
                *left -= 1;
            }
        }
        let _ = stream.poll_close(context);
    }
}

/// Noise records behind their lengths, as a stream of bytes.
struct Noise {
    transport: TransportState,
    incoming: Pipe,
    outgoing: Pipe,
    /// Written and not sealed yet.
    plain: Vec<u8>,
    /// The record that goes out, and how much of it has.
    sealed: Vec<u8>,
    sent: usize,
    /// The record that comes in.
    sealed_in: Vec<u8>,
    came: usize,
    /// Opened, and how much of it is read.
    opened: Vec<u8>,
    opened_len: usize,
    read: usize,
}

impl Noise {
    fn new(transport: TransportState, incoming: &Pipe, outgoing: &Pipe) -> Self {
        Self {
            transport,
            incoming: incoming.clone(),
            outgoing: outgoing.clone(),
            plain: Vec::with_capacity(MAX_PLAIN),
            sealed: Vec::with_capacity(1 << 16),
            sent: 0,
            sealed_in: vec![0; 1 << 17],
            came: 0,
            opened: vec![0; 1 << 16],
            opened_len: 0,
            read: 0,
        }
    }

    /// Seals what was written and moves it to the line; whether all is out.
    fn put(&mut self) -> bool {
        loop {
            self.sent += self.outgoing.write(&self.sealed[self.sent..]);
            if self.sent < self.sealed.len() {
                return false;
            }
            if self.plain.is_empty() {
                return true;
            }
            self.seal();
        }
    }

    fn seal(&mut self) {
        let length = self.plain.len() + 16;
        self.sealed.resize(2 + length, 0);
        self.sealed[..2].copy_from_slice(&(length as u16).to_be_bytes());
        self.transport.write_message(&self.plain, &mut self.sealed[2..]).expect("a short text");
        self.plain.clear();
        self.sent = 0;
    }

    /// Reads and opens the next record; `false` if it is not all here.
    fn take(&mut self) -> bool {
        loop {
            let needed = match self.came {
                0 | 1 => 2,
                _ => 2 + usize::from(u16::from_be_bytes([self.sealed_in[0], self.sealed_in[1]])),
            };
            if self.came >= 2 && self.came == needed {
                break;
            }
            match self.incoming.read(&mut self.sealed_in[self.came..needed]) {
                0 => return false,
                count => self.came += count,
            }
        }
        let record = &self.sealed_in[2..self.came];
        self.opened_len = self.transport.read_message(record, &mut self.opened).expect("an honest peer");
        (self.came, self.read) = (0, 0);
        true
    }
}

impl AsyncRead for Noise {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, out: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.read == self.opened_len && !self.take() {
            return Poll::Pending;
        }
        let count = out.len().min(self.opened_len - self.read);
        out[..count].copy_from_slice(&self.opened[self.read..self.read + count]);
        self.read += count;
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Noise {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.plain.len() == MAX_PLAIN && !self.put() {
            return Poll::Pending;
        }
        let count = bytes.len().min(MAX_PLAIN - self.plain.len());
        self.plain.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.put() { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

fn noise_pair(suite: &str) -> (Noise, Noise) {
    let builder = || {
        let resolver = FallbackResolver::new(Box::new(RingResolver), Box::new(DefaultResolver));
        Builder::with_resolver(suite.parse().expect("a suite"), Box::new(resolver))
    };
    let [client, server] = [0, 1].map(|_| builder().generate_keypair().expect("entropy"));
    let client = builder()
        .local_private_key(&client.private)
        .and_then(|builder| builder.remote_public_key(&server.public))
        .and_then(Builder::build_initiator)
        .expect("usable keys");
    let server =
        builder().local_private_key(&server.private).and_then(Builder::build_responder).expect("usable keys");
    let (client, server) = shake_hands(client, server);
    let (up, down) = (Pipe::default(), Pipe::default());
    (Noise::new(client, &down, &up), Noise::new(server, &up, &down))
}

fn shake_hands(mut client: HandshakeState, mut server: HandshakeState) -> (TransportState, TransportState) {
    let (mut message, mut payload) = ([0; 256], [0; 256]);
    let length = client.write_message(&[], &mut message).expect("room");
    server.read_message(&message[..length], &mut payload).expect("an honest client");
    let length = server.write_message(&[], &mut message).expect("room");
    client.read_message(&message[..length], &mut payload).expect("an honest server");
    let established = "two messages are the whole of IK";
    (client.into_transport_mode().expect(established), server.into_transport_mode().expect(established))
}
