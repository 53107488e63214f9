//! What a disk holds, what of it lasts, and what a crash may leave.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use spotp2p_adapter::disk::{Directory, Name};
use spotproto::{Dice, Seed};

/// The unit that a disk writes whole or not at all.
const SECTOR: usize = 512;

/// Files, as a program sees them and as a crash would leave them at the least.
#[derive(Clone, Default)]
pub(crate) struct State {
    files: Vec<File>,
    names: BTreeMap<Name, usize>,
    lasting_names: BTreeMap<Name, usize>,
    name_changes: Vec<(u64, NameChange)>,
    /// Counts changes, to tell which came first.
    time: u64,
}

#[derive(Clone, Default)]
struct File {
    bytes: Rc<Vec<u8>>,
    lasting: Rc<Vec<u8>>,
    changes: Vec<(u64, Change)>,
}

#[derive(Clone)]
enum Change {
    Write(usize, Rc<[u8]>),
    Length(usize),
}

#[derive(Clone, Copy)]
enum NameChange {
    Create(Name, usize),
    Remove(Name),
    Rename(Name, Name, usize),
}

/// How much of what need not last a crash leaves.
#[derive(Clone, Copy)]
enum Fate {
    Nothing,
    Everything,
    /// All before this time, and a part of the change at it.
    Until(u64),
    /// Each change by itself, in so many of 16 cases.
    Each(u32),
}

impl State {
    pub(crate) fn find(&self, name: Name) -> Option<usize> {
        self.names.get(&name).copied()
    }

    pub(crate) fn has_name(&self, file: usize) -> bool {
        self.names.values().any(|named| *named == file)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = (Name, &[u8])> {
        self.names.iter().map(|(name, file)| (*name, self.bytes(*file)))
    }

    pub(crate) fn bytes(&self, file: usize) -> &[u8] {
        &self.files[file].bytes
    }

    pub(crate) fn create(&mut self, name: Name) -> usize {
        self.files.push(File::default());
        let file = self.files.len() - 1;
        self.names.insert(name, file);
        self.change_name(NameChange::Create(name, file));
        file
    }

    pub(crate) fn remove(&mut self, name: Name) {
        self.names.remove(&name);
        self.change_name(NameChange::Remove(name));
    }

    pub(crate) fn rename(&mut self, from: Name, to: Name) {
        if let Some(file) = self.names.remove(&from) {
            self.names.insert(to, file);
            self.change_name(NameChange::Rename(from, to, file));
        }
    }

    pub(crate) fn write(&mut self, file: usize, offset: usize, bytes: &[u8]) {
        self.change(file, Change::Write(offset, bytes.into()));
    }

    pub(crate) fn set_length(&mut self, file: usize, length: usize) {
        self.change(file, Change::Length(length));
    }

    pub(crate) fn sync(&mut self, file: usize) {
        let file = &mut self.files[file];
        let lasting = Rc::make_mut(&mut file.lasting);
        file.changes.drain(..).for_each(|(_, change)| change.apply(lasting));
    }

    /// A sync that fails. Of the changes some have reached the disk; the others never will, although programs go on
    /// seeing them and the next sync says that all is well (Rebello and others 2020, "Can applications recover from
    /// fsync failures?").
    pub(crate) fn sync_badly(&mut self, file: usize, dice: &mut Dice) {
        let file = &mut self.files[file];
        let lasting = Rc::make_mut(&mut file.lasting);
        for (_, change) in file.changes.drain(..) {
            if dice.below(2) == 0 {
                change.apply(lasting);
            }
        }
    }

    pub(crate) fn sync_folder(&mut self, folder: Directory) {
        let (here, elsewhere) =
            self.name_changes.drain(..).partition(|(_, change)| change.folder() == folder);
        let here: Vec<_> = here;
        self.name_changes = elsewhere;
        here.into_iter().for_each(|(_, change)| change.apply(&mut self.lasting_names));
    }

    /// What is there after the worst crash: nothing that need not last.
    pub(crate) fn least(&self) -> Self {
        self.after(Fate::Nothing, &mut Dice::new(&Seed([0; 32])))
    }

    /// What may be there after a crash now.
    pub(crate) fn crash(&self, dice: &mut Dice) -> Self {
        let fate = match dice.below(8) {
            0 => Fate::Nothing,
            1 => Fate::Everything,
            2..=4 => Fate::Until(self.time.saturating_sub(dice.below(12).into())),
            _ => Fate::Each(*dice.pick(&[2, 8, 14]).unwrap_or(&8)),
        };
        self.after(fate, dice)
    }

    fn after(&self, fate: Fate, dice: &mut Dice) -> Self {
        let mut names = self.lasting_names.clone();
        for (at, change) in &self.name_changes {
            // Names change at one stroke.
            if fate.keeps(*at, dice) {
                change.apply(&mut names);
            }
        }
        let mut after = Self::default();
        for (name, file) in names {
            let bytes = self.files[file].after(fate, dice);
            after.names.insert(name, after.files.len());
            after.files.push(File { bytes: bytes.clone(), lasting: bytes, changes: Vec::new() });
        }
        after.lasting_names = after.names.clone();
        after
    }

    fn change(&mut self, file: usize, change: Change) {
        self.time += 1;
        let file = &mut self.files[file];
        change.clone().apply(Rc::make_mut(&mut file.bytes));
        file.changes.push((self.time, change));
    }

    fn change_name(&mut self, change: NameChange) {
        self.time += 1;
        self.name_changes.push((self.time, change));
    }
}

impl Fate {
    fn keeps(self, at: u64, dice: &mut Dice) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Until(time) => at <= time,
            Self::Each(cases) => dice.below(16) < cases,
        }
    }

    fn tears(self, at: u64, dice: &mut Dice) -> bool {
        match self {
            Self::Nothing | Self::Everything => false,
            Self::Until(time) => at == time,
            Self::Each(_) => dice.below(4) == 0,
        }
    }
}

impl File {
    fn after(&self, fate: Fate, dice: &mut Dice) -> Rc<Vec<u8>> {
        if self.changes.is_empty() {
            return self.lasting.clone();
        }
        let mut bytes = self.lasting.clone();
        for (at, change) in &self.changes {
            if fate.tears(*at, dice) {
                change.tear(Rc::make_mut(&mut bytes), dice);
            } else if fate.keeps(*at, dice) {
                change.clone().apply(Rc::make_mut(&mut bytes));
            }
        }
        bytes
    }
}

impl Change {
    fn apply(self, to: &mut Vec<u8>) {
        match self {
            Self::Write(offset, bytes) => put(to, offset, &bytes),
            Self::Length(length) => to.resize(length, 0),
        }
    }

    /// Carries out a part of it.
    fn tear(&self, to: &mut Vec<u8>, dice: &mut Dice) {
        let Self::Write(offset, bytes) = self else { return };
        let end = offset + bytes.len();
        match dice.below(4) {
            // Its front, up to a byte or a sector.
            0 => put(to, *offset, &bytes[..dice.below(bytes.len() as u32 + 1) as usize]),
            1 => {
                let cut = (offset + dice.below(bytes.len() as u32 + 1) as usize) / SECTOR * SECTOR;
                put(to, *offset, &bytes[..cut.saturating_sub(*offset)]);
            }
            // The length alone, as where space is given out late.
            2 => to.resize(to.len().max(end), 0),
            // Any of its sectors.
            _ => {
                let mut at = *offset;
                while at < end {
                    let next = ((at / SECTOR + 1) * SECTOR).min(end);
                    if dice.below(2) == 0 {
                        put(to, at, &bytes[at - offset..next - offset]);
                    }
                    at = next;
                }
            }
        }
    }
}

fn put(to: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if bytes.is_empty() {
        return;
    }
    if to.len() < end {
        to.resize(end, 0);
    }
    to[offset..end].copy_from_slice(bytes);
}

impl NameChange {
    fn folder(&self) -> Directory {
        match self {
            Self::Create(name, _) | Self::Remove(name) | Self::Rename(name, ..) => name.folder(),
        }
    }

    fn apply(self, names: &mut BTreeMap<Name, usize>) {
        match self {
            Self::Create(name, file) => {
                names.insert(name, file);
            }
            Self::Remove(name) => {
                names.remove(&name);
            }
            Self::Rename(from, to, file) => {
                names.remove(&from);
                names.insert(to, file);
            }
        }
    }
}
