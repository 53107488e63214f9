//! Vectors of what stands by itself: numbers, preambles, ids, tickets, proofs, rekeying.

use crate::document::Block;
use crate::values::{NOW, counting, signed_ticket, ticket, ticket_seed, tree};
use spotproto::codec::{Reader, Writer};
use spotproto::content::{Hash, LeafRange};
use spotproto::crypto::{Aead, Crypto, RustCrypto, SecretKey};
use spotproto::noise::{CipherState, Pattern, Role};
use spotproto::preamble::{LinkId, MAGIC, Preamble};
use spotproto::ticket::SignedTicket;
use spotproto::{Gid, UnixTime};

pub(crate) fn blocks() -> Vec<Block> {
    vec![varint(), preamble_ik(), preamble_of_a_link(), rekey(), leaf_ranges(), base62(), signed()]
}

fn varint() -> Block {
    let mut block = Block::new("varint");
    for (number, value) in (1..).zip([37, 15_293, 494_878_333, 151_288_809_941_952_652]) {
        let mut bytes = Vec::new();
        Writer::new(&mut bytes).varint(value);
        assert_eq!(Reader::new(&bytes).varint(), Ok(value));
        block = block.text(&format!("value {number}"), value).hex(&format!("shortest {number}"), &bytes);
    }
    assert_eq!(Reader::new(&[0x40, 0x25]).varint(), Ok(37));
    block.hex("accepted for 37", &[0x40, 0x25])
}

fn preamble_ik() -> Block {
    let preamble = Preamble { pattern: Pattern::Ik, role: Role::Initiator, link: LinkId::ACCESS_POINT };
    assert_eq!(Preamble::decode(&preamble.encode()), Ok(preamble));
    Block::new("preamble-ik").hex("magic", &MAGIC).hex("preamble", &preamble.encode())
}

fn preamble_of_a_link() -> Block {
    let preamble = Preamble { pattern: Pattern::Xx, role: Role::Responder, link: LinkId(counting(0)) };
    assert_eq!(Preamble::decode(&preamble.encode()), Ok(preamble));
    Block::new("preamble-responder-of-a-link")
        .hex("link id", &preamble.link.0)
        .hex("preamble", &preamble.encode())
}

fn rekey() -> Block {
    let key = counting(0);
    let mut cipher: CipherState = CipherState::new(SecretKey(key));
    let mut block = Block::new("rekey").hex("key", &key).hex("text of each record", b"frames");
    let record = |cipher: &mut CipherState| {
        let mut text = *b"frames";
        let tag = cipher.seal(&[], &mut text).expect("a fresh nonce");
        [&[0, text.len() as u8 + 16], &text[..], &tag].concat()
    };
    block = block.hex("record 0", &record(&mut cipher)).hex("record 1", &record(&mut cipher));
    cipher.rekey();
    // By the definition, and not by the method that is tested.
    let mut next = [0; 32];
    let nonce = [[0; 4], [0xff; 4], [0xff; 4]].concat().try_into().expect("twelve bytes");
    <RustCrypto as Crypto>::Aead::new(&SecretKey(key)).seal(&nonce, &[], &mut next);
    block.hex("key after REKEY", &next).hex("record 2", &record(&mut cipher))
}

fn leaf_ranges() -> Block {
    let tree = tree(13);
    let mut block = Block::new("leaf-range-of-a-tree")
        .text("leaves", "13, leaf i is the SHA-256 of i as a u32")
        .hex("root", &tree.root().0);
    for (name, range, uncles) in [
        ("leaves 5 and 6", 5..7, "leaf 4, leaf 7, leaves 0 to 3, leaves 8 to 12"),
        ("leaf 12", 12..13, "leaves 8 to 11, leaves 0 to 7"),
    ] {
        let range = tree.prove(range).expect("within the tree");
        assert_eq!(range.verify::<RustCrypto>(&tree.root(), 13), Ok(()));
        let mut bytes = Vec::new();
        range.encode(&mut bytes);
        assert_eq!(LeafRange::decode(&mut Reader::new(&bytes)), Ok(range.clone()));
        block = block.hex(name, &bytes).text(&format!("uncles of {name}"), uncles);
    }
    block
}

#[test]
fn the_uncles_are_the_nodes_that_the_document_names() {
    let leaf = |n: u32| Hash(RustCrypto::hash(&[&n.to_be_bytes()]));
    let node = |a: Hash, b: Hash| Hash(RustCrypto::hash(&[&a.0, &b.0]));
    let pad = Hash::PADDING;
    let four = |n: u32| node(node(leaf(n), leaf(n + 1)), node(leaf(n + 2), leaf(n + 3)));
    let last = node(node(leaf(12), pad), node(pad, pad));
    let tree = tree(13);
    assert_eq!(tree.root(), node(node(four(0), four(4)), node(four(8), last)));
    let uncles = |range| tree.prove(range).expect("within the tree").uncles;
    assert_eq!(uncles(5..7), [leaf(4), leaf(7), four(0), node(four(8), last)]);
    assert_eq!(uncles(12..13), [four(8), node(four(0), four(4))]);
}

fn base62() -> Block {
    let ids = [
        [0; 16],
        counting(0),
        *Gid::from_hex("dd564c074cca400cb761147457b3481f").expect("an id").as_bytes(),
        [0xff; 16],
    ];
    (1..).zip(ids).fold(Block::new("base62"), |block, (number, id)| {
        let gid = Gid::from_bytes(id);
        assert_eq!(Gid::from_base62(&gid.to_string()), Ok(gid));
        block.hex(&format!("id {number}"), &id).text(&format!("digits {number}"), gid)
    })
}

fn signed() -> Block {
    let (seed, statement, signed) = (ticket_seed(), ticket(), signed_ticket());
    let issuer = RustCrypto::verifying_key(&seed);
    let again = SignedTicket::decode(signed.as_bytes()).expect("a ticket");
    assert_eq!(again.verify::<RustCrypto>(&issuer, NOW), Ok(statement));
    assert!(again.verify::<RustCrypto>(&issuer, UnixTime(statement.not_after.0 + 1)).is_err());
    Block::new("ticket")
        .hex("issuer's seed", &seed.0)
        .hex("issuer", &issuer.0)
        .hex("key id", &signed.key_id().0)
        .hex("pseudonym", &statement.pseudonym.0)
        .hex("link key", &statement.link_key.0)
        .text("rights", statement.rights.0)
        .text("not after", statement.not_after.0)
        .hex("ticket", signed.as_bytes())
}
