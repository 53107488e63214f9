//! What this log-in is among peers: its name, its ticket, its key.

use super::{Event, Node, Output, Timer};
use crate::payload::{FileKey, Payload};
use alloc::boxed::Box;
use core::time::Duration;
use spotproto::crypto::{Crypto, PublicKey, VerifyingKey};
use spotproto::message::{Message, Renewed, Urgency, Welcome};
use spotproto::ticket::SignedTicket;
use spotproto::{Instant, UnixTime};

/// A log-in that the access point answered.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) ticket: SignedTicket,
    /// What tickets of others are checked with.
    pub(super) issuer: VerifyingKey,
    /// The key that the ticket names.
    pub(super) link_key: PublicKey,
    /// A moment, and the access point's date then: tickets are judged by that, whatever this machine's clock says.
    dated: (Instant, UnixTime),
}

impl Member {
    /// The access point's date.
    pub(super) fn date(&self, now: Instant) -> UnixTime {
        let (at, date) = self.dated;
        date.plus(now.since(at))
    }
}

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    /// The access point answered the log-in. Whatever peers knew this client by is left behind.
    pub(super) fn welcomed(&mut self, now: Instant, welcome: &Welcome) {
        let Some(log_in) = self.log_in.take() else { return };
        self.server.logged_in = true;
        self.out.push(Output::Event(Event::LoggedIn));
        let Welcome { pseudonym, ticket, issuer, now: date } = *welcome;
        self.drop_all_making(now);
        self.member = None;
        let stated = ticket.verify::<C>(&issuer, date).ok();
        if let Some(stated) = stated.filter(|it| it.pseudonym == pseudonym && it.link_key == log_in.link_key)
        {
            self.member =
                Some(Box::new(Member { ticket, issuer, link_key: log_in.link_key, dated: (now, date) }));
            self.swarm.new_log_in(now, pseudonym, log_in.seed);
            self.renew_in_time(now, date, stated.not_after);
        }
        self.say_playing();
        self.announce_all(now);
        for class in Urgency::ALL {
            if self.track(class).is_some_and(|track| !track.names_holders) {
                self.meet_holders(now, class);
            }
        }
    }

    /// The ticket is about to end.
    pub(super) fn renew(&mut self) {
        if self.server.logged_in {
            self.send_server(Message::Renew { port: self.settings.port });
        }
    }

    /// A new ticket.
    pub(super) fn renewed(&mut self, now: Instant, renewed: &Renewed) {
        let Some(member) = self.member.as_mut() else { return };
        let Ok(stated) = renewed.ticket.verify::<C>(&member.issuer, renewed.now) else { return };
        if stated.link_key == member.link_key {
            member.ticket = renewed.ticket;
            member.dated = (now, renewed.now);
            self.renew_in_time(now, renewed.now, stated.not_after);
        }
    }

    /// A quarter of its time is left then: enough for a connection that is just being made again.
    fn renew_in_time(&mut self, now: Instant, date: UnixTime, not_after: UnixTime) {
        let lasts = not_after.0.saturating_sub(date.0);
        self.timers.set(Timer::Renew, now + Duration::from_secs((lasts - lasts / 4).max(1)));
    }
}
