//! Reading a source file a stretch at a time, so that no file is ever held whole.

use super::Refusal;
use alloc::vec::Vec;
use core::fmt;

/// A file as it lies on disk, read by position.
pub trait Source {
    /// Bytes in the file.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads into `buffer` from `offset` on; answers how many bytes came, 0 at the end.
    ///
    /// # Errors
    /// [`Unreadable`]; what the system said is for the implementer to keep.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Unreadable>;
}

impl Source for &[u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Unreadable> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or(&[]);
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }
}

/// The system could not read the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the file cannot be read")
    }
}

impl core::error::Error for Unreadable {}

/// Reads until `buffer` is full or the file ends; answers how many bytes came.
pub(super) fn read_fully<S: Source>(
    source: &mut S,
    offset: u64,
    buffer: &mut [u8],
) -> Result<usize, Unreadable> {
    let mut count = 0;
    while let Some(rest) = buffer.get_mut(count..).filter(|rest| !rest.is_empty()) {
        match source.read_at(offset.saturating_add(count as u64), rest)? {
            0 => break,
            n => count += n.min(rest.len()),
        }
    }
    Ok(count)
}

/// Bytes that a [`Window`] holds: above the largest Ogg page (65,307 bytes).
const WINDOW_LEN: usize = 128 * 1024;

/// A source seen through one buffer, for parsers that mostly go forward.
pub(super) struct Window<'a, S> {
    source: &'a mut S,
    len: u64,
    start: u64,
    buffer: Vec<u8>,
}

impl<'a, S: Source> Window<'a, S> {
    pub(super) fn new(source: &'a mut S) -> Self {
        let len = source.len();
        Self { source, len, start: 0, buffer: Vec::new() }
    }

    /// Length of the part that is looked at.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Leaves out what is behind `end` from now on.
    pub(super) fn cut(&mut self, end: u64) {
        self.len = self.len.min(end);
    }

    /// What is held from `offset` on: at least `least` bytes (at most 64 KiB), or all up to the end.
    pub(super) fn some(&mut self, offset: u64, least: usize) -> Result<&[u8], Refusal> {
        let left = self.len.saturating_sub(offset);
        let least = usize::try_from(left).unwrap_or(usize::MAX).min(least);
        if self.held(offset).len() < least {
            self.fill(offset, left)?;
        }
        let held = self.held(offset);
        if held.len() < least { Err(Refusal::Truncated) } else { Ok(held) }
    }

    /// Exactly `count` bytes from `offset` on.
    pub(super) fn exact(&mut self, offset: u64, count: usize) -> Result<&[u8], Refusal> {
        self.some(offset, count)?.get(..count).ok_or(Refusal::Truncated)
    }

    /// The `N` bytes at `offset`, by value.
    pub(super) fn array<const N: usize>(&mut self, offset: u64) -> Result<[u8; N], Refusal> {
        self.exact(offset, N)?.first_chunk().copied().ok_or(Refusal::Truncated)
    }

    /// Whether these bytes are at `offset`.
    pub(super) fn starts(&mut self, offset: u64, magic: &[u8]) -> Result<bool, Refusal> {
        Ok(self.some(offset, magic.len())?.starts_with(magic))
    }

    /// Fills `out` from `offset` on past the buffer, for readers that jump between tables.
    pub(super) fn copy_out(&mut self, offset: u64, out: &mut [u8]) -> Result<(), Refusal> {
        let count = read_fully(self.source, offset, out).map_err(|_| Refusal::Unreadable)?;
        if count < out.len() { Err(Refusal::Truncated) } else { Ok(()) }
    }

    fn held(&self, offset: u64) -> &[u8] {
        let skip = offset.checked_sub(self.start).and_then(|skip| usize::try_from(skip).ok());
        let held = skip.and_then(|skip| self.buffer.get(skip..)).unwrap_or(&[]);
        // The end may have been cut since the buffer was filled.
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        held.get(..left).unwrap_or(held)
    }

    fn fill(&mut self, offset: u64, left: u64) -> Result<(), Refusal> {
        self.start = offset;
        self.buffer.resize(usize::try_from(left).unwrap_or(usize::MAX).min(WINDOW_LEN), 0);
        let count = read_fully(self.source, offset, &mut self.buffer).map_err(|_| Refusal::Unreadable)?;
        self.buffer.truncate(count);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out a few bytes at a time, as a slow disk may.
    struct Drops(Vec<u8>);

    impl Source for Drops {
        fn len(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Unreadable> {
            let few = buffer.len().min(7);
            (&self.0[..]).read_at(offset, &mut buffer[..few])
        }
    }

    #[test]
    fn a_window_shows_every_byte_whatever_the_reads_bring() {
        let bytes: Vec<u8> = (0..300_000u32).map(|i| (i * 31 / 8) as u8).collect();
        let mut source = Drops(bytes.clone());
        let mut window = Window::new(&mut source);
        for offset in [0usize, 5, 131_070, 131_073, 299_990, 4, 200_000] {
            assert_eq!(window.exact(offset as u64, 10).unwrap(), &bytes[offset..offset + 10]);
        }
        assert_eq!(window.exact(299_991, 10), Err(Refusal::Truncated));
        assert_eq!(window.some(299_991, 10).unwrap(), &bytes[299_991..]);
        assert_eq!(window.exact(u64::MAX, 1), Err(Refusal::Truncated));
        window.cut(299_995);
        assert_eq!(window.some(299_991, 10).unwrap(), &bytes[299_991..299_995]);
    }

    #[test]
    fn a_file_that_is_shorter_than_it_said_is_truncated() {
        struct Liar;
        impl Source for Liar {
            fn len(&self) -> u64 {
                100
            }
            fn read_at(&mut self, _: u64, _: &mut [u8]) -> Result<usize, Unreadable> {
                Ok(0)
            }
        }
        assert_eq!(Window::new(&mut Liar).exact(0, 4), Err(Refusal::Truncated));
    }
}
