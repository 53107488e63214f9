//! New tickets for old ones.

use crate::hall::{DATE, Hall, TICKET_KEY, TICKET_LASTS, link_key, street};
use crate::world::Key;
use core::time::Duration;
use spotp2p::SessionId;
use spotp2p::access_point::Limits;
use spotproto::crypto::{Crypto, RustCrypto};
use spotproto::message::{Message, Renewed};
use spotproto::{CloseCode, Instant};

fn renew(hall: &mut Hall, session: SessionId) -> Renewed {
    match &hall.says(session, Message::Renew { port: 0 })[..] {
        [Message::Renewed(renewed)] => (**renewed).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_new_ticket_is_for_the_same_pseudonym_and_key_and_lasts_from_now_on_even_when_the_old_one_is_over() {
    let mut hall = Hall::new();
    let session = hall.enters(1, &street(1));
    for hours in [0, 1, 30] {
        hall.now = Instant::after_start(Duration::from_secs(hours * 3600));
        let renewed = renew(&mut hall, session);
        let date = DATE.plus(Duration::from_secs(hours * 3600));
        assert_eq!(renewed.now, date);
        let ticket =
            renewed.ticket.verify::<RustCrypto>(&RustCrypto::verifying_key(&TICKET_KEY), date).expect("good");
        assert_eq!((ticket.pseudonym, ticket.link_key), (hall.name(session), link_key(session)));
        assert_eq!(ticket.not_after, date.plus(TICKET_LASTS));
    }
}

#[test]
fn tickets_are_not_signed_by_the_hundred() {
    let mut hall = Hall::new();
    let session = hall.enters(1, &street(1));
    for _ in 0..Limits::DEFAULT.renewals.burst {
        renew(&mut hall, session);
    }
    assert_eq!(hall.says(session, Message::Renew { port: 0 }), []);
    assert_eq!(hall.hung_up.get(&session), Some(&CloseCode::Limit));
    let asker = hall.enters(99, &street(99));
    let dial = hall.asks(asker, hall.name(session), Key(3)).0;
    assert_eq!(dial, None, "whoever was hung up on is no peer of anyone");
}
