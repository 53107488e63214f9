//! How a node's company answers: what a deed means where things stand.

use super::company::{Asked, Company, Line, NAMES, SIGNED, TICKETS};
use super::deeds::{Deed, News, Tune};
use super::lies::{Lie, opened, piece, proof};
use super::shelf::{PIECES, SHELF, Shelf};
use super::tunes::{NEXT, shelf_of};
use super::world::{DATE, HERE, log_in};
use bytes::Bytes;
use core::net::{Ipv4Addr, SocketAddr};
use spotcache::cache::{Content, DiskError, Done, Effect as Work};
use spotp2p::SessionId;
use spotp2p::cdn::Target;
use spotp2p::node::{Input, MirrorNews};
use spotproto::SessionError;
use spotproto::content::FileId;
use spotproto::crypto::{Crypto, PublicKey, RustCrypto};
use spotproto::message::{
    Channel, Dial, Greeting, Hit, Message, PieceRange, Query, Read, Renewed, Slot, Urgency, Want, Wanted,
    Welcome,
};
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::ticket::Pseudonym;

type Text = Message<FileId, Bytes>;

/// Where web servers keep the second tune.
const NEXT_PATH: &str = "/next";

/// Which connections a pick may mean.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// Links, in the making or not.
    Links,
    /// Links that do not stand yet.
    Down,
    /// Links that stand.
    Standing,
    /// Links that stand, over which nobody has said who it is.
    Mute,
    /// Links over which somebody has.
    Greeted,
}

impl Company {
    /// The connection that a pick means, of those that stand or of all.
    fn line(&self, pick: u16, which: Whose) -> Option<SessionId> {
        let fits = |(_, line): &(&SessionId, &Line)| match which {
            Whose::Links => line.dial.is_some(),
            Whose::Down => line.dial.is_some() && !line.stands,
            Whose::Standing => line.dial.is_some() && line.stands,
            Whose::Mute => line.dial.is_some() && line.stands && !line.greeted,
            Whose::Greeted => line.greeted,
        };
        let all: Vec<SessionId> = self.lines.iter().filter(fits).map(|(session, _)| *session).collect();
        picked(pick, &all).copied()
    }

    /// The request that a pick means, of those that `fits`, over lines that stand.
    fn asked(&self, pick: u16, fits: impl Fn(&Asked) -> bool) -> Option<(SessionId, Channel, Asked)> {
        let standing = self.lines.iter().filter(|(_, line)| line.stands);
        let asked =
            standing.flat_map(|(session, line)| line.asked.iter().map(|(at, it)| (*session, *at, it)));
        let all: Vec<_> = asked.filter(|(.., asked)| fits(asked)).collect();
        picked(pick, &all).map(|(session, channel, asked)| (*session, *channel, (*asked).clone()))
    }

    fn say(&mut self, from: SessionId, message: Text) {
        if self.lines.get(&from).is_some_and(|line| line.stands) {
            self.tell(Input::Message { from, message });
        }
    }

    /// Something happens, if it can.
    pub(crate) fn happens(&mut self, deed: Deed) {
        match deed {
            Deed::Command(command) => self.command(command),
            Deed::ServerStands => {
                let down = self.server.filter(|server| !self.lines[server].stands);
                if let Some(session) = down {
                    self.tell(Input::LogIn(log_in()));
                    self.stands(session, true, HERE);
                }
            }
            Deed::ServerGone(why) => {
                if let Some(session) = self.server {
                    self.gone(session, why);
                }
            }
            Deed::Welcome(lie) => self.welcome(lie),
            Deed::Renewed(forged) => {
                if let Some(server) = self.server {
                    let ticket = SIGNED[1][usize::from(forged)];
                    self.say(server, Message::Renewed(Box::new(Renewed { now: DATE, ticket })));
                }
            }
            Deed::Opened(..) | Deed::Leaves(..) | Deed::Piece(..) | Deed::EndsDone => self.delivers(deed),
            Deed::End(pick) | Deed::Refuse(pick, _) => {
                let Some((from, channel, _)) = self.asked(pick, |_| true) else { return };
                if let Some(line) = self.lines.get_mut(&from) {
                    line.asked.remove(&channel);
                }
                self.say(
                    from,
                    match deed {
                        Deed::Refuse(_, why) => Message::Refuse { channel, why },
                        _ => Message::End { channel },
                    },
                );
            }
            Deed::Named(pick, names) => {
                let of = |asked: &Asked| matches!(asked, Asked::Holders | Asked::Pieces { .. });
                let Some((from, channel, _)) = self.asked(pick, of) else { return };
                if Some(from) == self.server {
                    let peers = names.into_iter().map(|n| Pseudonym([n; 16])).collect();
                    self.say(from, Message::Peers { channel, peers });
                }
            }
            Deed::Mirrors(pick, count) => {
                let of = |asked: &Asked| matches!(asked, Asked::Pieces { .. });
                let Some((from, channel, Asked::Pieces { file, .. })) = self.asked(pick, of) else { return };
                if Some(from) == self.server {
                    let path = if file == NEXT.file() { NEXT_PATH } else { "/first" };
                    let mirrors = (0..count).map(|n| format!("http://mirror-{n}{path}").into()).collect();
                    self.say(from, Message::Mirrors { channel, mirrors });
                }
            }
            Deed::Dial { asked, name, again } => self.dial(asked, name, again),
            Deed::LinkStands(pick, confirmed, near) => {
                if let Some(session) = self.line(pick, Whose::Down) {
                    let net = if near { 10 } else { 11 };
                    self.stands(session, confirmed, (Ipv4Addr::new(net, 0, 0, 9), 4070).into());
                }
            }
            Deed::Confirmed(pick) => {
                if let Some(session) = self.line(pick, Whose::Standing) {
                    self.lines.get_mut(&session).expect("it is there").confirmed = true;
                    self.tell(Input::Confirmed { session });
                }
            }
            Deed::Greet(pick, lie) => self.greet(pick, lie),
            Deed::LinkGone(pick, why) => {
                if let Some(session) = self.line(pick, Whose::Links) {
                    self.gone(session, why);
                }
            }
            Deed::RoundTrip(pick, span) => {
                let all: Vec<SessionId> = self.lines.keys().copied().collect();
                if let Some(session) = picked(pick, &all).copied() {
                    self.tell(Input::RoundTrip { session, span });
                }
            }
            Deed::Mirror(pick, news) => self.mirror(pick, news),
            Deed::Disk(pick, lie) => self.work(pick, lie),
            other => self.peer(other),
        }
    }

    fn stands(&mut self, session: SessionId, confirmed: bool, address: SocketAddr) {
        let line = self.lines.get_mut(&session).expect("it is there");
        (line.stands, line.confirmed) = (true, confirmed);
        self.tell(Input::Connected { session, confirmed, address });
    }

    fn gone(&mut self, session: SessionId, why: Option<SessionError>) {
        self.forget(session);
        self.tell(Input::Disconnected { session, why });
    }

    fn welcome(&mut self, lie: Lie) {
        let Some(server) = self.server else { return };
        let [mine, forged] = SIGNED[1];
        let ticket = match lie {
            Lie::Altered => forged,
            Lie::Another => SIGNED[2][0],
            _ => mine,
        };
        let issuer = RustCrypto::verifying_key(&TICKETS);
        let welcome = Welcome { pseudonym: Pseudonym([1; 16]), ticket, issuer, now: DATE };
        self.say(server, Message::Welcome(Box::new(welcome)));
    }

    /// Whoever was asked for a file brings it, or something else.
    fn delivers(&mut self, deed: Deed) {
        match deed {
            Deed::Opened(pick, lie) => {
                let of = |asked: &Asked| matches!(asked, Asked::Open { .. });
                let Some((from, channel, Asked::Open { wanted, credit })) = self.asked(pick, of) else {
                    return;
                };
                let shelf = match wanted {
                    Wanted::File(file) => shelf_of(&file),
                    Wanted::Track(_) => shelf_of(&FileId([pick as u8; 32])),
                };
                let opened = Box::new(opened(shelf, credit.min(PIECES), lie));
                let pieces = opened.first.iter().flat_map(|range| range.start..range.end());
                let left = pieces.take(credit as usize).collect();
                self.expects(from, channel, Asked::Pieces { file: shelf.file(), left, leaves: None });
                self.say(from, Message::Opened { channel, opened });
            }
            Deed::Leaves(pick, lie) => {
                let of = |asked: &Asked| matches!(asked, Asked::Pieces { leaves: Some(_), .. });
                let Some((from, channel, Asked::Pieces { file, left, leaves: Some(range) })) =
                    self.asked(pick, of)
                else {
                    return;
                };
                self.expects(from, channel, Asked::Pieces { file, left, leaves: None });
                let leaves = Box::new(proof(shelf_of(&file), range, lie));
                self.say(from, Message::Leaves { channel, leaves });
            }
            Deed::Piece(pick, lie) => {
                let of = |asked: &Asked| matches!(asked, Asked::Pieces { left, .. } if !left.is_empty());
                let Some((from, channel, Asked::Pieces { file, mut left, leaves })) = self.asked(pick, of)
                else {
                    return;
                };
                let index = left.pop_front().expect("one is left");
                self.expects(from, channel, Asked::Pieces { file, left, leaves });
                let data = piece(shelf_of(&file), index, lie);
                self.say(from, Message::Piece { channel, index, data });
            }
            _ => {
                let over = |asked: &Asked| matches!(asked, Asked::Pieces { left, leaves: None, .. } if left.is_empty());
                if let Some((from, channel, _)) = self.asked(0, over) {
                    self.lines.get_mut(&from).expect("it is there").asked.remove(&channel);
                    self.say(from, Message::End { channel });
                }
            }
        }
    }

    fn expects(&mut self, from: SessionId, channel: Channel, asked: Asked) {
        self.lines.get_mut(&from).expect("it is there").asked.insert(channel, asked);
    }

    /// The access point has a link made: one that was asked for, or one that somebody else asked for.
    fn dial(&mut self, asked: Option<u16>, name: u8, again: bool) {
        let Some(server) = self.server else { return };
        let mut pseudonym = Pseudonym([name; 16]);
        if let Some(pick) = asked {
            let of = |asked: &Asked| matches!(asked, Asked::Links(peers) if !peers.is_empty());
            let Some((from, channel, Asked::Links(mut peers))) = self.asked(pick, of) else { return };
            pseudonym = peers.remove(usize::from(name) % peers.len());
            self.expects(from, channel, Asked::Links(peers));
        }
        self.links_made += u16::from(!again);
        let mut link = LinkId([7; 16]);
        link.0[..2].copy_from_slice(&self.links_made.to_be_bytes());
        let role = if name.is_multiple_of(2) { Role::Initiator } else { Role::Responder };
        let addresses = vec![(Ipv4Addr::new(11, 0, 0, name), 4070).into()];
        let link_key = PublicKey([pseudonym.0[0]; 32]);
        self.say(server, Message::Dial(Box::new(Dial { link, role, pseudonym, link_key, addresses })));
    }

    fn greet(&mut self, pick: u16, lie: Lie) {
        let Some(from) = self.line(pick, Whose::Mute) else { return };
        let Some(name) = self.lines[&from].dial.as_ref().map(|dial| dial.pseudonym.0[0] % (NAMES + 1)) else {
            return;
        };
        let ticket = match lie {
            Lie::Altered => SIGNED[usize::from(name)][1],
            Lie::Another => SIGNED[usize::from(name / 2 + 1)][0],
            _ => SIGNED[usize::from(name)][0],
        };
        self.lines.get_mut(&from).expect("it is there").greeted = true;
        self.say(from, Message::Greeting(Box::new(Greeting { ticket })));
    }

    /// A peer says something that it was not asked for.
    fn peer(&mut self, deed: Deed) {
        match deed {
            Deed::Slot(pick, place) => {
                let of = |asked: &Asked| matches!(asked, Asked::Slot);
                if let Some((from, channel, _)) = self.asked(pick, of) {
                    let slot = Slot { place, held: Vec::new() };
                    self.say(from, Message::Slot { channel, slot });
                }
            }
            Deed::Query { by, id, file, hops } => {
                if let Some(from) = self.line(by, Whose::Greeted) {
                    self.say(from, Message::Query(Query { id, file: file.file(), hops }));
                }
            }
            Deed::Hit { query, names, stray } => {
                let Some((from, id)) = picked(query, &self.queries).copied() else { return };
                let peers = names.into_iter().map(|n| Pseudonym([n; 16])).collect();
                self.say(from, Message::Hit(Hit { id: id ^ u64::from(stray), peers }));
            }
            Deed::Want(by, file, urgency) => {
                let Some((from, channel)) = self.new_read(by) else { return };
                self.lines.get_mut(&from).expect("it is there").wants.insert(channel);
                self.say(from, Message::Want { channel, want: Want { file: file.file(), urgency } });
            }
            Deed::Read { by, file, pieces, leaves } => {
                let Some((from, channel)) = self.new_read(by) else { return };
                let read = Read { file: file.file(), pieces, urgency: Urgency::Playing, leaves };
                let order = (pieces.start..pieces.end()).take(256).collect();
                self.lines.get_mut(&from).expect("it is there").reads.insert(channel, (read.file, order));
                self.say(from, Message::Read { channel, read });
            }
            Deed::Served => self.served(),
            Deed::Abort(by, back) => {
                let Some(from) = self.line(by, Whose::Greeted) else { return };
                let line = self.lines.get_mut(&from).expect("it is there");
                let Some(channel) = line.last_read.checked_sub(back.into()) else { return };
                line.reads.remove(&channel);
                line.wants.remove(&channel);
                self.going.retain(|(of, on, _)| (*of, *on) != (from, channel));
                self.say(from, Message::Abort { channel });
            }
            Deed::Took(pick) => {
                let all = self.going.len();
                if all > 0 {
                    let (session, channel, index) = self.going.remove(usize::from(pick) % all);
                    self.tell(Input::Sent { session, channel, index });
                }
            }
            Deed::Rude(by) => {
                if let Some(from) = self.line(by, Whose::Standing) {
                    self.say(from, Message::Renew { port: 1 });
                    // What may be a replay is not heard yet.
                    let heard = self.lines.get(&from).is_some_and(|line| line.confirmed);
                    assert!(!heard, "{from:?} may say anything");
                }
            }
            other => unreachable!("{other:?} is no peer's"),
        }
    }

    /// The first neighbour wants the first tune, or asks for pieces of it if it has asked for nothing else.
    fn served(&mut self) {
        let Some(first) = self.line(0, Whose::Greeted).and_then(|session| self.lines.get(&session)) else {
            return;
        };
        let start = first.last_read * 7 % PIECES;
        let deed = if first.wants.is_empty() {
            Deed::Want(0, Tune::First, Urgency::Playing)
        } else {
            let pieces = PieceRange { start, count: 3.min(PIECES - start) };
            Deed::Read { by: 0, file: Tune::First, pieces, leaves: start.is_multiple_of(2).then_some(pieces) }
        };
        self.peer(deed);
    }

    /// A new request of a peer, on a channel above all before, as the session makes sure of.
    fn new_read(&mut self, by: u16) -> Option<(SessionId, Channel)> {
        let from = self.line(by, Whose::Greeted)?;
        let line = self.lines.get_mut(&from)?;
        line.last_read += 1;
        Some((from, line.last_read))
    }

    fn mirror(&mut self, pick: u16, news: News) {
        let all = self.fetches.len();
        if all == 0 {
            return;
        }
        let at = usize::from(pick) % all;
        let (request, left, target) = &mut self.fetches[at];
        let (request, index) = (*request, left.front().copied());
        let news = match (news, index) {
            (News::Piece(lie), Some(index)) => {
                left.pop_front();
                let data = piece(shelf_at(target), index, lie);
                return self.tell(Input::Mirror { request, news: MirrorNews::Piece { index, data } });
            }
            (News::Moved, _) => MirrorNews::Moved(target.clone()),
            (News::Refused, _) => MirrorNews::Refused,
            (News::Failed, _) => MirrorNews::Failed,
            (News::Finished | News::Piece(_), _) => MirrorNews::Finished,
        };
        self.fetches.remove(at);
        self.tell(Input::Mirror { request, news });
    }

    /// The disk does some work: a read in any order, anything else in its turn.
    fn work(&mut self, pick: u16, lie: Lie) {
        let Some((disk, works)) = self.disk.as_mut().filter(|(_, works)| !works.is_empty()) else { return };
        let is_read = |work: &Work<FileId, Bytes>| matches!(work, Work::Read { .. });
        let picked = usize::from(pick) % works.len();
        let first = works.iter().position(|work| !is_read(work)).unwrap_or(picked);
        let at = if is_read(&works[picked]) { picked } else { first };
        let work = works.remove(at).expect("it is there");
        disk.refuses = match lie {
            Lie::Short => Some(DiskError::Full),
            Lie::Nothing => Some(DiskError::Failed),
            Lie::TooMuch => Some(DiskError::Busy),
            _ => None,
        };
        let (refuses, read) = (disk.refuses, is_read(&work));
        let (request, mut done) = disk.carry_out(work);
        if let (Done::Read(read), Some(why)) = (&mut done, refuses) {
            *read = Err(why);
        }
        if let Done::Read(Ok(Content::Piece(bytes) | Content::Sealed(bytes))) = &mut done {
            match lie {
                Lie::Altered => *bytes = bytes.iter().map(|byte| byte ^ 1).collect(),
                Lie::Another => *bytes = Bytes::from_static(b"something else"),
                _ => {}
            }
        }
        if read && lie == Lie::Another && pick % 2 == 1 {
            done = Done::Carried(Ok(()));
        }
        self.tell(Input::Disk(request, done));
    }
}

fn picked<T>(pick: u16, all: &[T]) -> Option<&T> {
    all.get(usize::from(pick) % all.len().max(1))
}

/// The tune that lies at an address.
fn shelf_at(target: &Target) -> &'static Shelf {
    if target.url().path() == NEXT_PATH { &NEXT } else { &SHELF }
}
