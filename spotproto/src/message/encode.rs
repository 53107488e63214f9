//! Messages to frames. See docs/protocol.md, "Messages", for the byte tables.

use super::{
    Connect, Dial, Hello, Holding, MAX_ADDRESSES, MAX_FIRST, MAX_HELD, MAX_HITS, MAX_HOLDING, MAX_HOPS,
    MAX_MIRRORS, MAX_PEERS, MIRROR_LEN_MAX, Message, Mirrors, Open, Opened, PieceRange, Query, Read, Renewed,
    Slot, Wanted, Welcome, WireMessage,
};
use crate::codec::Writer;
use crate::content::{FileId, HEAD_LEN_MAX, LeafRange};
use crate::frame::{MAX_BODY, kind, put_with};
use crate::noise::Role;
use crate::ticket::Pseudonym;
use bytes::{BufMut, BytesMut};
use core::net::{IpAddr, SocketAddr};

/// Appends one message as one frame. Pieces don't come here: they are cut into fragments by the multiplexer.
pub(crate) fn encode(message: &WireMessage, out: &mut BytesMut) {
    debug_assert!(!matches!(message, Message::Piece { .. }), "pieces are sent in fragments");
    let channel = message.channel().unwrap_or(0);
    put_with(out, kind_of(message), channel, |out| put_body(out, message));
}

const fn kind_of(message: &WireMessage) -> u8 {
    match message {
        Message::Piece { .. } => kind::PIECE,
        Message::End { .. } => kind::END,
        Message::Refuse { .. } => kind::REFUSE,
        Message::Abort { .. } => kind::ABORT,
        Message::Hello(_) => kind::HELLO,
        Message::Welcome(_) => kind::WELCOME,
        Message::Renew { .. } => kind::RENEW,
        Message::Renewed(_) => kind::RENEWED,
        Message::Holding(_) => kind::HOLDING,
        Message::FindPeers { .. } => kind::FIND_PEERS,
        Message::Peers { .. } => kind::PEERS,
        Message::Connect { .. } => kind::CONNECT,
        Message::Dial(_) => kind::DIAL,
        Message::Dialled { .. } => kind::DIALLED,
        Message::Report { .. } => kind::REPORT,
        Message::Greeting(_) => kind::GREETING,
        Message::Want { .. } => kind::WANT,
        Message::Slot { .. } => kind::SLOT,
        Message::Query(_) => kind::QUERY,
        Message::Hit(_) => kind::HIT,
        Message::Open { .. } => kind::OPEN,
        Message::Opened { .. } => kind::OPENED,
        Message::Read { .. } => kind::READ,
        Message::Leaves { .. } => kind::LEAVES,
        Message::Mirrors { .. } => kind::MIRRORS,
        Message::Playing { .. } => kind::PLAYING,
    }
}

fn put_body(out: &mut BytesMut, message: &WireMessage) {
    match message {
        Message::Piece { .. } | Message::End { .. } | Message::Abort { .. } => {}
        Message::Refuse { why, .. } => out.put_u8(*why as u8),
        Message::Hello(hello) => put_hello(out, hello),
        Message::Welcome(welcome) => put_welcome(out, welcome),
        Message::Renew { port } => out.put_u16(*port),
        Message::Renewed(renewed) => put_renewed(out, renewed),
        Message::Holding(holding) => put_holding(out, holding),
        Message::FindPeers { file, most, .. } => {
            Writer::new(out).bytes(&file.0).u8(*most);
        }
        Message::Peers { peers, .. } => put_pseudonyms(out, peers),
        Message::Connect { connect, .. } => put_connect(out, connect),
        Message::Dial(dial) => put_dial(out, dial),
        Message::Dialled { link, stands } => {
            Writer::new(out).bytes(&link.0).u8(u8::from(*stands));
        }
        Message::Report { link, what } => {
            Writer::new(out).bytes(&link.0).u8(*what as u8);
        }
        Message::Greeting(greeting) => out.put_slice(greeting.ticket.as_bytes()),
        Message::Want { want, .. } => {
            Writer::new(out).u8(want.urgency as u8).bytes(&want.file.0);
        }
        Message::Slot { slot, .. } => put_slot(out, slot),
        Message::Query(query) => put_query(out, query),
        Message::Hit(hit) => {
            out.put_u64(hit.id);
            put_pseudonyms(out, &hit.peers);
        }
        Message::Open { open, .. } => put_open(out, open),
        Message::Opened { opened, .. } => put_opened(out, opened),
        Message::Read { read, .. } => put_read(out, read),
        Message::Leaves { leaves, .. } => leaves.encode(out),
        Message::Mirrors { mirrors, .. } => put_mirrors(out, mirrors),
        Message::Playing { file } => out.put_slice(&file.0),
    }
}

/// Whether a message can be sent at all: what has a limit of its own keeps it, and headers, which may come near the limit
/// of frames, are judged by the most that they may take.
pub(crate) fn fits_a_frame(message: &WireMessage) -> bool {
    match message {
        Message::Opened { opened, .. } => {
            // Besides head and proofs: key, lease, two names, ranges, counts.
            let rest = 32 + 4 + 2 * (2 + 256) + 2 + MAX_FIRST * 16;
            let proofs: usize = opened.proofs.iter().map(proof_len).sum();
            opened.first.len().max(opened.proofs.len()) <= MAX_FIRST
                && HEAD_LEN_MAX + rest + proofs <= MAX_BODY
        }
        Message::Leaves { leaves, .. } => proof_len(leaves) <= MAX_BODY,
        Message::Holding(holding) => holding.joined.len().max(holding.left.len()) <= MAX_HOLDING,
        Message::FindPeers { most, .. } => (1..=MAX_PEERS).contains(&usize::from(*most)),
        Message::Peers { peers, .. } => peers.len() <= MAX_PEERS,
        Message::Mirrors { mirrors, .. } => {
            (1..=MAX_MIRRORS).contains(&mirrors.len())
                && mirrors.iter().all(|mirror| mirror.len() <= MIRROR_LEN_MAX)
        }
        Message::Connect { connect, .. } => (1..=MAX_PEERS).contains(&connect.peers.len()),
        Message::Dial(dial) => dial.addresses.len() <= MAX_ADDRESSES,
        Message::Slot { slot, .. } => slot.held.len() <= MAX_HELD,
        Message::Query(query) => query.hops <= MAX_HOPS,
        Message::Hit(hit) => (1..=MAX_HITS).contains(&hit.peers.len()),
        _ => true,
    }
}

/// The most that a proof takes.
fn proof_len(proof: &LeafRange) -> usize {
    3 * 8 + 32 * (proof.leaves.len() + proof.uncles.len())
}

fn put_hello(out: &mut BytesMut, hello: &Hello) {
    Writer::new(out).bytes(&hello.link_key.0).u16(hello.port).counted(clipped(&hello.agent, 64));
}

fn put_welcome(out: &mut BytesMut, welcome: &Welcome) {
    Writer::new(out)
        .bytes(&welcome.pseudonym.0)
        .bytes(&welcome.issuer.0)
        .u64(welcome.now.0)
        .bytes(welcome.ticket.as_bytes());
}

fn put_open(out: &mut BytesMut, open: &Open<FileId>) {
    let mut writer = Writer::new(out);
    writer.u8(open.urgency as u8).u16(open.credit).u32(open.at_ms);
    match open.wanted {
        Wanted::Track(gid) => writer.u8(0).bytes(gid.as_bytes()),
        Wanted::File(file) => writer.u8(1).bytes(&file.0),
    };
}

fn put_opened(out: &mut BytesMut, opened: &Opened<FileId>) {
    opened.head.encode(out);
    let mut writer = Writer::new(out);
    writer.bytes(opened.key.expose()).u32(opened.lease_s);
    writer.counted(clipped(&opened.title, 256)).counted(clipped(&opened.artist, 256));
    writer.u8(opened.first.len() as u8);
    for range in &opened.first {
        put_range(&mut writer, *range);
    }
    writer.u8(opened.proofs.len() as u8);
    for proof in &opened.proofs {
        proof.encode(out);
    }
}

fn put_read(out: &mut BytesMut, read: &Read<FileId>) {
    let mut writer = Writer::new(out);
    writer.u8(read.urgency as u8).bytes(&read.file.0);
    put_range(&mut writer, read.pieces);
    if let Some(leaves) = read.leaves {
        put_range(&mut writer, leaves);
    }
}

fn put_renewed(out: &mut BytesMut, renewed: &Renewed) {
    Writer::new(out).u64(renewed.now.0).bytes(renewed.ticket.as_bytes());
}

fn put_holding(out: &mut BytesMut, holding: &Holding<FileId>) {
    let mut writer = Writer::new(out);
    for files in [&holding.joined, &holding.left] {
        writer.u8(files.len() as u8);
        for file in files {
            writer.bytes(&file.0);
        }
    }
}

fn put_connect(out: &mut BytesMut, connect: &Connect<FileId>) {
    Writer::new(out).bytes(&connect.file.0);
    put_pseudonyms(out, &connect.peers);
}

fn put_dial(out: &mut BytesMut, dial: &Dial) {
    let mut writer = Writer::new(out);
    writer
        .bytes(&dial.link.0)
        .u8(u8::from(dial.role == Role::Responder))
        .bytes(&dial.pseudonym.0)
        .bytes(&dial.link_key.0)
        .u8(dial.addresses.len() as u8);
    for address in &dial.addresses {
        put_address(&mut writer, *address);
    }
}

fn put_address(writer: &mut Writer<'_, BytesMut>, address: SocketAddr) {
    match address.ip() {
        IpAddr::V4(v4) => writer.u8(4).bytes(&v4.octets()),
        IpAddr::V6(v6) => writer.u8(6).bytes(&v6.octets()),
    }
    .u16(address.port());
}

fn put_mirrors(out: &mut BytesMut, mirrors: &Mirrors) {
    let mut writer = Writer::new(out);
    writer.u8(mirrors.len() as u8);
    for mirror in mirrors {
        writer.counted(mirror.as_bytes());
    }
}

fn put_slot(out: &mut BytesMut, slot: &Slot) {
    let mut writer = Writer::new(out);
    writer.u16(slot.place).u8(slot.held.len() as u8);
    for range in &slot.held {
        put_range(&mut writer, *range);
    }
}

fn put_query(out: &mut BytesMut, query: &Query<FileId>) {
    Writer::new(out).u64(query.id).u8(query.hops).bytes(&query.file.0);
}

fn put_pseudonyms(out: &mut BytesMut, peers: &[Pseudonym]) {
    let mut writer = Writer::new(out);
    writer.u8(peers.len() as u8);
    for peer in peers {
        writer.bytes(&peer.0);
    }
}

fn put_range(writer: &mut Writer<'_, BytesMut>, range: PieceRange) {
    writer.varint(u64::from(range.start)).varint(u64::from(range.count));
}

/// Text cut to `limit` bytes at a character's edge: names are for eyes, so a long one is cut and not refused.
fn clipped(text: &str, limit: usize) -> &[u8] {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().as_bytes()
}
