//! Who may wait at the door of a client without having said for whom.

use crate::prefix::Prefix;
use alloc::collections::BTreeMap;
use core::net::IpAddr;
use core::time::Duration;
use spotproto::SessionError;
use spotproto::error::Refused;
use spotproto::noise::Role;
use spotproto::preamble::{LinkId, PREAMBLE_LEN, Preamble};

/// Connections that may wait.
const WAITING: usize = 64;

/// The same, from one address prefix (/24 or /56).
const WAITING_PER_PREFIX: usize = 8;

/// Connections that have not said yet for which link they are, or came before it was expected; oldest first.
///
/// When it is full the oldest one goes, from the same prefix if that one has more than its share: a flood of silent
/// connections pushes itself out, and who belongs here says so in its first packet.
///
/// Memory: 64 connections, 24 bytes each.
#[derive(Clone, Debug, Default)]
pub struct Doorway {
    waiting: BTreeMap<u64, Prefix>,
    next: u64,
}

impl Doorway {
    /// How long one may take to say for which link it is.
    pub const PATIENCE: Duration = Duration::from_secs(5);

    /// How long one waits whose link is not expected. Both sides are told to dial at the same time, but the word may take
    /// longer to get here than who dialled at once on hearing it: by the way between the two, by a packet that was lost.
    pub const EARLY: Duration = Duration::from_secs(1);

    /// Who it is that says this first.
    #[must_use]
    pub fn caller(said: &[u8; PREAMBLE_LEN]) -> Caller {
        match Preamble::decode(said) {
            Ok(Preamble { link, role, .. }) => Caller::Peer { link, role },
            Err(SessionError::Refusing(why)) => Caller::Refused(why),
            Err(_) => Caller::Stranger,
        }
    }

    /// What is answered to a peer in this role whose link was not expected in time. A responder has asked nothing yet, and
    /// could take the byte for the initiator's.
    #[must_use]
    pub const fn unexpected(role: Role) -> Option<Refused> {
        match role {
            Role::Initiator => Some(Refused::UnknownLink),
            Role::Responder => None,
        }
    }

    /// Lets a connection in, and gives it a number. A second number is that of the one that has to go for it.
    pub fn enter(&mut self, from: IpAddr) -> (u64, Option<u64>) {
        let prefix = Prefix::of(from);
        let mut beside = self.waiting.iter().filter(|(_, of)| **of == prefix).map(|(number, _)| *number);
        let oldest_beside = beside.next();
        let pushed = if 1 + beside.count() >= WAITING_PER_PREFIX {
            oldest_beside
        } else {
            self.waiting.keys().next().copied().filter(|_| self.waiting.len() >= WAITING)
        };
        if let Some(pushed) = pushed {
            self.leave(pushed);
        }
        let number = self.next;
        self.next += 1;
        self.waiting.insert(number, prefix);
        (number, pushed)
    }

    /// One has been let in, or has gone.
    pub fn leave(&mut self, number: u64) {
        self.waiting.remove(&number);
    }
}

/// Who comes to a door.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Caller {
    /// One side of a link, which may be expected.
    Peer {
        /// Which one.
        link: LinkId,
        /// The caller's own role in it.
        role: Role,
    },
    /// Somebody who is told why not, and shown out.
    Refused(Refused),
    /// Somebody who is shown out without a word.
    Stranger,
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use core::net::Ipv4Addr;

    /// Sends so many in from the networks of `third` bytes, and tells which of them are still there.
    fn crowd(comers: impl IntoIterator<Item = u8>) -> Vec<u64> {
        let mut doorway = Doorway::default();
        let mut inside = Vec::new();
        for third in comers {
            let (number, pushed) = doorway.enter(Ipv4Addr::new(11, 0, third, 1).into());
            inside.retain(|waiting| Some(*waiting) != pushed);
            inside.push(number);
        }
        assert_eq!(inside, doorway.waiting.into_keys().collect::<Vec<_>>());
        inside
    }

    #[test]
    fn a_flood_from_one_network_pushes_itself_out_and_nobody_else() {
        let stay = crowd([9].into_iter().chain([1; 200]));
        let last = 201 - WAITING_PER_PREFIX as u64..201;
        assert_eq!(stay, core::iter::once(0).chain(last).collect::<Vec<_>>());
    }

    #[test]
    fn a_full_doorway_lets_the_oldest_go() {
        assert_eq!(crowd(0..200), (200 - WAITING as u64..200).collect::<Vec<_>>());
    }

    #[test]
    fn a_caller_is_known_by_its_first_bytes() {
        let (link, role) = (LinkId([7; 16]), Role::Initiator);
        let said = Preamble { pattern: spotproto::noise::Pattern::Ik, role, link }.encode();
        assert_eq!(Doorway::caller(&said), Caller::Peer { link, role });
        let mut of_another_version = said;
        of_another_version[4] = 200;
        assert_eq!(Doorway::caller(&of_another_version), Caller::Refused(Refused::Version));
        assert_eq!(Doorway::caller(b"GET / HTTP/1.1\r\nHost: me"), Caller::Stranger);
    }

    #[test]
    fn only_who_would_wait_for_an_answer_gets_one() {
        assert_eq!(Doorway::unexpected(Role::Initiator), Some(Refused::UnknownLink));
        assert_eq!(Doorway::unexpected(Role::Responder), None);
    }

    #[test]
    fn who_has_left_makes_room() {
        let mut doorway = Doorway::default();
        for third in 0..200 {
            let (number, pushed) = doorway.enter(Ipv4Addr::new(11, 0, third, 1).into());
            assert_eq!(pushed, None);
            doorway.leave(number);
        }
    }
}
