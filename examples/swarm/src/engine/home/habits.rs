//! What somebody does all day: logs in and out, sits down to listen, picks tracks and leaves them.

use super::Home;
use super::agenda::Agenda;
use crate::engine::catalogue::{chance, even, exponential};
use crate::engine::net::{Net, What};
use crate::engine::world::{HOUR, SECOND, Who, World};
use crate::scenario::{Listening, leaving};
use spotp2p::node::{Command, Input};
use spotproto::Dice;

/// Everybody who is there at the beginning logs in within this time.
const FIRST: f64 = 120.0;

/// No session is longer.
const LONGEST: u64 = 24 * HOUR;

/// The habits of one listener.
#[derive(Debug)]
pub(crate) struct Habits {
    /// What was heard, the latest at the end, each once.
    history: Vec<u32>,
    /// When the program starts or ends next.
    switches: u64,
    /// When somebody may sit down.
    maybe: u64,
    /// The session that runs ends then. While nobody listens it is past, unless one is met that began before the world did.
    until: u64,
    listens: bool,
    /// What comes next, if the listener lets it.
    next: u32,
}

impl Habits {
    pub(crate) fn new(world: &World, dice: &mut Dice) -> Self {
        let most = world.scenario.listening.history as usize;
        let mut history: Vec<u32> = (0..most).map(|_| world.catalogue.pick(dice)).collect();
        let mut seen = history.clone();
        seen.sort_unstable();
        seen.dedup();
        history.retain(|file| match seen.binary_search(file) {
            Ok(at) => {
                seen.remove(at);
                true
            }
            Err(_) => false,
        });
        let (_, off_s) = spans(world);
        let is_there = chance(dice, world.scenario.population.online);
        let first = if is_there { FIRST * even(dice) } else { exponential(dice, off_s.min(1e9)) };
        Self { history, switches: micros(first), maybe: u64::MAX, until: 0, listens: false, next: 0 }
    }

    pub(crate) fn history(&self) -> &[u32] {
        &self.history
    }

    /// When something of this is due first.
    pub(crate) fn first(&self) -> u64 {
        self.switches
    }

    fn has_heard(&mut self, file: u32, most: usize) {
        self.history.retain(|heard| *heard != file);
        if self.history.len() >= most {
            self.history.remove(0);
        }
        self.history.push(file);
    }

    /// A track that this listener would pick.
    fn picks(&self, world: &World, dice: &mut Dice) -> u32 {
        let listening = &world.scenario.listening;
        if self.history.is_empty() || !chance(dice, listening.repeats) {
            return world.catalogue.pick(dice);
        }
        let (count, flat) = (self.history.len() as f64, 1.0 - listening.recency);
        let u = even(dice);
        let rank = if flat.abs() < 1e-9 {
            libm::pow(count + 1.0, u)
        } else {
            libm::pow(1.0 + u * (libm::pow(count + 1.0, flat) - 1.0), 1.0 / flat)
        };
        let at = ((rank - 1.0) as usize).min(self.history.len() - 1);
        self.history[self.history.len() - 1 - at]
    }
}

fn micros(seconds: f64) -> u64 {
    (seconds * SECOND as f64) as u64
}

/// How long somebody is logged in, and how long not, on average, in seconds.
fn spans(world: &World) -> (f64, f64) {
    let population = &world.scenario.population;
    let on = population.online_h * 3600.0;
    (on, on * (1.0 - population.online) / population.online)
}

/// How long a session lasts, in microseconds.
fn a_session(listening: &Listening, dice: &mut Dice) -> u64 {
    let scale = listening.session_scale_min * 60.0;
    let span = scale * libm::pow(-libm::log(1.0 - even(dice)), 1.0 / listening.session_shape);
    micros(span).clamp(5 * SECOND, LONGEST)
}

/// What is left of a session that is met at any moment of it, in microseconds. A long one is met more often: a moment is
/// chosen of many that follow each other.
fn rest_of_a_session(listening: &Listening, dice: &mut Dice) -> u64 {
    let spans: [u64; 64] = core::array::from_fn(|_| a_session(listening, dice));
    let moment = (even(dice) * spans.iter().sum::<u64>() as f64) as u64;
    let mut ends = spans.iter().scan(0, |end, span| {
        *end += span;
        Some(*end)
    });
    ends.find(|end| *end > moment).map_or(0, |end| end - moment)
}

/// The hour of the day.
fn hour(world: &World, now: u64) -> f64 {
    world.scenario.time.starts_at_h + now as f64 / HOUR as f64
}

/// How many sessions begin in a second, for each who does not listen: at the busiest hour, and now.
fn rates(world: &World, now: u64) -> (f64, f64) {
    world.sessions.rates(hour(world, now))
}

impl Home {
    /// When the first thing happens here.
    pub(crate) fn first(&self, who: Who) -> u64 {
        if self.agenda.is_some() { Agenda::log_in(who) } else { self.habits.first() }
    }

    /// Something of a day's course may be due.
    pub(super) fn lives(&mut self, net: &mut Net<'_>) {
        let listens = self.habits.listens;
        if self.habits.switches <= net.now && !listens {
            let (on_s, off_s) = spans(net.world);
            if self.node.is_some() {
                self.ends(net);
                self.habits.maybe = u64::MAX;
                self.habits.switches = net.now + micros(exponential(&mut self.dice, off_s));
            } else {
                self.starts(net);
                let stays = if net.world.scenario.population.online < 1.0 {
                    micros(exponential(&mut self.dice, on_s))
                } else {
                    u64::MAX / 2
                };
                self.habits.switches = net.now + stays;
                let (most, _) = rates(net.world, net.now);
                // Who was there before the world began may be listening already.
                let listening = &net.world.scenario.listening;
                let playing = net.world.sessions.playing(hour(net.world, net.now));
                self.habits.maybe = if net.now < micros(FIRST) && chance(&mut self.dice, playing) {
                    let sits_down = net.now + 2 * SECOND;
                    self.habits.until = sits_down + rest_of_a_session(listening, &mut self.dice);
                    sits_down
                } else {
                    net.now + micros(exponential(&mut self.dice, 1.0 / most.max(1e-12)))
                };
            }
        }
        if self.habits.maybe <= net.now && self.node.is_some() && !listens {
            let (most, now) = rates(net.world, net.now);
            self.habits.maybe = net.now + micros(exponential(&mut self.dice, 1.0 / most.max(1e-12)));
            if self.habits.until > net.now {
                return self.goes_on_listening(net, None);
            }
            if chance(&mut self.dice, now / most.max(1e-12)) {
                return self.sits_down(net, None);
            }
        }
        if !self.habits.listens {
            let at = self.habits.switches.min(self.habits.maybe).max(net.now + 1);
            net.later(at, What::Life);
        }
    }

    /// A session begins.
    fn sits_down(&mut self, net: &mut Net<'_>, file: Option<u32>) {
        self.habits.until = net.now + a_session(&net.world.scenario.listening, &mut self.dice);
        self.goes_on_listening(net, file);
    }

    /// The first track of a session of which it is known when it ends.
    fn goes_on_listening(&mut self, net: &mut Net<'_>, file: Option<u32>) {
        self.habits.listens = true;
        let file = file.unwrap_or_else(|| self.habits.picks(net.world, &mut self.dice));
        self.hears_track(net, file, false);
    }

    /// The new track is out, and wanted.
    pub(super) fn wants_new(&mut self, net: &mut Net<'_>) {
        if self.node.is_none() {
            return;
        }
        let file = net.world.catalogue.new_file();
        if !self.habits.listens {
            return self.sits_down(net, Some(file));
        }
        self.over(net);
        self.leaves_next(net);
        self.hears_track(net, file, false);
    }

    fn hears_track(&mut self, net: &mut Net<'_>, file: u32, predictable: bool) {
        let listening = &net.world.scenario.listening;
        let u = even(&mut self.dice);
        let between = |dice: &mut Dice, low: f64, high: f64| low + (high - low) * even(dice);
        let length = f64::from(net.world.catalogue.facts(file).millis) / 1000.0;
        let left = leaving(listening, length).into_iter().find(|(.., up_to)| u < *up_to);
        let leaves = left.map_or(1e6, |(low, high, _)| between(&mut self.dice, low, high));
        self.habits.next = self.habits.picks(net.world, &mut self.dice);
        self.habits.has_heard(file, listening.history as usize);
        if self.next.as_ref().is_some_and(|next| next.file != file) {
            self.leaves_next(net);
        }
        self.plays(net, file, predictable, micros(leaves));
        self.expects(net, self.habits.next);
    }

    /// A play is over: the next track follows, or another one is picked, or it has been enough.
    pub(super) fn goes_on(&mut self, net: &mut Net<'_>) {
        if self.agenda.is_some() {
            return self.goes_on_by_list(net);
        }
        let stays = self.stays();
        self.over(net);
        if net.now >= self.habits.until {
            self.habits.listens = false;
            let (most, _) = rates(net.world, net.now);
            self.habits.maybe = net.now + micros(exponential(&mut self.dice, 1.0 / most.max(1e-12)));
            self.is_told(net, Input::Command(Command::Stop));
            self.leaves_next(net);
            let at = self.habits.switches.min(self.habits.maybe).max(net.now + 1);
            return net.later(at, What::Life);
        }
        let (after_all, after_part) = net.world.sessions.picks;
        let random = chance(&mut self.dice, if stays { after_all } else { after_part });
        let file = if random { self.habits.picks(net.world, &mut self.dice) } else { self.habits.next };
        self.hears_track(net, file, !random);
    }
}
