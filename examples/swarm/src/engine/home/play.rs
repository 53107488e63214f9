//! Who plays, and what is counted of it: sound begins when the client says so, and stops where a piece is missing.

use super::Home;
use super::book::count_played;
use super::look_up::LookUp;
use super::pieces::Pieces;
use crate::engine::names::{Name, Piece};
use crate::engine::net::{Net, What};
use crate::engine::world::SECOND;
use crate::metrics::{Heard, Sources};
use crate::scenario::LAST_S;
use spotp2p::node::{Command, Input};
use spotp2p::planner::Kind;
use spotproto::content::{BLOCK_LEN, PIECE_LEN};
use spotproto::message::Wanted;

/// How long somebody waits for the sound before trying something else.
const PATIENCE: u64 = 20 * SECOND;

/// Who hears all but so much of a track has come to its end.
const LAST: u64 = (LAST_S * SECOND as f64) as u64;

/// Pieces of a track that sound first.
const BEGINS: u32 = 2;

/// A track that somebody listens to.
#[derive(Debug)]
pub(crate) struct Play {
    pub(crate) file: u32,
    /// Microseconds of music, and bytes of it.
    length: u64,
    bytes: u64,
    /// Pieces that the player has.
    pub(super) have: Pieces,
    /// The piece that is needed next.
    next: u32,
    state: State,
    asked_at: u64,
    /// When the decoder has its first samples, once it has the pieces for that.
    decoded_at: Option<u64>,
    /// The client said that the sound may start.
    may_start: bool,
    looks_at: u64,
    /// Music after which the listener has had enough, in microseconds.
    leaves: u64,
    predictable: bool,
    /// All that sounds first was here at the word.
    held: bool,
    /// It was in the cache before anybody thought of it for this play.
    kept: bool,
    stutters: u32,
    /// From the word to the sound, in microseconds.
    started: Option<u64>,
    requests: u32,
    /// What of it came to the player.
    came: Sources,
    /// Its place in a written list.
    pub(super) number: Option<u32>,
    pub(super) look_up: Option<LookUp>,
}

/// What most likely follows, as far as the program knows.
#[derive(Debug)]
pub(crate) struct Next {
    pub(super) file: u32,
    /// All that sounds first was in the cache when this was thought of.
    kept: bool,
    /// Pieces of it that the program has been given ahead.
    have: Pieces,
    came: Sources,
    /// When its decoder, which is opened ahead, has its first samples.
    decoded_at: Option<u64>,
    pub(super) look_up: Option<LookUp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// For the client's word and the first pieces.
    Waits,
    /// For the decoder.
    Starts,
    /// The music's beginning would have sounded then.
    Sounds(u64),
    /// Since then nothing sounds.
    Stopped(u64),
}

impl Next {
    /// The program has been given nothing of it.
    fn none(file: u32, pieces: u32, kept: bool) -> Self {
        let have = Pieces::none(pieces);
        Self { file, kept, have, came: Sources::default(), decoded_at: None, look_up: None }
    }
}

/// How long a decoder takes to its first samples, in microseconds.
fn decoder(net: &Net<'_>) -> u64 {
    (net.world.scenario.player.decoder_ms * 1000.0) as u64
}

impl Play {
    /// When a piece is due, in microseconds of music.
    fn due(&self, piece: u32) -> u64 {
        let at = (u64::from(piece) * u64::from(BLOCK_LEN as u32)).saturating_sub(4000);
        at.min(self.bytes) * self.length / self.bytes.max(1)
    }

    /// Counts how long it took from the word to the sound.
    fn counts_start(&self, net: &mut Net<'_>, took: u64) {
        let Some(tally) = net.tally() else { return };
        let starts = &mut tally.starts;
        starts.all.record(took);
        let held = if self.held { &mut starts.held } else { &mut starts.fetched };
        held.record(took);
        if !self.kept {
            starts.new.record(took);
        }
        let kind = if self.predictable { &mut starts.predictable } else { &mut starts.random };
        kind.record(took);
    }

    /// Whether the decoder has what it needs to go on: the headers, and what sounds next.
    fn is_ready(&self) -> bool {
        self.have.has(0) && self.have.has(self.next)
    }
}

impl Home {
    /// Somebody wants to hear a file.
    pub(super) fn plays(&mut self, net: &mut Net<'_>, file: u32, predictable: bool, leaves: u64) {
        let facts = net.world.catalogue.facts(file);
        let guessed = self.next.take_if(|next| next.file == file);
        let guessed = guessed.unwrap_or_else(|| Box::new(Next::none(file, facts.pieces(), self.keeps(file))));
        let Next { kept, have, came, decoded_at, look_up, .. } = *guessed;
        let cache = self.node.as_ref().and_then(|node| node.cache());
        let is_here = |piece| have.has(piece) || cache.is_some_and(|cache| cache.holds(&Name(file), piece));
        let held = (0..BEGINS).all(is_here);
        self.play = Some(Box::new(Play {
            file,
            length: u64::from(facts.millis) * 1000,
            bytes: u64::from(facts.bytes) - 4000,
            have,
            next: 0,
            state: State::Waits,
            asked_at: net.now,
            decoded_at,
            may_start: false,
            looks_at: 0,
            leaves,
            predictable,
            held,
            kept,
            stutters: 0,
            started: None,
            requests: 0,
            came,
            number: None,
            look_up,
        }));
        self.look_at(net, net.now + PATIENCE);
        self.is_told(net, Input::Command(Command::Open { wanted: Wanted::File(Name(file)), at_ms: 0 }));
        // What came ahead is here already.
        self.may_sound(net);
    }

    /// The program says what most likely follows.
    pub(super) fn expects(&mut self, net: &mut Net<'_>, file: u32) {
        if !net.world.scenario.player.prefetch {
            return;
        }
        self.leaves_next(net);
        let pieces = net.world.catalogue.facts(file).pieces();
        self.next = Some(Box::new(Next::none(file, pieces, self.keeps(file))));
        self.is_told(net, Input::Command(Command::Next { wanted: Some(Wanted::File(Name(file))), at_ms: 0 }));
    }

    /// Whether the cache has all that sounds first.
    fn keeps(&self, file: u32) -> bool {
        let cache = self.node.as_ref().and_then(|node| node.cache());
        (0..BEGINS).all(|piece| cache.is_some_and(|cache| cache.holds(&Name(file), piece)))
    }

    /// What was expected does not follow.
    pub(super) fn leaves_next(&mut self, net: &mut Net<'_>) {
        let Some(next) = self.next.take() else { return };
        if let Some(look_up) = next.look_up {
            look_up.counts(net);
        }
        self.closes_book(net, next.file);
    }

    /// A piece of what follows came ahead.
    pub(super) fn has_next_piece(&mut self, net: &Net<'_>, piece: u32, (data, from): (Piece, Kind)) {
        if let Some(next) = self.next.as_mut() {
            next.have.set(piece, true);
            next.came.count(from, data.size.into());
            if next.have.has(0) {
                next.decoded_at.get_or_insert(net.now + decoder(net));
            }
        }
    }

    /// What came ahead is dropped.
    pub(super) fn drops_next(&mut self) {
        if let Some(next) = self.next.as_mut() {
            next.have.clear();
            (next.came, next.decoded_at) = (Sources::default(), None);
        }
    }

    fn look_at(&mut self, net: &mut Net<'_>, at: u64) {
        if let Some(play) = self.play.as_mut() {
            play.looks_at = at;
            net.later(at, What::Look);
        }
    }

    /// The player gets a piece.
    pub(super) fn has_piece(&mut self, net: &mut Net<'_>, piece: u32, (data, from): (Piece, Kind)) {
        if let Some(play) = self.play.as_mut() {
            play.have.set(piece, true);
            play.came.count(from, data.size.into());
            self.may_sound(net);
        }
    }

    /// The client says that the sound may start.
    pub(super) fn may_start(&mut self, net: &mut Net<'_>) {
        if let Some(play) = self.play.as_mut() {
            play.may_start = true;
            self.may_sound(net);
        }
    }

    /// The decoder begins as soon as it can; the sound when the client says so too.
    fn may_sound(&mut self, net: &mut Net<'_>) {
        let Some(play) = self.play.as_mut().filter(|play| play.is_ready()) else { return };
        let decoded = *play.decoded_at.get_or_insert(net.now + decoder(net));
        match play.state {
            State::Waits if play.may_start => {
                play.state = State::Starts;
                self.look_at(net, decoded.max(net.now));
            }
            State::Stopped(_) if play.may_start => self.look_at(net, net.now),
            _ => {}
        }
    }

    pub(super) fn lacks_piece(&mut self, piece: u32) {
        if let Some(play) = self.play.as_mut() {
            play.have.set(piece, false);
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
            State::Waits => self.gives_up_waiting(net),
            State::Starts => self.sounds(net),
            State::Stopped(since) => {
                let goes_on = play.is_ready() && play.may_start;
                let silence = net.now - since;
                if let Some(tally) = net.tally() {
                    tally.stutters.silence.record(silence);
                }
                if goes_on { self.sounds(net) } else { self.goes_on(net) }
            }
            State::Sounds(began) => self.reads(net, began),
        }
    }

    /// There was no sound for so long that the listener tries something else.
    fn gives_up_waiting(&mut self, net: &mut Net<'_>) {
        if let Some(play) = self.play.as_ref() {
            play.counts_start(net, PATIENCE.max(net.now - play.asked_at));
            if let Some(tally) = net.tally() {
                tally.starts.given_up += 1;
            }
        }
        self.goes_on(net);
    }

    /// The sound begins, or goes on.
    fn sounds(&mut self, net: &mut Net<'_>) {
        let Some(play) = self.play.as_mut() else { return };
        let at = play.due(play.next);
        let began = net.now.saturating_sub(at);
        play.state = State::Sounds(began);
        if play.started.is_none() {
            let took = net.now - play.asked_at;
            play.started = Some(took);
            play.counts_start(net, took);
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
        while play.next < play.have.of() && play.due(play.next) <= at && !over {
            let (file, piece) = (play.file, play.next);
            if !play.have.has(piece) {
                play.state = State::Stopped(net.now);
                play.may_start = false;
                play.stutters += 1;
                let at_ms = (play.due(piece) / 1000) as u32;
                self.look_at(net, net.now + PATIENCE);
                return self.is_told(net, Input::Command(Command::Silent { at_ms }));
            }
            play.next += 1;
            news = Some(play.next.min(play.have.of() - 1));
            count_played(net, &mut self.books, file, piece);
        }
        if over {
            return self.goes_on(net);
        }
        let due = if play.next < play.have.of() { play.due(play.next) } else { u64::MAX };
        let next = began + due.min(play.leaves).min(play.length);
        self.look_at(net, next.max(net.now + 1));
        if let Some(piece) = news {
            self.is_told(net, Input::Command(Command::Reading { piece }));
        }
    }

    /// Whether the listener stays until it is time to think of the next track.
    pub(super) fn stays(&self) -> bool {
        let stays = |play: &Play| play.started.is_some() && play.leaves.saturating_add(LAST) >= play.length;
        self.play.as_deref().is_some_and(stays)
    }

    /// A play is over, for whatever reason.
    pub(super) fn over(&mut self, net: &mut Net<'_>) {
        let Some(play) = self.play.take() else { return };
        if let Some(tally) = net.tally() {
            if play.started.is_some() {
                tally.stutters.plays += 1;
                tally.stutters.stuttered += u64::from(play.stutters > 0);
            }
            if play.requests > 0 {
                tally.server.requests.record(play.requests.into());
            }
        }
        if let Some(look_up) = play.look_up {
            look_up.counts(net);
        }
        if let Some(number) = play.number {
            let heard = Heard {
                number,
                who: net.me,
                track: play.file,
                asked_s: play.asked_at as f64 / SECOND as f64,
                over_s: net.now as f64 / SECOND as f64,
                start_ms: play.started.map(|took| took as f64 / 1e3),
                held: play.held,
                stutters: play.stutters,
                came: play.came,
            };
            if let Some(tally) = net.tally() {
                tally.heard.push(heard);
            }
        }
        if play.stutters > 0
            && let Some(hour) = net.hour()
        {
            hour.stuttered += 1;
        }
        self.closes_book(net, play.file);
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
}
