//! What stands in records and in front of them.

use arbitrary::{Arbitrary, Unstructured};
use bytes::BytesMut;
use core::net::SocketAddr;
use null_crypto::NullCrypto;
use spotproto::WireMessage;
use spotproto::codec::{CodecError, Reader};
use spotproto::crypto::{Crypto, PublicKey, SecretKey, VerifyingKey};
use spotproto::frame::{Frame, header_len};
use spotproto::message::{decode_frame, encode_frame};
use spotproto::preamble::Preamble;
use spotproto::ticket::{Pseudonym, Rights, SIGNED_TICKET_LEN, SignedTicket, Ticket, TicketError};
use spotproto::{Message, UnixTime};

/// Signs tickets.
const ISSUER: SecretKey = SecretKey([3; 32]);

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

/// Kind, the longest varint, length.
const MOST_HEADER: usize = 1 + 8 + 2;

/// A record's text: frames cover it without gap, to its end or to the first that is none.
pub(crate) fn frame(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    loop {
        let before = bytes.len() - reader.rest().len();
        let Ok(frame) = Frame::read(&mut reader) else { break };
        let after = bytes.len() - reader.rest().len();
        let header = after - before - frame.body.len();
        // A varint may be longer than it need be.
        assert!((header_len(frame.channel)..=MOST_HEADER).contains(&header), "a gap, or bytes taken twice");
        assert!(core::ptr::eq(frame.body, &raw const bytes[before + header..after]), "another body");
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
    match written(&message) {
        Some(Ok(again)) => assert_eq!(again, message),
        Some(Err(why)) => assert!(may_say_too_much(&message), "{why} in {message:?}"),
        None => {}
    }
}

/// Whether the parts of such a message may contradict each other, so that no frame of it need be read: lengths, ranges,
/// addresses without a port, tickets of another version. All others are read whatever is in them.
fn may_say_too_much(message: &WireMessage) -> bool {
    matches!(
        message,
        Message::Welcome(_)
            | Message::Renewed(_)
            | Message::Greeting(_)
            | Message::Opened { .. }
            | Message::Read { .. }
            | Message::Leaves { .. }
            | Message::Slot { .. }
            | Message::Dial(_)
    )
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
    let key: VerifyingKey = NullCrypto::verifying_key(&ISSUER);
    made_ticket(&key, bytes);
    let Ok(signed) = SignedTicket::decode(bytes) else { return };
    assert_eq!(signed.as_bytes(), bytes);
    match signed.verify::<NullCrypto>(&key, UnixTime(0)) {
        Ok(ticket) => {
            assert_eq!(ticket.sign::<NullCrypto>(&ISSUER).as_bytes(), bytes);
            let after = UnixTime(ticket.not_after.0.saturating_add(1));
            let late = signed.verify::<NullCrypto>(&key, after);
            assert!(late == Err(TicketError::Expired) || after == ticket.not_after);
        }
        Err(why) => assert!(matches!(why, TicketError::WrongIssuer | TicketError::BadSignature), "{why:?}"),
    }
}

/// The same bytes as what a ticket states, the place of a byte, and how that is altered: the ticket is believed as it was
/// signed, and not with another byte in it.
fn made_ticket(key: &VerifyingKey, bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let read = |reader: &mut Reader<'_>| {
        let (pseudonym, link_key) = (Pseudonym(reader.array()?), PublicKey(reader.array()?));
        let (rights, not_after) = (Rights(reader.u32()?), UnixTime(reader.u64()?));
        let altered = (usize::from(reader.u8()?), reader.u8()?);
        Ok::<_, CodecError>((Ticket { pseudonym, link_key, rights, not_after }, altered))
    };
    let Ok((ticket, (place, mask))) = read(&mut reader) else { return };
    let mut signed = *ticket.sign::<NullCrypto>(&ISSUER).as_bytes();
    let verified = |bytes: &[u8]| SignedTicket::decode(bytes)?.verify::<NullCrypto>(key, UnixTime(0));
    assert_eq!(verified(&signed), Ok(ticket));
    signed[place % SIGNED_TICKET_LEN] ^= mask.max(1);
    assert!(verified(&signed).is_err(), "byte {place} may be altered");
}
