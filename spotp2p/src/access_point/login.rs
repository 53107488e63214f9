//! Who is there, and the log-in. Nothing here changes state on the word of what may be a replay.

use super::{AccessPoint, Event, Output};
use crate::SessionId;
use crate::payload::FileKey;
use alloc::boxed::Box;
use spotproto::crypto::{Crypto, PublicKey};
use spotproto::message::{Hello, Message, Welcome};
use spotproto::ticket::{Pseudonym, Rights, Ticket};
use spotproto::{CloseCode, Instant, UnixTime};

impl<K: FileKey, B, C: Crypto> AccessPoint<K, B, C> {
    pub(super) fn established(&mut self, now: Instant, id: SessionId, device: PublicKey, confirmed: bool) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.device = Some(device);
        if confirmed {
            self.confirmed(now, id);
        }
    }

    /// The connection is live: only now it counts as one, and a log-in that waited takes effect.
    pub(super) fn confirmed(&mut self, now: Instant, id: SessionId) {
        self.door.leave(id);
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.confirmed = true;
        if let Some(hello) = session.hello.take() {
            self.log_in(now, id, &hello);
        }
        self.fetch(id);
    }

    pub(super) fn hello(&mut self, now: Instant, id: SessionId, hello: &Hello) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.confirmed {
            self.log_in(now, id, hello);
        } else {
            session.hello = Some(Box::new(hello.clone()));
        }
    }

    fn log_in(&mut self, now: Instant, id: SessionId, hello: &Hello) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(device) = session.device else { return };
        if core::mem::replace(&mut session.logged_in, true) {
            return self.hang_up(id, CloseCode::Protocol);
        }
        self.logins += 1;
        let date = self.date(now);
        let ticket = self.ticket(now, self.fresh_pseudonym(), hello.link_key);
        let welcome = Welcome {
            pseudonym: ticket.pseudonym,
            ticket: ticket.sign::<C>(&self.config.ticket_key),
            issuer: self.issuer,
            now: date,
        };
        self.send(id, Message::Welcome(Box::new(welcome)));
        self.enter_peers(now, id, &ticket, hello.port);
        self.out.push(Output::Event(Event::LoggedIn { session: id, device }));
    }

    /// Sixteen bytes that nobody else can foresee and that never come twice.
    fn fresh_pseudonym(&self) -> Pseudonym {
        Pseudonym(self.fresh(b"spot pseudonym v1", self.logins))
    }

    pub(super) fn fresh(&self, label: &[u8], number: u64) -> [u8; 16] {
        let digest = C::hmac(&self.config.pseudonym_key.0, &[label, &number.to_be_bytes()]);
        let mut half = [0; 16];
        half.copy_from_slice(digest.first_chunk::<16>().map_or(&[0; 16], |half| half));
        half
    }

    /// What binds a pseudonym and a link key, from now on.
    pub(super) fn ticket(&self, now: Instant, pseudonym: Pseudonym, link_key: PublicKey) -> Ticket {
        let not_after = self.date(now).plus(self.config.ticket_lasts);
        Ticket { pseudonym, link_key, rights: Rights::default(), not_after }
    }

    pub(super) fn date(&self, now: Instant) -> UnixTime {
        let (read_at, date) = self.config.date;
        date.plus(now.since(read_at))
    }
}
