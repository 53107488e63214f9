//! Files that crash and fail on purpose.

use crate::state::State;
use alloc::rc::Rc;
use core::cell::{RefCell, RefMut};
use core::ops::Range;
use spotp2p_adapter::disk::{Access, Directory, Files, Name};
use spotproto::Dice;
use spotproto::content::FileId;
use std::io::{self, ErrorKind};

/// Bytes that are always said to be free.
const FREE: u64 = 1 << 30;

/// When calls fail.
#[derive(Clone, Debug)]
pub(crate) enum Failing {
    Never,
    /// One in so many, each time for another reason.
    Sometimes(u32),
    /// All in this range that can fail for this reason.
    During(Range<u64>, ErrorKind),
}

/// A disk that says more than is true.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lie {
    None,
    /// That bytes last.
    Files,
    /// That names last.
    Folders,
}

/// A disk in memory. Its clones are the same disk.
#[derive(Clone, Debug)]
pub(crate) struct FaultDisk(Rc<RefCell<Inner>>);

struct Inner {
    state: State,
    failing: Failing,
    lie: Lie,
    dice: Dice,
    calls: u64,
    failed: u64,
    /// The state after each call that changed it; kept if asked for.
    trail: Option<Vec<State>>,
}

impl core::fmt::Debug for Inner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Inner")
            .field("calls", &self.calls)
            .field("failing", &self.failing)
            .finish_non_exhaustive()
    }
}

impl FaultDisk {
    /// A disk that does what it is told.
    pub(crate) fn good(state: State, dice: Dice) -> Self {
        let (failing, lie) = (Failing::Never, Lie::None);
        Self(Rc::new(RefCell::new(Inner { state, failing, lie, dice, calls: 0, failed: 0, trail: None })))
    }

    /// A disk that may not, and whose every state is looked at.
    pub(crate) fn bad(dice: Dice, failing: Failing, lie: Lie) -> Self {
        let disk = Self::good(State::default(), dice);
        let mut inner = disk.0.borrow_mut();
        (inner.failing, inner.lie, inner.trail) = (failing, lie, Some(Vec::new()));
        drop(inner);
        disk
    }

    /// The states since this was last asked.
    pub(crate) fn take_trail(&self) -> Vec<State> {
        self.0.borrow_mut().trail.as_mut().map(core::mem::take).unwrap_or_default()
    }

    /// Calls that failed on purpose.
    pub(crate) fn failed(&self) -> u64 {
        self.0.borrow().failed
    }

    pub(crate) fn state(&self) -> State {
        self.0.borrow().state.clone()
    }

    /// From now on calls fail like this, the next call being the first.
    pub(crate) fn fail(&self, calls: Range<u64>, reason: ErrorKind) {
        let mut inner = self.0.borrow_mut();
        let next = inner.calls + 1;
        inner.failing = Failing::During(next + calls.start..next + calls.end, reason);
    }

    /// The computer stops, and starts again.
    pub(crate) fn crash(&self, state: State) {
        self.0.borrow_mut().state = state;
    }

    /// Begins a call that may fail for one of these reasons.
    fn call(&self, reasons: &[ErrorKind]) -> (RefMut<'_, Inner>, io::Result<()>) {
        let mut inner = self.0.borrow_mut();
        inner.calls += 1;
        let calls = inner.calls;
        let reason = match inner.failing.clone() {
            Failing::Sometimes(one_in) if inner.dice.below(one_in) == 0 => inner.dice.pick(reasons).copied(),
            Failing::During(range, reason) if range.contains(&calls) && reasons.contains(&reason) => {
                Some(reason)
            }
            _ => None,
        };
        inner.failed += u64::from(reason.is_some());
        (inner, reason.map_or(Ok(()), |reason| Err(reason.into())))
    }
}

impl Inner {
    /// Changes the state, which is then looked at.
    fn change<T>(&mut self, change: impl FnOnce(&mut State, &mut Dice) -> T) -> T {
        let result = change(&mut self.state, &mut self.dice);
        if let Some(trail) = &mut self.trail {
            trail.push(self.state.clone());
        }
        result
    }

    fn find(&self, name: Name) -> io::Result<usize> {
        self.state.find(name).ok_or_else(|| ErrorKind::NotFound.into())
    }
}

const BROKEN: ErrorKind = ErrorKind::Other;
const READING: &[ErrorKind] = &[BROKEN];
const CHANGING: &[ErrorKind] = &[BROKEN, ErrorKind::ReadOnlyFilesystem];
const GROWING: &[ErrorKind] = &[BROKEN, ErrorKind::ReadOnlyFilesystem, ErrorKind::StorageFull];

impl Files for FaultDisk {
    type File = usize;

    fn open(&self, name: Name, access: Access) -> io::Result<usize> {
        let (inner, may) = self.call(if access == Access::Write { CHANGING } else { READING });
        let file = inner.find(name)?;
        may.map(|()| file)
    }

    fn create(&self, name: Name) -> io::Result<usize> {
        let (mut inner, may) = self.call(GROWING);
        if inner.state.find(name).is_some() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        may?;
        Ok(inner.change(|state, _| state.create(name)))
    }

    fn read(&self, file: &usize, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let (inner, may) = self.call(READING);
        may?;
        let from = inner.state.bytes(*file).get(offset as usize..).unwrap_or_default();
        let length = from.len().min(buffer.len());
        buffer[..length].copy_from_slice(&from[..length]);
        Ok(length)
    }

    fn write(&self, file: &usize, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let (mut inner, may) = self.call(GROWING);
        inner.change(|state, dice| {
            let written = if may.is_ok() { bytes.len() } else { dice.below(bytes.len() as u32 + 1) as usize };
            state.write(*file, offset as usize, &bytes[..written]);
        });
        may
    }

    fn length(&self, file: &usize) -> io::Result<u64> {
        let (inner, may) = self.call(READING);
        may?;
        if !inner.state.has_name(*file) {
            return Err(ErrorKind::NotFound.into());
        }
        Ok(inner.state.bytes(*file).len() as u64)
    }

    fn set_length(&self, file: &usize, length: u64) -> io::Result<()> {
        let (mut inner, may) = self.call(CHANGING);
        may?;
        inner.change(|state, _| state.set_length(*file, length as usize));
        Ok(())
    }

    fn sync(&self, file: &usize) -> io::Result<()> {
        let (mut inner, may) = self.call(GROWING);
        let lie = inner.lie == Lie::Files;
        inner.change(|state, dice| match may {
            Err(_) => state.sync_badly(*file, dice),
            Ok(()) if !lie => state.sync(*file),
            Ok(()) => {}
        });
        may
    }

    fn sync_folder(&self, folder: Directory) -> io::Result<()> {
        let (mut inner, may) = self.call(GROWING);
        may?;
        if inner.lie != Lie::Folders {
            inner.change(|state, _| state.sync_folder(folder));
        }
        Ok(())
    }

    fn rename(&self, from: Name, to: Name) -> io::Result<()> {
        let (mut inner, may) = self.call(GROWING);
        inner.find(from)?;
        // One that fails may have happened.
        if may.is_ok() || inner.dice.below(4) == 0 {
            inner.change(|state, _| state.rename(from, to));
        }
        may
    }

    fn remove(&self, name: Name) -> io::Result<()> {
        let (mut inner, may) = self.call(CHANGING);
        inner.find(name)?;
        may?;
        inner.change(|state, _| state.remove(name));
        Ok(())
    }

    fn list(&self) -> io::Result<Vec<(FileId, u64)>> {
        let (inner, may) = self.call(READING);
        may?;
        let cached = |(name, bytes): (Name, &[u8])| match name {
            Name::Cached(file) => Some((file, bytes.len() as u64)),
            _ => None,
        };
        Ok(inner.state.names().filter_map(cached).collect())
    }

    fn free(&self) -> io::Result<u64> {
        let (_, may) = self.call(READING);
        may.map(|()| FREE)
    }
}
