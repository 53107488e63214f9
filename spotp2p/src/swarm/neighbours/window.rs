//! Counts over the last minutes, in two numbers.

/// About how much was counted within the last span: the current span's count, and the part of the previous one's that
/// still lies within reach, as if it had come evenly. (The sliding-window counter of rate limiters: J. Desgats, *How we
/// built rate limiting capable of scaling to millions of domains*, Cloudflare 2017.)
///
/// Two numbers and O(1), where exact windows would keep every event. Counts saturate.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Window<T> {
    current: T,
    previous: T,
}

/// The numbers that a [`Window`] counts in.
pub(super) trait Count: Copy + Default + Into<u32> {
    fn plus(self, more: u32) -> Self;
}

impl Count for u8 {
    fn plus(self, more: u32) -> Self {
        self.saturating_add(Self::try_from(more).unwrap_or(Self::MAX))
    }
}

impl Count for u16 {
    fn plus(self, more: u32) -> Self {
        self.saturating_add(Self::try_from(more).unwrap_or(Self::MAX))
    }
}

impl<T: Count> Window<T> {
    pub(super) fn add(&mut self, more: u32) {
        self.current = self.current.plus(more);
    }

    /// So many spans began since the last call.
    pub(super) fn roll(&mut self, spans: u32) {
        match spans {
            0 => {}
            1 => *self = Self { current: T::default(), previous: self.current },
            _ => *self = Self::default(),
        }
    }

    /// The count, in 60ths, when `minute` minutes of a span of `span` (a divisor of 60) have passed.
    pub(super) fn sixtieths(self, minute: u32, span: u32) -> u32 {
        let left = span.saturating_sub(minute) * (60 / span.max(1));
        self.current.into() * 60 + self.previous.into() * left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_fades_over_one_span_and_is_gone_after_two() {
        let mut window = Window::<u16>::default();
        window.add(100);
        assert_eq!(window.sixtieths(9, 10), 6000);
        window.roll(1);
        let fading: [u32; 3] = [0, 5, 10].map(|minute| window.sixtieths(minute, 10));
        assert_eq!(fading, [6000, 3000, 0]);
        window.add(1);
        assert_eq!(window.sixtieths(10, 10), 60);
        window.roll(2);
        assert_eq!(window.sixtieths(0, 10), 0);
    }

    #[test]
    fn counts_saturate() {
        let mut window = Window::<u8>::default();
        window.add(1000);
        window.add(1);
        assert_eq!(window.sixtieths(0, 60), 255 * 60);
    }
}
