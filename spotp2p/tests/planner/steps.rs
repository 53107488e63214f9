//! What may happen to a planner, absurd things among it.

use core::time::Duration;
use proptest::prelude::*;
use spotproto::content::PIECE_LEN;

pub(crate) const PIECES: u32 = 200;

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Add {
        source: u32,
        kind: usize,
        from: u32,
        count: u32,
        all: bool,
        served: bool,
    },
    Lose(u32),
    Slot(u32, u8),
    Holds(u32, u32, u32),
    Credit(u32, u32),
    RoundTrip(u32, u64),
    /// An outstanding piece arrives, so many bytes long.
    Arrive(prop::sample::Index, usize),
    /// Something arrives that nobody asked for.
    Stray(u32, u32),
    Forge(prop::sample::Index),
    Refuse(prop::sample::Index, u32),
    RefuseAnything(u32, u32, u32),
    Promise(u32, u32, u32),
    Have(u32, u32),
    Forget(u32, u32),
    Reading(u32),
    Seek(u32, u32),
    Clock(u8, u64, u32),
    Policy(u8, u8, Duration),
    Paused(bool),
    Ahead(Duration),
    Wait(u64),
    Early,
    /// The owner leaves the outputs where they are for a while.
    Lazy(bool),
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let source = || 0u32..12;
    let piece = || prop_oneof![8 => 0..PIECES + 3, 1 => Just(u32::MAX)];
    // The longest are ages, but 250 of them do not come to the end of time, where nothing can be later.
    let span = || prop_oneof![6 => 0u64..2_000, 3 => 0u64..20_000, 1 => Just(u64::MAX / 400_000)];
    let index = || any::<prop::sample::Index>();
    let bytes = prop_oneof![8 => Just(PIECE_LEN), 1 => Just(0usize), 1 => Just(usize::MAX)];
    let adding = (source(), 0usize..5, piece(), piece(), any::<bool>(), any::<bool>());
    prop_oneof![
        4 => adding.prop_map(|(source, kind, from, count, all, served)| Step::Add { source, kind, from, count, all, served }),
        1 => source().prop_map(Step::Lose),
        1 => (source(), 0u8..3).prop_map(|(s, slot)| Step::Slot(s, slot)),
        1 => (source(), piece(), piece()).prop_map(|(s, a, n)| Step::Holds(s, a, n)),
        1 => (source(), prop_oneof![0u32..9, Just(u32::MAX)]).prop_map(|(s, n)| Step::Credit(s, n)),
        1 => (source(), span()).prop_map(|(s, ms)| Step::RoundTrip(s, ms)),
        30 => (index(), bytes).prop_map(|(i, n)| Step::Arrive(i, n)),
        1 => (source(), piece()).prop_map(|(s, p)| Step::Stray(s, p)),
        1 => index().prop_map(Step::Forge),
        2 => (index(), 0u32..5).prop_map(|(i, n)| Step::Refuse(i, n)),
        1 => (source(), piece(), piece()).prop_map(|(s, a, n)| Step::RefuseAnything(s, a, n)),
        1 => (source(), piece(), piece()).prop_map(|(s, a, n)| Step::Promise(s, a, n)),
        1 => (piece(), 0u32..20).prop_map(|(a, n)| Step::Have(a, n)),
        1 => (piece(), piece()).prop_map(|(a, n)| Step::Forget(a, n)),
        2 => piece().prop_map(Step::Reading),
        1 => (piece(), any::<u32>()).prop_map(|(p, ms)| Step::Seek(p, ms)),
        2 => (0u8..3, span(), 0u32..200_000).prop_map(|(c, at, ms)| Step::Clock(c, at, ms)),
        2 => (0u8..3, any::<u8>(), music()).prop_map(|(u, bits, paid)| Step::Policy(u, bits, paid)),
        2 => any::<bool>().prop_map(Step::Paused),
        1 => music().prop_map(Step::Ahead),
        12 => span().prop_map(Step::Wait),
        1 => Just(Step::Early),
        1 => any::<bool>().prop_map(Step::Lazy),
    ]
}

/// A stretch of music.
fn music() -> impl Strategy<Value = Duration> {
    prop_oneof![3 => Just(Duration::MAX), 6 => (0u64..60_000).prop_map(Duration::from_millis)]
}
