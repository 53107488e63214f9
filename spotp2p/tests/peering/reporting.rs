//! What reports come to, and what they can't be made to do.

use crate::hall::{Hall, street};
use crate::world::Key;
use core::time::Duration;
use spotp2p::SessionId;
use spotp2p::access_point::Limits;
use spotproto::message::{Message, Misdeed, Refusal};
use spotproto::preamble::LinkId;

const FILE: Key = Key(3);

/// The device that is reported.
const SUSPECT: u32 = 0;

/// Devices from `from` on, each of a network of its own, link with `suspect` and report it.
fn accuse(hall: &mut Hall, suspect: SessionId, from: u32, count: u32) {
    for device in from..from + count {
        hall.wait(Duration::from_secs(60));
        let accuser = hall.enters(device, &street(device));
        let link = hall.links(accuser, suspect, FILE).expect("a link");
        hall.reports(accuser, link, Misdeed::Forged);
    }
}

#[test]
fn who_is_reported_by_most_it_met_is_named_to_nobody_for_a_day() {
    let mut hall = Hall::new();
    let forger = hall.holder(SUSPECT, FILE);
    let asker = hall.enters(900, &street(900));
    accuse(&mut hall, forger, 1, 9);
    assert_eq!(hall.finds(asker, FILE), [hall.name(forger)], "nine are few");
    accuse(&mut hall, forger, 10, 1);
    assert!(hall.is_shunned(SUSPECT));
    assert_eq!(hall.finds(asker, FILE), []);
    hall.holds(forger, &[FILE], &[]);
    assert_eq!(hall.finds(asker, FILE), [], "nor does it come back by saying so again");
    let holder = hall.holder(901, FILE);
    let (dial, end) = hall.asks(forger, hall.name(holder), FILE);
    assert!(dial.is_none() && matches!(end, Message::Refuse { why: Refusal::NoRight, .. }));
    hall.leaves(forger);
    let forger = hall.holder(SUSPECT, FILE);
    assert_eq!(hall.finds(asker, FILE), [hall.name(holder)], "nor by logging in again");
    assert!(hall.hung_up.is_empty(), "it still gets its music");
    hall.wait(Limits::DEFAULT.reports.shunned);
    hall.holds(forger, &[FILE], &[]);
    assert_eq!(hall.finds(asker, FILE).len(), 2);
}

#[test]
fn free_identities_of_one_network_are_one_voice() {
    let mut hall = Hall::new();
    let victim = hall.holder(SUSPECT, FILE);
    for (device, host) in (1..).zip(1..200) {
        hall.wait(Duration::from_secs(600));
        hall.says(victim, Message::Renew { port: 0 });
        let accuser = hall.enters(device, &format!("203.0.113.{host}:50000"));
        let link = hall.links(accuser, victim, FILE).expect("a link");
        hall.reports(accuser, link, Misdeed::Forged);
    }
    assert!(!hall.is_shunned(SUSPECT));
}

#[test]
fn three_identities_can_shut_nobody_out_however_much_they_say() {
    let mut hall = Hall::new();
    let victim = hall.holder(SUSPECT, FILE);
    for round in 0..50 {
        hall.wait(Duration::from_secs(600));
        hall.says(victim, Message::Renew { port: 0 });
        for network in 1..4 {
            let accuser = hall.enters(100 + round * 3 + network, &street(network));
            let link = hall.links(accuser, victim, FILE).expect("a link");
            hall.reports(accuser, link, Misdeed::Forged);
        }
    }
    assert!(!hall.is_shunned(SUSPECT));
}

#[test]
fn ten_liars_do_not_bring_down_who_served_a_hundred() {
    let mut hall = Hall::new();
    let victim = hall.holder(SUSPECT, FILE);
    for device in 1..101 {
        hall.wait(Duration::from_secs(2));
        let served = hall.enters(device, &street(device));
        assert!(hall.links(served, victim, FILE).is_some());
    }
    accuse(&mut hall, victim, 200, 12);
    assert!(!hall.is_shunned(SUSPECT));
    // But if it forges for all whom it meets from now on, then once they are a quarter.
    accuse(&mut hall, victim, 300, 21);
    assert!(!hall.is_shunned(SUSPECT));
    accuse(&mut hall, victim, 400, 1);
    assert!(hall.is_shunned(SUSPECT));
}

#[test]
fn a_report_counts_once_and_only_of_a_link_that_was_brokered_between_the_two() {
    let mut hall = Hall::new();
    let victim = hall.holder(SUSPECT, FILE);
    let friend = hall.enters(500, &street(500));
    let link = hall.links(friend, victim, FILE).expect("a link");
    for device in 1..40 {
        // Of links between others, of links that never were, and of the own ones again and again.
        let liar = hall.enters(device, &street(device));
        hall.reports(liar, link, Misdeed::Forged);
        hall.reports(liar, LinkId([device as u8; 16]), Misdeed::Forged);
    }
    (0..1000).for_each(|_| hall.reports(friend, link, Misdeed::Forged));
    assert!(!hall.is_shunned(SUSPECT));
    assert!(hall.hung_up.is_empty());
}

#[test]
fn leaving_is_no_way_out() {
    let mut hall = Hall::new();
    let forger = hall.holder(SUSPECT, FILE);
    let links: Vec<(SessionId, LinkId)> = (1..11)
        .map(|device| {
            let met = hall.enters(device, &street(device));
            (met, hall.links(met, forger, FILE).expect("a link"))
        })
        .collect();
    hall.leaves(forger);
    links.into_iter().for_each(|(met, link)| hall.reports(met, link, Misdeed::Forged));
    assert!(hall.is_shunned(SUSPECT));
    let forger = hall.holder(SUSPECT, FILE);
    let asker = hall.enters(900, &street(900));
    assert_eq!(hall.finds(asker, FILE), []);
    hall.leaves(forger);
}

#[test]
fn slight_reports_weigh_less_and_old_ones_nothing() {
    let mut hall = Hall::new();
    let suspect = hall.holder(SUSPECT, FILE);
    for device in 1..21 {
        let accuser = hall.enters(device, &street(device));
        let link = hall.links(accuser, suspect, FILE).expect("a link");
        hall.reports(accuser, link, Misdeed::Absent);
    }
    assert!(!hall.is_shunned(SUSPECT), "twenty who found it had let go of the file");

    let mut hall = Hall::new();
    let suspect = hall.holder(SUSPECT, FILE);
    accuse(&mut hall, suspect, 1, 9);
    hall.wait(Limits::DEFAULT.reports.memory);
    hall.says(suspect, Message::Renew { port: 0 });
    accuse(&mut hall, suspect, 10, 9);
    assert!(!hall.is_shunned(SUSPECT), "nine a day");
}

#[test]
fn a_prefix_of_many_forgers_is_shunned_and_one_of_few_is_not() {
    let mut hall = Hall::new();
    let asker = hall.enters(5000, &street(5000));
    for n in 0..Limits::DEFAULT.reports.devices as u32 {
        let fresh = hall.enters(7000 + n, &format!("198.51.100.{}:50000", 100 + n));
        hall.holds(fresh, &[FILE], &[]);
        assert_eq!(hall.finds(asker, FILE).len(), 1, "after {n}");
        hall.leaves(fresh);
        let forger = hall.enters(6000 + n, &format!("198.51.100.{n}:50000"));
        hall.holds(forger, &[FILE], &[]);
        accuse(&mut hall, forger, 100 * (n + 1), 10);
        assert!(hall.is_shunned(6000 + n));
    }
    let fresh = hall.enters(8000, "198.51.100.200:50000");
    hall.holds(fresh, &[FILE], &[]);
    assert_eq!(hall.finds(asker, FILE), []);
}
