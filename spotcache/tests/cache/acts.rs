//! Random operations on a cache and its disk.

use proptest::prelude::*;
use spotcache::cache::DiskError;

pub const FILES: u32 = 7;

/// A file has always the same number of pieces, some of which hold headers.
pub fn pieces(file: u32) -> u32 {
    1 + file * 3
}

pub fn prefix(file: u32) -> u32 {
    file % 3
}

#[derive(Clone, Debug)]
pub enum Act {
    Admit(u32),
    Store(u32, u32),
    StoreAll(u32),
    Sheet(u32),
    Read(u32, u32),
    Touch(u32),
    Hold(u32),
    Release(u32),
    Pin(u32),
    Unpin(u32),
    Forget(u32, u32, u32),
    Remove(u32),
    Quota(u64),
    Clear(bool),
    Date(u64),
    Sync,
    /// The same, and the disk does all of it.
    MakeLast,
    Wait(u64),
    /// So many effects are answered.
    Answer(usize),
    Settle,
    Fault(DiskError),
    Broken(Option<DiskError>),
    Open,
    Restart {
        power: bool,
    },
}

pub fn error() -> impl Strategy<Value = DiskError> {
    prop_oneof![
        4 => Just(DiskError::Busy),
        3 => Just(DiskError::Full),
        2 => Just(DiskError::ReadOnly),
        2 => Just(DiskError::Missing),
        1 => Just(DiskError::Failed),
    ]
}

pub fn act() -> impl Strategy<Value = Act> {
    let file = || 0..FILES;
    let piece = || 0..pieces(FILES - 1);
    prop_oneof![
        8 => file().prop_map(Act::Admit),
        8 => (file(), piece()).prop_map(|(file, piece)| Act::Store(file, piece)),
        12 => file().prop_map(Act::StoreAll),
        1 => file().prop_map(Act::Sheet),
        3 => (file(), piece()).prop_map(|(file, piece)| Act::Read(file, piece)),
        2 => file().prop_map(Act::Touch),
        2 => file().prop_map(Act::Hold),
        3 => file().prop_map(Act::Release),
        2 => file().prop_map(Act::Pin),
        2 => file().prop_map(Act::Unpin),
        3 => (file(), piece(), 0u32..5).prop_map(|(file, first, count)| Act::Forget(file, first, count)),
        1 => file().prop_map(Act::Remove),
        1 => (0u64..100).prop_map(Act::Quota),
        1 => any::<bool>().prop_map(Act::Clear),
        1 => (0u64..1 << 40).prop_map(Act::Date),
        1 => Just(Act::Sync),
        2 => Just(Act::MakeLast),
        4 => (0u64..20_000).prop_map(Act::Wait),
        8 => (0usize..6).prop_map(Act::Answer),
        8 => Just(Act::Settle),
        3 => error().prop_map(Act::Fault),
        1 => proptest::option::weighted(0.4, error()).prop_map(Act::Broken),
        1 => Just(Act::Open),
        2 => any::<bool>().prop_map(|power| Act::Restart { power }),
    ]
}
