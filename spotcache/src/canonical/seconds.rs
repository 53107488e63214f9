//! Collects where each second lies while a file is scanned, before its duration is known.

use super::Refusal;
use alloc::vec::Vec;
use core::ops::Range;
use spotproto::content::SeekTable;

/// The longest file that is taken: twelve days.
const SECONDS_MAX: usize = 1 << 20;

/// An offset for each second of music.
pub(super) struct Seconds {
    /// Ticks of time in a second.
    rate: u64,
    offsets: Vec<u64>,
    lead: u64,
}

impl Seconds {
    pub(super) fn new(rate: u32) -> Self {
        Self { rate: u64::from(rate.max(1)), offsets: Vec::new(), lead: 0 }
    }

    /// Notes that sound for these ticks ends at byte `end`, and comes out of a decoder that starts at `entry`.
    ///
    /// Calls go forward in time and in bytes.
    pub(super) fn sound(&mut self, ticks: Range<u64>, entry: u64, end: u64) -> Result<(), Refusal> {
        if ticks.end.div_ceil(self.rate) > SECONDS_MAX as u64 {
            return Err(Refusal::TooLarge("the duration"));
        }
        while (self.offsets.len() as u64 * self.rate) < ticks.end {
            self.offsets.push(entry);
            self.lead = self.lead.max(end.saturating_sub(entry));
        }
        Ok(())
    }

    /// With all offsets moved back by `len` bytes that come in front.
    pub(super) fn behind(mut self, len: u64) -> Self {
        self.offsets.iter_mut().for_each(|offset| *offset += len);
        self
    }

    /// The table of a file with this duration and length of plaintext.
    pub(super) fn table(self, duration_ms: u32, plaintext: u64) -> Result<SeekTable, Refusal> {
        let step = SeekTable::step_for(duration_ms) as usize / 1000;
        let last = self.offsets.last().copied().unwrap_or(0);
        let offsets: Vec<u64> = (0..SeekTable::entries_for(duration_ms))
            .map(|index| self.offsets.get(index * step).copied().unwrap_or(last))
            .collect();
        let lead = u32::try_from(self.lead).unwrap_or(u32::MAX);
        SeekTable::new(duration_ms, plaintext, &offsets, 1, lead)
            .map_err(|_| Refusal::Damaged("its times run backwards"))
    }
}

/// Ticks as milliseconds, rounded down.
pub(super) fn duration_ms(ticks: u64, rate: u32) -> Result<u32, Refusal> {
    let ms = u128::from(ticks) * 1000 / u128::from(rate.max(1));
    u32::try_from(ms).map_err(|_| Refusal::TooLarge("the duration"))
}
