//! What must hold of every file that is taken, whatever is in it.

use spotcache::canonical::{Canonical, Facts, Plan, Refusal, Source, Unreadable, analyse};
use spotproto::codec::Reader;

/// The most bytes that a canonical form has beyond those of its file: what a plan brings along.
const ADDED_MAX: u64 = 4 << 20;

/// The canonical form, read in odd steps through a plan that was stored and loaded, as a server would.
pub(crate) fn canonical(source: &[u8]) -> Result<(Vec<u8>, Facts), Refusal> {
    let Canonical { plan, facts } = analyse(&mut &source[..])?;
    let mut stored = Vec::new();
    plan.encode(&mut stored);
    let plan = Plan::decode(&mut Reader::new(&stored)).expect("a plan that was just encoded");
    assert_eq!(facts.geometry.plaintext_len(), plan.len());
    assert!(plan.len() <= source.len() as u64 + ADDED_MAX, "{} bytes of {}", plan.len(), source.len());
    let mut bytes = vec![0; plan.len() as usize];
    for (index, part) in bytes.chunks_mut(1009).enumerate() {
        let count =
            plan.read_at(&mut &source[..], index as u64 * 1009, part).expect("a source that did not change");
        assert_eq!(count, part.len());
    }
    Ok((bytes, facts))
}

/// Counts what is read: no parser may go over a file more than a few times.
pub(crate) struct Counted<'a>(&'a [u8], u64);

impl<'a> Counted<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes, 0)
    }
}

impl Source for Counted<'_> {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Unreadable> {
        self.1 += buffer.len() as u64;
        assert!(self.1 < 64 * self.len() + (64 << 20), "read over and over");
        self.0.read_at(offset, buffer)
    }
}

/// Whatever is taken must be readable to its end, and be its own canonical form.
pub(crate) fn take(bytes: &[u8]) {
    if analyse(&mut Counted::new(bytes)).is_ok() {
        let (once, _) = canonical(bytes).expect("taken a moment ago");
        match canonical(&once) {
            Ok((twice, _)) => assert!(once == twice, "another form the second time"),
            Err(refusal) => panic!("a canonical form is refused: {refusal}"),
        }
    }
}
