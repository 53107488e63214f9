//! On which of its connections a link is made.

use core::time::Duration;
use spotproto::noise::{Pattern, Role};
use spotproto::preamble::{LINK_LASTS, LinkId, PREAMBLE_LEN, Preamble};
use spotproto::{Instant, Limits};

/// One side of a link that is being made: both dial each other at all addresses that their broker named, at once, and may
/// meet on several connections (docs/protocol.md, section 2.1).
///
/// The initiator goes on with the first that stands and on which it may speak. The responder says who is there wherever it
/// dials, and goes on with the first on which it hears the initiator. So whichever the initiator takes, the responder takes
/// too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Meeting {
    mine: Preamble,
    /// Dialled addresses of which something may still come.
    dialling: usize,
    /// Whether the other side can come by itself.
    has_door: bool,
    until: Instant,
}

/// What to do with a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Met {
    /// The handshake goes on there. No other connection is of use any more.
    GoOn,
    /// This is said there; then the other side's preamble is waited for, and is [heard](Meeting::heard).
    Greet(Preamble),
    /// It is of no use.
    Leave,
}

impl Meeting {
    /// A side that dials so many addresses now, and can be dialled if it `has_door`.
    #[must_use]
    pub fn new(now: Instant, link: LinkId, role: Role, dialling: usize, has_door: bool) -> Self {
        let mine = Preamble { pattern: Pattern::Ik, role, link };
        Self { mine, dialling, has_door, until: now + LINK_LASTS }
    }

    /// When it is given up. Its broker has forgotten it by then.
    #[must_use]
    pub const fn until(&self) -> Instant {
        self.until
    }

    /// Whether nothing can come of it any more.
    #[must_use]
    pub const fn is_hopeless(&self) -> bool {
        self.dialling == 0 && !self.has_door
    }

    /// A connection that was dialled stands.
    #[must_use]
    pub const fn dialled(&self) -> Met {
        match self.mine.role {
            Role::Initiator => Met::GoOn,
            Role::Responder => Met::Greet(self.mine),
        }
    }

    /// Where it greeted, the other side said this. ([`Meeting::failed`], if it is of no use.)
    #[must_use]
    pub fn heard(&self, theirs: &[u8; PREAMBLE_LEN]) -> Met {
        let fits = |theirs: Preamble| theirs.link == self.mine.link && theirs.role != self.mine.role;
        if Preamble::decode(theirs).is_ok_and(fits) { Met::GoOn } else { Met::Leave }
    }

    /// Nothing will come of one of the addresses.
    pub const fn failed(&mut self) {
        self.dialling = self.dialling.saturating_sub(1);
    }

    /// The other side came to the door, for this link and in its own role. `is_quiet` looks, if that matters, whether the
    /// connection stands and has brought nothing behind the preamble.
    #[must_use]
    pub fn arrived(&self, is_quiet: impl FnOnce() -> bool) -> Met {
        match self.mine.role {
            // The initiator speaks on at once.
            Role::Responder => Met::GoOn,
            // A responder says no more until it is spoken to. One that does, or is gone, would end a link that may come about
            // elsewhere.
            Role::Initiator if is_quiet() => Met::GoOn,
            Role::Initiator => Met::Leave,
        }
    }

    /// Whether this side says the first byte where it goes on: an initiator that dialled. A responder that dialled has
    /// greeted already.
    #[must_use]
    pub const fn opens(&self, dialled: bool) -> bool {
        dialled && matches!(self.mine.role, Role::Initiator)
    }

    /// Silence after which a `PING` goes out on a link. A client has many and most are idle, where address translators keep
    /// an idle connection for hours (RFC 5382 REQ-5: no less than 2 h 4 min) and home routers for minutes; the server's
    /// connection tells sooner whether the line is dead, and who was asked for something is watched by the second.
    pub const KEEP_ALIVE: Duration = Duration::from_secs(120);

    /// The bounds of the session that goes on at `now`: what is left of the link's time is all that its handshake gets, and it
    /// is [kept alive](Self::KEEP_ALIVE) with fewer words than others.
    #[must_use]
    pub fn limits(&self, now: Instant, mut limits: Limits) -> Limits {
        limits.handshake = limits.handshake.min(self.until.since(now));
        limits.keep_alive = limits.keep_alive.max(Self::KEEP_ALIVE);
        limits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: LinkId = LinkId([3; 16]);

    fn meeting(role: Role, dialling: usize, has_door: bool) -> Meeting {
        Meeting::new(Instant::START, LINK, role, dialling, has_door)
    }

    fn says(link: LinkId, role: Role) -> [u8; PREAMBLE_LEN] {
        Preamble { pattern: Pattern::Ik, role, link }.encode()
    }

    #[test]
    fn an_initiator_goes_on_where_it_may_speak() {
        let initiator = meeting(Role::Initiator, 1, true);
        assert_eq!(initiator.dialled(), Met::GoOn);
        assert_eq!(initiator.arrived(|| true), Met::GoOn);
        assert_eq!(initiator.arrived(|| false), Met::Leave);
        assert!(initiator.opens(true) && !initiator.opens(false));
    }

    #[test]
    fn a_responder_goes_on_where_it_hears_the_initiator() {
        let responder = meeting(Role::Responder, 1, true);
        let Met::Greet(mine) = responder.dialled() else { panic!("it says who is there") };
        assert_eq!(mine.encode(), says(LINK, Role::Responder));
        assert_eq!(responder.heard(&says(LINK, Role::Initiator)), Met::GoOn);
        // To look would take a byte away.
        assert_eq!(responder.arrived(|| panic!("it looks")), Met::GoOn);
        assert!(!responder.opens(true));
    }

    #[test]
    fn who_is_of_another_link_or_the_same_side_is_left() {
        let responder = meeting(Role::Responder, 1, false);
        for theirs in [says(LinkId([4; 16]), Role::Initiator), says(LINK, Role::Responder), [0; PREAMBLE_LEN]]
        {
            assert_eq!(responder.heard(&theirs), Met::Leave);
        }
    }

    #[test]
    fn it_is_hopeless_once_every_address_has_failed_and_there_is_no_door() {
        let mut closed = meeting(Role::Initiator, 2, false);
        let mut open = meeting(Role::Initiator, 2, true);
        for _ in 0..2 {
            assert!(!closed.is_hopeless());
            closed.failed();
            open.failed();
        }
        assert!(closed.is_hopeless() && !open.is_hopeless());
        closed.failed();
        assert!(closed.is_hopeless());
    }

    #[test]
    fn a_handshake_gets_what_is_left_of_the_links_time() {
        let meeting = meeting(Role::Initiator, 1, true);
        let limits = Limits::DEFAULT;
        assert_eq!(meeting.limits(Instant::START, limits).handshake, limits.handshake.min(LINK_LASTS));
        let late = Instant::START + (LINK_LASTS - Duration::from_secs(1));
        assert_eq!(meeting.limits(late, limits).handshake, Duration::from_secs(1));
        assert_eq!(
            meeting.limits(meeting.until() + Duration::from_secs(9), limits).handshake,
            Duration::ZERO
        );
    }

    #[test]
    fn a_link_is_kept_alive_with_fewer_words_than_others_and_never_with_more() {
        let meeting = meeting(Role::Responder, 1, true);
        let alive = |every| {
            let mut limits = Limits::DEFAULT;
            limits.keep_alive = Duration::from_secs(every);
            meeting.limits(Instant::START, limits).keep_alive
        };
        assert_eq!([30, 180].map(alive), [120, 180].map(Duration::from_secs));
    }
}
