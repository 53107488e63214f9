//! Who may wait in the doorway: connections that have not finished the handshake.

use super::Limits;
use crate::SessionId;
use crate::prefix::Prefix;
use alloc::collections::BTreeMap;
use core::net::IpAddr;

/// Half-open connections, oldest first by their number.
///
/// When the doorway is full the oldest one goes, from the same prefix if that one has more than its share: a flood of
/// connections that never shake hands pushes itself out, and a client that does needs a few round trips only.
#[derive(Debug)]
pub(super) struct Door {
    waiting: BTreeMap<SessionId, Prefix>,
    per_prefix: BTreeMap<Prefix, usize>,
    most: usize,
    most_per_prefix: usize,
}

impl Door {
    pub(super) const fn new(limits: &Limits) -> Self {
        Self {
            waiting: BTreeMap::new(),
            per_prefix: BTreeMap::new(),
            most: limits.half_open,
            most_per_prefix: limits.half_open_per_prefix,
        }
    }

    /// Lets a connection in; the one that has to go for it, if any.
    pub(super) fn enter(&mut self, session: SessionId, from: IpAddr) -> Option<SessionId> {
        let prefix = Prefix::of(from);
        let of_prefix = self.per_prefix.get(&prefix).copied().unwrap_or(0);
        let pushed = if of_prefix >= self.most_per_prefix {
            self.waiting.iter().find(|(_, of)| **of == prefix).map(|(oldest, _)| *oldest)
        } else if self.waiting.len() >= self.most {
            self.waiting.first_key_value().map(|(oldest, _)| *oldest)
        } else {
            None
        };
        if let Some(oldest) = pushed {
            self.leave(oldest);
        }
        self.waiting.insert(session, prefix);
        *self.per_prefix.entry(prefix).or_insert(0) += 1;
        pushed
    }

    /// A connection is through the door, or gone.
    pub(super) fn leave(&mut self, session: SessionId) {
        let Some(prefix) = self.waiting.remove(&session) else { return };
        if let Some(count) = self.per_prefix.get_mut(&prefix) {
            *count -= 1;
            if *count == 0 {
                self.per_prefix.remove(&prefix);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;

    fn from(third: u8, last: u8) -> IpAddr {
        Ipv4Addr::new(11, 0, third, last).into()
    }

    #[test]
    fn a_flood_from_one_prefix_pushes_itself_out_and_nobody_else() {
        let limits = Limits { half_open: 10, half_open_per_prefix: 3, ..Limits::DEFAULT };
        let mut door = Door::new(&limits);
        assert_eq!(door.enter(SessionId(0), from(9, 1)), None);
        let pushed: alloc::vec::Vec<_> =
            (1..100).filter_map(|n| door.enter(SessionId(n), from(1, n as u8))).collect();
        assert_eq!(pushed.first(), Some(&SessionId(1)));
        assert_eq!(pushed.len(), 96);
        assert!(!pushed.contains(&SessionId(0)));
        assert_eq!((door.waiting.len(), door.per_prefix.len()), (4, 2));
    }

    #[test]
    fn a_full_doorway_lets_the_oldest_go() {
        let limits = Limits { half_open: 2, half_open_per_prefix: 2, ..Limits::DEFAULT };
        let mut door = Door::new(&limits);
        assert_eq!(door.enter(SessionId(1), from(1, 1)), None);
        assert_eq!(door.enter(SessionId(2), from(2, 1)), None);
        assert_eq!(door.enter(SessionId(3), from(3, 1)), Some(SessionId(1)));
        door.leave(SessionId(2));
        door.leave(SessionId(3));
        door.leave(SessionId(3));
        assert!(door.waiting.is_empty() && door.per_prefix.is_empty());
    }
}
