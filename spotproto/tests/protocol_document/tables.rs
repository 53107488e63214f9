//! The numbers in tables against the program's constants.

use crate::document::{Document, number};
use crate::messages::frame;
use crate::values::{hello, opened};
use spotproto::codec::CodecError;
use spotproto::content::{
    BLOCK_LEN, Format, Geometry, HEAD_LEN_MAX, HEADER_RANGES_MAX, LEAVES_MAX, PIECE_LEN, SEEK_ENTRIES_MAX,
    UNCLES_MAX,
};
use spotproto::error::Refused;
use spotproto::frame::{Frame, MAX_BODY};
use spotproto::message::{
    MAX_ADDRESSES, MAX_FIRST, MAX_HELD, MAX_HITS, MAX_HOLDING, MAX_HOPS, MAX_MIRRORS, MAX_PEERS, MAX_READ,
    MIRROR_LEN_MAX, Message, Misdeed, Refusal, Urgency, decode_frame,
};
use spotproto::preamble::{LINK_LASTS, PREAMBLE_LEN};
use spotproto::record::{MAX_PLAINTEXT, REKEY_EVERY};
use spotproto::session::UNCONFIRMED_BYTES;
use spotproto::ticket::SIGNED_TICKET_LEN;
use spotproto::{CloseCode, Limits};
use std::collections::BTreeMap;
use std::fmt::Debug;

#[test]
fn the_table_of_kinds_is_that_of_the_program() {
    let document = Document::read();
    let written: BTreeMap<&str, u64> =
        document.table("5.2 Kinds", "kind").pairs(1, 0).into_iter().map(|(n, k)| (n, number(k))).collect();
    // The source, because constants cannot be walked over: a new one must not be forgotten.
    let source = include_str!("../../src/frame.rs");
    let constants: BTreeMap<&str, u64> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub const ")?.strip_suffix(';')?.split_once(": u8 = "))
        .map(|(name, value)| (name, number(value)))
        .filter(|(name, _)| *name != "OPTIONAL")
        .collect();
    assert!(constants.len() >= 15);
    assert_eq!(written, constants);
    assert_eq!(spotproto::frame::kind::OPTIONAL, 0x80);
}

/// Compares a table of codes with all numbers that the program knows.
fn check_codes<T: Debug>(heading: &str, column: &str, known: impl Fn(u8) -> Option<T>) {
    let document = Document::read();
    let written: BTreeMap<u64, String> = document
        .table(heading, column)
        .pairs(0, 1)
        .into_iter()
        .map(|(code, name)| (number(code), name.to_owned()))
        .collect();
    let codes = (0..=u8::MAX).filter_map(|code| Some((u64::from(code), format!("{:?}", known(code)?))));
    assert_eq!(written, codes.collect(), "{heading}");
}

#[test]
fn the_tables_of_codes_are_those_of_the_program() {
    check_codes("2.4 Verdict and refusals", "code", Refused::from_number);
    check_codes("6.5 Refusing a request", "code", |code| {
        Some(Refusal::from_number(code)).filter(|why| *why as u8 == code)
    });
    check_codes("6.6 Order of sending", "urgency", Urgency::from_number);
    check_codes("7.19 REPORT", "misdeed", |code| {
        Some(Misdeed::from_number(code)).filter(|what| *what as u8 == code)
    });
    check_codes("8.1 Close codes", "code", |code| {
        Some(CloseCode::from_number(code)).filter(|known| *known as u8 == code)
    });
    check_codes("9.2 Canonical forms", "number", Format::from_number);
}

#[test]
fn the_time_outs_are_the_defaults() {
    let document = Document::read();
    let limits = Limits::DEFAULT;
    let expected = [
        ("handshake", limits.handshake),
        ("keep alive", limits.keep_alive),
        ("measure", limits.measure),
        ("dead", limits.dead_after),
        ("stall", limits.stall),
        ("trickle", limits.trickle),
        ("rekey", limits.rekey_after),
    ]
    .map(|(name, time)| (name, time.as_secs()));
    let table = document.table("8.2 Time-outs", "name").pairs(0, 1);
    assert_eq!(table.into_iter().map(|(name, time)| (name, number(time))).collect::<Vec<_>>(), expected);
}

#[test]
fn the_table_of_limits_is_that_of_the_program() {
    let limits = Limits::DEFAULT;
    let expected = [
        ("bytes of a preamble", PREAMBLE_LEN as u64),
        // Tried out in `transcripts`.
        ("bytes of a handshake message", crate::transcripts::HANDSHAKE_MESSAGE_MAX),
        ("bytes of early data", crate::transcripts::EARLY_MAX),
        ("bytes sent before the initiator is confirmed", UNCONFIRMED_BYTES as u64),
        ("bytes of plaintext in a record", MAX_PLAINTEXT as u64),
        ("records under one key", REKEY_EVERY),
        ("bytes in a frame's body", MAX_BODY as u64),
        ("bytes in a fragment (advice)", limits.frame as u64),
        ("requests open in one direction", limits.channels as u64),
        ("pieces outstanding in one direction", limits.credit.into()),
        ("pieces in a range", MAX_READ.into()),
        ("ranges in an OPENED", MAX_FIRST as u64),
        // Tried out below.
        ("bytes of an agent", AGENT_MAX as u64),
        ("bytes of a title or artist", NAME_MAX as u64),
        ("files in either list of a HOLDING", MAX_HOLDING as u64),
        ("peers in a PEERS or CONNECT", MAX_PEERS as u64),
        ("addresses in a DIAL", MAX_ADDRESSES as u64),
        ("seconds for which a link id is of use", LINK_LASTS.as_secs()),
        ("mirrors of a file", MAX_MIRRORS as u64),
        ("bytes of a mirror", MIRROR_LEN_MAX as u64),
        ("ranges in a SLOT", MAX_HELD as u64),
        ("hops of a query", MAX_HOPS.into()),
        ("peers in a HIT, and named for one query", MAX_HITS as u64),
        ("bytes of a piece", PIECE_LEN as u64),
        ("bytes of a block", BLOCK_LEN as u64),
        ("pieces of a file", Geometry::PLAINTEXT_MAX / BLOCK_LEN as u64),
        ("bytes of a head", HEAD_LEN_MAX as u64),
        ("header ranges", HEADER_RANGES_MAX as u64),
        ("seek entries", SEEK_ENTRIES_MAX as u64),
        ("leaves in a leaf range", LEAVES_MAX as u64),
        ("uncles in a leaf range", UNCLES_MAX as u64),
        ("bytes of a ticket", SIGNED_TICKET_LEN as u64),
    ];
    let document = Document::read();
    let table = document.table("14. Limits", "limit").pairs(0, 1);
    assert_eq!(table.into_iter().map(|(name, value)| (name, number(value))).collect::<Vec<_>>(), expected);
}

const AGENT_MAX: usize = 64;
const NAME_MAX: usize = 256;

/// The message in a frame of this kind and body.
fn decode(kind: u8, body: &[u8]) -> Result<(), CodecError> {
    decode_frame(&Frame { kind, channel: 0, body }).map(drop)
}

#[test]
fn texts_have_the_limits_that_the_document_gives() {
    use spotproto::frame::kind;
    let agent = |length: usize| {
        let mut body = vec![0; 34];
        body.extend((0x4000 | length as u16).to_be_bytes());
        body.resize(body.len() + length, b'x');
        decode(kind::HELLO, &body)
    };
    assert_eq!(agent(AGENT_MAX), Ok(()));
    assert_eq!(agent(AGENT_MAX + 1), Err(CodecError::TooLong("agent")));

    let mut head = Vec::new();
    opened().head.encode(&mut head);
    let names = |title: usize, artist: usize| {
        let mut body = head.clone();
        body.resize(head.len() + 32 + 4, 7);
        for length in [title, artist] {
            body.extend((0x4000 | length as u16).to_be_bytes());
            body.resize(body.len() + length, b'x');
        }
        body.extend([0, 0]);
        decode(kind::OPENED, &body)
    };
    assert_eq!(names(NAME_MAX, NAME_MAX), Ok(()));
    assert_eq!(names(NAME_MAX + 1, 0), Err(CodecError::TooLong("title")));
    assert_eq!(names(0, NAME_MAX + 1), Err(CodecError::TooLong("artist")));
}

#[test]
fn bytes_left_over_are_faults_in_every_message() {
    let bytes = frame(&Message::Hello(Box::new(hello())));
    let whole = Frame::read(&mut spotproto::codec::Reader::new(&bytes)).expect("a frame");
    let longer = [whole.body, &[0]].concat();
    assert_eq!(decode(whole.kind, &longer), Err(CodecError::Trailing));
}
