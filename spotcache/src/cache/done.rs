//! What came of effects.

use super::effect::{Content, DiskError, Done, RequestId};
use super::ledger::SEALED;
use super::place::Place;
use super::{Asked, Cache, CacheKey, Event};
use spotproto::Instant;

impl<K: CacheKey, B> Cache<K, B> {
    /// The disk has answered an effect.
    pub fn done(&mut self, now: Instant, request: RequestId, done: Done<K, B>) {
        let Some(asked) = self.asked.remove(&request) else { return };
        // An answer of another kind than what was asked says nothing that could be used.
        let carried = match &done {
            Done::Carried(result) => *result,
            Done::Opened(_) | Done::Read(_) => Err(DiskError::Failed),
        };
        match asked {
            Asked::Open => match done {
                Done::Opened(found) => self.opened(now, found),
                _ => self.opened(now, Err(DiskError::Failed)),
            },
            Asked::Read { file, place, void } => {
                let result = match done {
                    Done::Read(result) => result,
                    _ => Err(DiskError::Failed),
                };
                self.read_done(now, request, (file, place, void), result);
            }
            Asked::Write { file, place, void } => self.write_done(now, &file, place, void, carried),
            Asked::Journal => self.journal_done(now, request, carried),
            Asked::Cut { file, void } => self.cut_done(now, file, void, carried),
            Asked::Remove { file } => self.remove_done(now, file, carried),
        }
    }

    fn read_done(
        &mut self,
        now: Instant,
        request: RequestId,
        (file, place, void): (K, Place, bool),
        result: Result<Content<B>, DiskError>,
    ) {
        self.load.reads -= 1;
        let error = result.as_ref().err().copied();
        self.tell(Event::Data { request, file, place, result });
        match (error, place) {
            (Some(DiskError::Missing), Place::Piece(piece)) if !void => {
                if let Some(slot) = self.books.shelf.find(&file) {
                    self.lose(now, slot, piece..piece.saturating_add(1));
                }
            }
            (Some(DiskError::Failed), _) if !void => self.trouble(now, DiskError::Failed),
            _ => {}
        }
    }

    fn write_done(
        &mut self,
        now: Instant,
        file: &K,
        place: Place,
        void: bool,
        result: Result<(), DiskError>,
    ) {
        self.load.writes -= 1;
        let slot = if void { None } else { self.books.shelf.find(file) };
        if let Place::Piece(piece) = place
            && (slot.is_none() || result.is_err())
        {
            self.tell(Event::NotStored { file: *file, piece });
        }
        if let Some(slot) = slot {
            let piece = match place {
                Place::Piece(piece) => piece,
                Place::Sheet | Place::Leaves(_) => SEALED,
            };
            if piece != SEALED {
                self.piece_written(slot, piece, result.is_ok());
            }
            if result.is_ok() {
                self.ledger.fresh.push((slot, piece));
                self.commit_later(now);
            }
            let complete = piece != SEALED && self.books.shelf.facts(slot).complete();
            if complete || self.ledger.fresh.len() >= self.config.limits.batch {
                self.commit();
            }
        }
        if let Err(error) = result {
            self.trouble(now, error);
        }
        self.sync_if_written();
    }

    fn piece_written(&mut self, slot: u32, piece: u32, held: bool) {
        let (_, after) = self.books.change(slot, |shelf| {
            let detail = shelf.detail_mut(slot);
            detail.writing -= 1;
            if held {
                detail.insert(piece);
            }
        });
        if !held {
            self.counts.failed += 1;
            return;
        }
        self.counts.stored += 1;
        let file = self.books.shelf.key(slot);
        self.tell(Event::Stored { file, piece });
        if after.complete() {
            self.tell(Event::Complete(file));
        }
    }
}
