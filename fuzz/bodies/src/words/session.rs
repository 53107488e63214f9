//! What comes over a line to a session that stands alone.

use crate::operations::session::app::App;
use crate::operations::session::forger::{NOW, check_finished, is_the_peers};
use crate::operations::session::pair::{keys_of, setup_of};
use crate::words::cuts::Cuts;
use bytes::BytesMut;
use null_crypto::Gullible;
use spotproto::crypto::{Crypto, TAG_LEN};
use spotproto::message::Urgency;
use spotproto::noise::{Pattern, Role};
use spotproto::preamble::{LinkId, Preamble};
use spotproto::session::{Input, Output, Session};
use spotproto::{ByteMachine, Machine, SessionError};

/// A session that believes every tag, so that all depends on what is said.
type Victim = Session<Gullible>;

/// A link that was brokered.
const LINK: LinkId = LinkId([5; 16]);

const KEY_LEN: usize = 32;

/// Any key's bytes. A session that believes every tag takes any bytes of the right length for a handshake.
const ANY_KEY: u8 = 9;

/// The byte in front of an answer that is no refusal.
const ACCEPTED: u8 = 0;

/// What a session made of the bytes that came.
type Came = (Vec<Output>, Result<usize, SessionError>);

/// The first words to a session, whatever its part: they mean the same however they are cut.
///
/// Of the first byte the low half chooses the part: who begins the handshake, who dialled, whether the other side's key is
/// known, and whether it is a link; the high half chooses where it is cut.
pub(crate) fn handshake(bytes: &[u8]) {
    let Some((how, bytes)) = bytes.split_first() else { return };
    let cuts = Cuts::at(how >> 4);
    let (role, own, other) = if how & 2 == 0 { (Role::Initiator, 1, 2) } else { (Role::Responder, 2, 1) };
    // Who is called knows nobody, but over a link that was brokered.
    let knows = (role == Role::Initiator) == (how & 1 == 0);
    let victim = || {
        let remote = knows.then(|| keys_of::<Gullible>(other).public);
        let mut setup = setup_of::<Gullible>(role, own, 11, remote);
        setup.dialled = (role == Role::Initiator) != (how & 4 > 0);
        if how & 8 > 0 {
            setup.link = LINK;
        }
        (Victim::new(NOW, setup).expect("keys of use"), App::default())
    };
    same_however_cut([victim(), victim()], bytes, &cuts);
}

/// Records to a session that has asked for pieces, and knows who it talks to: they mean the same however they are cut, and
/// nothing comes that was not asked for, nor more of it.
///
/// The first byte chooses the part and where they are cut; then comes each record behind its length, two bytes.
pub(crate) fn records(bytes: &[u8]) {
    let Some((how, mut bytes)) = bytes.split_first() else { return };
    let victim = || if how & 1 == 1 { dialler() } else { listener() };
    let mut wire = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (text, rest) = rest.split_at(length);
        put_sealed(&mut wire, text);
        bytes = rest;
    }
    same_however_cut([victim(), victim()], &wire, &Cuts::at(how >> 1));
}

/// But for round trips: whether a `PONG` answers anything depends on whether this side's `PING` went out before it came.
///
/// The application hears all of it, and finds that it is what a session promises.
fn same_however_cut([cut, whole]: [(Victim, App); 2], wire: &[u8], cuts: &Cuts) {
    let told = |(victim, mut app): (Victim, App), parts: &mut dyn Iterator<Item = &[u8]>| {
        let (mut outputs, end) = take(victim, parts);
        outputs.iter().cloned().for_each(|output| app.note(output));
        outputs.retain(|output| !matches!(output, Output::RoundTrip(_)));
        (outputs, end)
    };
    assert_eq!(told(cut, &mut cuts.parts(wire)), told(whole, &mut wire.chunks(wire.len().max(1))));
}

fn take(mut victim: Victim, parts: &mut dyn Iterator<Item = &[u8]>) -> Came {
    let (mut inbox, mut outputs, mut taken) = (Vec::new(), Vec::new(), 0);
    let mut sent = BytesMut::new();
    for part in parts {
        inbox.extend_from_slice(part);
        loop {
            // Some words are taken only once those of this side are out.
            sent.clear();
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

/// A session that was dialled, and has asked for pieces.
fn listener() -> (Victim, App) {
    let mut victim =
        Victim::new(NOW, setup_of::<Gullible>(Role::Responder, 2, 12, None)).expect("keys of use");
    let preamble = Preamble { pattern: Pattern::Ik, role: Role::Initiator, link: LinkId::ACCESS_POINT };
    let mut greeting = preamble.encode_in(Gullible::SUITE).to_vec();
    put_sealed(&mut greeting, &[ANY_KEY; 2 * KEY_LEN + TAG_LEN]);
    hear(&mut victim, greeting);
    while victim.poll_transmit(NOW, &mut BytesMut::new(), 8192) {}
    // That this side answers what came proves that it is no replay.
    let mut first = Vec::new();
    put_sealed(&mut first, &[]);
    hear(&mut victim, first);
    let app = asking(&mut victim);
    (victim, app)
}

/// The same of one that dialled.
fn dialler() -> (Victim, App) {
    let remote = Some(keys_of::<Gullible>(2).public);
    let mut victim =
        Victim::new(NOW, setup_of::<Gullible>(Role::Initiator, 1, 11, remote)).expect("keys of use");
    while victim.poll_transmit(NOW, &mut BytesMut::new(), 8192) {}
    let mut answer = vec![ACCEPTED];
    put_sealed(&mut answer, &[ANY_KEY; KEY_LEN]);
    hear(&mut victim, answer);
    let app = asking(&mut victim);
    (victim, app)
}

/// The victim takes all of these bytes.
fn hear(victim: &mut Victim, mut wire: Vec<u8>) {
    assert_eq!(victim.handle_bytes(NOW, &mut wire), Ok(wire.len()));
    assert!(core::iter::from_fn(|| victim.poll_output()).count() > 0, "it says that the line stands");
}

/// Behind its length a text, and a tag like any other.
fn put_sealed(wire: &mut Vec<u8>, text: &[u8]) {
    wire.extend(((text.len() + TAG_LEN) as u16).to_be_bytes());
    wire.extend(text);
    wire.extend([0; TAG_LEN]);
}

/// Asks for pieces on three channels, of which one is given up; the application that knows of it.
fn asking(victim: &mut Victim) -> App {
    let mut app = App::default();
    for start in [12, 21, 30] {
        let message = app.ask(start, 4, Urgency::Playing).expect("room to ask");
        victim.handle_input(NOW, Input::Send(message)).expect("room to ask");
    }
    let message = app.abort(1).expect("it was asked");
    assert_eq!(message.channel(), Some(2));
    victim.handle_input(NOW, Input::Send(message)).expect("room to give up");
    while victim.poll_transmit(NOW, &mut BytesMut::new(), 8192) {}
    while victim.poll_output().is_some() {}
    app
}
