//! The cache as a machine.

use super::{Cache, CacheKey, Event, Input, Output, Timer};
use core::convert::Infallible;
use spotproto::{Instant, Machine};

impl<K: CacheKey, B> Machine for Cache<K, B> {
    type Input = Input<K, B>;
    type Output = Output<K, B>;
    type Error = Infallible;

    fn handle_input(&mut self, now: Instant, input: Self::Input) -> Result<(), Infallible> {
        // What a command answers is an event as well, or can be seen by asking.
        match input {
            Input::Open => self.open(),
            Input::Admit { file, pieces, header_prefix, alias } => {
                let _ = self.admit(now, file, pieces, header_prefix, alias.as_ref());
            }
            Input::WriteSheet(file, sheet) => {
                let _ = self.write_sheet(&file, sheet);
            }
            Input::WriteLeaves(file, group, leaves) => {
                let _ = self.write_leaves(&file, group, leaves);
            }
            Input::Store(file, piece, bytes) => {
                let _ = self.store(&file, piece, bytes);
            }
            Input::Read(file, place) => {
                self.read(&file, place);
            }
            Input::Touch(file) => self.touch(now, &file),
            Input::Hold(file) => {
                self.hold(now, &file);
            }
            Input::Release(file) => self.release(now, &file),
            Input::Pin(file) => {
                if let Err(why) = self.pin(&file) {
                    self.tell(Event::PinRefused(file, why));
                }
            }
            Input::Unpin(file) => self.unpin(now, &file),
            Input::Forget(file, pieces) => self.forget(now, &file, pieces),
            Input::Remove(file) => self.remove(now, &file),
            Input::SetQuota(quota) => self.set_quota(now, quota),
            Input::Clear { pinned } => self.clear(now, pinned),
            Input::NoteDate(date) => self.note_date(now, date),
            Input::Sync => self.sync(),
            Input::Done(request, done) => self.done(now, request, done),
        }
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Infallible> {
        if self.timers.take_due(Timer::Touches, now) {
            self.write_touches();
            self.commit();
        }
        if self.timers.take_due(Timer::Commit, now) {
            self.commit();
        }
        if self.timers.take_due(Timer::Retry, now) {
            self.retry(now);
        }
        Ok(())
    }

    fn poll_output(&mut self) -> Option<Self::Output> {
        self.outbox.pop()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    fn wants_input(&self) -> bool {
        self.outbox.has_room()
    }
}
