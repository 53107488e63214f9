//! What stands in records and in front of them.

use arbitrary::{Arbitrary, Unstructured};
use bytes::BytesMut;
use core::net::SocketAddr;
use null_crypto::NullCrypto;
use spotproto::WireMessage;
use spotproto::codec::{CodecError, Reader};
use spotproto::crypto::{Crypto, SecretKey, VerifyingKey};
use spotproto::frame::{Frame, header_len};
use spotproto::message::{decode_frame, encode_frame};
use spotproto::preamble::Preamble;
use spotproto::ticket::{SignedTicket, TicketError};
use spotproto::{Message, UnixTime};

/// What is read is written as it was.
pub(crate) fn preamble(bytes: &[u8]) {
    let Some(bytes) = bytes.first_chunk() else { return };
    if let Ok(preamble) = Preamble::decode(bytes) {
        assert_eq!(preamble.encode(), *bytes);
    }
    if let Ok(preamble) = Preamble::decode_in(NullCrypto::SUITE, bytes) {
        assert_eq!(preamble.encode_in(NullCrypto::SUITE), *bytes);
    }
}

/// A record's text: frames cover it without gap, to its end or to the first that is none.
pub(crate) fn frame(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let mut covered = 0;
    while let Ok(frame) = Frame::read(&mut reader) {
        covered += header_len(frame.channel).max(4) + frame.body.len();
        assert!(covered <= bytes.len(), "more is read than there is");
        let _ = decode_frame(&frame);
    }
}

/// A message that is read is written as one that reads the same.
pub(crate) fn message(bytes: &[u8]) {
    let Some((kind, body)) = bytes.split_first() else { return };
    let frame = Frame { kind: *kind, channel: 7, body };
    if let Ok(Some(message)) = decode_frame(&frame) {
        assert_eq!(written(&message), Some(Ok(message)), "what fitted a frame fits one again");
    }
}

/// A message that an application makes, sensible or not: it is read as it was, if it is read at all.
pub(crate) fn made_message(bytes: &[u8]) {
    let Ok(message) = WireMessage::arbitrary(&mut Unstructured::new(bytes)) else { return };
    let message = within_promises(message);
    if let Some(Ok(again)) = written(&message) {
        assert_eq!(again, message);
    }
}

/// What comes of a message that is written and read; nothing if it is not one frame.
fn written(message: &WireMessage) -> Option<Result<WireMessage, CodecError>> {
    let mut out = BytesMut::new();
    if !encode_frame(message, &mut out) {
        assert!(out.is_empty());
        return None;
    }
    let mut reader = Reader::new(&out);
    let frame = Frame::read(&mut reader).expect("a frame");
    assert!(reader.is_empty(), "more than one frame");
    Some(decode_frame(&frame).map(|message| message.expect("a kind of message")))
}

/// Cut to what travels: of texts the encoder cuts what is too long, and so is none that reads as it was.
fn within_promises(message: WireMessage) -> WireMessage {
    match message {
        Message::Hello(mut hello) => {
            hello.agent = shortened(&hello.agent, 64);
            Message::Hello(hello)
        }
        Message::Opened { channel, mut opened } => {
            opened.title = shortened(&opened.title, 256);
            opened.artist = shortened(&opened.artist, 256);
            Message::Opened { channel, opened }
        }
        // Flow labels and scopes of IPv6 mean nothing to another machine, and do not travel.
        Message::Dial(mut dial) => {
            let plain = |address: &SocketAddr| SocketAddr::new(address.ip(), address.port());
            dial.addresses = dial.addresses.iter().map(plain).collect();
            Message::Dial(dial)
        }
        other => other,
    }
}

fn shortened(text: &str, most: usize) -> Box<str> {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text[..end.unwrap_or(0)].into()
}

/// Nobody but the issuer makes a ticket, and what it states is what was signed.
pub(crate) fn ticket(bytes: &[u8]) {
    const SEED: SecretKey = SecretKey([3; 32]);
    let key: VerifyingKey = NullCrypto::verifying_key(&SEED);
    let Ok(signed) = SignedTicket::decode(bytes) else { return };
    assert_eq!(signed.as_bytes(), bytes);
    match signed.verify::<NullCrypto>(&key, UnixTime(0)) {
        Ok(ticket) => {
            assert_eq!(ticket.sign::<NullCrypto>(&SEED).as_bytes(), bytes);
            let after = UnixTime(ticket.not_after.0.saturating_add(1));
            let late = signed.verify::<NullCrypto>(&key, after);
            assert!(late == Err(TicketError::Expired) || after == ticket.not_after);
        }
        Err(why) => assert!(matches!(why, TicketError::WrongIssuer | TicketError::BadSignature), "{why:?}"),
    }
}
