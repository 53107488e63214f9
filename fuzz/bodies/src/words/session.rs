//! What comes over a line to a session that stands alone.

use crate::operations::session::forger::{Forger, NOW, check_finished, is_the_peers};
use crate::operations::session::pair::{keys_of, read, setup_of};
use bytes::BytesMut;
use null_crypto::Gullible;
use spotproto::message::Urgency;
use spotproto::noise::Role;
use spotproto::session::{Input, Output, Session};
use spotproto::{ByteMachine, Machine, SessionError};

/// A session that believes every tag, so that all depends on what is said.
type Victim = Session<Gullible>;

/// What a session made of the bytes that came.
type Came = (Vec<Output>, Result<usize, SessionError>);

/// The first words to a session, whatever its part: they mean the same however they are cut.
///
/// The first byte chooses the part and the cut.
pub(crate) fn handshake(bytes: &[u8]) {
    let Some((how, bytes)) = bytes.split_first() else { return };
    let (cut, part) = (1 + usize::from(how >> 2) * 3, how & 3);
    let victim = || {
        let knows = (part == 0).then(|| keys_of::<Gullible>(2).public);
        let role = if part < 2 { Role::Initiator } else { Role::Responder };
        let mut setup = setup_of::<Gullible>(role, if part < 2 { 1 } else { 2 }, 11, knows);
        setup.dialled = role == Role::Initiator && part != 3;
        Victim::new(NOW, setup).expect("keys of use")
    };
    same_however_cut(victim, bytes, cut);
}

/// Records to a session that has asked for pieces, and knows who it talks to: they mean the same however they are cut.
///
/// The first byte chooses the part and the cut; then comes each record behind its length, two bytes.
pub(crate) fn records(bytes: &[u8]) {
    let Some((how, mut bytes)) = bytes.split_first() else { return };
    let (cut, dials) = (1 + usize::from(how >> 1) * 37, how & 1 == 1);
    let victim = || if dials { dialler() } else { listener() };
    let (_, mut forger) = victim();
    let mut wire = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (text, rest) = rest.split_at(length);
        wire.extend(forger.record(text));
        bytes = rest;
    }
    same_however_cut(|| victim().0, &wire, cut);
}

/// But for round trips: whether a `PONG` answers anything depends on whether this side's `PING` went out before it came.
fn same_however_cut(victim: impl Fn() -> Victim, wire: &[u8], cut: usize) {
    let told = |cut| {
        let (mut outputs, end) = take(victim(), wire, cut);
        outputs.retain(|output| !matches!(output, Output::RoundTrip(_)));
        (outputs, end)
    };
    assert_eq!(told(cut), told(wire.len().max(1)));
}

fn take(mut victim: Victim, wire: &[u8], cut: usize) -> Came {
    let (mut inbox, mut outputs, mut taken) = (Vec::new(), Vec::new(), 0);
    for part in wire.chunks(cut) {
        inbox.extend_from_slice(part);
        loop {
            // Some words are taken only once those of this side are out.
            let mut sent = BytesMut::new();
            while victim.poll_transmit(NOW, &mut sent, 8192) {}
            let count = match victim.handle_bytes(NOW, &mut inbox) {
                Ok(count) => count,
                Err(error) => {
                    assert!(is_the_peers(error), "{error:?}");
                    outputs.extend(core::iter::from_fn(|| victim.poll_output()));
                    check_finished(&mut victim, error);
                    return (outputs, Err(error));
                }
            };
            taken += count;
            inbox.drain(..count);
            let before = outputs.len();
            outputs.extend(core::iter::from_fn(|| victim.poll_output()));
            if count == 0 && sent.is_empty() && outputs.len() == before {
                break;
            }
        }
    }
    (outputs, Ok(taken))
}

/// A session that was dialled.
fn listener() -> (Victim, Forger<Gullible>) {
    let mut victim =
        Victim::new(NOW, setup_of::<Gullible>(Role::Responder, 2, 12, None)).expect("keys of use");
    let forger = Forger::dial(&mut victim, NOW);
    (asking(victim), forger)
}

/// A session that dialled.
fn dialler() -> (Victim, Forger<Gullible>) {
    let remote = Some(keys_of::<Gullible>(2).public);
    let mut victim =
        Victim::new(NOW, setup_of::<Gullible>(Role::Initiator, 1, 11, remote)).expect("keys of use");
    let forger = Forger::accept(&mut victim, NOW);
    (asking(victim), forger)
}

/// Asks for pieces on three channels, of which one is given up.
fn asking(mut victim: Victim) -> Victim {
    for channel in 1..4 {
        let message = read(channel, channel * 10, 4, Urgency::Playing);
        victim.handle_input(NOW, Input::Send(message)).expect("room to ask");
    }
    victim.handle_input(NOW, Input::Send(spotproto::Message::Abort { channel: 2 })).expect("room to give up");
    while victim.poll_transmit(NOW, &mut BytesMut::new(), 8192) {}
    while victim.poll_output().is_some() {}
    victim
}
