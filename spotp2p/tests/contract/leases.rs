//! What a client's cache asks of an access point: leases of content keys, and the count of plays that cost nothing else.

use crate::anything::access_point_config;
use crate::world::{Key, Piece, head};
use core::net::Ipv4Addr;
use core::time::Duration;
use spotp2p::SessionId;
use spotp2p::access_point::{AccessPoint, Done, Effect, Entry, Event, Input, LEASE, Limits, Output};
use spotproto::content::ContentKey;
use spotproto::crypto::PublicKey;
use spotproto::message::{Hello, Message, Open, Refusal, Urgency, Wanted};
use spotproto::{Instant, Machine};

const GUEST: SessionId = SessionId(3);
const DEVICE: PublicKey = PublicKey([9; 32]);

type Out = Output<Key, Piece>;

/// An access point with a connection that shook hands.
struct House {
    access_point: AccessPoint<Key, Piece>,
    now: Instant,
}

impl House {
    fn new(lease: Duration, confirmed: bool) -> Self {
        let config = spotp2p::access_point::Config { lease, ..access_point_config(Limits::DEFAULT) };
        let mut house = Self { access_point: AccessPoint::new(config), now: Instant::START };
        house.tell(Input::Accepted { session: GUEST, from: (Ipv4Addr::new(11, 0, 0, 1), 4070).into() });
        house.tell(Input::Established { session: GUEST, device: DEVICE, confirmed });
        house
    }

    fn tell(&mut self, input: Input<Key, Piece>) -> Vec<Out> {
        let Ok(()) = self.access_point.handle_input(self.now, input);
        core::iter::from_fn(|| self.access_point.poll_output()).collect()
    }

    fn says(&mut self, message: Message<Key, Piece>) -> Vec<Out> {
        self.tell(Input::Message { from: GUEST, message })
    }

    fn logs_in(&mut self) {
        let hello = Hello { link_key: PublicKey([1; 32]), port: 0, agent: "x".into() };
        self.says(Message::Hello(Box::new(hello)));
    }

    /// Plays that are counted of `notices` at once.
    fn plays(&mut self, notices: u32) -> usize {
        let counted = |out: &Out| {
            let expected = Event::Playing { session: GUEST, device: DEVICE, file: Key(4) };
            assert_eq!(*out, Output::Event(expected));
        };
        (0..notices).flat_map(|_| self.says(Message::Playing { file: Key(4) })).inspect(counted).count()
    }

    /// The answer to an open of no credit, from the catalogue's answer on.
    fn renews(&mut self, channel: u32) -> Vec<Out> {
        let open = Open { wanted: Wanted::File(Key(1)), at_ms: 0, credit: 0, urgency: Urgency::Offline };
        let asked = self.says(Message::Open { channel, open });
        let [Output::Effect(Effect::Find { request, .. })] = asked[..] else { panic!("{asked:?}") };
        let key = ContentKey::new([5; 32]);
        let entry =
            Entry { head: head(), key, title: "Tune".into(), artist: "Nobody".into(), mirrors: Vec::new() };
        self.tell(Input::Done(request, Done::Found(Ok(Box::new(entry)))))
    }
}

#[test]
fn a_lease_is_renewed_by_one_look_into_the_catalogue_and_no_piece() {
    for (lease, seconds) in [(LEASE, 30 * 24 * 3600), (Duration::ZERO, 0), (Duration::MAX, u32::MAX)] {
        let mut house = House::new(lease, true);
        for channel in 1..200 {
            let answer = house.renews(channel);
            let [
                Output::Send { message: Message::Opened { channel: front, opened }, .. },
                Output::Send { message: Message::End { channel: end }, .. },
            ] = &answer[..]
            else {
                panic!("{answer:?}")
            };
            assert_eq!((*front, *end), (channel, channel));
            assert_eq!((opened.lease_s, &opened.head), (seconds, &head()));
            assert!(opened.first.is_empty() && opened.proofs.is_empty());
        }
    }
}

#[test]
fn a_lease_of_what_is_not_there_is_refused() {
    let mut house = House::new(LEASE, true);
    let open = Open { wanted: Wanted::File(Key(7)), at_ms: 0, credit: 0, urgency: Urgency::Offline };
    let asked = house.says(Message::Open { channel: 1, open });
    let [Output::Effect(Effect::Find { request, .. })] = asked[..] else { panic!("{asked:?}") };
    let answer = house.tell(Input::Done(request, Done::Found(Err(Refusal::NotFound))));
    let message = Message::Refuse { channel: 1, why: Refusal::NotFound };
    assert_eq!(answer, [Output::Send { to: GUEST, message }]);
}

#[test]
fn a_play_counts_only_from_a_client_that_is_no_replay_and_logged_in() {
    let mut house = House::new(LEASE, false);
    assert_eq!(house.plays(1), 0, "it may be a replay");
    house.logs_in();
    assert_eq!(house.plays(1), 0, "so may the log-in");
    house.tell(Input::Confirmed { session: GUEST });
    assert_eq!(house.plays(1), 1);

    let mut house = House::new(LEASE, true);
    assert_eq!(house.plays(1), 0, "nobody is logged in");
    house.logs_in();
    assert_eq!(house.plays(1), 1);
}

#[test]
fn a_flood_of_plays_is_neither_counted_nor_a_reason_to_hang_up() {
    let mut house = House::new(LEASE, true);
    house.logs_in();
    let plays = Limits::DEFAULT.plays;
    assert_eq!(house.plays(10_000), plays.burst as usize);
    house.now = house.now + plays.every * 5;
    assert_eq!(house.plays(10_000), 5);
    assert_eq!(house.access_point.sessions(), 1);
}
