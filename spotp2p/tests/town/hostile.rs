//! Listeners that mean ill: the tune is heard all the same, and whoever is to blame, and nobody else, goes.

use super::crooks::Crook;
use super::listening::{HOLDERS, TUNE, holders, played};
use super::shelf::SHELF;
use super::town::Town;
use core::time::Duration;
use spotcache::cache::Place;
use spotp2p::node::Event;
use spotp2p::planner::Kind;
use spotp2p::swarm::Mode;
use spotproto::crypto::{RustCrypto, SecretKey};
use spotproto::message::{Holding, Message, Misdeed, Query};
use spotproto::ticket::{Pseudonym, Rights, Ticket};
use spotproto::{CloseCode, UnixTime};

/// Nobody that means well is dropped or reported.
fn nobody_else_is_blamed(town: &Town, crooks: &[usize]) {
    for (who, listener) in town.listeners.iter().enumerate() {
        if crooks.contains(&who) {
            continue;
        }
        for session in &listener.blamed {
            let (_, other) = listener.met[session];
            assert!(crooks.contains(&other), "{who} blames {other}");
        }
    }
}

fn hears_it(town: &mut Town, most_of_server: f64) {
    let server = played(town, 0);
    let listener = &town.listeners[0];
    assert_eq!(listener.player.stutters, 0);
    assert!(listener.player.start_delay.expect("it began") <= Duration::from_millis(300));
    assert!(server <= most_of_server, "server {server}");
}

#[test]
fn who_sends_what_nobody_published_is_dropped_and_reported() {
    let mut town = holders();
    town.listeners[3].crook = Crook::Garbage;
    hears_it(&mut town, 0.1);
    assert_eq!(town.listeners[0].reported, [Misdeed::Forged]);
    assert!(town.listeners[3].links.values().all(|end| end.listener != 0));
    let forged = |it: &&Event<_, _>| matches!(it, Event::Forged { from: Kind::Peer, .. });
    assert!(town.listeners[0].events.iter().filter(forged).count() >= 1);
    nobody_else_is_blamed(&town, &[3]);
}

/// What rots on an honest disk is not sent.
#[test]
fn a_holder_whose_disk_rots_is_not_taken_for_a_forger() {
    let mut town = holders();
    for who in [1, 2] {
        for piece in 100..140 {
            town.listeners[who].disk.rot(SHELF.file(), Place::Piece(piece));
        }
    }
    hears_it(&mut town, 0.2);
    assert!(town.listeners.iter().all(|it| it.reported.is_empty()));
    let holding = town.listeners[1].node.cache().and_then(|cache| cache.holding(&SHELF.file()));
    assert!(holding.is_some_and(|it| !it.complete), "what rotted is known by now");
}

/// What rots is found by serving it, while the same listener plays the tune itself.
#[test]
fn what_rots_under_a_listener_that_serves_is_fetched_again_for_its_own_ear() {
    let mut town = holders();
    town.clicks(1);
    town.run(Duration::from_secs(1));
    for piece in 300..SHELF.pieces.len() as u32 {
        town.listeners[1].disk.rot(SHELF.file(), Place::Piece(piece));
    }
    // The others are too slow to be asked for all of it.
    HOLDERS.into_iter().skip(1).for_each(|who| town.listeners[who].up = 20_000.0);
    town.clicks(0);
    town.until_heard(0, TUNE);
    town.until_heard(1, TUNE);
    assert!(town.listeners[0].has_played() && town.listeners[1].has_played());
}

#[test]
fn eight_that_send_garbage_leave_the_server() {
    let mut town = holders();
    town.server_up = 1.25e6;
    for who in HOLDERS {
        town.listeners[who].crook = Crook::Garbage;
    }
    hears_it(&mut town, 2.0);
    assert!((town.listeners[0].share(Kind::Server) - 1.0).abs() < 1e-9);
    assert_eq!(town.listeners[0].reported.len(), 8);
}

#[test]
fn two_of_eight_that_fall_silent_after_being_asked_are_not_waited_for() {
    let mut town = holders();
    for who in [2, 5] {
        town.listeners[who].crook = Crook::Silent;
    }
    hears_it(&mut town, 0.1);
    nobody_else_is_blamed(&town, &[]);
}

#[test]
fn right_bytes_that_come_late_cost_no_stutter_and_nobody_the_link() {
    let mut town = holders();
    for who in [1, 4, 7] {
        town.listeners[who].crook = Crook::Late(Duration::from_secs(12));
    }
    hears_it(&mut town, 0.15);
    nobody_else_is_blamed(&town, &[]);
}

#[test]
fn queues_without_end_are_not_stood_in() {
    let mut town = holders();
    for who in HOLDERS.into_iter().take(6) {
        town.listeners[who].crook = Crook::Queues;
    }
    hears_it(&mut town, 0.1);
    assert!(HOLDERS.into_iter().take(6).all(|who| town.listeners[who].gave == 0));
    nobody_else_is_blamed(&town, &[]);
}

#[test]
fn a_flood_of_queries_ends_its_link_and_no_other() {
    let mut town = holders();
    hears_it(&mut town, 0.1);
    let (session, _) = town.link_between(2, 0);
    for n in 0..400 {
        let query = Query { id: n, file: SHELF.file(), hops: 1 };
        town.says(2, session, Message::Query(query));
    }
    town.run(Duration::from_secs(1));
    assert!(town.listeners[2].links.values().all(|end| end.listener != 0));
    assert_eq!(town.listeners[0].reported, [Misdeed::Flooding]);
    nobody_else_is_blamed(&town, &[2]);
}

#[test]
fn forged_hits_lead_to_nobody_and_stop_nothing() {
    let mut town = holders();
    hears_it(&mut town, 0.1);
    // Listener 1 answers every query with names that it made up; a newcomer asks around.
    town.listeners[1].crook = Crook::Forges((0..20).map(|n| Pseudonym([n; 16])).collect());
    let newcomer = town.moves_in(Mode::Full);
    town.tell(newcomer, spotp2p::node::Command::Connect);
    town.run(Duration::from_secs(1));
    assert!(played(&mut town, newcomer) <= 0.1);
    assert_eq!(town.listeners[newcomer].player.stutters, 0);
    nobody_else_is_blamed(&town, &[1]);
}

/// What listener 1 shows instead of its ticket.
fn ticket(town: &Town, name: Pseudonym, of: usize, key: u8, not_after: UnixTime) -> Crook {
    let link_key = town.listeners[of].log_in.link_key;
    let ticket = Ticket { pseudonym: name, link_key, rights: Rights::NONE, not_after };
    Crook::Shows(ticket.sign::<RustCrypto>(&SecretKey([key; 32])))
}

#[test]
fn tickets_that_are_forged_stolen_or_over_open_no_link() {
    const LATER: UnixTime = UnixTime(1_800_003_600);
    let crooks: [fn(&Town) -> Crook; 4] = [
        // A key that is not the access point's.
        |town| ticket(town, town.listeners[1].name(), 1, 77, LATER),
        // The access point's own, but of somebody else's link key.
        |town| ticket(town, town.listeners[1].name(), 2, 2, LATER),
        // Over since yesterday.
        |town| ticket(town, town.listeners[1].name(), 1, 2, UnixTime(1_799_900_000)),
        |_| Crook::Alters,
    ];
    for crook in crooks {
        let mut town = holders();
        town.listeners[1].crook = crook(&town);
        hears_it(&mut town, 0.1);
        assert_eq!(town.listeners[1].gave, 0, "{:?}", town.listeners[1].crook);
        assert!(town.listeners[0].refused.iter().any(|(_, code)| *code == CloseCode::NotAdmitted));
    }
}

#[test]
fn who_says_that_it_holds_what_it_does_not_is_asked_once_and_passed_over() {
    let mut town = holders();
    let liars: Vec<usize> = (0..4).map(|_| town.moves_in(Mode::Full)).collect();
    for liar in &liars {
        town.tell(*liar, spotp2p::node::Command::Connect);
    }
    town.run(Duration::from_secs(1));
    for liar in &liars {
        let holding = Holding { joined: vec![SHELF.file()], left: Vec::new() };
        town.tells_server(*liar, Message::Holding(Box::new(holding)));
    }
    town.run(Duration::from_secs(1));
    hears_it(&mut town, 0.1);
    assert!(liars.iter().all(|liar| town.listeners[*liar].gave == 0));
}

#[test]
fn three_free_identities_that_tell_lies_suspend_nobody() {
    let mut town = holders();
    let accusers: Vec<usize> = (0..3).map(|_| town.moves_in(Mode::TakeOnly)).collect();
    for who in &accusers {
        town.tell(*who, spotp2p::node::Command::Connect);
        town.run(Duration::from_secs(1));
        town.clicks(*who);
        town.run(Duration::from_secs(5));
        for (link, _) in town.links_of(*who) {
            town.tells_server(*who, Message::Report { link, what: Misdeed::Forged });
        }
        town.run(Duration::from_secs(1));
    }
    assert_eq!(town.shunned, []);
    hears_it(&mut town, 0.1);
}

#[test]
fn a_message_that_no_peer_may_send_ends_the_link() {
    let mut town = holders();
    hears_it(&mut town, 0.1);
    let (session, _) = town.link_between(2, 0);
    town.says(2, session, Message::Renew { port: 7 });
    town.run(Duration::from_secs(1));
    assert_eq!(town.listeners[0].reported, [Misdeed::Protocol]);
    assert!(town.listeners[2].links.values().all(|end| end.listener != 0));
    nobody_else_is_blamed(&town, &[2]);
}
