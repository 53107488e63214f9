//! The atoms that an MP4 file is nested from (ISO 14496-12 §4.2, where they are called boxes).

use super::super::plan::PlanBuilder;
use super::super::refusal::Refusal;
use super::super::source::{Source, Window};
use alloc::vec::Vec;

/// More atoms beside each other than any file has.
const SIBLINGS_MAX: usize = 1 << 16;

/// Where an atom lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Atom {
    pub(super) kind: [u8; 4],
    pub(super) start: u64,
    /// Behind the header.
    pub(super) body: u64,
    pub(super) end: u64,
}

impl Atom {
    pub(super) const fn len(&self) -> u64 {
        self.end - self.body
    }

    /// The whole body, of an atom that is small.
    pub(super) fn read<S: Source>(
        &self,
        window: &mut Window<'_, S>,
        limit: usize,
    ) -> Result<Vec<u8>, Refusal> {
        match usize::try_from(self.len()) {
            Ok(len) if len <= limit => Ok(window.exact(self.body, len)?.to_vec()),
            _ => Err(Refusal::TooLarge("an atom of the index")),
        }
    }
}

/// The atoms in the body of another.
pub(super) fn children(parent: &Atom) -> Children {
    Children { at: parent.body, end: parent.end, left: SIBLINGS_MAX }
}

/// See [`children`].
pub(super) struct Children {
    at: u64,
    end: u64,
    left: usize,
}

impl Children {
    /// The next atom. Its end may lie behind that of a file cut short, never behind that of its parent.
    pub(super) fn next<S: Source>(&mut self, window: &mut Window<'_, S>) -> Result<Option<Atom>, Refusal> {
        // QuickTime ends some lists with four zero bytes.
        if self.end.saturating_sub(self.at) < 8 || self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let start = self.at;
        let [a, b, c, d, kind @ ..] = window.array::<8>(start)?;
        let (body, size) = match u32::from_be_bytes([a, b, c, d]) {
            0 => (start + 8, self.end - start),
            1 => (start + 16, u64::from_be_bytes(window.array(start + 8)?)),
            size => (start + 8, u64::from(size)),
        };
        let is_file = self.end == window.len();
        let end = start.checked_add(size).filter(|end| *end >= body && (is_file || *end <= self.end));
        let end = end.ok_or(Refusal::Damaged("an atom does not fit where it lies"))?;
        self.at = end;
        Ok(Some(Atom { kind, start, body, end }))
    }
}

/// The first atom of this kind in another.
pub(super) fn find<S: Source>(
    window: &mut Window<'_, S>,
    parent: &Atom,
    kind: &[u8; 4],
) -> Result<Option<Atom>, Refusal> {
    let mut atoms = children(parent);
    while let Some(atom) = atoms.next(window)? {
        if atom.kind == *kind {
            // An atom that claims more than a file cut short has is of no use.
            return if atom.end > window.len() { Err(Refusal::Truncated) } else { Ok(Some(atom)) };
        }
    }
    Ok(None)
}

/// The same, of an atom that must be there.
pub(super) fn need<S: Source>(
    window: &mut Window<'_, S>,
    parent: &Atom,
    kind: &[u8; 4],
) -> Result<Atom, Refusal> {
    find(window, parent, kind)?.ok_or(Refusal::Damaged("its index lacks an atom"))
}

/// A part of an index to be written.
pub(super) enum Part {
    Bytes(Vec<u8>),
    /// An atom of the source, as it is.
    Kept(Atom),
    Nest([u8; 4], Vec<Part>),
}

impl Part {
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Kept(atom) => atom.end - atom.start,
            Self::Nest(_, parts) => 8 + parts.iter().map(Self::len).sum::<u64>(),
        }
    }

    pub(super) fn write(&self, plan: &mut PlanBuilder) -> Result<(), Refusal> {
        match self {
            Self::Bytes(bytes) => plan.literal(bytes),
            Self::Kept(atom) => plan.copy(atom.start..atom.end),
            Self::Nest(kind, parts) => {
                let len = u32::try_from(self.len()).map_err(|_| Refusal::TooLarge("the index"))?;
                plan.literal(&len.to_be_bytes())?;
                plan.literal(kind)?;
                parts.iter().try_for_each(|part| part.write(plan))
            }
        }
    }
}
