//! Runs that once went wrong, and what any come to.

use super::acts::{Act, act};
use super::model::run;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use spotcache::cache::{DiskError, Eviction};

#[test]
fn a_date_is_found_again_by_a_cache_that_had_to_wait_for_its_quota() {
    use Act::*;
    run(Eviction::Lru, vec![Date(1), Sync, Answer(1), Quota(0), Restart { power: false }, Quota(1), Open]);
}

#[test]
fn that_a_pin_lasts_which_was_taken_back_says_nothing_of_the_next() {
    use Act::*;
    let pins = [Admit(4), Pin(4), Pin(4), Pin(4), Pin(4), Answer(2), Unpin(4), Pin(4), Answer(3)];
    run(Eviction::Lru, [&pins[..], &[Restart { power: false }]].concat());
}

#[test]
fn a_file_whose_cut_fails_on_a_full_disk_is_cut_again_and_goes() {
    use Act::*;
    let acts = vec![Admit(5), StoreAll(5), Settle, Fault(DiskError::Full), Quota(12), StoreAll(5), Settle];
    run(Eviction::Lru, acts);
}

/// Or the model would say nothing of what lasts.
#[test]
fn some_runs_make_something_last_and_find_it_again() {
    let mut runner = TestRunner::deterministic();
    let acts = proptest::collection::vec(act(), 120);
    let mut found = || run(Eviction::Lru, acts.new_tree(&mut runner).expect("acts").current());
    let some = (0..100).filter(|_| found() > 0).count();
    println!("pieces that were made to last were found again in {some} runs of 100");
    assert!(some > 2, "{some}");
}
