//! What a cache has promised, whatever crashes.

use crate::Cache;
use alloc::collections::{BTreeMap, BTreeSet};
use spotcache::cache::Event;
use spotproto::content::FileId;

/// Promises that are in force.
#[derive(Default)]
pub(crate) struct Oracle {
    /// Pins that the cache said are durable.
    pub(crate) pinned: BTreeSet<FileId>,
    /// Pieces that were held when a sync began which has ended well.
    pub(crate) durable: BTreeSet<(FileId, u32)>,
    /// What is to be durable when the sync under way ends.
    syncing: Option<Sync>,
    /// The quota shrank, and the journal need not say what went for it: a cache that starts anew chooses again.
    pub(crate) shrunk: bool,
    commands: BTreeMap<FileId, Commands>,
}

/// What was so when a sync began.
struct Sync {
    held: BTreeSet<(FileId, u32)>,
    /// No more was held than the quota allows.
    fits: bool,
}

/// Pins and unpins of a file.
#[derive(Default)]
struct Commands {
    unanswered: u32,
    last_was_pin: bool,
}

impl Oracle {
    pub(crate) fn pins(&mut self, file: FileId) {
        let commands = self.commands.entry(file).or_default();
        commands.unanswered += 1;
        commands.last_was_pin = true;
    }

    pub(crate) fn unpins(&mut self, file: FileId) {
        let commands = self.commands.entry(file).or_default();
        commands.unanswered += 1;
        commands.last_was_pin = false;
        self.pinned.remove(&file);
    }

    /// A file is to go, and its pin with it.
    pub(crate) fn removes(&mut self, file: FileId) {
        self.commands.entry(file).or_default().last_was_pin = false;
        self.pinned.remove(&file);
    }

    /// Whether one may be asked for: only the answer to a single one can be told from others.
    pub(crate) fn may_sync(&self) -> bool {
        self.syncing.is_none()
    }

    pub(crate) fn syncs(&mut self, cache: &Cache) {
        let usage = cache.usage();
        self.syncing = Some(Sync { held: held(cache), fits: usage.bytes <= usage.quota });
    }

    pub(crate) fn shrinks(&mut self) {
        self.shrunk = true;
        if let Some(sync) = &mut self.syncing {
            sync.fits = false;
        }
    }

    pub(crate) fn hears(&mut self, event: &Event<FileId, bytes::Bytes>) {
        match event {
            Event::Pinned(file) | Event::Unpinned(file) => {
                let commands = self.commands.entry(*file).or_default();
                commands.unanswered = commands.unanswered.saturating_sub(1);
                // An answer to an earlier command promises nothing if another one is under way.
                if commands.unanswered == 0 && commands.last_was_pin {
                    self.pinned.insert(*file);
                }
            }
            Event::Synced { saved } => {
                if let Some(sync) = self.syncing.take().filter(|_| *saved) {
                    self.durable.extend(sync.held);
                    self.shrunk &= !sync.fits;
                }
            }
            _ => {}
        }
    }

    /// What the cache has let go since is promised no more.
    pub(crate) fn looks_at(&mut self, cache: &Cache) {
        self.durable.retain(|(file, piece)| cache.holds(file, *piece));
        if let Some(sync) = &mut self.syncing {
            sync.held.retain(|(file, piece)| cache.holds(file, *piece));
        }
    }

    /// The cache was started anew: nothing that was under way is answered any more.
    pub(crate) fn restarts(&mut self, cache: &Cache) {
        self.commands.clear();
        self.syncing = None;
        self.looks_at(cache);
    }
}

fn held(cache: &Cache) -> BTreeSet<(FileId, u32)> {
    let pieces = |(file, holding): (FileId, spotcache::cache::Holding)| {
        (0..holding.pieces).map(move |piece| (file, piece))
    };
    cache.files().flat_map(pieces).filter(|(file, piece)| cache.holds(file, *piece)).collect()
}
