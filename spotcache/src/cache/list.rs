//! Lists of slots, newest first, by links that lie in the slots.

use super::index::NONE;

/// The links of a slot; it is in one list, or in none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links {
    newer: u32,
    older: u32,
}

impl Links {
    /// Of a slot that is in no list.
    pub(super) const OUTSIDE: Self = Self { newer: NONE, older: NONE };

    /// Of a slot that is not in use, and is followed by this one in the chain of such slots.
    pub(super) const fn free(next: u32) -> Self {
        Self { newer: NONE, older: next }
    }

    /// The slot that follows.
    pub(super) const fn older(self) -> u32 {
        self.older
    }
}

/// What has links.
pub(super) trait Linked {
    /// The links of a slot in use.
    fn links(&mut self, slot: u32) -> &mut Links;
}

/// A list.
#[derive(Clone, Copy, Debug)]
pub(super) struct List {
    newest: u32,
    oldest: u32,
    len: u32,
}

impl List {
    /// A list of nothing.
    pub(super) const EMPTY: Self = Self { newest: NONE, oldest: NONE, len: 0 };

    /// How many slots are in it.
    pub(super) const fn len(&self) -> u32 {
        self.len
    }

    /// The slot that was put in first.
    pub(super) fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// The slot that was put in next after this one.
    pub(super) fn newer(links: &mut impl Linked, slot: u32) -> Option<u32> {
        let newer = links.links(slot).newer;
        (newer != NONE).then_some(newer)
    }

    /// Puts a slot in that is in no list.
    pub(super) fn push(&mut self, links: &mut impl Linked, slot: u32) {
        *links.links(slot) = Links { newer: NONE, older: self.newest };
        match self.newest {
            NONE => self.oldest = slot,
            newest => links.links(newest).newer = slot,
        }
        self.newest = slot;
        self.len += 1;
    }

    /// Takes a slot out that is in this list.
    pub(super) fn remove(&mut self, links: &mut impl Linked, slot: u32) {
        let Links { newer, older } = core::mem::replace(links.links(slot), Links::OUTSIDE);
        match newer {
            NONE => self.newest = older,
            newer => links.links(newer).older = older,
        }
        match older {
            NONE => self.oldest = newer,
            older => links.links(older).newer = newer,
        }
        self.len -= 1;
    }

    /// Makes a slot of this list its newest.
    pub(super) fn renew(&mut self, links: &mut impl Linked, slot: u32) {
        if self.newest != slot {
            self.remove(links, slot);
            self.push(links, slot);
        }
    }

    /// Hands out all, the oldest first.
    pub(super) fn each<L: Linked>(&self, links: &mut L, mut take: impl FnMut(&mut L, u32)) {
        let mut next = self.oldest();
        while let Some(slot) = next {
            next = Self::newer(links, slot);
            take(links, slot);
        }
    }
}
