//! Vectors of messages, each the one frame that carries it.

use crate::document::Block;
use crate::values::{HEADER, OFFSETS, counting, head, hello, opened, tree, welcome};
use bytes::BytesMut;
use spotproto::Gid;
use spotproto::codec::Reader;
use spotproto::content::{FileId, Head};
use spotproto::frame::Frame;
use spotproto::message::{
    Message, Open, PieceRange, Read, Refusal, Urgency, Wanted, WireMessage, decode_frame, encode_frame,
};

pub(crate) fn blocks() -> Vec<Block> {
    let reads = [read("read", None), read("read-with-leaves", Some(PieceRange { start: 64, count: 64 }))];
    [logins(), opens().into(), vec![opened_block()], reads.into(), vec![leaves(), endings(), playing()]]
        .into_iter()
        .flatten()
        .collect()
}

/// The frame of a message, which must read back as that message.
pub(crate) fn frame(message: &WireMessage) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    assert!(encode_frame(message, &mut bytes));
    let mut reader = Reader::new(&bytes);
    let frame = Frame::read(&mut reader).expect("a frame");
    assert!(reader.is_empty());
    assert_eq!(decode_frame(&frame).as_ref(), Ok(&Some(message.clone())));
    bytes.to_vec()
}

/// The body of a message's frame.
pub(crate) fn body(message: &WireMessage) -> Vec<u8> {
    let bytes = frame(message);
    Frame::read(&mut Reader::new(&bytes)).expect("a frame").body.to_vec()
}

pub(crate) fn open(wanted: Wanted<FileId>) -> WireMessage {
    let open = Open { wanted, at_ms: 61_500, credit: 5, urgency: Urgency::Next };
    Message::Open { channel: 100, open }
}

pub(crate) fn gid() -> Gid {
    Gid::from_bytes(counting(0))
}

pub(crate) fn file() -> FileId {
    FileId(counting(0x30))
}

fn logins() -> Vec<Block> {
    let (hello, welcome) = (hello(), welcome());
    let first = Block::new("hello")
        .hex("link key", &hello.link_key.0)
        .text("port", hello.port)
        .text("agent", &hello.agent)
        .hex("frame", &frame(&Message::Hello(Box::new(hello))));
    let second = Block::new("welcome")
        .hex("pseudonym", &welcome.pseudonym.0)
        .hex("issuer", &welcome.issuer.0)
        .text("now", welcome.now.0)
        .text("ticket", "that of section 11")
        .hex("frame", &frame(&Message::Welcome(Box::new(welcome))));
    vec![first, second]
}

fn opens() -> [Block; 2] {
    let block = |name: &str, key: &str, id: &[u8], wanted| {
        Block::new(name)
            .text("channel", 100)
            .text("urgency", "Next")
            .text("credit", 5)
            .text("at", "61500 ms")
            .hex(key, id)
            .hex("frame", &frame(&open(wanted)))
    };
    [
        block("open-track", "track", gid().as_bytes(), Wanted::Track(gid())),
        block("open-file", "file", &file().0, Wanted::File(file())),
    ]
}

fn opened_block() -> Block {
    let (head, opened) = (head(), opened());
    let mut bytes = Vec::new();
    head.encode(&mut bytes);
    assert_eq!(Head::decode(&mut Reader::new(&bytes)).as_ref(), Ok(&head));
    let proofs = "leaf 0; leaves 3 and 4, each with its uncles";
    Block::new("opened")
        .text("channel", 100)
        .text("file", "the root of 7 leaves, leaf i is the SHA-256 of i as a u32")
        .text("ciphertext", head.length())
        .text("format", format!("{:?}", head.format))
        .text("bit rate", head.bit_rate)
        .text("duration", format!("{} ms", head.duration_ms))
        .text("sample rate", head.sample_rate)
        .text("channels", head.channels)
        .text("samples", head.samples.expect("known"))
        .text("delay", head.delay)
        .text("gain", format!("{}/256 dB", head.gain.expect("known")))
        .text("header range", format!("{} up to {}", HEADER.start, HEADER.end))
        .text("seek entries", OFFSETS.map(|offset| offset.to_string()).join(", "))
        .text("lead", head.seek.lead())
        .hex("head", &bytes)
        .hex("key", opened.key.expose())
        .text("lease", format!("{} s", opened.lease_s))
        .text("title", &opened.title)
        .text("artist", &opened.artist)
        .text("first", "1 piece from 0, 2 from 3")
        .text("proofs", proofs)
        .hex("frame", &frame(&Message::Opened { channel: 100, opened: Box::new(opened) }))
}

pub(crate) fn read_message(leaves: Option<PieceRange>) -> WireMessage {
    let pieces = PieceRange { start: 70, count: 3 };
    Message::Read { channel: 101, read: Read { file: file(), pieces, urgency: Urgency::Playing, leaves } }
}

fn read(name: &str, leaves: Option<PieceRange>) -> Block {
    let block = Block::new(name)
        .text("channel", 101)
        .text("urgency", "Playing")
        .hex("file", &file().0)
        .text("pieces", "3 from 70");
    let block = match leaves {
        Some(range) => block.text("leaves", format!("{} from {}", range.count, range.start)),
        None => block,
    };
    block.hex("frame", &frame(&read_message(leaves)))
}

fn leaves() -> Block {
    let leaves = Box::new(tree(7).prove(3..5).expect("within the tree"));
    Block::new("leaves")
        .text("channel", 101)
        .text("leaves", "3 and 4 of the 7 above")
        .hex("frame", &frame(&Message::Leaves { channel: 101, leaves }))
}

fn playing() -> Block {
    let playing: WireMessage = Message::Playing { file: file() };
    Block::new("playing").hex("file", &file().0).hex("frame", &frame(&playing))
}

fn endings() -> Block {
    Block::new("endings")
        .hex("END of 101", &frame(&Message::End { channel: 101 }))
        .hex("REFUSE of 101, NotFound", &frame(&Message::Refuse { channel: 101, why: Refusal::NotFound }))
        .hex("ABORT of 20000", &frame(&Message::Abort { channel: 20_000 }))
}
