//! What describes files, and files themselves.

#[path = "../../../../spotcache/tests/common/taken.rs"]
mod taken;

use null_crypto::NullCrypto;
use spotcache::canonical::Plan;
use spotproto::codec::Reader;
use spotproto::content::{FileId, Geometry, Hash, Head, LeafRange, LeafSet, Leaves, SeekTable};
use std::sync::LazyLock;

/// A head that is read is written as one that reads the same, and finds its way about in its file.
pub(crate) fn head(bytes: &[u8]) {
    let Ok(head) = Head::<FileId>::decode(&mut Reader::new(bytes)) else { return };
    assert_eq!(head.check(), Ok(()));
    let mut again = Vec::new();
    head.encode(&mut again);
    assert_eq!(Head::decode(&mut Reader::new(&again)).as_ref(), Ok(&head));
    let pieces: Vec<u32> = head.header_pieces().take(1 << 12).collect();
    assert!(pieces.is_sorted_by(|one, next| one < next), "header pieces come in order, each once");
    for ms in [0, head.duration_ms / 3, head.duration_ms, u32::MAX] {
        assert!(head.piece_at(ms) < head.pieces());
    }
    let _ = (head.due(0), head.due(head.pieces() - 1));
}

/// Twelve bytes of duration and length, then a table: times and places of it follow each other.
pub(crate) fn seek_table(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let (Ok(duration), Ok(end)) = (reader.u32(), reader.u64()) else { return };
    let end = end % (Geometry::PLAINTEXT_MAX + 1);
    let Ok(table) = SeekTable::decode(&mut reader, duration, end) else { return };
    let mut again = Vec::new();
    table.encode(&mut again);
    assert_eq!(SeekTable::decode(&mut Reader::new(&again), duration, end).as_ref(), Ok(&table));
    let mut before = (0, 0);
    for part in 0..=16u64 {
        let ms = (u64::from(duration) * part / 16) as u32;
        let at = (table.byte_at(ms), table.time_at(end * part / 16));
        assert!(at.0 < end && before.0 <= at.0 && before.1 <= at.1, "{before:?} {at:?}");
        before = at;
    }
}

/// Pieces of the file whose leaves are known.
pub(crate) const PIECES: u32 = 130;

/// The leaves of a file of three groups, the last one short.
pub(crate) fn tree() -> &'static Leaves {
    static TREE: LazyLock<Leaves> = LazyLock::new(|| {
        let hashes = (0..PIECES).map(|at| Hash([at as u8; 32])).collect();
        Leaves::new::<NullCrypto>(hashes).expect("a tree")
    });
    &TREE
}

/// A range of leaves: one of a file of so many pieces is believed only if it is the file's own.
pub(crate) fn leaves(bytes: &[u8]) {
    made_leaves(bytes);
    let mut reader = Reader::new(bytes);
    let (Ok(root), Ok(pieces)) = (reader.array().map(Hash), reader.u16()) else { return };
    let Ok(range) = LeafRange::decode(&mut reader) else { return };
    let mut again = Vec::new();
    range.encode(&mut again);
    assert_eq!(LeafRange::decode(&mut Reader::new(&again)).as_ref(), Ok(&range));
    let pieces = u32::from(pieces).max(1);
    let verified = range.verify::<NullCrypto>(&root, pieces);
    let mut set = LeafSet::new(FileId(root.0), pieces, 4);
    assert_eq!(set.insert::<NullCrypto>(&range).is_ok(), verified.is_ok());
    for piece in range.range().filter(|piece| *piece < pieces) {
        assert_eq!(set.has(piece), verified.is_ok());
    }
}

/// Five bytes as a range of a file's leaves, and how a byte of its proof is altered: the proof is believed as it was made,
/// and with another byte only if it still says the same.
fn made_leaves(bytes: &[u8]) {
    let Some(&[start, count, high, low, mask]) = bytes.first_chunk() else { return };
    let start = u32::from(start) % PIECES;
    let end = (start + 1 + u32::from(count)).min(PIECES);
    let proof = tree().prove(start..end).expect("a range of it");
    let verified = |proof: &LeafRange| proof.verify::<NullCrypto>(&tree().root(), PIECES);
    assert!(verified(&proof).is_ok());
    let mut written = Vec::new();
    proof.encode(&mut written);
    let place = usize::from(u16::from_be_bytes([high, low])) % written.len();
    written[place] ^= mask.max(1);
    if let Ok(altered) = LeafRange::decode(&mut Reader::new(&written)) {
        assert!(verified(&altered).is_err(), "byte {place} may be altered: {altered:?}");
    }
}

/// Whatever file is taken can be read to its end, and is its own canonical form.
pub(crate) fn canonical(bytes: &[u8]) {
    taken::take(bytes);
}

/// A stored plan reads what it says of any source, or says why not.
pub(crate) fn plan(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    let Ok(plan) = Plan::decode(&mut reader) else { return };
    let mut again = Vec::new();
    plan.encode(&mut again);
    let mut stored = Vec::new();
    Plan::decode(&mut Reader::new(&again)).expect("a plan that was just encoded").encode(&mut stored);
    assert!(stored == again, "another plan the second time");
    let mut source = reader.rest();
    let mut part = [0; 700];
    for at in [0, plan.len() / 2, plan.len().saturating_sub(300), plan.len(), u64::MAX] {
        if let Ok(count) = plan.read_at(&mut source, at, &mut part) {
            let there = plan.len().saturating_sub(at).min(part.len() as u64);
            assert_eq!(count as u64, there);
        }
    }
}
