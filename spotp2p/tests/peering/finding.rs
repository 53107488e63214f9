//! Who is named for what.

use crate::hall::{Hall, hello, street};
use crate::world::{Key, Piece};
use alloc::collections::BTreeSet;
use core::time::Duration;
use spotp2p::SessionId;
use spotp2p::access_point::{Input, Limits};
use spotproto::CloseCode;
use spotproto::message::{Holding, Message, Refusal};
use spotproto::ticket::Pseudonym;

const FILE: Key = Key(3);

#[test]
fn those_are_named_who_can_serve_now_and_never_the_asker() {
    let mut hall = Hall::new();
    let (one, other, asker) = (hall.holder(1, FILE), hall.holder(2, FILE), hall.holder(3, FILE));
    let both: BTreeSet<Pseudonym> = [hall.name(one), hall.name(other)].into();
    assert_eq!(hall.finds(asker, FILE).into_iter().collect::<BTreeSet<_>>(), both);
    hall.holds(one, &[], &[FILE]);
    assert_eq!(hall.finds(asker, FILE), [hall.name(other)]);
    hall.leaves(other);
    assert_eq!(hall.finds(asker, FILE), []);
    assert_eq!(hall.finds(asker, Key(4)), []);
}

#[test]
fn files_that_nobody_published_are_not_announced() {
    let mut hall = Hall::new();
    let liar = hall.enters(1, &street(1));
    let files: Vec<Key> = (50..150).map(Key).collect();
    hall.holds(liar, &files, &[]);
    let asker = hall.enters(2, &street(2));
    for file in 50..150 {
        assert_eq!(hall.finds(asker, Key(file)).len(), usize::from(file < 100), "{file}");
        if file % 50 == 49 {
            hall.wait(Duration::from_secs(100));
        }
    }
}

#[test]
fn the_catalogue_is_asked_once_at_a_time_and_what_was_taken_back_meanwhile_stays_so() {
    let mut hall = Hall::new();
    hall.answers = false;
    let holder = hall.enters(1, &street(1));
    hall.holds(holder, &[Key(1), Key(2), Key(3)], &[Key(3)]);
    hall.holds(holder, &[Key(4), Key(5)], &[Key(2), Key(5)]);
    assert_eq!(hall.questions.len(), 1, "one at a time");
    for _ in 0..2 {
        let (request, files) = hall.questions.remove(0);
        hall.index(request, &files);
    }
    assert!(hall.questions.is_empty());
    let asker = hall.enters(2, &street(2));
    let found: Vec<bool> = (1..6).map(|file| !hall.finds(asker, Key(file)).is_empty()).collect();
    assert_eq!(found, [true, false, false, true, false]);
}

#[test]
fn the_answer_of_a_catalogue_that_comes_after_the_client_left_is_for_nobody() {
    let mut hall = Hall::new();
    hall.answers = false;
    let holder = hall.enters(1, &street(1));
    hall.holds(holder, &[FILE], &[]);
    hall.leaves(holder);
    let (request, files) = hall.questions.remove(0);
    hall.index(request, &files);
    let asker = hall.enters(2, &street(2));
    assert_eq!(hall.finds(asker, FILE), []);
}

#[test]
fn a_device_is_one_peer_however_often_it_logs_in() {
    let mut hall = Hall::new();
    let honest = hall.holder(1, FILE);
    let many: Vec<SessionId> = (0..1000).map(|_| hall.enters(2, &street(2))).collect();
    many.iter().for_each(|session| hall.holds(*session, &[FILE], &[]));
    let asker = hall.enters(3, &street(3));
    let last = many[many.len() - 1];
    let named: BTreeSet<Pseudonym> = hall.finds(asker, FILE).into_iter().collect();
    assert_eq!(named, [hall.name(honest), hall.name(last)].into());
    let (dial, end) = hall.asks(many[0], hall.name(honest), FILE);
    assert_eq!(dial, None, "nor does an earlier log-in get links");
    assert!(matches!(end, Message::Refuse { why: Refusal::NoRight, .. }));
}

#[test]
fn what_a_client_holds_beyond_the_bound_is_not_announced() {
    let mut hall = Hall::new();
    let most = Limits::DEFAULT.tracker.files_per_client as u32;
    hall.catalogue = (0..most + 1000).map(Key).collect();
    let holder = hall.enters(1, &street(1));
    let files: Vec<Key> = hall.catalogue.iter().copied().collect();
    for files in files.chunks(128) {
        hall.holds(holder, files, &[]);
        hall.wait(Duration::from_secs(1));
    }
    let asker = hall.enters(2, &street(2));
    let mut found = 0;
    for file in files {
        hall.wait(Duration::from_secs(1));
        found += hall.finds(asker, file).len() as u32;
    }
    assert_eq!(found, most);
}

#[test]
fn floods_of_announcements_end_the_session_and_floods_of_questions_are_refused() {
    let mut hall = Hall::new();
    let one = hall.enters(1, &street(1));
    let holding = Holding { joined: vec![FILE], left: vec![FILE] };
    let burst = Limits::DEFAULT.holdings.burst;
    for _ in 0..burst {
        hall.says(one, Message::Holding(Box::new(holding.clone())));
    }
    assert!(hall.hung_up.is_empty());
    hall.says(one, Message::Holding(Box::new(holding)));
    assert_eq!(hall.hung_up.get(&one), Some(&CloseCode::Limit));

    let other = hall.enters(2, &street(2));
    let find = |channel| Message::FindPeers { channel, file: FILE, most: 10 };
    (0..Limits::DEFAULT.finds.burst).for_each(|channel| drop(hall.says(other, find(channel))));
    let refused = hall.says(other, find(1000));
    assert_eq!(refused, [Message::Refuse { channel: 1000, why: Refusal::Busy }]);
    assert!(!hall.hung_up.contains_key(&other));
}

#[test]
fn who_is_not_logged_in_or_may_be_a_replay_takes_no_part() {
    let holding: Message<Key, Piece> =
        Message::Holding(Box::new(Holding { joined: vec![FILE], left: Vec::new() }));
    let find = Message::FindPeers { channel: 1, file: FILE, most: 10 };
    for message in [holding, find, Message::Renew { port: 1 }] {
        for confirmed in [false, true] {
            let mut hall = Hall::new();
            let session = hall.connects(1, &street(1), confirmed);
            if !confirmed {
                hall.says(session, hello(session, 4070));
            }
            assert_eq!(hall.says(session, message.clone()), []);
            assert_eq!(hall.hung_up.get(&session), Some(&CloseCode::Protocol));
            assert!(hall.probes.is_empty() && hall.events.is_empty());
        }
    }
    let mut hall = Hall::new();
    let session = hall.connects(1, &street(1), false);
    hall.says(session, hello(session, 4070));
    hall.tell(Input::Confirmed { session });
    hall.holds(session, &[FILE], &[]);
    let asker = hall.enters(2, &street(2));
    assert_eq!(hall.finds(asker, FILE), [hall.name(session)]);
}
