//! The values that vectors are made of.

use spotproto::UnixTime;
use spotproto::content::{ByteRange, ContentKey, FileId, Format, Geometry, Hash, Head, Leaves, SeekTable};
use spotproto::crypto::{Crypto, KeyPair, PublicKey, RustCrypto, SecretKey};
use spotproto::message::{Hello, Opened, PieceRange, Welcome};
use spotproto::ticket::{Pseudonym, Rights, SignedTicket, Ticket};

/// Noon of some day.
pub(crate) const NOW: UnixTime = UnixTime(1_800_000_000);

/// Bytes that count up from `first`.
pub(crate) fn counting<const N: usize>(first: u8) -> [u8; N] {
    std::array::from_fn(|i| first.wrapping_add(i as u8))
}

/// A key pair whose secret counts up.
pub(crate) fn pair(first: u8) -> KeyPair {
    KeyPair::new::<RustCrypto>(SecretKey(counting(first)))
}

/// The static and ephemeral keys of the transcripts.
pub(crate) fn initiator() -> KeyPair {
    pair(0x00)
}

pub(crate) fn responder() -> KeyPair {
    pair(0x20)
}

pub(crate) const INITIATOR_EPHEMERAL: u8 = 0x40;
pub(crate) const RESPONDER_EPHEMERAL: u8 = 0x60;

/// The key that signs tickets.
pub(crate) fn ticket_seed() -> SecretKey {
    SecretKey(counting(0x80))
}

pub(crate) fn link_key() -> PublicKey {
    pair(0xc0).public
}

pub(crate) fn ticket() -> Ticket {
    Ticket {
        pseudonym: Pseudonym(counting(0xa0)),
        link_key: link_key(),
        rights: Rights::NONE,
        not_after: UnixTime(NOW.0 + 3600),
    }
}

pub(crate) fn signed_ticket() -> SignedTicket {
    ticket().sign::<RustCrypto>(&ticket_seed())
}

pub(crate) fn hello() -> Hello {
    Hello { link_key: link_key(), port: 4070, agent: "spot 0.1.0".into() }
}

pub(crate) fn welcome() -> Welcome {
    Welcome {
        pseudonym: ticket().pseudonym,
        ticket: signed_ticket(),
        issuer: RustCrypto::verifying_key(&ticket_seed()),
        now: NOW,
    }
}

/// A tree whose leaf `i` is the SHA-256 of `i` in four bytes.
pub(crate) fn tree(pieces: u32) -> Leaves {
    let leaf = |n: u32| Hash(RustCrypto::hash(&[&n.to_be_bytes()]));
    Leaves::new::<RustCrypto>((0..pieces).map(leaf).collect()).expect("leaves")
}

pub(crate) const HEADER: ByteRange = 0..4000;
pub(crate) const OFFSETS: [u64; 6] = [4000, 23_000, 42_000, 61_000, 80_000, 99_000];

/// Five seconds of music in seven pieces.
pub(crate) fn head() -> Head<FileId> {
    let plaintext = 100_000;
    Head {
        file: tree(7).root().into(),
        geometry: Geometry::of_plaintext(plaintext).expect("a length"),
        format: Format::OggVorbis,
        bit_rate: 160_000,
        duration_ms: 5000,
        sample_rate: 44_100,
        channels: 2,
        samples: Some(220_500),
        delay: 0,
        gain: Some(-2020),
        headers: vec![HEADER],
        seek: SeekTable::new(5000, plaintext, &OFFSETS, 1, 8000).expect("a seek table"),
    }
}

pub(crate) fn opened() -> Opened<FileId> {
    Opened {
        head: head(),
        key: ContentKey::new(counting(0xe0)),
        lease_s: 30 * 24 * 60 * 60,
        title: "Prélude".into(),
        artist: "Bach".into(),
        first: vec![PieceRange { start: 0, count: 1 }, PieceRange { start: 3, count: 2 }],
        proofs: vec![tree(7).prove(0..1).expect("a range"), tree(7).prove(3..5).expect("a range")],
    }
}
