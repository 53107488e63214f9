//! Two sessions, two careful applications, and a line that cuts and delays as it likes: nothing is lost.

mod app;
mod line;
mod pair;

use line::{World, op};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    #[test]
    fn what_is_asked_and_not_given_up_comes_once_and_whole(ops in proptest::collection::vec(op(), 0..120)) {
        World::<spotproto::crypto::RustCrypto>::all_of(&ops);
    }
}
