//! What crooks send instead of music.

use crate::crook::{Deed, Manner};
use crate::shelf::PIECES;
use crate::town::Town;
use core::time::Duration;
use spotp2p::planner::Kind;
use spotproto::message::{Misdeed, Refusal};
use spotproto::{CloseCode, SessionError};

/// Neighbours on the same machine are of the same network.
const NEIGHBOUR: Kind = Kind::Lan;

const BLAMED: Option<SessionError> = Some(SessionError::Closed { code: CloseCode::Protocol, by_peer: true });

#[tokio::test]
async fn who_sends_what_nobody_published_is_dropped_and_reported() {
    let mut town = Town::new(2).await;
    let mut crook = town.suspect(Manner::Garbage).await;
    let mut listener = town.listener();
    listener.begins(&town.shelf, 3).await;
    listener.hears_it(&town.shelf).await;
    assert_eq!(crook.is_dropped().await, BLAMED);
    town.shuns(crook.device).await;
    assert_eq!((listener.neighbours, listener.reported), (2, vec![Misdeed::Forged]));
    assert!(listener.forged >= 1);
}

#[tokio::test]
async fn three_that_send_garbage_leave_the_server() {
    let town = Town::new(0).await;
    let mut crooks = Vec::new();
    for _ in 0..3 {
        crooks.push(town.suspect(Manner::Garbage).await);
    }
    let mut listener = town.listener();
    listener.begins(&town.shelf, 3).await;
    listener.hears_it(&town.shelf).await;
    for mut crook in crooks {
        assert_eq!(crook.is_dropped().await, BLAMED);
    }
    assert_eq!(listener.from(Kind::Server), PIECES as usize);
    assert_eq!((listener.neighbours, listener.reported.len()), (0, 3));
}

/// The tune comes, and the listener keeps its three neighbours, one of whom is a crook. How often that one was asked for
/// pieces.
async fn is_borne(manner: Manner) -> usize {
    let mut town = Town::new(2).await;
    let mut crook = town.suspect(manner).await;
    let mut listener = town.listener();
    listener.begins(&town.shelf, 3).await;
    listener.hears_it(&town.shelf).await;
    assert!(listener.from(NEIGHBOUR) > PIECES as usize / 2, "{}", listener.from(NEIGHBOUR));
    assert_eq!((listener.neighbours, listener.reported.len(), listener.forged), (3, 0, 0));
    town.shuns_nobody();
    crook.is_borne()
}

#[tokio::test]
async fn right_bytes_that_come_late_cost_nobody_the_link() {
    assert!(is_borne(Manner::Late(Duration::from_millis(300))).await > 0);
}

#[tokio::test]
async fn who_falls_silent_after_being_asked_is_not_waited_for() {
    assert!(is_borne(Manner::Silent).await > 0);
}

#[tokio::test]
async fn a_queue_without_end_is_not_stood_in() {
    assert_eq!(is_borne(Manner::Queues).await, 0);
}

#[tokio::test]
async fn who_says_that_it_holds_what_it_does_not_is_passed_over() {
    assert_eq!(is_borne(Manner::Lacks).await, 0);
}

#[tokio::test]
async fn who_gives_a_slot_and_then_nothing_is_not_asked_without_end() {
    let manners = [Manner::Refuses(Refusal::Busy), Manner::Refuses(Refusal::NotFound), Manner::Ends];
    for manner in manners {
        let asked = is_borne(manner.clone()).await;
        assert!((1..=PIECES as usize).contains(&asked), "{manner:?}: {asked}");
    }
}

#[tokio::test]
async fn who_is_named_and_never_comes_is_not_waited_for() {
    let mut town = Town::new(2).await;
    let mut absent = town.suspect(Manner::Absent).await;
    let mut listener = town.listener();
    listener.begins(&town.shelf, 2).await;
    absent.until(|deed| matches!(deed, Deed::Failed)).await;
    listener.hears_it(&town.shelf).await;
    assert!(listener.from(NEIGHBOUR) > PIECES as usize / 2);
    assert_eq!((listener.neighbours, listener.reported.len()), (2, 0));
    town.shuns_nobody();
}
