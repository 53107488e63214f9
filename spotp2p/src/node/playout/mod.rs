//! When the sound of the playing track may start, and how safe it is while it runs.

mod rest;

use super::bits::Bits;
use super::next::Rest;
use super::track::File;
use super::{Event, Node, Output, Timer};
use crate::payload::{FileKey, Payload};
use crate::playout::{
    Basis, Config, Demand, Expected, FIRST_SPAN, Gauge, Level, Pace, Sources, Start, Summary, Supplier,
    Thresholds, Throughput, Verdict, Why,
};
use crate::swarm::Pressure;
use alloc::boxed::Box;
use core::time::Duration;
use rest::Foreseen;
use spotproto::Instant;
use spotproto::crypto::Crypto;
use spotproto::message::Urgency;

/// How often the rest of the music is looked at while little of it is here, and the start that is waited for.
const LOOK: Duration = Duration::from_secs(1);

/// The program is told no more often than this what it waits for.
const SAY: Duration = Duration::from_millis(100);

/// A start needs as much while nothing is known of the link. That lasts a tenth of a second of arrivals at most, and what
/// brings this much within that time is no slow link; nor do paid sources bring more before anything is known
/// ([`first_ahead`](crate::planner::Config::first_ahead)).
const BLIND: Duration = Duration::from_secs(3);

/// A start that waits for longer than this waits for music, and has the line to itself: acknowledgements that queue behind
/// uploads slow down what comes (RFC 3449). For so long little music is no bad sign: a start over a fast line takes a
/// tenth of a second, goes on with little ahead, and should not cost those who are served their slots. After a stutter it
/// is known at once that the music comes too slowly.
const BRIEF: Duration = Duration::from_secs(1);

/// Paid sources are asked for this much more than has to be here.
const MARGIN: Duration = Duration::from_secs(1);

/// Those who have a track count by what each of them delivers if all together deliver less than this part of what the link
/// usually brings. Above that the link's past says more, fades included.
const FEW: f64 = 1.0 / 3.0;

/// Over real transports 1.4 times as many starts stutter as are predicted: after a fade TCP waits longer than the fade did
/// (docs/benchmarks.md, "When to start playing").
const CORRECTION: f32 = 0.7;

const START: Config = Config { blind: BLIND, correction: CORRECTION, ..Config::DEFAULT };

/// What is known of the link, and what the sound of the playing track hangs on.
#[derive(Debug)]
pub(super) struct Playout {
    /// What earlier runs knew; what plays, or did until just now, has more to say.
    known: Summary,
    playing: Option<Box<Playing>>,
    /// From one track to the next, until nothing is to play any more. Takes 2 KB.
    between: Option<Box<Between>>,
}

/// What one track leaves to the next.
#[derive(Debug)]
struct Between {
    link: Throughput,
    span: f32,
}

/// A track of which the head is known. Takes 3 KB, and 13 KB more while the sound waits.
#[derive(Debug)]
struct Playing {
    link: Throughput,
    /// At some moment since the last arrival more could have been asked for.
    held_back: bool,
    sound: Sound,
    gauge: Gauge,
    /// From then on uploads stop if there is little music.
    presses_from: Instant,
    /// How the rest stood at the latest look, until that is passed on.
    rest: Option<Rest>,
    /// The latest forecast of the rest.
    foreseen: Option<Foreseen>,
    /// Seconds of music that the table of the latest forecast had to span.
    span: f32,
    /// When it is looked at again, if nothing happens.
    next: Instant,
    /// That time has come.
    due: bool,
}

#[derive(Debug)]
enum Sound {
    /// Until the program is told to start.
    Waits(Box<Wait>),
    /// The program was told, and has not said that it runs.
    MayStart,
    Runs {
        at: Instant,
        at_ms: u32,
    },
}

/// A start to come.
#[derive(Debug)]
struct Wait {
    at_ms: u32,
    /// What it is decided by, what was known of the sources and which pieces were here when that was made: anew every
    /// second, since pieces come in another order than they are needed in.
    start: Option<(Start, Sources, Bits)>,
    renew_at: Instant,
    /// What was here at the last look.
    seen: Option<(u32, u64)>,
    /// What the program was told last, and when.
    said: Option<(Instant, Said)>,
}

/// What of a reason people see.
type Said = (u128, u128, Supplier);

impl Playout {
    /// Nothing plays on a link of which this is known; takes no memory if that is nothing.
    pub(super) fn of(known: Summary) -> Option<Box<Self>> {
        known.is_known().then(|| Box::new(Self { known, playing: None, between: None }))
    }

    fn summary(&self) -> Summary {
        let playing = self.playing.as_ref().map(|playing| &playing.link);
        let between = self.between.as_ref().map(|between| &between.link);
        playing.or(between).map_or(self.known, Throughput::summary)
    }
}

impl Playing {
    fn new(now: Instant, Between { link, span }: Between, at_ms: u32) -> Self {
        let sound = Sound::waits(now, at_ms);
        let gauge = Gauge::new(Thresholds::DEFAULT);
        Self {
            link,
            held_back: true,
            sound,
            gauge,
            presses_from: now + BRIEF,
            rest: None,
            foreseen: None,
            span,
            next: now,
            due: true,
        }
    }

    /// Something may have been held back since the last arrival: what comes next is no measure.
    fn heed_pace<K: FileKey, B: Payload>(&mut self, now: Instant, file: &File<K, B>) {
        if !self.held_back && file.plan.is_held_back(now) {
            self.held_back = true;
            self.link.paused();
        }
    }

    /// Looks whether to start now.
    fn look_at_start<K: FileKey, B: Payload>(&mut self, now: Instant, file: &mut File<K, B>) -> Option<Why> {
        let Sound::Waits(wait) = &mut self.sound else { return None };
        if self.due && now >= wait.renew_at {
            wait.start = None;
            wait.renew_at = now + LOOK;
        }
        let (start, sources, before) = wait.start.get_or_insert_with(|| {
            let demand = Demand::new(&file.head, wait.at_ms, |piece| file.plan.has(piece));
            (Start::new(START, demand).spanning(self.span), sources(&self.link, file), here(file))
        });
        let arrived = arrived(file, before, wait.at_ms);
        let seen = Some((file.held.count(), arrived));
        if !core::mem::take(&mut self.due) && seen == wait.seen {
            return None;
        }
        wait.seen = seen;
        self.next = earlier(wait.renew_at, self.presses_from, now);
        let mut why = start.look(now, &self.link, sources, arrived);
        self.span = start.span();
        why.supplier = supplier(file);
        if why.basis == Basis::Forecast {
            file.plan.set_ahead(now, why.wanted.saturating_add(MARGIN));
        }
        // A plan that asks for no more would be waited for for ever.
        if why.verdict == Verdict::Wait && arrived >= start.demand().first() && file.plan.is_at_rest() {
            why.verdict = Verdict::Start;
        }
        if !sounds(file, wait.at_ms) {
            why.verdict = Verdict::Wait;
        }
        Some(why)
    }

    /// How much uploads are in the way of what plays. A sound that stands still as the listener wants it to, or where nobody
    /// is there who could bring more, is in no hurry.
    fn pressure<K: FileKey, B: Payload>(&self, now: Instant, file: &File<K, B>) -> Pressure {
        match &self.sound {
            _ if now < self.presses_from => Pressure::Fine,
            Sound::Waits(_) if file.plan.sources() > 0 && !file.plan.is_complete() => Pressure::VeryLow,
            Sound::Waits(_) | Sound::MayStart => Pressure::Fine,
            Sound::Runs { .. } => pressure(self.gauge.level()),
        }
    }

    /// Whether something else may be fetched meanwhile.
    fn is_safe<K: FileKey, B: Payload>(&self, file: &File<K, B>) -> bool {
        let runs = matches!(self.sound, Sound::Runs { .. });
        file.plan.is_complete() || (runs && self.gauge.level() == Level::Fine)
    }
}

impl Sound {
    fn waits(now: Instant, at_ms: u32) -> Self {
        Self::Waits(Box::new(Wait { at_ms, start: None, renew_at: now + LOOK, seen: None, said: None }))
    }
}

impl Wait {
    /// Whether the program is to be told what it waits for; if so but too soon, when.
    fn says(&mut self, now: Instant, why: &Why) -> Result<(), Option<Instant>> {
        let tenths = |span: Duration| span.as_millis() / 100;
        let news = (tenths(why.buffered), tenths(why.wanted), why.supplier);
        match self.said {
            Some((_, said)) if said == news => Err(None),
            Some((at, _)) if now < at + SAY => Err(Some(at + SAY)),
            _ => {
                self.said = Some((now, news));
                Ok(())
            }
        }
    }
}

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    /// The playing track is known: it is to start from there.
    pub(super) fn begin_playout(&mut self, now: Instant, at_ms: u32) {
        let known = self.summary();
        let before = self.playout.take().and_then(|playout| playout.between);
        let nothing = || Between { link: Throughput::new(known), span: FIRST_SPAN };
        let before = before.map_or_else(nothing, |between| *between);
        let playing = Some(Box::new(Playing::new(now, before, at_ms)));
        self.playout = Some(Box::new(Playout { known, playing, between: None }));
    }

    /// The playing track is fetched no more; another one may follow.
    pub(super) fn leave_playout(&mut self) {
        let Some(playout) = self.playout.as_mut() else { return };
        if let Some(mut playing) = playout.playing.take() {
            playing.link.paused();
            playout.between = Some(Box::new(Between { link: playing.link, span: playing.span }));
        }
    }

    /// Nothing is to play any more: the program may keep what is known of the link, and little stays here.
    pub(super) fn tell_link(&mut self) {
        let known = self.summary();
        self.playout = Playout::of(known);
        self.out.push(Output::Event(Event::Link(known)));
    }

    fn summary(&self) -> Summary {
        self.playout.as_ref().map_or(Summary::UNKNOWN, |playout| playout.summary())
    }

    fn playing(&mut self) -> Option<&mut Playing> {
        self.playout.as_mut()?.playing.as_deref_mut()
    }

    /// The sound stands still, and is to go on there; `jumped` says that what comes now was asked for elsewhere.
    pub(super) fn wait_for_start(&mut self, now: Instant, at_ms: u32, jumped: bool) {
        let stutters = !jumped && self.file(Urgency::Playing).is_some_and(|file| lacks_next(file, at_ms));
        let Some(playing) = self.playing() else { return };
        if jumped {
            playing.link.paused();
        }
        playing.presses_from = match &playing.sound {
            // It waits on, elsewhere.
            Sound::Waits(_) => playing.presses_from,
            Sound::Runs { .. } if stutters || playing.gauge.level() == Level::VeryLow => now,
            Sound::Runs { .. } | Sound::MayStart => now + BRIEF,
        };
        playing.sound = Sound::waits(now, at_ms);
        (playing.gauge, playing.foreseen) = (Gauge::new(Thresholds::DEFAULT), None);
        (playing.next, playing.due) = (now, true);
    }

    /// The sound runs, told to or not.
    pub(super) fn sound_runs(&mut self, now: Instant, at_ms: u32) {
        if let Some(playing) = self.playing() {
            playing.sound = Sound::Runs { at: now, at_ms };
            (playing.next, playing.due) = (now, true);
        }
    }

    /// Bytes of a track came over a network.
    pub(super) fn link_brought(&mut self, now: Instant, class: Urgency, bytes: usize) {
        let Self { playout, tracks, .. } = self;
        let file = tracks[class as usize].as_ref().and_then(|track| track.file.as_ref());
        let playing = playout.as_mut().and_then(|playout| playout.playing.as_deref_mut());
        let (Some(playing), Some(file), Urgency::Playing) = (playing, file, class) else { return };
        playing.heed_pace(now, file);
        let pace = if playing.held_back { Pace::Throttled } else { Pace::Free };
        playing.link.arrived(now, bytes as u64, pace);
        playing.held_back = false;
    }

    /// It is time to look again.
    pub(super) fn playout_is_due(&mut self) {
        if let Some(playing) = self.playing() {
            playing.due = true;
        }
    }

    /// Looks whether the sound may start, or how safe it is; whether the plan asks for more by that.
    pub(super) fn look_at_playout(&mut self, now: Instant) -> bool {
        let class = Urgency::Playing as usize;
        let file = self.tracks[class].as_mut().and_then(|track| track.file.as_mut());
        let playing = self.playout.as_mut().and_then(|playout| playout.playing.as_deref_mut());
        let (Some(playing), Some(file)) = (playing, file) else {
            self.timers.clear(Timer::Playout);
            return self.press(now);
        };
        playing.heed_pace(now, file);
        let why = playing.look_at_start(now, file);
        playing.look_at_rest(now, file, self.settings.planner.next);
        let (rest, safe) = (playing.rest.take(), playing.is_safe(file));
        if let Some(why) = why {
            self.tell_start(now, why);
        }
        let pressed = self.press(now);
        match self
            .playing()
            .filter(|playing| !matches!(playing.sound, Sound::MayStart))
            .map(|playing| playing.next)
        {
            Some(next) => self.timers.set(Timer::Playout, next),
            None => self.timers.clear(Timer::Playout),
        }
        let began = rest.is_some_and(|rest| self.look_at_next(now, rest));
        self.hold_next(now, safe);
        let next = self.carry_out_plan(now, Urgency::Next);
        self.carry_out_plan(now, Urgency::Playing) || next || began || pressed
    }

    /// From how many samples all forecasts are made at the moment, if none is being taken.
    pub(super) fn link_at_rest(&self) -> Option<u64> {
        self.playout.as_ref()?.playing.as_ref()?.link.at_rest()
    }

    /// How much music a start of this track needs, what is here of it included, if something is known of the link.
    pub(super) fn start_needs(&self, now: Instant, class: Urgency) -> Option<Duration> {
        let (track, file) = (self.track(class)?, self.file(class)?);
        let playing = self.playout.as_ref()?.playing.as_ref()?;
        let demand = Demand::new(&file.head, track.at_ms, |_| false);
        let mut start = Start::new(START, demand).spanning(playing.span);
        let why = start.look(now, &playing.link, &Sources::UNKNOWN, 0);
        Some(if why.basis == Basis::Forecast { why.wanted } else { BLIND })
    }

    /// Tells the program to start, or what it waits for.
    fn tell_start(&mut self, now: Instant, why: Why) {
        let Some(playing) = self.playing() else { return };
        let Sound::Waits(wait) = &mut playing.sound else { return };
        if why.verdict == Verdict::Start {
            playing.sound = Sound::MayStart;
            return self.out.push(Output::Event(Event::Start(why)));
        }
        match wait.says(now, &why) {
            Ok(()) => self.out.push(Output::Event(Event::Buffering(why))),
            Err(Some(later)) => playing.next = playing.next.min(later),
            Err(None) => {}
        }
    }

    /// Tells the swarm how much uploads are in the way, and whether that is another word than before.
    fn press(&mut self, now: Instant) -> bool {
        let playing = self.playout.as_ref().and_then(|playout| playout.playing.as_deref());
        let playing = playing.zip(self.file(Urgency::Playing));
        let pressure = playing.map_or(Pressure::Fine, |(playing, file)| playing.pressure(now, file));
        let other = pressure != self.pressure;
        if other {
            self.pressure = pressure;
            self.swarm.set_pressure(now, pressure);
        }
        other
    }
}

/// When to look next: at the moment from which uploads may have to stop, if that is still to come and sooner.
fn earlier(next: Instant, presses_from: Instant, now: Instant) -> Instant {
    if presses_from > now { next.min(presses_from) } else { next }
}

const fn pressure(level: Level) -> Pressure {
    match level {
        Level::Fine => Pressure::Fine,
        Level::Low => Pressure::Low,
        Level::VeryLow => Pressure::VeryLow,
    }
}

/// What those who have the track say beyond the link's past: a server that is slower than the link, or few peers.
fn sources<K: FileKey, B: Payload>(link: &Throughput, file: &File<K, B>) -> Sources {
    let expected = file.plan.pace().zip(link.usual()).filter(|((mean, _), usual)| *mean < FEW * usual);
    let peers =
        expected.map(|((mean, deviation), _)| Expected { mean: mean as f32, deviation: deviation as f32 });
    Sources { peers, ..Sources::UNKNOWN }
}

/// Whom a start waits for, for people.
fn supplier<K: FileKey, B: Payload>(file: &File<K, B>) -> Supplier {
    match file.plan.sources() {
        _ if file.plan.has_peers() => Supplier::Peers,
        0 => Supplier::Link,
        _ => Supplier::Server,
    }
}

/// The pieces that are here.
fn here<K: FileKey, B: Payload>(file: &File<K, B>) -> Bits {
    let mut here = Bits::new(file.head.pieces());
    (0..file.head.pieces()).filter(|piece| file.plan.has(*piece)).for_each(|piece| here.set(piece, true));
    here
}

/// Bytes that came since, in the order in which they are needed.
fn arrived<K: FileKey, B: Payload>(file: &File<K, B>, before: &Bits, at_ms: u32) -> u64 {
    let begin = file.head.piece_at(at_ms);
    let headers = file.head.header_pieces().take_while(|piece| *piece < begin);
    let needed = headers.chain(begin..file.head.pieces());
    let here = needed.take_while(|piece| file.plan.has(*piece));
    here.filter(|piece| !before.get(*piece)).map(|piece| file.head.geometry.piece_len(piece) as u64).sum()
}

/// Whether the program has what sounds first: what the cache has is not read yet. Where the decoder was already it has been.
fn sounds<K: FileKey, B: Payload>(file: &File<K, B>, at_ms: u32) -> bool {
    let begin = file.head.piece_at(at_ms).max(file.reading);
    let headers = file.head.header_pieces().take_while(|piece| *piece < begin);
    headers.chain([begin]).all(|piece| piece >= file.head.pieces() || file.held.get(piece))
}

/// Whether what the decoder needs next did not come.
fn lacks_next<K: FileKey, B: Payload>(file: &File<K, B>, at_ms: u32) -> bool {
    let next = file.head.piece_at(at_ms).max(file.reading);
    next < file.head.pieces() && !file.plan.has(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(buffered_ms: u64) -> Why {
        Why {
            verdict: Verdict::Wait,
            basis: Basis::Blind,
            buffered: Duration::from_millis(buffered_ms),
            wanted: BLIND,
            state: 0,
            rate: 0.0,
            usual: 0.0,
            music: 0.0,
            risk: 1.0,
            budget: 0.01,
            supplier: Supplier::Link,
            wait: None,
        }
    }

    #[test]
    fn reasons_are_told_when_they_read_otherwise_and_ten_times_a_second_at_most() {
        let Sound::Waits(mut wait) = Sound::waits(Instant::START, 0) else { unreachable!() };
        let mut says =
            |ms, buffered| wait.says(Instant::after_start(Duration::from_millis(ms)), &why(buffered));
        assert_eq!(says(0, 0), Ok(()));
        assert_eq!(says(10, 90), Err(None), "it reads the same");
        let later = Instant::after_start(SAY);
        assert_eq!(says(20, 200), Err(Some(later)));
        assert_eq!((says(100, 300), says(500, 310)), (Ok(()), Err(None)));
    }
}
