//! The same two sessions when the line means ill: it alters, drops, repeats and makes up bytes.

#![allow(unreachable_pub, reason = "every test binary uses another part of the harness")]
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]

use super::forger::is_the_peers;
use super::line::{Op, World, op};
use proptest::prelude::*;
use spotproto::crypto::Crypto;
use spotproto::{Instant, SessionError};

#[derive(Clone, Debug)]
pub enum Deed {
    /// What sessions and an honest line do.
    Honest(Op),
    /// Flips bits of a byte that is under way.
    Alter {
        who: usize,
        at: usize,
        bits: u8,
    },
    Drop {
        who: usize,
        at: usize,
        count: usize,
    },
    /// Copies bytes that are under way to another place of the line.
    Repeat {
        who: usize,
        at: usize,
        count: usize,
        to: usize,
    },
    Insert {
        who: usize,
        at: usize,
        bytes: Vec<u8>,
    },
    /// Brings once more what came before.
    Replay {
        who: usize,
        at: usize,
        count: usize,
    },
    /// Sends this end's own words back to it.
    Reflect {
        who: usize,
        count: usize,
    },
    /// Says that nothing more comes.
    Cut {
        who: usize,
    },
}

pub fn deed() -> impl Strategy<Value = Deed> {
    let who = 0usize..2;
    let at = prop_oneof![4 => 0usize..64, 1 => 0usize..40_000];
    let count = prop_oneof![1usize..40, 1usize..20_000];
    let bytes = proptest::collection::vec(any::<u8>(), 1..40);
    prop_oneof![
        60 => op().prop_map(Deed::Honest),
        2 => (who.clone(), at.clone(), 1u8..).prop_map(|(who, at, bits)| Deed::Alter { who, at, bits }),
        1 => (who.clone(), at.clone(), count.clone()).prop_map(|(who, at, count)| Deed::Drop { who, at, count }),
        1 => (who.clone(), at.clone(), count.clone(), at.clone())
            .prop_map(|(who, at, count, to)| Deed::Repeat { who, at, count, to }),
        1 => (who.clone(), at.clone(), bytes).prop_map(|(who, at, bytes)| Deed::Insert { who, at, bytes }),
        1 => (who.clone(), at, count.clone()).prop_map(|(who, at, count)| Deed::Replay { who, at, count }),
        1 => (who.clone(), count).prop_map(|(who, count)| Deed::Reflect { who, count }),
        1 => who.prop_map(|who| Deed::Cut { who }),
    ]
}

/// All of these; whatever the line does, what a session takes is what the other one sent, and only the line's side is
/// blamed.
pub fn all_of<C: Crypto>(deeds: &[Deed]) {
    let mut world = World::<C>::new();
    for deed in deeds {
        match deed {
            Deed::Honest(op) => world.run(op),
            deed => tamper(&mut world, deed),
        }
        check(&world);
    }
    for _ in 0..20 {
        world.turn();
        check(&world);
    }
}

fn tamper<C: Crypto>(world: &mut World<C>, deed: &Deed) {
    match *deed {
        Deed::Honest(_) => {}
        Deed::Alter { who, at, bits } => {
            let line = &mut world.ends[who].line;
            if let Some(at) = at.checked_rem(line.len()) {
                line[at] ^= bits;
            }
        }
        Deed::Drop { who, at, count } => {
            let line = &mut world.ends[who].line;
            let range = within(line, at, count);
            line.drain(range);
        }
        Deed::Repeat { who, at, count, to } => {
            let line = &mut world.ends[who].line;
            let bytes = line[within(line, at, count)].to_vec();
            let to = to % (line.len() + 1);
            line.splice(to..to, bytes);
        }
        Deed::Insert { who, at, ref bytes } => {
            let line = &mut world.ends[who].line;
            let at = at % (line.len() + 1);
            line.splice(at..at, bytes.iter().copied());
        }
        Deed::Replay { who, at, count } => {
            let end = &mut world.ends[who];
            let bytes = end.came[within(&end.came, at, count)].to_vec();
            end.line.extend(bytes);
        }
        Deed::Reflect { who, count } => {
            let said = &world.ends[1 - who].sent;
            let bytes = said[said.len().saturating_sub(count)..].to_vec();
            world.ends[who].line.extend(bytes);
        }
        Deed::Cut { who } => world.ends[who].cut(Instant::START),
    }
}

/// So many bytes from there on, as far as there are any.
fn within(bytes: &[u8], at: usize, count: usize) -> core::ops::Range<usize> {
    let start = at.checked_rem(bytes.len()).unwrap_or(0);
    start..(start + count).min(bytes.len())
}

fn check<C: Crypto>(world: &World<C>) {
    for end in &world.ends {
        // Once the other side is known, all of its words are bound to its keys, back to the first.
        if end.confirmed {
            assert!(end.came[..end.taken] == end.sent[..end.taken], "a session took what was not sent");
        }
        if let Some(error) = end.ended {
            assert!(is_the_peers(error) || error == SessionError::Lost, "{error:?}");
        }
    }
}
