//! The messages by which peers find each other, and those between peers: their vectors and tables, and what they have in
//! common with all others.

use crate::document::{Block, Document};
use crate::messages::{body, file, frame, open, read_message};
use crate::values::{NOW, counting, hello, link_key, opened, signed_ticket, ticket, tree, welcome};
use bytes::BytesMut;
use spotproto::codec::{CodecError, Reader};
use spotproto::content::FileId;
use spotproto::frame::{Frame, MAX_BODY};
use spotproto::message::{
    Connect, Dial, Greeting, Hit, Holding, Message, Misdeed, PieceRange, Query, Refusal, Renewed, Slot,
    Urgency, Want, Wanted, WireMessage, decode_frame, encode_frame,
};
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::ticket::Pseudonym;
use std::collections::{BTreeMap, BTreeSet};

const LINK: LinkId = LinkId([0x77; 16]);

fn peer(first: u8) -> Pseudonym {
    Pseudonym(counting(first))
}

fn other_file() -> FileId {
    FileId(counting(0x50))
}

fn holding() -> WireMessage {
    Message::Holding(Box::new(Holding { joined: vec![file(), other_file()], left: vec![FileId([9; 32])] }))
}

fn dial() -> WireMessage {
    let addresses = vec!["192.0.2.7:4070".parse().expect("v4"), "[2001:db8::7]:50123".parse().expect("v6")];
    let (pseudonym, link_key) = (ticket().pseudonym, link_key());
    Message::Dial(Box::new(Dial { link: LINK, role: Role::Responder, pseudonym, link_key, addresses }))
}

fn connect() -> WireMessage {
    Message::Connect { channel: 103, connect: Box::new(Connect { file: file(), peers: vec![peer(0xa0)] }) }
}

fn mirrors() -> WireMessage {
    let mirrors = vec!["https://a.example/f/1".into(), "http://b.example/1".into()];
    Message::Mirrors { channel: 100, mirrors }
}

fn want() -> WireMessage {
    Message::Want { channel: 1, want: Want { file: file(), urgency: Urgency::Next } }
}

fn slot(place: u16, held: &[(u32, u32)]) -> WireMessage {
    let held = held.iter().map(|(start, count)| PieceRange { start: *start, count: *count }).collect();
    Message::Slot { channel: 1, slot: Slot { place, held } }
}

fn query() -> WireMessage {
    Message::Query(Query { id: 0x0102_0304_0506_0708, file: file(), hops: 1 })
}

fn renewed() -> WireMessage {
    Message::Renewed(Box::new(Renewed { now: NOW, ticket: signed_ticket() }))
}

pub(crate) fn blocks() -> Vec<Block> {
    vec![
        Block::new("renew").text("port", 4070).hex("frame", &frame(&Message::Renew { port: 4070 })),
        Block::new("renewed")
            .text("now", NOW.0)
            .text("ticket", "that of section 11")
            .hex("frame", &frame(&renewed())),
        Block::new("holding")
            .hex("joined 1", &file().0)
            .hex("joined 2", &other_file().0)
            .hex("left 1", &[9; 32])
            .hex("frame", &frame(&holding())),
        Block::new("find-peers")
            .text("channel", 102)
            .hex("file", &file().0)
            .text("most", 10)
            .hex("frame", &frame(&Message::FindPeers { channel: 102, file: file(), most: 10 })),
        Block::new("peers")
            .text("channel", 102)
            .hex("peer 1", &peer(0xa0).0)
            .hex("peer 2", &peer(0xb0).0)
            .hex("frame", &frame(&Message::Peers { channel: 102, peers: vec![peer(0xa0), peer(0xb0)] })),
        Block::new("mirrors")
            .text("channel", 100)
            .text("mirror 1", "https://a.example/f/1")
            .text("mirror 2", "http://b.example/1")
            .hex("frame", &frame(&mirrors())),
        Block::new("connect")
            .text("channel", 103)
            .hex("file", &file().0)
            .hex("peer", &peer(0xa0).0)
            .hex("frame", &frame(&connect())),
        Block::new("dial")
            .hex("link id", &LINK.0)
            .text("role", "responder")
            .hex("peer", &ticket().pseudonym.0)
            .hex("link key", &link_key().0)
            .text("address 1", "192.0.2.7, port 4070")
            .text("address 2", "2001:db8::7, port 50123")
            .hex("frame", &frame(&dial())),
        Block::new("dialled")
            .hex("link id", &LINK.0)
            .text("stands", 1)
            .hex("frame", &frame(&Message::Dialled { link: LINK, stands: true })),
        Block::new("report")
            .hex("link id", &LINK.0)
            .text("what", "Forged")
            .hex("frame", &frame(&Message::Report { link: LINK, what: Misdeed::Forged })),
        Block::new("greeting").text("ticket", "that of section 11").hex("frame", &frame(&greeting())),
        Block::new("want")
            .text("channel", 1)
            .text("urgency", "Next")
            .hex("file", &file().0)
            .hex("frame", &frame(&want())),
        Block::new("slot-served").text("channel", 1).hex("frame", &frame(&slot(0, &[]))),
        Block::new("slot-queued")
            .text("channel", 1)
            .text("place", 3)
            .text("held", "5 pieces from 0, 1000 from 64")
            .hex("frame", &frame(&slot(3, &[(0, 5), (64, 1000)]))),
        Block::new("query")
            .text("id", "0x0102030405060708")
            .text("hops", 1)
            .hex("file", &file().0)
            .hex("frame", &frame(&query())),
        Block::new("hit")
            .text("id", "0x0102030405060708")
            .hex("peer", &peer(0xa0).0)
            .hex("frame", &frame(&hit(1))),
    ]
}

fn greeting() -> WireMessage {
    Message::Greeting(Box::new(Greeting { ticket: signed_ticket() }))
}

fn hit(peers: usize) -> WireMessage {
    Message::Hit(Hit { id: 0x0102_0304_0506_0708, peers: vec![peer(0xa0); peers] })
}

/// One message of each kind that is a message.
fn all() -> Vec<WireMessage> {
    let leaves = Box::new(tree(7).prove(3..5).expect("within the tree"));
    vec![
        Message::Hello(Box::new(hello())),
        Message::Welcome(Box::new(welcome())),
        open(Wanted::File(file())),
        Message::Opened { channel: 100, opened: Box::new(opened()) },
        read_message(None),
        Message::Leaves { channel: 100, leaves },
        Message::End { channel: 100 },
        Message::Refuse { channel: 100, why: Refusal::Busy },
        Message::Abort { channel: 100 },
        Message::Playing { file: file() },
        Message::Renew { port: 4070 },
        renewed(),
        holding(),
        Message::FindPeers { channel: 102, file: file(), most: 10 },
        Message::Peers { channel: 102, peers: vec![peer(0xa0)] },
        mirrors(),
        connect(),
        dial(),
        Message::Dialled { link: LINK, stands: true },
        Message::Report { link: LINK, what: Misdeed::Forged },
        greeting(),
        want(),
        slot(3, &[(0, 5)]),
        query(),
        hit(1),
    ]
}

/// The kinds of frame that carry a message, pieces apart.
fn kinds_of_messages(document: &Document) -> BTreeMap<u8, (String, String)> {
    let rows = document.table("5.2 Kinds", "kind").rows.iter();
    let rows = rows.map(|row| {
        let number = crate::document::number(row[0].trim_matches('`')) as u8;
        (number, (row[1].trim_matches('`').to_owned(), row[2].clone()))
    });
    rows.filter(|(kind, _)| *kind >= 0x12).collect()
}

#[test]
fn channels_are_used_as_the_table_of_kinds_says() {
    let kinds = kinds_of_messages(&Document::read());
    let all = all();
    let seen: BTreeSet<u8> = all.iter().map(|message| frame(message)[0]).collect();
    assert_eq!(seen, kinds.keys().copied().collect(), "one message of each kind");
    for message in &all {
        let (name, channel) = &kinds[&frame(message)[0]];
        let ends = matches!(message, Message::End { .. } | Message::Refuse { .. } | Message::Abort { .. });
        let said = match channel.as_str() {
            "0" => message.channel().is_none(),
            "new" => message.request().is_some(),
            _ => message.is_header() || ends,
        };
        assert!(said, "{name} has {channel}");
        assert_eq!(message.request().is_some(), channel == "new", "{name}");
        assert_eq!(message.channel().is_some(), channel != "0", "{name}");
    }
}

#[test]
fn the_table_of_who_says_what_leaves_no_message_out() {
    let document = Document::read();
    let table = document.table("7.25 Who says what, and when", "message");
    let said: BTreeSet<&str> = table.pairs(0, 1).into_iter().map(|(name, _)| name).collect();
    let kinds = kinds_of_messages(&document);
    let named: BTreeSet<&str> =
        kinds.iter().filter(|(kind, _)| **kind >= 0x20).map(|(_, (name, _))| name.as_str()).collect();
    assert_eq!(said, named);
}

#[test]
fn a_message_cut_short_or_with_a_byte_too_many_is_a_fault_in_every_kind() {
    for message in all() {
        let bytes = frame(&message);
        let whole = Frame::read(&mut Reader::new(&bytes)).expect("a frame");
        let decode = |body: &[u8]| decode_frame(&Frame { body, ..whole });
        assert!(decode(&[whole.body, &[0]].concat()).is_err(), "{message:?}");
        for length in 0..whole.body.len() {
            if let Ok(shorter) = decode(&whole.body[..length]) {
                panic!("{message:?} cut at {length} is {shorter:?}");
            }
        }
    }
}

#[test]
fn lists_have_the_limits_that_the_document_gives() {
    let kind_and_body = |message: WireMessage| (frame(&message)[0], body(&message));
    // Where the count of a list lies, what an item of it takes, its least and its most.
    let lists = [
        (holding(), 0, 32, 0, 128),
        (Message::Peers { channel: 1, peers: Vec::new() }, 0, 16, 0, 10),
        (mirrors(), 0, 3, 1, 2),
        (connect(), 32, 16, 1, 10),
        (hit(1), 8, 16, 1, 20),
    ];
    for (message, at, item, least, most) in lists {
        let (kind, body) = kind_and_body(message);
        for count in 0..=255u8 {
            let mut body = body[..at].to_vec();
            body.push(count);
            for _ in 0..count {
                let text = [&[item as u8 - 1][..], &vec![b'x'; item - 1]].concat();
                body.extend(text);
            }
            if kind == spotproto::frame::kind::HOLDING {
                body.push(0);
            }
            let taken = decode_frame(&Frame { kind, channel: 1, body: &body }).is_ok();
            assert_eq!(taken, (least..=most).contains(&count), "{count} in {kind:#x}");
        }
    }
}

/// A message, a place in its body, and which bytes may stand there.
type Place = (WireMessage, usize, fn(u8) -> bool);

#[test]
fn values_that_mean_nothing_are_faults() {
    let good = |message: &WireMessage| (frame(message)[0], body(message));
    let hops = |hops| Message::Query(Query { id: 1, file: file(), hops });
    let places: [Place; 5] = [
        (Message::FindPeers { channel: 1, file: file(), most: 1 }, 32, |most| (1..=10).contains(&most)),
        (dial(), 16, |role| role < 2),
        (Message::Dialled { link: LINK, stands: false }, 16, |stands| stands < 2),
        (want(), 0, |urgency| urgency < 3),
        (hops(1), 8, |hops| hops < 2),
    ];
    for (message, at, may) in places {
        let (kind, mut body) = good(&message);
        for value in 0..=255 {
            body[at] = value;
            let taken = decode_frame(&Frame { kind, channel: 1, body: &body }).is_ok();
            assert_eq!(taken, may(value), "{value} at {at} of {kind:#x}");
        }
    }
    let (kind, body) = good(&dial());
    for (at, bytes) in [(66, &[5][..]), (71, &[0, 0])] {
        let mut body = body.clone();
        body[at..at + bytes.len()].copy_from_slice(bytes);
        let decoded = decode_frame(&Frame { kind, channel: 0, body: &body });
        assert!(matches!(decoded, Err(CodecError::Invalid(_))), "{decoded:?}");
    }
}

#[test]
fn ranges_held_are_in_order_and_apart() {
    let taken = |held: &[(u32, u32)]| {
        let mut body = vec![0, 0, held.len() as u8];
        for (start, count) in held {
            spotproto::codec::Writer::new(&mut body).varint(u64::from(*start)).varint(u64::from(*count));
        }
        decode_frame(&Frame { kind: spotproto::frame::kind::SLOT, channel: 1, body: &body }).is_ok()
    };
    assert!(taken(&[(0, 5), (6, 1)]) && taken(&[(7, u32::MAX - 7)]));
    assert!(!taken(&[(0, 5), (5, 1)]) && !taken(&[(6, 1), (0, 5)]) && !taken(&[(0, 5), (3, 9)]));
    assert!(!taken(&[(0, 0)]) && !taken(&[(8, u32::MAX - 7)]));
    let sixteen: Vec<(u32, u32)> = (0..17).map(|n| (2 * n, 1)).collect();
    assert!(taken(&sixteen[..16]) && !taken(&sixteen));
}

#[test]
fn what_is_longer_than_its_limit_is_not_sent() {
    let longer = [
        Message::Holding(Box::new(Holding { joined: vec![file(); 129], left: Vec::new() })),
        Message::Holding(Box::new(Holding { joined: Vec::new(), left: vec![file(); 129] })),
        Message::FindPeers { channel: 1, file: file(), most: 0 },
        Message::Peers { channel: 1, peers: vec![peer(1); 11] },
        Message::Mirrors { channel: 1, mirrors: Vec::new() },
        Message::Mirrors { channel: 1, mirrors: vec!["x".repeat(257).into()] },
        Message::Connect { channel: 1, connect: Box::new(Connect { file: file(), peers: Vec::new() }) },
        slot(0, &[(0, 1); 17]),
        Message::Query(Query { id: 1, file: file(), hops: 2 }),
        hit(0),
        hit(21),
    ];
    for message in longer {
        assert!(!encode_frame(&message, &mut BytesMut::new()), "{message:?}");
    }
    let longest = Holding { joined: vec![file(); 128], left: vec![other_file(); 128] };
    assert!(frame(&Message::Holding(Box::new(longest))).len() < MAX_BODY);
}

#[test]
fn the_messages_of_peers_have_their_fields_where_the_tables_say() {
    let document = Document::read();
    let file = file();
    let (ticket, key, id) = (signed_ticket(), link_key(), 0x0102_0304_0506_0708u64.to_be_bytes());
    let check = |heading: &str, message: WireMessage, fields: &[(&str, &[u8])]| {
        let table = document.table(heading, "offset");
        let body = body(&message);
        if let Some(size) = table.size() {
            assert_eq!(size, body.len(), "{heading}");
        }
        for (field, value) in fields {
            assert_eq!(table.field(field, &body)[..value.len()], **value, "{heading}: {field}");
        }
    };
    check("7.9 RENEW", Message::Renew { port: 4070 }, &[("port", &4070u16.to_be_bytes())]);
    check("7.10 RENEWED", renewed(), &[("now", &NOW.0.to_be_bytes()), ("ticket", ticket.as_bytes())]);
    check("7.11 HOLDING", holding(), &[("joined", &[2])]);
    let find = Message::FindPeers { channel: 102, file, most: 10 };
    check("7.12 FIND_PEERS", find, &[("file", &file.0), ("most", &[10])]);
    let peers = Message::Peers { channel: 102, peers: vec![peer(0xa0)] };
    check("7.13 PEERS", peers, &[("peers", &[1]), ("peer", &peer(0xa0).0)]);
    check("7.14 MIRRORS", mirrors(), &[("mirrors", &[2])]);
    check("7.15 CONNECT", connect(), &[("file", &file.0), ("peers", &[1]), ("peer", &peer(0xa0).0)]);
    let first = [&[4, 192, 0, 2, 7][..], &4070u16.to_be_bytes()].concat();
    let dial_fields: [(&str, &[u8]); 6] = [
        ("link id", &LINK.0),
        ("role", &[1]),
        ("peer", &peer(0xa0).0),
        ("link key", &key.0),
        ("addresses", &[2]),
        ("address", &first),
    ];
    check("7.16 DIAL", dial(), &dial_fields);
    let dialled = Message::Dialled { link: LINK, stands: true };
    check("7.18 DIALLED", dialled, &[("link id", &LINK.0), ("stands", &[1])]);
    let report = Message::Report { link: LINK, what: Misdeed::Absent };
    check("7.19 REPORT", report, &[("link id", &LINK.0), ("what", &[4])]);
    check("7.20 GREETING", greeting(), &[("ticket", ticket.as_bytes())]);
    check("7.21 WANT", want(), &[("urgency", &[1]), ("file", &file.0)]);
    let span = [5, 0x43, 0xe8];
    check("7.22 SLOT", slot(3, &[(5, 1000)]), &[("place", &[0, 3]), ("held", &[1]), ("span", &span)]);
    check("7.23 QUERY", query(), &[("id", &id), ("hops", &[1]), ("file", &file.0)]);
    check("7.24 HIT", hit(1), &[("id", &id), ("peers", &[1]), ("peer", &peer(0xa0).0)]);
}
