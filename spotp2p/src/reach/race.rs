//! Dials several addresses of one party and keeps the connection that is there first (RFC 8305).

use super::addresses::{MAX_ADDRESSES, interleaved};
use alloc::vec::Vec;
use core::error::Error;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use spotproto::timers::TimerName;
use spotproto::{Instant, Machine, Outbox, Timers};

/// How a race is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RaceConfig {
    /// How long an address is tried alone before the next one joins in (RFC 8305 §8: 250 ms).
    pub stagger: Duration,
    /// When to give up altogether.
    pub deadline: Duration,
}

impl Default for RaceConfig {
    fn default() -> Self {
        Self { stagger: Duration::from_millis(250), deadline: Duration::from_secs(10) }
    }
}

/// What became of an attempt. News of attempts that aren't under way change nothing, except that a connection
/// nobody waits for is hung up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RaceInput {
    /// The attempt has a connection.
    Connected(usize),
    /// The attempt failed.
    Failed(usize),
}

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RaceOutput {
    /// Dial an address. Attempts are numbered from 0 in the order in which they are made.
    Dial {
        /// The attempt's number.
        attempt: usize,
        /// The address.
        to: SocketAddr,
    },
    /// Stop an attempt, or close its connection if it has one already.
    HangUp(usize),
    /// This attempt's connection is the one. Nothing but [`RaceOutput::HangUp`]s of others comes after it.
    Won(usize),
}

/// How a race ended without a winner. All attempts have been hung up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RaceError {
    /// Every address refused.
    Unreachable,
    /// Nobody answered in time.
    TimedOut,
}

/// There is no address to dial.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoAddress;

#[derive(Clone, Copy)]
enum Timer {
    Next,
    Deadline,
}

impl TimerName for Timer {
    fn slot(self) -> usize {
        self as usize
    }
}

/// The race. The first attempt is due at once.
#[derive(Debug)]
pub struct Race {
    addresses: Vec<SocketAddr>,
    /// Attempts made so far; the next one is to `addresses[made]`.
    made: usize,
    /// Attempts under way, a bit for each.
    running: u32,
    state: State,
    config: RaceConfig,
    timers: Timers<2>,
    outputs: Outbox<RaceOutput>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Running,
    Won(usize),
    Lost(RaceError),
}

impl Race {
    /// A race of `addresses`, the preferred one first. Port 0 and the unspecified address are left out, and so
    /// are repetitions; IPv4 addresses in IPv6 clothes are taken for what they are.
    ///
    /// # Errors
    /// None is left.
    pub fn new(
        now: Instant,
        addresses: impl IntoIterator<Item = SocketAddr>,
        config: RaceConfig,
    ) -> Result<Self, NoAddress> {
        let addresses = interleaved(addresses);
        if addresses.is_empty() {
            return Err(NoAddress);
        }
        let mut race = Self {
            addresses,
            made: 0,
            running: 0,
            state: State::Running,
            config,
            timers: Timers::new(),
            outputs: Outbox::new(2 * MAX_ADDRESSES),
        };
        race.timers.set(Timer::Deadline, now + config.deadline);
        race.dial(now);
        Ok(race)
    }

    fn dial(&mut self, now: Instant) {
        let Some(&to) = self.addresses.get(self.made) else { return };
        self.outputs.push(RaceOutput::Dial { attempt: self.made, to });
        self.running |= bit(self.made);
        self.made += 1;
        if self.made < self.addresses.len() {
            self.timers.set(Timer::Next, now + self.config.stagger);
        } else {
            self.timers.clear(Timer::Next);
        }
    }

    fn connected(&mut self, attempt: usize) {
        if self.running & bit(attempt) == 0 {
            // It was hung up before this news came, so the connection may not know.
            let over = !matches!(self.state, State::Running);
            if over && attempt < self.made && self.state != State::Won(attempt) {
                self.outputs.push(RaceOutput::HangUp(attempt));
            }
            return;
        }
        self.running &= !bit(attempt);
        self.outputs.push(RaceOutput::Won(attempt));
        self.end(State::Won(attempt));
    }

    fn end(&mut self, state: State) {
        self.state = state;
        self.timers.clear_all();
        for attempt in 0..self.made {
            if self.running & bit(attempt) != 0 {
                self.outputs.push(RaceOutput::HangUp(attempt));
            }
        }
        self.running = 0;
    }

    fn outcome(&self) -> Result<(), RaceError> {
        match self.state {
            State::Running | State::Won(_) => Ok(()),
            State::Lost(error) => Err(error),
        }
    }
}

impl Machine for Race {
    type Input = RaceInput;
    type Output = RaceOutput;
    type Error = RaceError;

    fn handle_input(&mut self, now: Instant, input: RaceInput) -> Result<(), RaceError> {
        match input {
            RaceInput::Connected(attempt) => self.connected(attempt),
            RaceInput::Failed(attempt) if self.running & bit(attempt) != 0 => {
                self.running &= !bit(attempt);
                // RFC 8305 §5: who is refused does not sit out the rest of the delay.
                self.dial(now);
                if self.running == 0 {
                    self.end(State::Lost(RaceError::Unreachable));
                }
            }
            RaceInput::Failed(_) => {}
        }
        self.outcome()
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), RaceError> {
        if self.timers.take_due(Timer::Deadline, now) {
            self.end(State::Lost(RaceError::TimedOut));
        }
        if self.timers.take_due(Timer::Next, now) {
            // After a sleep of the machine one attempt is made, not all that were missed.
            self.dial(now);
        }
        self.outcome()
    }

    fn poll_output(&mut self) -> Option<RaceOutput> {
        self.outputs.pop()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    fn wants_input(&self) -> bool {
        self.outputs.has_room()
    }
}

fn bit(attempt: usize) -> u32 {
    u32::try_from(attempt).ok().and_then(|shift| 1u32.checked_shl(shift)).unwrap_or(0)
}

impl fmt::Display for RaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "every address refused",
            Self::TimedOut => "nobody answered in time",
        })
    }
}

impl Error for RaceError {}

impl fmt::Display for NoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no address to dial")
    }
}

impl Error for NoAddress {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use core::iter;
    use proptest::prelude::*;
    use spotproto::contract::{Step, check};

    const MS: Duration = Duration::from_millis(1);

    fn v4(n: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, n], 4070))
    }

    fn v6(n: u16) -> SocketAddr {
        SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, n], 4070))
    }

    fn race(addresses: &[SocketAddr]) -> Race {
        Race::new(Instant::START, addresses.iter().copied(), RaceConfig::default()).unwrap()
    }

    fn drain(race: &mut Race) -> Vec<RaceOutput> {
        iter::from_fn(|| race.poll_output()).collect()
    }

    fn dial(attempt: usize, to: SocketAddr) -> RaceOutput {
        RaceOutput::Dial { attempt, to }
    }

    #[test]
    fn without_an_address_there_is_no_race() {
        let nowhere = [SocketAddr::from(([0; 4], 4070)), SocketAddr::from(([192, 0, 2, 1], 0))];
        assert_eq!(Race::new(Instant::START, nowhere, RaceConfig::default()).unwrap_err(), NoAddress);
    }

    #[test]
    fn the_next_address_joins_in_after_the_stagger() {
        let mut race = race(&[v6(1), v4(1), v4(2)]);
        assert_eq!(drain(&mut race), [dial(0, v6(1))]);
        let soon = Instant::START + 250 * MS;
        assert_eq!(race.poll_timeout(), Some(soon));
        race.handle_timeout(soon).unwrap();
        assert_eq!(drain(&mut race), [dial(1, v4(1))]);
    }

    #[test]
    fn a_refusal_brings_the_next_address_at_once() {
        let mut race = race(&[v6(1), v4(1), v4(2)]);
        race.handle_input(Instant::START + MS, RaceInput::Failed(0)).unwrap();
        assert_eq!(drain(&mut race), [dial(0, v6(1)), dial(1, v4(1))]);
        assert_eq!(race.poll_timeout(), Some(Instant::START + 251 * MS));
    }

    #[test]
    fn the_first_connection_wins_and_the_others_are_hung_up_even_late_ones() {
        let mut race = race(&[v6(1), v4(1), v4(2)]);
        race.handle_timeout(Instant::START + 250 * MS).unwrap();
        race.handle_timeout(Instant::START + 500 * MS).unwrap();
        drain(&mut race);
        let now = Instant::START + 510 * MS;
        race.handle_input(now, RaceInput::Connected(1)).unwrap();
        let hung_up = [RaceOutput::HangUp(0), RaceOutput::HangUp(2)];
        assert_eq!(drain(&mut race), [&[RaceOutput::Won(1)], &hung_up[..]].concat());
        race.handle_input(now, RaceInput::Connected(2)).unwrap();
        race.handle_input(now, RaceInput::Connected(1)).unwrap();
        race.handle_input(now, RaceInput::Failed(0)).unwrap();
        assert_eq!(drain(&mut race), [RaceOutput::HangUp(2)]);
        assert_eq!(race.poll_timeout(), None);
    }

    #[test]
    fn when_all_refuse_the_race_is_over_at_once() {
        let mut race = race(&[v6(1), v4(1)]);
        race.handle_input(Instant::START, RaceInput::Failed(0)).unwrap();
        let lost = Err(RaceError::Unreachable);
        assert_eq!(race.handle_input(Instant::START, RaceInput::Failed(1)), lost);
        assert_eq!((race.handle_timeout(Instant::START), race.poll_timeout()), (lost, None));
    }

    #[test]
    fn silence_ends_the_race_at_its_deadline() {
        let mut race = race(&[v6(1), v4(1)]);
        drain(&mut race);
        let late = Instant::START + Duration::from_secs(3600);
        assert_eq!(race.handle_timeout(late), Err(RaceError::TimedOut));
        assert_eq!(drain(&mut race), [RaceOutput::HangUp(0)]);
    }

    #[test]
    fn news_of_attempts_never_made_change_nothing() {
        let mut race = race(&[v6(1), v4(1)]);
        drain(&mut race);
        for attempt in [1, 31, 32, usize::MAX] {
            race.handle_input(Instant::START, RaceInput::Failed(attempt)).unwrap();
            race.handle_input(Instant::START, RaceInput::Connected(attempt)).unwrap();
        }
        assert_eq!(drain(&mut race), vec![]);
    }

    fn step() -> impl Strategy<Value = Step<RaceInput>> {
        prop_oneof![
            (0..20usize).prop_map(|n| Step::Input(RaceInput::Failed(n))),
            (0..20usize).prop_map(|n| Step::Input(RaceInput::Connected(n))),
            (0..2_000u64).prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
            Just(Step::Early),
            Just(Step::Poll),
        ]
    }

    proptest! {
        #[test]
        fn the_contract_holds(
            addresses in prop::collection::vec((any::<bool>(), 0..20u8), 1..30),
            steps in prop::collection::vec(step(), 0..60),
        ) {
            let addresses = addresses.into_iter().map(|(six, n)| if six { v6(n.into()) } else { v4(n) });
            let mut race = Race::new(Instant::START, addresses, RaceConfig::default()).unwrap();
            prop_assert!(check(&mut race, steps, 3 * MAX_ADDRESSES).is_ok());
        }

        #[test]
        fn nothing_is_left_dialling_when_the_race_is_over(
            count in 1..20u8,
            steps in prop::collection::vec((0..20usize, 0..4u8), 0..80),
        ) {
            let mut race = race(&(0..count).map(v4).collect::<Vec<_>>());
            let (mut open, mut won, mut now) = (vec![], None, Instant::START);
            let mut over = Ok(());
            for (n, what) in steps {
                for output in drain(&mut race) {
                    match output {
                        RaceOutput::Dial { attempt, .. } => open.push(attempt),
                        RaceOutput::HangUp(attempt) => open.retain(|&one| one != attempt),
                        RaceOutput::Won(attempt) => prop_assert_eq!(won.replace(attempt), None),
                    }
                }
                if over.is_err() { break }
                now = now + 300 * MS;
                over = match (what, open.get(n % count as usize).copied()) {
                    (0, Some(attempt)) if won.is_none() => {
                        open.retain(|&one| one != attempt);
                        race.handle_input(now, RaceInput::Failed(attempt))
                    }
                    (1, Some(attempt)) => race.handle_input(now, RaceInput::Connected(attempt)),
                    _ => race.handle_timeout(now),
                };
            }
            for output in drain(&mut race) {
                match output {
                    RaceOutput::Dial { attempt, .. } => open.push(attempt),
                    RaceOutput::HangUp(attempt) => open.retain(|&one| one != attempt),
                    RaceOutput::Won(attempt) => prop_assert_eq!(won.replace(attempt), None),
                }
            }
            if over.is_err() { prop_assert_eq!(&open, &[] as &[usize]) }
            if let Some(won) = won { prop_assert_eq!(open, [won]) }
        }
    }
}
