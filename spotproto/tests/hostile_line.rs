//! Two sessions and a line that means ill: what one takes is what the other sent, or nothing.

mod app;
mod forger;
mod line;
mod pair;
mod tampering;

use proptest::prelude::*;
use spotproto::crypto::RustCrypto;
use tampering::{all_of, deed};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    #[test]
    fn whatever_a_line_does_only_what_was_sent_is_taken(deeds in proptest::collection::vec(deed(), 0..120)) {
        all_of::<RustCrypto>(&deeds);
    }
}
