//! The track that most likely follows: fetched while the one that plays is safe, and let go if the guess was wrong.
//!
//! Kreitz and Niemelä 2010, II-E: peers are asked for it 30 s before the end of the one that plays, the server 10 s before,
//! for its beginning only. A line on which a start would wait for more than that beginning is given longer.

use super::track::{Stage, Track};
use super::{Event, Node, Output};
use crate::payload::{FileKey, Payload};
use crate::planner::{Clock, Kind, Policy};
use crate::playout::{Ahead, Prefetch, Prefetched, Why};
use alloc::boxed::Box;
use core::time::Duration;
use spotproto::Instant;
use spotproto::crypto::Crypto;
use spotproto::message::{Opened, Urgency, Wanted};

/// Paid sources bring as much of the next track at least, if peers are late...
const BEGINNING: Duration = Policy::NEXT.paid_music;

/// ...and as much at most, however slow the link is, since the guess may be wrong.
const LONGEST_BEGINNING: Duration = Duration::from_secs(30);

/// Beyond what a start needs, until peers are asked for more.
const MARGIN: Duration = Duration::from_secs(2);

/// The next track's beginning has this many times as long to come as it sounds: the rest of this track comes first, over a
/// line that fades.
const PATIENCE: u32 = 2;

/// What most likely follows, and what came of earlier guesses.
#[derive(Debug)]
pub(super) struct Upcoming<K> {
    prefetch: Prefetch<Wanted<K>>,
    at_ms: u32,
    /// How much of it paid sources may bring.
    beginning: Duration,
    /// How much music a start of it needs, by the samples of the link that this follows from.
    needs: Option<(u64, Duration)>,
    /// Bytes that came of wrong guesses over a network.
    wasted: [u64; Kind::COUNT],
}

/// What came of guesses about the next track.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Guesses {
    /// Guesses that something was fetched for, and that were right.
    pub right: u64,
    /// Those that were wrong, or withdrawn.
    pub wrong: u64,
    /// Bytes that came for the wrong ones over a network, by [`Kind`].
    pub wasted: [u64; Kind::COUNT],
}

impl<K: FileKey> Upcoming<K> {
    const fn new(ahead: Ahead) -> Self {
        Self {
            prefetch: Prefetch::new(ahead),
            at_ms: 0,
            beginning: BEGINNING,
            needs: None,
            wasted: [0; Kind::COUNT],
        }
    }
}

/// How the playing track stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    /// When its sound ends, if it goes on as it does.
    pub(super) ends: Instant,
    pub(super) why: Why,
}

impl Rest {
    /// The next moment at which there is more to do for the next track.
    pub(super) fn next_look(ends: Instant, now: Instant, ahead: Ahead) -> Option<Instant> {
        [ahead.peers, ahead.server].into_iter().map(|left| ends.before(left)).find(|at| *at > now)
    }
}

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    /// What came of guesses about the next track.
    #[must_use]
    pub fn guesses(&self) -> Guesses {
        self.upcoming.as_ref().map_or_else(Guesses::default, |upcoming| {
            let (right, wrong) = upcoming.prefetch.guesses();
            Guesses { right, wrong, wasted: upcoming.wasted }
        })
    }

    /// This will most likely follow.
    pub(super) fn expect_next(&mut self, now: Instant, wanted: Option<Wanted<K>>, at_ms: u32) {
        if wanted.is_none() && self.upcoming.is_none() {
            return;
        }
        let ahead = self.settings.planner.next;
        let upcoming = self.upcoming.get_or_insert_with(|| Box::new(Upcoming::new(ahead)));
        upcoming.at_ms = at_ms;
        if upcoming.prefetch.guess(wanted).is_some() {
            self.drop_next(now);
        }
        self.playout_is_due();
    }

    /// Plays a track: the one that was fetched ahead, if it is that.
    pub(super) fn open(&mut self, now: Instant, wanted: Wanted<K>, at_ms: u32) {
        let upcoming = self.upcoming.as_mut();
        let wrong = upcoming.and_then(|upcoming| upcoming.prefetch.began(&wanted)).is_some();
        self.connect(now);
        if !wrong && self.play_next(now, at_ms) {
            return;
        }
        self.drop_next(now);
        self.close(now, Urgency::Playing);
        self.tracks[Urgency::Playing as usize] = Some(Box::new(Track::new(wanted, at_ms)));
        self.look_up(now, Urgency::Playing);
    }

    /// The track that was fetched ahead plays from now on; `false` if it is not known yet.
    fn play_next(&mut self, now: Instant, at_ms: u32) -> bool {
        let (next, playing) = (Urgency::Next, Urgency::Playing);
        if self.track(next).is_none_or(|track| track.stage != Stage::Open) {
            return false;
        }
        self.close(now, playing);
        self.tracks.swap(next as usize, playing as usize);
        self.requests.move_class(next, playing);
        self.move_mirrors(next, playing);
        if let Some(shelf) = self.shelf.as_mut() {
            shelf.move_class(next, playing);
        }
        let Some(track) = self.tracks[playing as usize].as_mut() else { return false };
        let moved = core::mem::replace(&mut track.at_ms, at_ms) != at_ms;
        let (Some((opened, from)), Some(file)) = (track.opened.take(), track.file.as_mut()) else {
            return false;
        };
        let name = file.head.file;
        let prospect = file.plan.policy().prospect;
        file.plan.set_paused(now, false);
        file.plan.set_policy(now, Policy { prospect, ..Policy::PLAYING });
        if moved {
            file.reading = file.head.piece_at(at_ms);
            file.plan.seek(now, file.reading, at_ms);
        } else {
            file.plan.set_clock(now, Clock::Waiting { position_ms: at_ms });
        }
        if file.sought {
            self.swarm.want(now, name, playing);
        }
        self.keep_as_there_is_room(now, playing);
        self.begin_playout(now, at_ms);
        self.out.push(Output::Event(Event::Opened { opened, from }));
        if from == Kind::Cache {
            self.plays_from_shelf(name);
        }
        true
    }

    /// What may be asked of whom for the next track, by now.
    pub(super) fn policy_of_next(&self) -> Policy {
        let Some(upcoming) = self.upcoming.as_ref() else { return Policy::NEXT };
        let near = upcoming.prefetch.is_near();
        Policy { server_allowed: near, cdn_allowed: near, paid_music: upcoming.beginning, ..Policy::NEXT }
    }

    /// The next track is known.
    pub(super) fn opened_ahead(&mut self, now: Instant, opened: Box<Opened<K>>, from: Kind) {
        let Some(track) = self.tracks[Urgency::Next as usize].as_mut() else { return };
        track.opened = Some((opened.clone(), from));
        let at_ms = track.at_ms;
        self.out.push(Output::Event(Event::NextOpened { opened, at_ms, from }));
        self.seek_holders(now, Urgency::Next);
        self.playout_is_due();
    }

    /// The next track is fetched no more, and what came of it was of no use.
    pub(super) fn drop_next(&mut self, now: Instant) {
        let Some(track) = self.track(Urgency::Next) else { return };
        let wasted = track.file.as_ref().map_or([0; Kind::COUNT], |file| file.plan.stats().bytes);
        self.close(now, Urgency::Next);
        if let Some(upcoming) = self.upcoming.as_mut() {
            upcoming.wasted.iter_mut().zip(wasted).for_each(|(sum, bytes)| *sum += bytes);
        }
        self.out.push(Output::Event(Event::NextDropped { wasted }));
    }

    /// The playing track was looked at: begins what its end being near asks for; whether that was anything.
    pub(super) fn look_at_next(&mut self, now: Instant, rest: Rest) -> bool {
        let mut began = false;
        let beginning = self.upcoming.as_ref().map_or(BEGINNING, |upcoming| upcoming.beginning);
        let begins = self.file(Urgency::Next).is_some_and(|file| {
            let due = file.plan.due(now, file.plan.gap());
            due.is_none_or(|due| due >= rest.ends + beginning)
        });
        while let Some(upcoming) = self.upcoming.as_mut() {
            let long = upcoming.beginning * PATIENCE;
            match upcoming.prefetch.look(rest.ends.since(now), &rest.why, long, begins) {
                Some(Prefetched::AskPeers(wanted)) => {
                    (upcoming.beginning, upcoming.needs) = (BEGINNING, None);
                    let track = Track::new(wanted, upcoming.at_ms);
                    self.tracks[Urgency::Next as usize] = Some(Box::new(track));
                    self.look_up(now, Urgency::Next);
                    began = true;
                }
                Some(_) => {}
                None => break,
            }
        }
        self.time_next(now, rest.ends);
        began
    }

    /// Tells the plan of the next track when it will sound, and how much of it a start will need.
    fn time_next(&mut self, now: Instant, ends: Instant) {
        let samples = self.link_at_rest();
        let known = self.upcoming.as_ref().and_then(|upcoming| upcoming.needs);
        let known = known.filter(|(of, _)| Some(*of) == samples).map(|(_, needs)| needs);
        let Some(needs) = known.or_else(|| self.start_needs(now, Urgency::Next)) else { return };
        if let Some(upcoming) = self.upcoming.as_mut() {
            upcoming.needs = samples.map(|samples| (samples, needs));
            upcoming.beginning = (needs + MARGIN).clamp(BEGINNING, LONGEST_BEGINNING);
        }
        let policy = self.policy_of_next();
        let Some(track) = self.tracks[Urgency::Next as usize].as_mut() else { return };
        let Some(file) = track.file.as_mut() else { return };
        file.plan.set_clock(now, Clock::Running { at: ends, position_ms: track.at_ms });
        let prospect = file.plan.policy().prospect;
        file.plan.set_policy(now, Policy { prospect, ..policy });
    }

    /// Nothing is fetched ahead while the playing track is not safe.
    pub(super) fn hold_next(&mut self, now: Instant, safe: bool) {
        if let Some(file) = self.file_mut(Urgency::Next) {
            file.plan.set_paused(now, !safe);
        }
    }
}
