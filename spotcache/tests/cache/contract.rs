//! The contract of machines, with a disk that answers anything to anyone.

use proptest::prelude::*;
use spotcache::cache::{Cache, Config, Content, DiskError, Done, Found, Input, Place, Quota, RequestId};
use spotproto::contract::{Ran, Step, check};
use spotproto::{Seed, UnixTime};
use std::time::Duration;

/// Outputs that one step may cause: removals, and a few more.
const BOUND: usize = 80;

fn error() -> impl Strategy<Value = DiskError> {
    proptest::sample::select(vec![
        DiskError::Full,
        DiskError::ReadOnly,
        DiskError::Missing,
        DiskError::Busy,
        DiskError::Failed,
    ])
}

fn done() -> impl Strategy<Value = Done<u32, u32>> {
    let found = proptest::collection::vec((0u32..99, any::<u64>()), 0..90);
    prop_oneof![
        8 => Just(Done::Carried(Ok(()))),
        1 => error().prop_map(|error| Done::Carried(Err(error))),
        1 => any::<u32>().prop_map(|piece| Done::Read(Ok(Content::Piece(piece)))),
        1 => error().prop_map(|error| Done::Read(Err(error))),
        2 => (found, any::<u64>()).prop_map(|(files, free)| {
            Done::Opened(Ok(Found { journal: None, files, free }))
        }),
        1 => error().prop_map(|error| Done::Opened(Err(error))),
    ]
}

fn input() -> impl Strategy<Value = Input<u32, u32>> {
    let file = 0u32..30;
    prop_oneof![
        1 => Just(Input::Open),
        6 => (file.clone(), any::<u32>(), any::<u32>(), any::<bool>()).prop_map(|(file, pieces, prefix, alias)| {
            Input::Admit { file, pieces: pieces % 70, header_prefix: prefix % 9, alias: alias.then_some([4; 16]) }
        }),
        1 => any::<u32>().prop_map(|pieces| Input::Admit { file: 1, pieces, header_prefix: 0, alias: None }),
        8 => (file.clone(), 0u32..70).prop_map(|(file, piece)| Input::Store(file, piece, 1)),
        2 => (file.clone(), 0usize..9_000).prop_map(|(file, length)| Input::WriteSheet(file, vec![1; length].into())),
        1 => (file.clone(), any::<u32>()).prop_map(|(file, group)| Input::WriteLeaves(file, group % 3, vec![1].into())),
        2 => (file.clone(), 0u32..70).prop_map(|(file, piece)| Input::Read(file, Place::Piece(piece))),
        1 => (file.clone(), any::<u32>()).prop_map(|(file, group)| Input::Read(file, Place::Leaves(group))),
        1 => file.clone().prop_map(Input::Touch),
        1 => file.clone().prop_map(Input::Hold),
        1 => file.clone().prop_map(Input::Release),
        1 => file.clone().prop_map(Input::Pin),
        1 => file.clone().prop_map(Input::Unpin),
        1 => (file.clone(), any::<u32>(), any::<u32>()).prop_map(|(file, a, b)| Input::Forget(file, a..b)),
        1 => file.prop_map(Input::Remove),
        1 => any::<u64>().prop_map(|bytes| Input::SetQuota(Quota::Bytes(bytes))),
        1 => Just(Input::SetQuota(Quota::Auto)),
        1 => any::<bool>().prop_map(|pinned| Input::Clear { pinned }),
        1 => any::<u64>().prop_map(|date| Input::NoteDate(UnixTime(date))),
        1 => Just(Input::Sync),
        12 => (0u64..60, done()).prop_map(|(request, done)| Input::Done(RequestId(request), done)),
    ]
}

pub fn step() -> impl Strategy<Value = Step<Input<u32, u32>>> {
    prop_oneof![
        12 => input().prop_map(Step::Input),
        2 => (0u64..9_000).prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
        1 => (0u64..90_000).prop_map(|s| Step::Wait(Duration::from_secs(s))),
        2 => Just(Step::Early),
        2 => Just(Step::Poll),
    ]
}

/// These steps of a cache that opened well.
pub fn run(steps: Vec<Step<Input<u32, u32>>>) {
    let mut cache = Cache::<u32, u32>::new(Config::default(), &Seed([3; 32]));
    let opened = Done::Opened(Ok(Found { free: 1 << 40, ..Found::default() }));
    let open = [Step::Input(Input::Open), Step::Input(Input::Done(RequestId(0), opened))];
    let ran = check(&mut cache, open.into_iter().chain(steps), BOUND);
    assert_eq!(ran, Ok(Ran::Whole));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_cache_keeps_the_contract(steps in proptest::collection::vec(step(), 0..120)) {
        run(steps);
    }
}
