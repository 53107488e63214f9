//! The first rival: HTTP/2 over TLS 1.3.

use crate::pipe::{Pipe, spin};
use alloc::sync::Arc;
use bytes::Bytes;
use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use h2::client::SendRequest;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring as backend};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    ClientConfig, ClientConnection, Connection, DigitallySignedStruct, ServerConfig, ServerConnection,
    SignatureScheme, SupportedCipherSuite,
};
use std::io::{self, IoSlice, Read, Write};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Above anything that a download asks for, so that no window is ever the limit.
const WINDOW: u32 = 64 << 20;

pub(crate) struct TlsH2 {
    client: h2::client::Connection<Tls, Bytes>,
    server: h2::server::Connection<Tls, Bytes>,
    requests: SendRequest<Bytes>,
    data: Bytes,
}

impl TlsH2 {
    pub(crate) fn new(suite: SupportedCipherSuite, data: Bytes) -> Self {
        let (client, server) = tls_pair(suite);
        let mut dial = h2::client::Builder::new();
        dial.initial_window_size(WINDOW).initial_connection_window_size(WINDOW);
        let mut accept = h2::server::Builder::new();
        accept
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_send_buffer_size(1 << 20);
        let mut dialling = pin!(dial.handshake::<_, Bytes>(client));
        let mut accepting = pin!(accept.handshake::<_, Bytes>(server));
        let (mut dialled, mut accepted) = (None, None);
        spin(|context| {
            if dialled.is_none()
                && let Poll::Ready(ready) = dialling.as_mut().poll(context)
            {
                dialled = Some(ready.expect("an honest server"));
            }
            if accepted.is_none()
                && let Poll::Ready(ready) = accepting.as_mut().poll(context)
            {
                accepted = Some(ready.expect("an honest client"));
            }
            if let Some((_, connection)) = &mut dialled {
                let _ = Pin::new(connection).poll(context);
            }
            dialled.is_some() && accepted.is_some()
        });
        let (requests, client) = dialled.expect("spun until then");
        Self { client, server: accepted.expect("spun until then"), requests, data }
    }

    pub(crate) fn download(&mut self, pieces: u32) {
        let mut left = pieces;
        let (mut asked, mut body, mut answer) = (None, None::<RecvStream>, None::<SendStream<Bytes>>);
        let (mut bytes, mut ended) = (0, false);
        spin(|context| {
            if asked.is_none() && self.requests.poll_ready(context).is_ready() {
                let request = http::Request::get("https://server/file").body(()).expect("a request");
                asked = Some(self.requests.send_request(request, true).expect("ready").0);
            }
            let _ = Pin::new(&mut self.client).poll(context);
            if let Poll::Ready(Some(request)) = self.server.poll_accept(context) {
                let (_, respond) = request.expect("an honest client");
                answer = Some(respond_to(respond));
            }
            if let Some(answer) = &mut answer {
                send_pieces(answer, context, &self.data, &mut left);
            }
            if let Some(asked) = &mut asked
                && body.is_none()
                && let Poll::Ready(response) = Pin::new(asked).poll(context)
            {
                body = Some(response.expect("an honest server").into_body());
            }
            if let Some(body) = &mut body {
                ended = receive(body, context, &mut bytes);
            }
            ended
        });
        assert_eq!(bytes, pieces as usize * self.data.len());
    }
}

fn respond_to(mut respond: SendResponse<Bytes>) -> SendStream<Bytes> {
    respond.send_response(http::Response::new(()), false).expect("a response")
}

/// Sends pieces while there is room for a whole one.
fn send_pieces(answer: &mut SendStream<Bytes>, context: &mut Context<'_>, data: &Bytes, left: &mut u32) {
    while *left > 0 {
        answer.reserve_capacity(16 * data.len());
        let _ = answer.poll_capacity(context);
        if answer.capacity() < data.len() {
            return;
        }
        *left -= 1;
        answer.send_data(data.clone(), *left == 0).expect("an open stream");
    }
}

/// Takes what is there; whether that was all.
fn receive(body: &mut RecvStream, context: &mut Context<'_>, bytes: &mut usize) -> bool {
    loop {
        match body.poll_data(context) {
            Poll::Ready(Some(data)) => {
                let data: Bytes = data.expect("an honest server");
                *bytes += data.len();
                body.flow_control().release_capacity(data.len()).expect("taken");
            }
            Poll::Ready(None) => return true,
            Poll::Pending => return false,
        }
    }
}

/// One end of a TLS connection, as the adapter crates make a stream of it.
struct Tls {
    connection: Connection,
    incoming: Pipe,
    outgoing: Pipe,
}

impl Tls {
    fn new(connection: impl Into<Connection>, incoming: &Pipe, outgoing: &Pipe) -> Self {
        let connection = connection.into();
        Self { connection, incoming: incoming.clone(), outgoing: outgoing.clone() }
    }

    /// Moves what is ready to the line while that has room.
    fn put(&mut self) {
        while self.connection.wants_write() && self.outgoing.has_room() {
            self.connection.write_tls(&mut Ends(&self.outgoing)).expect("memory");
        }
    }

    fn take(&mut self) {
        while self.connection.wants_read() && !self.incoming.is_empty() {
            self.connection.read_tls(&mut Ends(&self.incoming)).expect("memory");
            self.connection.process_new_packets().expect("an honest peer");
        }
    }
}

/// The line as rustls wants it.
struct Ends<'a>(&'a Pipe);

impl Write for Ends<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.0.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Ends<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        Ok(self.0.read(out))
    }
}

impl AsyncRead for Tls {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.take();
        self.put();
        match self.connection.reader().read(out.initialize_unfilled()) {
            Ok(count) => {
                out.advance(count);
                Poll::Ready(Ok(()))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl AsyncWrite for Tls {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.take();
        self.put();
        if self.connection.is_handshaking() || self.connection.wants_write() {
            return Poll::Pending;
        }
        let count = self.connection.writer().write_vectored(bytes)?;
        self.put();
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.put();
        if self.connection.wants_write() { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn tls_pair(suite: SupportedCipherSuite) -> (Tls, Tls) {
    let provider = Arc::new(CryptoProvider { cipher_suites: vec![suite], ..backend::default_provider() });
    let client = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("the suite is of TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer))
        .with_no_client_auth();
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("entropy");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.as_ref().to_vec()));
    let key = backend::sign::any_supported_type(&key).expect("an Ed25519 key");
    let certified = CertifiedKey::new(vec![CertificateDer::from(vec![0])], key);
    let server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the suite is of TLS 1.3")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    let name = ServerName::try_from("server").expect("a name");
    let client = ClientConnection::new(Arc::new(client), name).expect("a client");
    let server = ServerConnection::new(Arc::new(server)).expect("a server");
    let (up, down) = (Pipe::default(), Pipe::default());
    (Tls::new(client, &down, &up), Tls::new(server, &up, &down))
}

/// Takes any certificate: the handshake is not what is measured.
#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}
