//! Writing into a buffer that the caller owns.

use bytes::BufMut;

/// Appends values to any [`BufMut`] that grows (`Vec<u8>`, `BytesMut`).
#[derive(Debug)]
pub struct Writer<'a, W: BufMut> {
    out: &'a mut W,
}

impl<'a, W: BufMut> Writer<'a, W> {
    /// A writer that appends to `out`.
    pub fn new(out: &'a mut W) -> Self {
        Self { out }
    }

    /// Bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.out.put_slice(bytes);
        self
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.out.put_u8(value);
        self
    }

    /// Two bytes, big-endian.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.out.put_u16(value);
        self
    }

    /// Four bytes, big-endian.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.out.put_u32(value);
        self
    }

    /// Eight bytes, big-endian.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.out.put_u64(value);
        self
    }

    /// A QUIC varint in its shortest form; what is above [`super::VARINT_MAX`] is written as that.
    pub fn varint(&mut self, value: u64) -> &mut Self {
        match Self::varint_len(value) {
            1 => self.u8(value as u8),
            2 => self.u16(0x4000 | value as u16),
            4 => self.u32(0x8000_0000 | value as u32),
            _ => self.u64(0xc000_0000_0000_0000 | value.min(super::VARINT_MAX)),
        }
    }

    /// A length, then the bytes.
    pub fn counted(&mut self, bytes: &[u8]) -> &mut Self {
        self.varint(bytes.len() as u64).bytes(bytes)
    }

    /// Bytes that [`Writer::varint`] would take.
    #[must_use]
    pub const fn varint_len(value: u64) -> usize {
        match value {
            0..=0x3f => 1,
            0x40..=0x3fff => 2,
            0x4000..=0x3fff_ffff => 4,
            _ => 8,
        }
    }
}

/// Bytes that [`Writer::varint`] takes for `value`.
#[must_use]
pub const fn varint_len(value: u64) -> usize {
    Writer::<alloc::vec::Vec<u8>>::varint_len(value)
}
