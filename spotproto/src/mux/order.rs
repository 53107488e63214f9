//! Which channel sends next: urgency classes, strict, with a floor.

use crate::message::{Channel, Urgency};
use alloc::collections::VecDeque;

/// A waiting class gets one byte for this many of the more urgent ones: at least 5 % of the line, even when both lower
/// classes wait.
const FLOOR: u32 = 17;

/// What a class is owed by the floor is capped, so that a long wait doesn't turn into a burst.
const MOST_OWED: u32 = 64 * 1024;

/// Channels for which an empty class keeps its memory.
const KEPT: usize = 4;

/// Channels with something to send, first come first served within a class.
///
/// First come, and not in turns: a piece is of use only when it is whole, and deadlines grow with the order of asking.
#[derive(Debug, Default)]
pub(crate) struct Order {
    classes: [Class; 3],
}

#[derive(Debug, Default)]
struct Class {
    waiting: VecDeque<Channel>,
    owed: u32,
}

impl Order {
    /// A channel has something to send from now on.
    pub(crate) fn add(&mut self, urgency: Urgency, channel: Channel) {
        if let Some(class) = self.classes.get_mut(urgency as usize) {
            class.waiting.push_back(channel);
        }
    }

    /// A channel has nothing to send any more.
    pub(crate) fn remove(&mut self, urgency: Urgency, channel: Channel) {
        let Some(class) = self.classes.get_mut(urgency as usize) else { return };
        if class.waiting.front() == Some(&channel) {
            class.waiting.pop_front();
        } else {
            class.waiting.retain(|waiting| *waiting != channel);
        }
        if class.waiting.is_empty() {
            class.waiting.shrink_to(KEPT);
            class.owed = 0;
        }
    }

    /// The channel whose turn it is: the most urgent, unless a lower class is owed a frame of `frame` bytes.
    pub(crate) fn turn(&self, frame: usize) -> Option<Channel> {
        let frame = u32::try_from(frame).unwrap_or(u32::MAX);
        let owed = self.classes.iter().skip(1).filter(|class| class.owed >= frame);
        let most_urgent = self.classes.iter().filter(|class| !class.waiting.is_empty());
        owed.chain(most_urgent).find_map(|class| class.waiting.front().copied())
    }

    /// `bytes` of a class went out: what is less urgent and waits is owed its share.
    pub(crate) fn sent(&mut self, urgency: Urgency, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let rank = urgency as usize;
        for (lower, class) in self.classes.iter_mut().enumerate() {
            if lower == rank {
                class.owed = class.owed.saturating_sub(bytes);
            } else if lower > rank && !class.waiting.is_empty() {
                class.owed = class.owed.saturating_add(bytes.div_ceil(FLOOR)).min(MOST_OWED);
            }
        }
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.classes.iter().all(|class| class.waiting.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(rounds: usize, classes: &[Urgency]) -> [usize; 3] {
        let mut order = Order::default();
        for urgency in classes {
            order.add(*urgency, *urgency as Channel);
        }
        let mut sent = [0; 3];
        for _ in 0..rounds {
            let channel = order.turn(4096).expect("all classes wait");
            sent[channel as usize] += 1;
            order.sent(Urgency::from_number(channel as u8).expect("a class"), 4096);
        }
        sent
    }

    #[test]
    fn the_most_urgent_goes_first_and_a_waiting_class_keeps_its_floor() {
        assert_eq!(shares(100, &[Urgency::Playing]), [100, 0, 0]);
        let [playing, next, _] = shares(1000, &[Urgency::Playing, Urgency::Next]);
        assert!((940..=948).contains(&playing) && next >= 50, "{playing} {next}");
        let [_, next, offline] = shares(1000, &Urgency::ALL);
        assert!(next >= 50 && offline >= 50, "{next} {offline}");
    }

    #[test]
    fn channels_of_a_class_are_served_in_the_order_of_asking() {
        let mut order = Order::default();
        order.add(Urgency::Playing, 7);
        order.add(Urgency::Playing, 3);
        assert_eq!(order.turn(4096), Some(7));
        order.remove(Urgency::Playing, 7);
        assert_eq!(order.turn(4096), Some(3));
        order.remove(Urgency::Playing, 3);
        assert!(order.is_empty());
    }
}
