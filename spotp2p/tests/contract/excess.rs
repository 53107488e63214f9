//! What is asked of an access point in excess, and what its owner mixes up.

use super::anything::access_point_config;
use super::world::{Key, Piece};
use core::net::Ipv4Addr;
use spotp2p::SessionId;
use spotp2p::access_point::{AccessPoint, Done, Effect, Input, Limits, Output};
use spotproto::crypto::PublicKey;
use spotproto::message::{Message, Open, PieceRange, Read, Refusal, Urgency, Wanted};
use spotproto::{Instant, Machine};

/// An established session in an access point of its own.
fn guest() -> (AccessPoint<Key, Piece>, SessionId) {
    let mut access_point = AccessPoint::new(access_point_config(Limits::DEFAULT));
    let session = SessionId(0);
    for input in [
        Input::Accepted { session, from: (Ipv4Addr::new(11, 0, 0, 1), 4070).into() },
        Input::Established { session, device: PublicKey([9; 32]), confirmed: true },
    ] {
        let Ok(()) = access_point.handle_input(Instant::START, input);
    }
    (access_point, session)
}

#[test]
fn requests_that_are_aborted_at_once_do_not_pile_up_at_the_store_but_are_refused() {
    let (mut access_point, from) = guest();
    let (mut finds, mut refused) = (Vec::new(), 0);
    let mut ask = |channel, access_point: &mut AccessPoint<Key, Piece>| {
        let wanted = Wanted::File(Key(0));
        let open = Open { wanted, at_ms: 0, credit: 5, urgency: Urgency::Playing };
        for message in [Message::Open { channel, open }, Message::Abort { channel }] {
            let Ok(()) = access_point.handle_input(Instant::START, Input::Message { from, message });
        }
        while let Some(output) = access_point.poll_output() {
            match output {
                Output::Effect(Effect::Find { request, .. }) => finds.push(request),
                Output::Send { message: Message::Refuse { why: Refusal::Busy, .. }, .. } => refused += 1,
                other => panic!("{other:?}"),
            }
        }
        (finds.clone(), refused)
    };
    let most = Limits::DEFAULT.lookups;
    for channel in 0..1000 {
        let (finds, refused) = ask(channel, &mut access_point);
        assert_eq!(
            (finds.len(), refused),
            ((channel as usize + 1).min(most), (channel as usize + 1).saturating_sub(most))
        );
    }
    let (finds, refused) = ask(1000, &mut access_point);
    let done = Input::Done(finds[0], Done::Found(Err(Refusal::NotFound)));
    let Ok(()) = access_point.handle_input(Instant::START, done);
    let (after, still) = ask(1001, &mut access_point);
    assert_eq!((after.len(), still), (most + 1, refused), "there is room again");
}

#[test]
fn an_owner_that_mixes_effects_up_costs_a_request_and_not_the_session() {
    let (mut access_point, from) = guest();
    let mut fetches = Vec::new();
    for channel in 0..40 {
        let pieces = PieceRange { start: 0, count: 1 };
        let read = Read { file: Key(0), pieces, urgency: Urgency::Playing, leaves: None };
        let message = Message::Read { channel, read };
        let Ok(()) = access_point.handle_input(Instant::START, Input::Message { from, message });
        while let Some(output) = access_point.poll_output() {
            if let Output::Effect(Effect::Fetch { request, .. }) = output {
                let done = Input::Done(request, Done::Proofs(Ok(Vec::new())));
                let Ok(()) = access_point.handle_input(Instant::START, done);
                fetches.push(request);
            }
        }
    }
    assert_eq!(fetches.len(), 40);
}
