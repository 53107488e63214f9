//! Frames to messages: nothing that arrives here is trusted.

use super::{
    Channel, Connect, Dial, Greeting, Hello, Hit, Holding, MAX_ADDRESSES, MAX_FIRST, MAX_HELD, MAX_HITS,
    MAX_HOLDING, MAX_HOPS, MAX_MIRRORS, MAX_PEERS, MAX_READ, MIRROR_LEN_MAX, Message, Mirrors, Misdeed, Open,
    Opened, PieceRange, Query, Read, Refusal, Renewed, Slot, Urgency, Want, Wanted, Welcome, WireMessage,
};
use crate::codec::{CodecError, Reader};
use crate::content::{ContentKey, FileId, Head, LeafRange};
use crate::crypto::{PublicKey, VerifyingKey};
use crate::frame::{Frame, kind};
use crate::id::Gid;
use crate::noise::Role;
use crate::preamble::LinkId;
use crate::ticket::{Pseudonym, SIGNED_TICKET_LEN, SignedTicket};
use crate::time::UnixTime;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

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
        kind::ABORT => Message::Abort { channel },
        kind::PLAYING => Message::Playing { file: file(&mut body)? },
        _ => match of_peers(frame.kind, channel, &mut body)? {
            Some(message) => message,
            None => return Ok(None),
        },
    };
    body.finish()?;
    Ok(Some(message))
}

/// The messages by which peers find each other, and those between peers.
fn of_peers(kind: u8, channel: Channel, body: &mut Reader<'_>) -> Result<Option<WireMessage>, CodecError> {
    Ok(Some(match kind {
        kind::RENEW => Message::Renew { port: body.u16()? },
        kind::RENEWED => Message::Renewed(Box::new(renewed(body)?)),
        kind::HOLDING => Message::Holding(Box::new(holding(body)?)),
        kind::FIND_PEERS => Message::FindPeers { channel, file: file(body)?, most: most(body)? },
        kind::PEERS => Message::Peers { channel, peers: pseudonyms(body, 0, MAX_PEERS)? },
        kind::MIRRORS => Message::Mirrors { channel, mirrors: mirrors(body)? },
        kind::CONNECT => Message::Connect { channel, connect: Box::new(connect(body)?) },
        kind::DIAL => Message::Dial(Box::new(dial(body)?)),
        kind::DIALLED => Message::Dialled { link: link(body)?, stands: flag(body)? },
        kind::REPORT => Message::Report { link: link(body)?, what: Misdeed::from_number(body.u8()?) },
        kind::GREETING => Message::Greeting(Box::new(Greeting { ticket: ticket(body)? })),
        kind::WANT => Message::Want { channel, want: Want { urgency: urgency(body)?, file: file(body)? } },
        kind::SLOT => Message::Slot { channel, slot: slot(body)? },
        kind::QUERY => Message::Query(query(body)?),
        kind::HIT => Message::Hit(Hit { id: body.u64()?, peers: pseudonyms(body, 1, MAX_HITS)? }),
        _ => return Ok(None),
    }))
}

fn hello(body: &mut Reader<'_>) -> Result<Hello, CodecError> {
    Ok(Hello { link_key: PublicKey(body.array()?), port: body.u16()?, agent: body.text(64, "agent")?.into() })
}

fn welcome(body: &mut Reader<'_>) -> Result<Welcome, CodecError> {
    Ok(Welcome {
        pseudonym: Pseudonym(body.array()?),
        issuer: VerifyingKey(body.array()?),
        now: UnixTime(body.u64()?),
        ticket: ticket(body)?,
    })
}

fn ticket(body: &mut Reader<'_>) -> Result<SignedTicket, CodecError> {
    SignedTicket::decode(body.bytes(SIGNED_TICKET_LEN)?).map_err(|_| CodecError::Invalid("ticket"))
}

fn open(body: &mut Reader<'_>) -> Result<Open<FileId>, CodecError> {
    Ok(Open {
        urgency: urgency(body)?,
        credit: body.u16()?,
        at_ms: body.u32()?,
        wanted: match body.u8()? {
            0 => Wanted::Track(Gid::from_bytes(body.array()?)),
            1 => Wanted::File(file(body)?),
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
        first: counted(body, 0, MAX_FIRST, "first pieces", range)?,
        proofs: counted(body, 0, MAX_FIRST, "proofs", LeafRange::decode)?,
    })
}

fn read(body: &mut Reader<'_>) -> Result<Read<FileId>, CodecError> {
    let (urgency, file) = (urgency(body)?, file(body)?);
    let pieces = run(body)?;
    let leaves = if body.is_empty() { None } else { Some(range(body)?) };
    if pieces.count > MAX_READ || (pieces.count == 0 && leaves.is_none()) {
        return Err(CodecError::Invalid("range of pieces"));
    }
    Ok(Read { urgency, file, pieces, leaves })
}

fn renewed(body: &mut Reader<'_>) -> Result<Renewed, CodecError> {
    Ok(Renewed { now: UnixTime(body.u64()?), ticket: ticket(body)? })
}

fn holding(body: &mut Reader<'_>) -> Result<Holding<FileId>, CodecError> {
    let mut files = || counted(body, 0, MAX_HOLDING, "files", file);
    Ok(Holding { joined: files()?, left: files()? })
}

fn connect(body: &mut Reader<'_>) -> Result<Connect<FileId>, CodecError> {
    Ok(Connect { file: file(body)?, peers: pseudonyms(body, 1, MAX_PEERS)? })
}

fn dial(body: &mut Reader<'_>) -> Result<Dial, CodecError> {
    Ok(Dial {
        link: link(body)?,
        role: if flag(body)? { Role::Responder } else { Role::Initiator },
        pseudonym: pseudonym(body)?,
        link_key: PublicKey(body.array()?),
        addresses: counted(body, 0, MAX_ADDRESSES, "addresses", address)?,
    })
}

fn address(body: &mut Reader<'_>) -> Result<SocketAddr, CodecError> {
    let ip: IpAddr = match body.u8()? {
        4 => body.array::<4>()?.into(),
        6 => body.array::<16>()?.into(),
        _ => return Err(CodecError::Invalid("kind of address")),
    };
    match body.u16()? {
        0 => Err(CodecError::Invalid("port")),
        port => Ok(SocketAddr::new(ip, port)),
    }
}

fn mirrors(body: &mut Reader<'_>) -> Result<Mirrors, CodecError> {
    let mirror = |body: &mut Reader<'_>| Ok(body.text(MIRROR_LEN_MAX, "mirror")?.into());
    counted(body, 1, MAX_MIRRORS, "mirrors", mirror)
}

fn slot(body: &mut Reader<'_>) -> Result<Slot, CodecError> {
    let place = body.u16()?;
    let held: Vec<PieceRange> = counted(body, 0, MAX_HELD, "ranges held", span)?;
    let apart = held.iter().zip(held.iter().skip(1)).all(|(one, next)| one.end() < next.start);
    if apart { Ok(Slot { place, held }) } else { Err(CodecError::Invalid("order of ranges")) }
}

fn query(body: &mut Reader<'_>) -> Result<Query<FileId>, CodecError> {
    let query = Query { id: body.u64()?, hops: body.u8()?, file: file(body)? };
    if query.hops > MAX_HOPS { Err(CodecError::TooLong("hops")) } else { Ok(query) }
}

fn most(body: &mut Reader<'_>) -> Result<u8, CodecError> {
    Some(body.u8()?)
        .filter(|most| (1..=MAX_PEERS).contains(&usize::from(*most)))
        .ok_or(CodecError::Invalid("number of peers"))
}

fn file(body: &mut Reader<'_>) -> Result<FileId, CodecError> {
    Ok(FileId(body.array()?))
}

fn link(body: &mut Reader<'_>) -> Result<LinkId, CodecError> {
    Ok(LinkId(body.array()?))
}

fn pseudonym(body: &mut Reader<'_>) -> Result<Pseudonym, CodecError> {
    Ok(Pseudonym(body.array()?))
}

fn pseudonyms(body: &mut Reader<'_>, least: usize, most: usize) -> Result<Vec<Pseudonym>, CodecError> {
    counted(body, least, most, "peers", pseudonym)
}

fn flag(body: &mut Reader<'_>) -> Result<bool, CodecError> {
    match body.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(CodecError::Invalid("flag")),
    }
}

fn urgency(body: &mut Reader<'_>) -> Result<Urgency, CodecError> {
    Urgency::from_number(body.u8()?).ok_or(CodecError::Invalid("urgency"))
}

/// Pieces that are asked for or sent.
fn range(body: &mut Reader<'_>) -> Result<PieceRange, CodecError> {
    let range = span(body)?;
    if range.count > MAX_READ { Err(CodecError::Invalid("range of pieces")) } else { Ok(range) }
}

/// Pieces of a file, however many.
fn span(body: &mut Reader<'_>) -> Result<PieceRange, CodecError> {
    let run = run(body)?;
    if run.count == 0 { Err(CodecError::Invalid("range of pieces")) } else { Ok(run) }
}

/// Pieces, or none.
fn run(body: &mut Reader<'_>) -> Result<PieceRange, CodecError> {
    let start = body.varint_u32("piece")?;
    let count = body.varint_u32("count of pieces")?;
    if start.checked_add(count).is_none() {
        return Err(CodecError::Invalid("range of pieces"));
    }
    Ok(PieceRange { start, count })
}

/// A count of one byte, then so many items.
fn counted<T>(
    body: &mut Reader<'_>,
    least: usize,
    most: usize,
    what: &'static str,
    item: impl Fn(&mut Reader<'_>) -> Result<T, CodecError>,
) -> Result<Vec<T>, CodecError> {
    let count = usize::from(body.u8()?);
    if count < least {
        return Err(CodecError::Invalid(what));
    }
    if count > most {
        return Err(CodecError::TooLong(what));
    }
    (0..count).map(|_| item(body)).collect()
}
