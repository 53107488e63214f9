//! Frames to messages: nothing that arrives here is trusted.

use super::{
    Hello, MAX_FIRST, MAX_READ, Message, Open, Opened, PieceRange, Read, Refusal, Urgency, Wanted, Welcome,
    WireMessage,
};
use crate::codec::{CodecError, Reader};
use crate::content::{ContentKey, FileId, Head, LeafRange};
use crate::crypto::{PublicKey, VerifyingKey};
use crate::frame::{Frame, kind};
use crate::id::Gid;
use crate::ticket::{Pseudonym, SIGNED_TICKET_LEN, SignedTicket};
use crate::time::UnixTime;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// The message in a frame; `None` for a kind that is no message, or not known.
///
/// # Errors
/// What is wrong with the body.
pub fn decode(frame: &Frame<'_>) -> Result<Option<WireMessage>, CodecError> {
    let channel = frame.channel;
    let mut body = Reader::new(frame.body);
    let message = match frame.kind {
        kind::HELLO => Message::Hello(Box::new(hello(&mut body)?)),
        kind::WELCOME => Message::Welcome(Box::new(welcome(&mut body)?)),
        kind::OPEN => Message::Open { channel, open: open(&mut body)? },
        kind::OPENED => Message::Opened { channel, opened: Box::new(opened(&mut body)?) },
        kind::READ => Message::Read { channel, read: read(&mut body)? },
        kind::LEAVES => Message::Leaves { channel, leaves: Box::new(LeafRange::decode(&mut body)?) },
        kind::END => Message::End { channel },
        kind::REFUSE => Message::Refuse { channel, why: Refusal::from_number(body.u8()?) },
        kind::PLAYING => Message::Playing { file: FileId(body.array()?) },
        kind::ABORT => Message::Abort { channel },
        _ => return Ok(None),
    };
    body.finish()?;
    Ok(Some(message))
}

fn hello(body: &mut Reader<'_>) -> Result<Hello, CodecError> {
    Ok(Hello { link_key: PublicKey(body.array()?), port: body.u16()?, agent: body.text(64, "agent")?.into() })
}

fn welcome(body: &mut Reader<'_>) -> Result<Welcome, CodecError> {
    Ok(Welcome {
        pseudonym: Pseudonym(body.array()?),
        issuer: VerifyingKey(body.array()?),
        now: UnixTime(body.u64()?),
        ticket: SignedTicket::decode(body.bytes(SIGNED_TICKET_LEN)?)
            .map_err(|_| CodecError::Invalid("ticket"))?,
    })
}

fn open(body: &mut Reader<'_>) -> Result<Open<FileId>, CodecError> {
    Ok(Open {
        urgency: urgency(body)?,
        credit: body.u16()?,
        at_ms: body.u32()?,
        wanted: match body.u8()? {
            0 => Wanted::Track(Gid::from_bytes(body.array()?)),
            1 => Wanted::File(FileId(body.array()?)),
            _ => return Err(CodecError::Invalid("kind of thing to open")),
        },
    })
}

fn opened(body: &mut Reader<'_>) -> Result<Opened<FileId>, CodecError> {
    Ok(Opened {
        head: Head::decode(body)?,
        key: ContentKey::new(body.array()?),
        lease_s: body.u32()?,
        title: body.text(256, "title")?.into(),
        artist: body.text(256, "artist")?.into(),
        first: list(body, "first pieces", range)?,
        proofs: list(body, "proofs", LeafRange::decode)?,
    })
}

fn read(body: &mut Reader<'_>) -> Result<Read<FileId>, CodecError> {
    Ok(Read {
        urgency: urgency(body)?,
        file: FileId(body.array()?),
        pieces: range(body)?,
        leaves: if body.is_empty() { None } else { Some(range(body)?) },
    })
}

fn urgency(body: &mut Reader<'_>) -> Result<Urgency, CodecError> {
    Urgency::from_number(body.u8()?).ok_or(CodecError::Invalid("urgency"))
}

fn range(body: &mut Reader<'_>) -> Result<PieceRange, CodecError> {
    let start = body.varint_u32("piece")?;
    let count = body.varint_u32("count of pieces")?;
    if count == 0 || count > MAX_READ || start.checked_add(count).is_none() {
        return Err(CodecError::Invalid("range of pieces"));
    }
    Ok(PieceRange { start, count })
}

fn list<T>(
    body: &mut Reader<'_>,
    what: &'static str,
    item: impl Fn(&mut Reader<'_>) -> Result<T, CodecError>,
) -> Result<Vec<T>, CodecError> {
    let count = usize::from(body.u8()?);
    if count > MAX_FIRST {
        return Err(CodecError::TooLong(what));
    }
    (0..count).map(|_| item(body)).collect()
}
