//! Who plays, and what is counted of it: sound begins with two pieces, and stops where one is missing.

use super::Home;
use crate::engine::names::{Name, Piece};
use crate::engine::net::{Net, What};
use crate::engine::world::SECOND;
use spotp2p::node::{Command, Input};
use spotp2p::planner::Kind;
use spotproto::content::{BLOCK_LEN, PIECE_LEN};
use spotproto::message::Wanted;

/// How long somebody waits for the sound before trying something else.
const PATIENCE: u64 = 20 * SECOND;

/// Files of which it is known where each piece came from: what plays, what comes next, and what was left a moment ago.
const BOOKS: usize = 4;

/// A track that somebody listens to.
#[derive(Debug)]
pub(crate) struct Play {
    pub(crate) file: u32,
    pub(crate) pieces: u32,
    /// Microseconds of music, and bytes of it.
    length: u64,
    bytes: u64,
    /// Pieces that the player has.
    have: Box<[u64]>,
    /// The piece that is needed next.
    next: u32,
    state: State,
    asked_at: u64,
    looks_at: u64,
    /// Music after which the listener has had enough, in microseconds.
    leaves: u64,
    predictable: bool,
    /// All that sounds first was here at the word.
    held: bool,
    stuttered: bool,
    sounded: bool,
    requests: u32,
    look_up: Option<LookUp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// For the first pieces.
    Waits,
    /// For the decoder.
    Starts,
    /// The music's beginning would have sounded then.
    Sounds(u64),
    /// Since then nothing sounds.
    Stopped(u64),
}

/// Who was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct LookUp {
    by_tracker: bool,
    named: u64,
    /// Hits that counted before.
    hits_before: u32,
}

/// Where each piece of a file came from: 0 for none, else one more than the number of a [`Kind`]; and whether it was played.
#[derive(Debug)]
pub(crate) struct Book {
    file: u32,
    from: Box<[u8]>,
}

const PLAYED: u8 = 1 << 7;

const KINDS: [Kind; 5] = [Kind::Cache, Kind::Lan, Kind::Peer, Kind::Cdn, Kind::Server];

impl Play {
    fn has(&self, piece: u32) -> bool {
        piece >= self.pieces
            || self.have.get(piece as usize / 64).is_some_and(|word| word >> (piece % 64) & 1 == 1)
    }

    fn set(&mut self, piece: u32, has: bool) {
        if let Some(word) = self.have.get_mut(piece as usize / 64) {
            let bit = 1 << (piece % 64);
            *word = if has { *word | bit } else { *word & !bit };
        }
    }

    /// When a piece is due, in microseconds of music.
    fn due(&self, piece: u32) -> u64 {
        let at = (u64::from(piece) * u64::from(BLOCK_LEN as u32)).saturating_sub(4000);
        at.min(self.bytes) * self.length / self.bytes.max(1)
    }

    fn is_ready(&self) -> bool {
        self.has(0) && self.has(self.next) && self.has(self.next + 1)
    }
}

impl Home {
    /// Somebody wants to hear a file.
    pub(super) fn plays(&mut self, net: &mut Net<'_>, file: u32, predictable: bool, leaves: u64) {
        let facts = net.world.catalogue.facts(file);
        let pieces = facts.pieces();
        let cache = self.node.as_ref().and_then(|node| node.cache());
        let held = cache.is_some_and(|cache| (0..2).all(|piece| cache.holds(&Name(file), piece)));
        self.play = Some(Box::new(Play {
            file,
            pieces,
            length: u64::from(facts.millis) * 1000,
            bytes: u64::from(facts.bytes) - 4000,
            have: vec![0; pieces.div_ceil(64) as usize].into_boxed_slice(),
            next: 0,
            state: State::Waits,
            asked_at: net.now,
            looks_at: 0,
            leaves,
            predictable,
            held,
            stuttered: false,
            sounded: false,
            requests: 0,
            look_up: None,
        }));
        self.look_at(net, net.now + PATIENCE);
        self.is_told(net, Input::Command(Command::Open { wanted: Wanted::File(Name(file)), at_ms: 0 }));
    }

    fn look_at(&mut self, net: &mut Net<'_>, at: u64) {
        if let Some(play) = self.play.as_mut() {
            play.looks_at = at;
            net.later(at, What::Look);
        }
    }

    /// The player gets a piece.
    pub(super) fn has_piece(&mut self, net: &mut Net<'_>, piece: u32, has: bool) {
        let Some(play) = self.play.as_mut() else { return };
        play.set(piece, has);
        if !play.is_ready() {
            return;
        }
        match play.state {
            State::Waits => {
                play.state = State::Starts;
                let decoder = (net.world.scenario.player.decoder_ms * 1000.0) as u64;
                self.look_at(net, net.now + decoder);
            }
            State::Stopped(_) => self.look_at(net, net.now),
            _ => {}
        }
    }

    pub(super) fn lacks_piece(&mut self, piece: u32) {
        if let Some(play) = self.play.as_mut() {
            play.set(piece, false);
        }
    }

    /// The track can't be had.
    pub(super) fn is_refused(&mut self, net: &mut Net<'_>) {
        self.look_at(net, net.now + SECOND);
        if let Some(play) = self.play.as_mut() {
            play.leaves = 0;
        }
    }

    /// The player looks at its clock.
    pub(super) fn looks(&mut self, net: &mut Net<'_>) {
        let Some(play) = self.play.as_mut().filter(|play| play.looks_at == net.now) else { return };
        match play.state {
            State::Waits => self.goes_on(net),
            State::Starts => self.sounds(net),
            State::Stopped(_) if !play.is_ready() => self.goes_on(net),
            State::Stopped(since) => {
                let silence = net.now - since;
                if let Some(tally) = net.tally() {
                    tally.stutters.silence.record(silence);
                }
                self.sounds(net);
            }
            State::Sounds(began) => self.reads(net, began),
        }
    }

    /// The sound begins, or goes on.
    fn sounds(&mut self, net: &mut Net<'_>) {
        let Some(play) = self.play.as_mut() else { return };
        let at = play.due(play.next);
        let began = net.now.saturating_sub(at);
        play.state = State::Sounds(began);
        let first = !core::mem::replace(&mut play.sounded, true);
        let (took, predictable, held) = (net.now - play.asked_at, play.predictable, play.held);
        if first {
            if let Some(tally) = net.tally() {
                let starts = &mut tally.starts;
                starts.all.record(took);
                let held = if held { &mut starts.held } else { &mut starts.fetched };
                held.record(took);
                let kind = if predictable { &mut starts.predictable } else { &mut starts.random };
                kind.record(took);
            }
            if let Some(hour) = net.hour() {
                hour.starts += 1;
            }
        }
        let at_ms = (at / 1000) as u32;
        self.is_told(net, Input::Command(Command::Sounds { at_ms }));
        self.reads(net, began);
    }

    /// The decoder takes what is due.
    fn reads(&mut self, net: &mut Net<'_>, began: u64) {
        let mut news = None;
        let Some(play) = self.play.as_mut() else { return };
        let at = net.now - began;
        let over = at >= play.leaves.min(play.length);
        while play.next < play.pieces && play.due(play.next) <= at && !over {
            let (file, piece) = (play.file, play.next);
            if !play.has(piece) {
                play.state = State::Stopped(net.now);
                play.stuttered = true;
                let at_ms = (play.due(piece) / 1000) as u32;
                self.look_at(net, net.now + PATIENCE);
                return self.is_told(net, Input::Command(Command::Silent { at_ms }));
            }
            play.next += 1;
            news = Some(play.next.min(play.pieces - 1));
            count_played(net, &mut self.books, file, piece);
        }
        if over {
            return self.goes_on(net);
        }
        let due = if play.next < play.pieces { play.due(play.next) } else { u64::MAX };
        let next = began + due.min(play.leaves).min(play.length);
        self.look_at(net, next.max(net.now + 1));
        if let Some(piece) = news {
            self.is_told(net, Input::Command(Command::Reading { piece }));
        }
    }

    /// A play is over, for whatever reason.
    pub(super) fn over(&mut self, net: &mut Net<'_>) {
        let Some(play) = self.play.take() else { return };
        let hits = self.hits;
        if let Some(tally) = net.tally() {
            if play.sounded {
                tally.stutters.plays += 1;
                tally.stutters.stuttered += u64::from(play.stuttered);
            } else {
                tally.starts.given_up += 1;
            }
            if play.requests > 0 {
                tally.server.requests.record(play.requests.into());
            }
            if let Some(look_up) = play.look_up {
                let found = &mut tally.found;
                let by_overlay = hits != look_up.hits_before;
                *match (look_up.by_tracker, by_overlay) {
                    (true, true) => &mut found.both,
                    (true, false) => &mut found.tracker,
                    (false, true) => &mut found.overlay,
                    (false, false) => &mut found.nobody,
                } += 1;
                found.named.record(look_up.named + u64::from(hits.saturating_sub(look_up.hits_before)));
            }
        }
        if play.stuttered
            && let Some(hour) = net.hour()
        {
            hour.stuttered += 1;
        }
        self.closes_book(net, play.file);
    }

    /// Pieces came over a network.
    pub(super) fn fetched(&mut self, net: &mut Net<'_>, data: Piece, piece: u32, kind: Kind) {
        if self.books.iter().all(|book| book.file != data.file) {
            let playing = self.play.as_ref().map(|play| play.file);
            if self.books.len() >= BOOKS
                && let Some(old) = self.books.iter().map(|book| book.file).find(|it| Some(*it) != playing)
            {
                self.closes_book(net, old);
            }
            let pieces = net.world.catalogue.facts(data.file).pieces() as usize;
            self.books.push(Book { file: data.file, from: vec![0; pieces].into_boxed_slice() });
        }
        let Some(book) = self.books.iter_mut().find(|book| book.file == data.file) else { return };
        let Some(place) = book.from.get_mut(piece as usize) else { return };
        let again = *place != 0 || !data.genuine;
        if !again {
            *place = kind as u8 + 1;
        }
        let bytes = u64::from(data.size);
        if let Some(tally) = net.tally() {
            tally.fetched.count(kind, bytes);
            if again && kind == Kind::Peer {
                tally.peers.twice += bytes;
            }
        }
        if let Some(hour) = net.hour() {
            hour.fetched.count(kind, bytes);
        }
    }

    /// What came of a file and was not played is of no use any more.
    fn closes_book(&mut self, net: &mut Net<'_>, file: u32) {
        let Some(at) = self.books.iter().position(|book| book.file == file) else { return };
        let book = self.books.remove(at);
        let peer = |from: &u8| from & !PLAYED == Kind::Peer as u8 + 1;
        let of_peers = book.from.iter().filter(|from| peer(from));
        let (played, not) =
            of_peers.fold(
                (0, 0),
                |(played, not), from| {
                    if from & PLAYED != 0 { (played + 1, not) } else { (played, not + 1) }
                },
            );
        if let Some(tally) = net.tally() {
            tally.peers.used += played * PIECE_LEN as u64;
            tally.peers.unused += not * PIECE_LEN as u64;
        }
    }

    /// Pieces are asked of the access point.
    pub(super) fn asks(&mut self, net: &mut Net<'_>, pieces: u32) {
        if pieces == 0 {
            return;
        }
        if let Some(play) = self.play.as_mut() {
            play.requests += 1;
        }
        if let Some(tally) = net.tally() {
            tally.server.asked.record(u64::from(pieces) * PIECE_LEN as u64);
        }
    }

    /// Holders of a file are looked for.
    pub(super) fn looks_up(&mut self, file: u32) {
        let hits = self.hits;
        if let Some(play) = self.play.as_mut().filter(|play| play.file == file && play.look_up.is_none()) {
            play.look_up = Some(LookUp { by_tracker: false, named: 0, hits_before: hits });
        }
    }

    /// The access point named somebody.
    pub(super) fn names(&mut self, count: u64) {
        if let Some(look_up) = self.play.as_mut().and_then(|play| play.look_up.as_mut()) {
            look_up.by_tracker = true;
            look_up.named += count;
        }
    }
}

fn count_played(net: &mut Net<'_>, books: &mut [Book], file: u32, piece: u32) {
    let book = books.iter_mut().find(|book| book.file == file);
    let from = book.and_then(|book| book.from.get_mut(piece as usize));
    let kind = from.map_or(Kind::Cache, |from| {
        let kind = usize::from(*from & !PLAYED).checked_sub(1).map_or(Kind::Cache, |kind| KINDS[kind]);
        *from |= PLAYED;
        kind
    });
    let bytes = super::piece_of(net.world, file, piece).map_or(0, |data| u64::from(data.size));
    if let Some(tally) = net.tally() {
        tally.played.count(kind, bytes);
    }
    if let Some(hour) = net.hour() {
        hour.played.count(kind, bytes);
    }
}
