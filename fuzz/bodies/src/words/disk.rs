//! What lies on this device's disk, where others may have written.

use super::content::{PIECES, tree};
use null_crypto::{Gullible, NullCrypto};
use spotcache::sheet::{CacheKeys, LeafGroup, Sheet};
use spotp2p::playout::Summary;
use spotproto::codec::Reader;
use spotproto::content::{FileId, LEAF_GROUP, LeafSet};
use spotproto::crypto::SecretKey;

/// What is written in the name of this file.
const FILE: FileId = FileId([9; 32]);

/// A sheet whose tag is right, however it came to be: what is read is written as one that reads the same.
pub(crate) fn sheet(bytes: &[u8]) {
    let secret = SecretKey([4; 32]);
    let gullible = CacheKeys::new::<Gullible>(&secret);
    let Ok(sheet) = Sheet::open::<Gullible>(&gullible, &FILE, bytes) else { return };
    assert_eq!(sheet.head.file, FILE);
    let sealed = sheet.seal::<Gullible>(&gullible);
    assert_eq!(Sheet::open::<Gullible>(&gullible, &FILE, &sealed).as_ref(), Ok(&sheet));
    // Nobody is taken in who looks at tags.
    let keys = CacheKeys::new::<NullCrypto>(&secret);
    let sealed = sheet.seal::<NullCrypto>(&keys);
    assert_eq!(Sheet::open::<NullCrypto>(&keys, &FILE, &sealed).as_ref(), Ok(&sheet));
    assert!(Sheet::open::<NullCrypto>(&keys, &FileId([8; 32]), &sealed).is_err());
}

/// A group of leaves is believed only if this device wrote it, for this group of this file.
pub(crate) fn leaf_group(bytes: &[u8]) {
    let keys = CacheKeys::new::<NullCrypto>(&SecretKey([4; 32]));
    made_leaf_group(&keys, bytes);
    for group in 0..3 {
        if let Ok(read) = LeafGroup::decode::<NullCrypto>(&keys, &FILE, group, bytes) {
            let again = read.encode::<NullCrypto>(&keys, &FILE);
            assert_eq!(again[..], bytes[..again.len()]);
            assert!(LeafGroup::decode::<NullCrypto>(&keys, &FILE, group + 1, bytes).is_err());
            assert!(read.leaves().count() <= 64);
        }
    }
}

/// Six bytes as what a set holds of a file, which group of it is written, and how a byte of that is altered: the group is
/// read as it was written, and not with another byte in it.
fn made_leaf_group(keys: &CacheKeys, bytes: &[u8]) {
    let Some(&[start, count, group, high, low, mask]) = bytes.first_chunk() else { return };
    let (start, group) = (u32::from(start) % PIECES, u32::from(group) % 3);
    let end = (start + 1 + u32::from(count)).min(PIECES);
    let mut set = LeafSet::new(FileId(tree().root().0), PIECES, 4);
    set.insert::<NullCrypto>(&tree().prove(start..end).expect("a range of it")).expect("a proof");
    let made = LeafGroup::of(&set, group);
    assert_eq!(made.leaves().count(), (start..end).filter(|piece| piece / LEAF_GROUP == group).count());
    let mut written = made.encode::<NullCrypto>(keys, &FILE).to_vec();
    let read = |bytes: &[u8]| LeafGroup::decode::<NullCrypto>(keys, &FILE, group, bytes);
    assert!(read(&written).is_ok_and(|read| read.leaves().eq(made.leaves())));
    let place = usize::from(u16::from_be_bytes([high, low])) % written.len();
    written[place] ^= mask.max(1);
    assert!(read(&written).is_err(), "byte {place} may be altered");
}

/// What is read of a link's manners is what a link could have left.
pub(crate) fn summary(bytes: &[u8]) {
    let Ok(summary) = Summary::decode(&mut Reader::new(bytes)) else { return };
    let mut once = Vec::new();
    summary.encode(&mut once);
    let again = Summary::decode(&mut Reader::new(&once)).expect("a summary that was just encoded");
    assert_eq!(again.is_known(), summary.is_known());
    // However often it is carried from one run to the next, it stays what it is.
    let mut twice = Vec::new();
    again.encode(&mut twice);
    assert_eq!(twice, once);
}
