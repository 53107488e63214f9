//! Where bytes are cut that come in parts.

/// Bytes that come one by one. Were it all of them, half of a fuzzer's time would go by between two bytes, since it
/// likes that best.
const ONE_BY_ONE: usize = 16;

/// A place in front of which all comes at once; then some bytes come one by one, and the rest in parts.
#[derive(Clone, Debug)]
pub(crate) struct Cuts {
    place: usize,
    /// The length of the parts of the rest.
    rest: usize,
}

impl Cuts {
    /// The `n`-th place. Each of the first bytes comes by itself with one of them, as far as there are places.
    pub(crate) fn at(n: u8) -> Self {
        Self { place: usize::from(n) * ONE_BY_ONE, rest: usize::MAX }
    }

    /// The rest comes in parts of so many bytes.
    pub(crate) const fn rest_in(self, rest: usize) -> Self {
        Self { rest, ..self }
    }

    /// The parts of these bytes.
    pub(crate) fn parts<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (before, behind) = bytes.split_at(self.place.min(bytes.len()));
        let (here, rest) = behind.split_at(ONE_BY_ONE.min(behind.len()));
        let before = Some(before).filter(|before| !before.is_empty());
        before.into_iter().chain(here.chunks(1)).chain(rest.chunks(self.rest))
    }
}
