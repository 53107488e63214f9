//! What reports come to: who is no longer named to others, and for how long.

use crate::allowance::{Allowance, Rate};
use crate::broker::{Accusation, Origin};
use crate::prefix::Prefix;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;
use spotproto::Instant;
use spotproto::crypto::PublicKey;
use spotproto::message::Misdeed;

/// What it takes until someone is shunned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ReportLimits {
    /// Networks that must have reported a device, however grave the matter.
    pub networks: usize,
    /// What their reports must weigh together; see [`weight`].
    pub weight: u32,
    /// Of the links that were brokered for a device, one of so many at least must have been reported.
    pub of_links: u32,
    /// How long a report weighs anything: its weight falls evenly to nothing.
    pub memory: Duration,
    /// How long a device is shunned.
    pub shunned: Duration,
    /// Shunned devices of one prefix, within `memory`, with which the whole prefix is.
    pub devices: usize,
    /// Reports that are heard from one network.
    pub heard: Rate,
    /// Devices, prefixes and networks remembered, of each; the oldest are forgotten.
    pub remembered: usize,
}

impl ReportLimits {
    /// The defaults.
    pub const DEFAULT: Self = Self {
        networks: 10,
        weight: 30,
        of_links: 4,
        memory: Duration::from_secs(24 * 60 * 60),
        shunned: Duration::from_secs(24 * 60 * 60),
        devices: 8,
        heard: Rate { burst: 20, every: Duration::from_secs(5 * 60) },
        remembered: 16_384,
    };
}

/// What a fresh report weighs.
#[must_use]
pub const fn weight(what: Misdeed) -> u32 {
    match what {
        Misdeed::Forged => 4,
        Misdeed::Protocol | Misdeed::Flooding => 3,
        _ => 1,
    }
}

/// What came of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It does not count.
    Ignored,
    /// It counts.
    Counted,
    /// It was the last one needed: the device is shunned from now on.
    Shunned,
}

/// Who reported whom lately.
///
/// An identity costs nothing, so identities are not counted: all that comes from one network (a /24, or a /48 in IPv6)
/// is one voice about one device, and speaks up only so often; what comes from the suspect's own network is none. And voices
/// are held against how many links the suspect had: who serves a thousand is not brought down by ten. What follows is mild
/// and ends: a shunned device is not named to others, and still gets its music.
///
/// A prefix where many devices were shunned is shunned too, so that a new device key is no way out.
///
/// Worst-case memory, in words: for each device remembered 64 voices of 32 bytes; 40 MiB with the defaults.
#[derive(Debug)]
pub struct Reports {
    limits: ReportLimits,
    devices: Book<PublicKey, Record>,
    /// When devices of a prefix were shunned.
    prefixes: Book<Prefix, Vec<Instant>>,
    networks: Book<Prefix, Allowance>,
}

#[derive(Debug, Default)]
struct Record {
    voices: Vec<Voice>,
    shunned_until: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Voice {
    network: Prefix,
    at: Instant,
    weight: u32,
}

/// Voices kept of a device. So many are enough, however many links it has had.
const MOST_VOICES: usize = 64;

impl Reports {
    /// Nobody is reported yet.
    #[must_use]
    pub const fn new(limits: ReportLimits) -> Self {
        Self { limits, devices: Book::new(), prefixes: Book::new(), networks: Book::new() }
    }

    /// Takes a report on a link that was brokered.
    pub fn tell<K>(&mut self, now: Instant, accusation: &Accusation<K>, what: Misdeed) -> Verdict {
        let limits = self.limits;
        let Accusation { reporter, suspect, links, .. } = accusation;
        let network = reporter.prefix.site();
        if network == suspect.prefix.site() || self.is_shunned(now, reporter) {
            return Verdict::Ignored;
        }
        let heard = self.networks.entry(network, limits.remembered, || Allowance::WHOLE);
        if !heard.take(now, limits.heard) {
            return Verdict::Ignored;
        }
        let record = self.devices.entry(suspect.device, limits.remembered, Record::default);
        record.voices.retain(|voice| now.since(voice.at) < limits.memory);
        record.hear(Voice { network, at: now, weight: weight(what) });
        if record.is_shunned(now) || !record.is_enough(now, *links, &limits) {
            return Verdict::Counted;
        }
        record.voices.clear();
        record.shunned_until = Some(now + limits.shunned);
        let shunned = self.prefixes.entry(suspect.prefix, limits.remembered, Vec::new);
        shunned.retain(|at| now.since(*at) < limits.memory);
        if shunned.len() < limits.devices {
            shunned.push(now);
        }
        Verdict::Shunned
    }

    /// Whether someone is not to be named to others.
    #[must_use]
    pub fn is_shunned(&self, now: Instant, who: &Origin) -> bool {
        let device = self.devices.get(&who.device).is_some_and(|record| record.is_shunned(now));
        let recent = |at: &&Instant| now.since(**at) < self.limits.memory;
        let prefix = self.prefixes.get(&who.prefix);
        device || prefix.is_some_and(|shunned| shunned.iter().filter(recent).count() >= self.limits.devices)
    }
}

impl Record {
    fn is_shunned(&self, now: Instant) -> bool {
        self.shunned_until.is_some_and(|until| until > now)
    }

    /// A network is heard once: its gravest report counts, and the latest date.
    fn hear(&mut self, voice: Voice) {
        if let Some(known) = self.voices.iter_mut().find(|known| known.network == voice.network) {
            *known = Voice { weight: known.weight.max(voice.weight), ..voice };
        } else if self.voices.len() < MOST_VOICES {
            self.voices.push(voice);
        }
    }

    fn is_enough(&self, now: Instant, links: u32, limits: &ReportLimits) -> bool {
        let voices = u32::try_from(self.voices.len()).unwrap_or(u32::MAX);
        let memory = limits.memory.as_millis().max(1);
        let left = |voice: &Voice| memory.saturating_sub(now.since(voice.at).as_millis());
        let weight: u128 = self.voices.iter().map(|voice| u128::from(voice.weight) * left(voice)).sum();
        self.voices.len() >= limits.networks
            && weight >= u128::from(limits.weight) * memory
            && (voices.saturating_mul(limits.of_links) >= links || self.voices.len() == MOST_VOICES)
    }
}

/// A map that forgets what came in first when it is full.
#[derive(Debug)]
struct Book<K, V> {
    pages: BTreeMap<K, V>,
    order: VecDeque<K>,
}

impl<K: Ord + Copy, V> Book<K, V> {
    const fn new() -> Self {
        Self { pages: BTreeMap::new(), order: VecDeque::new() }
    }

    fn get(&self, key: &K) -> Option<&V> {
        self.pages.get(key)
    }

    fn entry(&mut self, key: K, most: usize, fresh: impl FnOnce() -> V) -> &mut V {
        if !self.pages.contains_key(&key) {
            if self.pages.len() >= most
                && let Some(oldest) = self.order.pop_front()
            {
                self.pages.remove(&oldest);
            }
            self.order.push_back(key);
        }
        self.pages.entry(key).or_insert_with(fresh)
    }
}
