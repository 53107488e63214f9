//! The lines between houses: links that come about and end, and what is said over them.

use super::listener::End;
use super::town::{News, Text, Town};
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use spotp2p::SessionId;
use spotp2p::access_point::{self, Done};
use spotp2p::node::Input;
use spotproto::message::{Dial, Message};
use spotproto::noise::Role;
use spotproto::{Instant, SessionError};

impl Town {
    /// Both sides dial; whoever comes second finds the other waiting.
    pub(crate) fn link(&mut self, who: usize, session: SessionId, dial: Box<Dial>) {
        let link = dial.link;
        self.listeners[who].known_links.insert(session, link);
        if let Some(request) = self.probes.remove(&link) {
            let input = access_point::Input::Done(request, Done::Probed(true));
            self.put(self.now + self.delay * 4, News::Server(input));
            let input = Input::Disconnected { session, why: Some(SessionError::Lost) };
            return self.put(self.now + self.delay * 4, News::ToListener { to: who, input });
        }
        let Some((other, its, its_dial)) = self.half_links.remove(&link) else {
            self.half_links.insert(link, (who, session, dial));
            return;
        };
        assert!(dial.role != its_dial.role && dial.link_key != its_dial.link_key);
        // What each is told of the other is what the other shows.
        self.listeners[other].shown.push((dial.link_key, dial.pseudonym));
        self.listeners[who].shown.push((its_dial.link_key, its_dial.pseudonym));
        self.listeners[who].links.insert(session, End { listener: other, session: its, link });
        self.listeners[who].met.insert(session, (link, other));
        self.listeners[other].met.insert(its, (link, who));
        self.listeners[other].links.insert(its, End { listener: who, session, link });
        for (to, session, role, peer) in [(who, session, dial.role, other), (other, its, its_dial.role, who)]
        {
            // TCP, then a handshake of one round trip; the responder is sure half a round trip later.
            let address = address(peer);
            let input = Input::Connected { session, confirmed: role == Role::Initiator, address };
            self.put(self.now + self.delay * 4, News::ToListener { to, input });
            let input = Input::RoundTrip { session, span: self.delay * 2 };
            self.put(self.now + self.delay * 4, News::ToListener { to, input });
            if role == Role::Responder {
                self.put(
                    self.now + self.delay * 5,
                    News::ToListener { to, input: Input::Confirmed { session } },
                );
            }
        }
        for (who, session) in [(who, session), (other, its)] {
            let end = self.listeners[who].links[&session];
            for text in self.listeners[who].early.remove(&session).unwrap_or_default() {
                self.say(who, session, end, text);
            }
        }
    }

    pub(crate) fn hang_up(&mut self, who: usize, session: SessionId) {
        if self.listeners[who].server.is_some_and(|(here, _)| here == session) {
            let (_, there) = self.listeners[who].server.take().expect("it is there");
            self.houses.remove(&there);
            self.wire.ends(who, session);
            let input = access_point::Input::Disconnected { session: there };
            return self.put(self.now + self.delay, News::Server(input));
        }
        self.half_links.retain(|_, (of, waiting, _)| (*of, *waiting) != (who, session));
        self.wire.ends(who, session);
        if let Some(end) = self.listeners[who].links.remove(&session) {
            self.wire.ends(end.listener, end.session);
            self.listeners[end.listener].links.remove(&end.session);
            let input = Input::Disconnected { session: end.session, why: Some(SessionError::Lost) };
            self.put(self.now + self.delay, News::ToListener { to: end.listener, input });
        }
    }

    /// A link breaks, at both ends.
    pub(crate) fn cut(&mut self, who: usize, session: SessionId) {
        self.hang_up(who, session);
        self.hear(who, Input::Disconnected { session, why: Some(SessionError::Lost) });
    }

    /// A listener's program ends, however it does: its connections break, and what is under way to it goes nowhere.
    pub(crate) fn goes(&mut self, who: usize) {
        let links: Vec<SessionId> = self.listeners[who].links.keys().copied().collect();
        let server = self.listeners[who].server.map(|(session, _)| session);
        links.into_iter().chain(server).for_each(|session| self.hang_up(who, session));
        self.news.retain(|_, news| match news {
            News::ToListener { to, .. } | News::Look(to) => *to != who,
            _ => true,
        });
        self.half_links.retain(|_, (of, ..)| *of != who);
        self.wire.forgets(who);
        self.listeners[who].at_home = false;
    }

    /// The program of a listener who has left starts again.
    pub(crate) fn comes_home(&mut self, who: usize) {
        if !self.listeners[who].at_home {
            let now = self.now;
            self.listeners[who].starts_anew(now);
            self.drain(who);
        }
    }

    pub(crate) fn send(&mut self, who: usize, to: SessionId, text: Text) {
        let listener = &mut self.listeners[who];
        match (listener.server, listener.links.get(&to).copied()) {
            (Some((here, there)), _) if here == to => {
                self.put(self.now + self.delay, News::ToServer { from: there, text });
            }
            (_, Some(end)) => self.say(who, to, end, text),
            // The other side has not dialled yet: it waits.
            (_, None) if listener.known_links.contains_key(&to) => {
                listener.early.entry(to).or_default().push(text);
            }
            _ => {}
        }
    }

    fn say(&mut self, who: usize, to: SessionId, end: End, text: Text) {
        let stands = self.stands_at(who, to);
        let listener = &mut self.listeners[who];
        let Some((text, late)) = listener.crook.says(text) else { return };
        let free = taken_at(self.now, &mut listener.free, listener.up, &text);
        if let Message::Piece { channel, index, .. } = &text {
            let input = Input::Sent { session: to, channel: *channel, index: *index };
            self.put(free, News::ToListener { to: who, input });
        }
        // Nothing arrives before the link stands.
        let input = Input::Message { from: end.session, message: text };
        self.put((free + self.delay).max(stands) + late, News::ToListener { to: end.listener, input });
    }

    fn stands_at(&self, who: usize, session: SessionId) -> Instant {
        let of = |news: &&News| matches!(news, News::ToListener { to, input: Input::Connected { session: it, .. } } if *to == who && *it == session);
        let at = self.news.iter().find(|(_, news)| of(news)).map(|((at, _), _)| *at);
        at.unwrap_or(self.now)
    }
}

/// Everybody lives in a street of their own.
pub(crate) fn address(who: usize) -> SocketAddr {
    (Ipv4Addr::new(11, 1, u8::try_from(who).expect("a small town"), 1), 4070).into()
}

/// When a line has taken a message. Pieces and what has to come behind them wait for their turn, all else goes first.
pub(crate) fn taken_at(now: Instant, free: &mut Instant, rate: f64, text: &Text) -> Instant {
    let size = match text {
        Message::Piece { data, .. } => data.len(),
        Message::End { .. } | Message::Leaves { .. } => 100,
        _ => return now,
    };
    *free = now.max(*free) + Duration::from_secs_f64(size as f64 / rate);
    *free
}
