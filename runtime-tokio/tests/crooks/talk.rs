//! What crooks say that nobody should.

use crate::crook::{Deed, Manner};
use crate::listener::{Listener, MOST_NEIGHBOURS, SOON};
use crate::town::{Town, fresh};
use core::time::Duration;
use spotp2p::node::Event;
use spotproto::crypto::{RustCrypto, SecretKey};
use spotproto::message::Misdeed;
use spotproto::ticket::{Pseudonym, Rights, SignedTicket, Ticket};
use spotproto::{CloseCode, SessionError, UnixTime};
use tokio::time::timeout;

const fn closed(code: CloseCode) -> Option<SessionError> {
    Some(SessionError::Closed { code, by_peer: true })
}

/// A crook is dropped and reported for this, and the tune comes from the others.
async fn is_blamed(manner: Manner, what: Misdeed) {
    let mut town = Town::new(2).await;
    let mut crook = town.suspect(manner).await;
    let mut listener = town.listener();
    // The crook's link is as short as it is bad.
    listener.begins(&town.shelf, 2).await;
    assert_eq!(crook.is_dropped().await, closed(CloseCode::Protocol));
    town.shuns(crook.device).await;
    listener.hears_it(&town.shelf).await;
    assert_eq!((listener.neighbours, listener.reported), (2, vec![what]));
}

#[tokio::test]
async fn a_flood_of_queries_ends_its_link_and_no_other() {
    is_blamed(Manner::Floods, Misdeed::Flooding).await;
}

#[tokio::test]
async fn a_flood_of_hits_that_nobody_asked_for_ends_its_link_and_no_other() {
    let names = (0..20).map(|n| Pseudonym([n; 16])).collect();
    is_blamed(Manner::Forges(names), Misdeed::Flooding).await;
}

#[tokio::test]
async fn a_message_that_no_peer_may_send_ends_the_link() {
    is_blamed(Manner::Rude, Misdeed::Protocol).await;
}

/// A crook that shows another ticket than its own is not let in, and not asked for anything.
async fn is_not_admitted(manner: impl FnOnce(Ticket, SignedTicket) -> Manner) {
    let town = Town::new(2).await;
    // Its own key, but the ticket of another log-in.
    let (other, _suspect) = town.crook(fresh()).await;
    let (crook, mut suspect) = town.crook(fresh()).await;
    let (pseudonym, link_key) = crook.name();
    let own = Ticket { pseudonym, link_key, rights: Rights::NONE, not_after: UnixTime(1_800_003_600) };
    let manner = manner(own, other.ticket());
    drop(other);
    tokio::spawn(crook.run(manner));
    town.named(|names| names.len() == 3 && names.contains(&pseudonym)).await;
    let mut listener = town.listener();
    listener.begins(&town.shelf, 2).await;
    assert_eq!(suspect.is_dropped().await, closed(CloseCode::NotAdmitted));
    listener.hears_it(&town.shelf).await;
    assert_eq!((listener.neighbours, listener.reported.len()), (2, 0));
}

#[tokio::test]
async fn a_ticket_of_another_issuer_opens_no_link() {
    is_not_admitted(|own, _| Manner::Shows(own.sign::<RustCrypto>(&SecretKey([77; 32])))).await;
}

#[tokio::test]
async fn a_stolen_ticket_opens_no_link() {
    is_not_admitted(|_, stolen| Manner::Shows(stolen)).await;
}

#[tokio::test]
async fn a_ticket_that_is_over_opens_no_link() {
    is_not_admitted(|own, _| {
        let over = Ticket { not_after: UnixTime(1_799_900_000), ..own };
        // The access point's own key.
        Manner::Shows(over.sign::<RustCrypto>(&SecretKey([2; 32])))
    })
    .await;
}

#[tokio::test]
async fn an_altered_ticket_opens_no_link() {
    is_not_admitted(|_, _| Manner::Alters).await;
}

#[tokio::test]
async fn more_that_cling_to_a_holder_than_it_has_room_for_are_shown_out() {
    const CLINGING: usize = 15;
    let town = Town::new(0).await;
    let mut holder = Listener::holder(&town.server.address).await;
    let name = town.named(|names| names.len() == 1).await[0];
    let mut suspects = Vec::new();
    for _ in 0..CLINGING {
        let (crook, suspect) = town.crook(fresh()).await;
        tokio::spawn(crook.run(Manner::Clings(name)));
        suspects.push(suspect);
    }
    let room = usize::from(MOST_NEIGHBOURS);
    let all_told = async {
        let mut out = 0;
        while out < CLINGING - room || holder.neighbours < room {
            tokio::select! {
                _ = holder.next() => {}
                () = tokio::time::sleep(Duration::from_millis(20)) => {
                    for suspect in &mut suspects {
                        while let Ok(deed) = suspect.deeds.try_recv() {
                            out += usize::from(matches!(deed, Deed::Failed | Deed::Ended(_)));
                        }
                    }
                }
            }
        }
        out
    };
    let out = timeout(SOON, all_told).await.expect("in time");
    assert_eq!((out, holder.neighbours, holder.reported.len()), (CLINGING - room, room, 0));
}

#[tokio::test]
async fn a_flood_of_requests_for_proofs_alone_ends_its_link() {
    let mut town = Town::new(0).await;
    let mut holder = Listener::holder(&town.server.address).await;
    let name = town.named(|names| names.len() == 1).await[0];
    let (crook, mut suspect) = town.crook(fresh()).await;
    tokio::spawn(crook.run(Manner::Pesters(name)));
    holder.until(|event| matches!(event, Event::Reported(Misdeed::Flooding))).await;
    assert_eq!(suspect.is_dropped().await, closed(CloseCode::Protocol));
    town.shuns(suspect.device).await;
}
