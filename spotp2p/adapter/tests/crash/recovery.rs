//! Starting a cache on what a crash has left, and holding it to what it has promised.

use crate::disk::FaultDisk;
use crate::library::Library;
use crate::oracle::Oracle;
use crate::state::State;
use crate::{Cache, Effects};
use core::time::Duration;
use spotcache::cache::{Config, Content, Event, Layout, Output, Place};
use spotp2p_adapter::disk::{Executor, Name};
use spotproto::content::FileId;
use spotproto::{Dice, Instant, Machine, Seed};

/// How a recovered cache is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Rules {
    /// Whether pieces are proved before they are believed.
    pub(crate) prove: bool,
    /// Whether no call has failed and nothing is to go, so that pieces said to be durable must be there.
    pub(crate) keeps_all: bool,
}

/// What was seen of a recovered cache.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) pieces: u64,
    /// Claimed, and proved wrong.
    pub(crate) rejected: u64,
}

/// A cache on a disk that does what it is told.
pub(crate) struct Recovered {
    pub(crate) cache: Cache,
    pub(crate) executor: Executor<FaultDisk>,
    pub(crate) now: Instant,
}

impl Recovered {
    /// Starts a cache on this disk, and lets it do what it wants to.
    ///
    /// # Errors
    /// It does not open, or does not come to rest.
    pub(crate) fn start(state: State, config: &Config, dice: &mut Dice) -> Result<Self, String> {
        let executor = Executor::new(FaultDisk::good(state, dice.clone()));
        let cache = Cache::new(*config, &Seed([7; 32]).part(dice.bits()));
        let mut recovered = Self { cache, executor, now: Instant::START };
        recovered.cache.open();
        let ready = recovered.settle()?;
        if ready { Ok(recovered) } else { Err("the cache does not open".into()) }
    }

    /// Carries out effects and lets time pass until nothing is left to do; whether the cache said that it is open.
    pub(crate) fn settle(&mut self) -> Result<bool, String> {
        let mut ready = false;
        for _ in 0..1000 {
            let Some(output) = self.cache.poll_output() else {
                match self.cache.poll_timeout() {
                    // All but writing down what was used, which comes round again and again.
                    Some(at) if at.since(Instant::START) < Duration::from_secs(60) => {
                        self.now = self.now.max(at);
                        let Ok(()) = self.cache.handle_timeout(self.now);
                        continue;
                    }
                    _ => return Ok(ready),
                }
            };
            match output {
                Output::Effect(effect) => {
                    let (request, done) = self.executor.carry_out(effect).ok_or("an effect nobody knows")?;
                    self.cache.done(self.now, request, done);
                }
                Output::Event(Event::Ready(_)) => ready = true,
                Output::Event(Event::Trouble(trouble)) => return Err(format!("trouble: {trouble}")),
                _ => {}
            }
        }
        Err("the cache never comes to rest".into())
    }

    fn read(&self, file: FileId, layout: Layout, piece: u32) -> Option<bytes::Bytes> {
        match self.executor.reader().read(file, layout, Place::Piece(piece)) {
            Ok(Content::Piece(bytes) | Content::Sealed(bytes)) => Some(bytes),
            Err(_) => None,
        }
    }
}

/// Starts a cache on what a crash has left, and checks it.
///
/// # Errors
/// The promise that was broken.
pub(crate) fn check(
    crashed: State,
    config: &Config,
    library: &Library,
    oracle: &Oracle,
    rules: Rules,
    dice: &mut Dice,
) -> Result<Seen, String> {
    let mut recovered = Recovered::start(crashed, config, dice)?;
    if let Some(file) = oracle.pinned.iter().find(|file| !is_pinned(&recovered.cache, file)) {
        return Err(format!("{file} was pinned, and is not any more"));
    }
    check_room(&recovered, library)?;
    let mut seen = Seen::default();
    let known: Vec<_> = recovered.cache.files().map(|(file, holding)| (file, holding.pieces)).collect();
    for (file, pieces) in known {
        let track = library.find(file);
        for piece in (0..pieces).filter(|piece| recovered.cache.holds(&file, *piece)).collect::<Vec<_>>() {
            seen.pieces += 1;
            let read = recovered.read(file, track.layout(), piece);
            let read = read.unwrap_or_default();
            // The last piece is shorter than what may lie there, and behind it lies nothing.
            let original = &track.pieces[piece as usize];
            if read == original {
                continue;
            }
            if !rules.prove {
                return Err(format!("piece {piece} of {file} is claimed and is not what it was"));
            }
            if track.proves(piece, &read) {
                return Err(format!("piece {piece} of {file} is another one with the same leaf"));
            }
            seen.rejected += 1;
            if rules.keeps_all && oracle.durable.contains(&(file, piece)) {
                return Err(format!("piece {piece} of {file} was durable, and is damaged"));
            }
            recovered.cache.forget(recovered.now, &file, piece..piece + 1);
            if recovered.cache.holds(&file, piece) {
                return Err(format!("piece {piece} of {file} was forgotten, and is still held"));
            }
        }
    }
    recovered.settle()?;
    let lost = oracle.durable.iter().find(|(file, piece)| !recovered.cache.holds(file, *piece));
    match lost {
        Some((file, piece)) if rules.keeps_all => {
            Err(format!("piece {piece} of {file} was durable, and is gone"))
        }
        _ => Ok(seen),
    }
}

fn is_pinned(cache: &Cache, file: &FileId) -> bool {
    cache.holding(file).is_some_and(|holding| holding.pinned)
}

/// What is taken, by the books and on the disk, is within the quota and one file. Pinned files stay when a quota shrinks.
fn check_room(recovered: &Recovered, library: &Library) -> Result<(), String> {
    let usage = recovered.cache.usage();
    let most = usage.quota.max(usage.pinned_bytes) + library.largest();
    if usage.bytes > most {
        return Err(format!("{} bytes are accounted for, of {most}", usage.bytes));
    }
    let state = recovered.executor.files().state();
    let mut taken = 0;
    for (name, bytes) in state.names() {
        if let Name::Cached(file) = name {
            taken +=
                bytes.chunks(4096).filter(|block| block.iter().any(|byte| *byte != 0)).count() as u64 * 4096;
            if recovered.cache.holding(&file).is_none() {
                return Err(format!("{file} is nobody's, and still there"));
            }
        }
    }
    if taken > most { Err(format!("{taken} bytes are taken on the disk, of {most}")) } else { Ok(()) }
}

/// Effects and what comes of them, as a driver has them.
pub(crate) fn journal_first(effect: crate::Work) -> Effects {
    use bytes::Bytes;
    use spotcache::cache::Effect;
    match effect {
        Effect::Append { request, after, records } => vec![
            Effect::Append { request, after: Vec::new(), records },
            Effect::Append { request, after, records: Bytes::new() },
        ],
        effect => vec![effect],
    }
}
