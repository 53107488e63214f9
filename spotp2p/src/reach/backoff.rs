//! When to dial a party again that was lost or could not be reached.

use core::convert::Infallible;
use core::time::Duration;
use spotproto::{Dice, Instant, Machine, Seed};

/// How patient a [`Backoff`] is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BackoffConfig {
    /// The longest wait after the first failure; it doubles with each further one. The actual wait lies between
    /// a half of it and all of it, so that the clients of a server that restarts don't come back in step.
    pub first: Duration,
    /// What the wait never exceeds.
    pub cap: Duration,
    /// How long a connection must have lived to count as a success. A server that accepts and drops everyone
    /// must be left alone as one that refuses.
    pub lived: Duration,
}

impl Default for BackoffConfig {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), cap: Duration::from_secs(30), lived: Duration::from_secs(30) }
    }
}

/// What the owner tells a [`Backoff`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BackoffInput {
    /// A connection is wanted from now on.
    Want,
    /// None is wanted any more.
    Unwant,
    /// The dialling that was asked for brought a connection.
    Connected,
    /// The dialling failed, or the connection is gone.
    Gone,
    /// There is reason to hope, such as a network that came back: don't sit out the wait.
    Hope,
}

/// What a [`Backoff`] asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BackoffOutput {
    /// Dial now, then say [`BackoffInput::Connected`] or [`BackoffInput::Gone`].
    Dial,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Unwanted,
    Waiting(Instant),
    Dialling,
    Connected(Instant),
}

/// Keeps one connection alive without hammering a party that is down.
#[derive(Debug)]
pub struct Backoff {
    config: BackoffConfig,
    state: State,
    /// The longest wait after the next failure.
    wait: Duration,
    dice: Dice,
    dial: bool,
}

impl Backoff {
    /// A backoff that does nothing until a connection is wanted.
    #[must_use]
    pub fn new(config: BackoffConfig, seed: &Seed) -> Self {
        Self { config, state: State::Unwanted, wait: config.first, dice: Dice::new(seed), dial: false }
    }

    fn dial(&mut self) {
        self.state = State::Dialling;
        self.dial = true;
    }

    fn gone(&mut self, now: Instant) {
        if let State::Connected(since) = self.state
            && now.since(since) >= self.config.lived
        {
            self.wait = self.config.first;
        }
        let wait = self.wait.min(self.config.cap);
        self.wait = wait.saturating_mul(2).min(self.config.cap);
        // At least a moment: a wait of nothing would be a loop.
        self.state = State::Waiting(now + self.dice.jitter(wait).max(Duration::from_millis(1)));
        self.dial = false;
    }
}

impl Machine for Backoff {
    type Input = BackoffInput;
    type Output = BackoffOutput;
    type Error = Infallible;

    fn handle_input(&mut self, now: Instant, input: BackoffInput) -> Result<(), Infallible> {
        match (input, self.state) {
            (BackoffInput::Want, State::Unwanted) | (BackoffInput::Hope, State::Waiting(_)) => self.dial(),
            (BackoffInput::Unwant, _) => {
                // What was learnt of the party stays, or wanting and unwanting would be a way round the wait.
                self.state = State::Unwanted;
                self.dial = false;
            }
            (BackoffInput::Connected, State::Dialling) => self.state = State::Connected(now),
            (BackoffInput::Gone, State::Dialling | State::Connected(_)) => self.gone(now),
            _ => {}
        }
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Infallible> {
        if matches!(self.state, State::Waiting(until) if until <= now) {
            self.dial();
        }
        Ok(())
    }

    fn poll_output(&mut self) -> Option<BackoffOutput> {
        core::mem::take(&mut self.dial).then_some(BackoffOutput::Dial)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Waiting(until) => Some(until),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::BackoffInput::{Connected, Gone, Hope, Unwant, Want};
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;
    use spotproto::contract::{Step, check};

    const SEED: Seed = Seed([5; 32]);

    fn tell(backoff: &mut Backoff, now: Instant, input: BackoffInput) -> bool {
        let Ok(()) = backoff.handle_input(now, input);
        backoff.poll_output().is_some()
    }

    /// The wait that a failure brings, slept through.
    fn fail(backoff: &mut Backoff, now: &mut Instant) -> Duration {
        assert!(!tell(backoff, *now, Gone));
        let until = backoff.poll_timeout().unwrap();
        let wait = until.since(*now);
        *now = until;
        let Ok(()) = backoff.handle_timeout(until);
        assert_eq!(backoff.poll_output(), Some(BackoffOutput::Dial));
        wait
    }

    fn fail_often(backoff: &mut Backoff, now: &mut Instant) {
        for _ in 0..4 {
            fail(backoff, now);
        }
    }

    #[test]
    fn waits_double_up_to_the_cap_and_are_jittered() {
        let mut backoff = Backoff::new(BackoffConfig::default(), &SEED);
        let mut now = Instant::START;
        assert!(tell(&mut backoff, now, Want));
        let waits: Vec<Duration> = (0..10).map(|_| fail(&mut backoff, &mut now)).collect();
        for (wait, most) in waits.iter().zip([1, 2, 4, 8, 16, 30, 30, 30, 30, 30]) {
            let most = Duration::from_secs(most);
            assert!(*wait >= most / 2 && *wait <= most, "{waits:?}");
        }
        assert!(waits[6..].windows(2).any(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn only_a_connection_that_lived_starts_afresh() {
        let mut backoff = Backoff::new(BackoffConfig::default(), &SEED);
        let mut now = Instant::START;
        tell(&mut backoff, now, Want);
        fail_often(&mut backoff, &mut now);
        tell(&mut backoff, now, Connected);
        now = now + Duration::from_secs(29);
        assert!(fail(&mut backoff, &mut now) >= Duration::from_secs(8));
        tell(&mut backoff, now, Connected);
        now = now + Duration::from_secs(30);
        assert!(fail(&mut backoff, &mut now) <= Duration::from_secs(1));
    }

    #[test]
    fn hope_shortens_a_wait_but_forgives_nothing() {
        let mut backoff = Backoff::new(BackoffConfig::default(), &SEED);
        let mut now = Instant::START;
        tell(&mut backoff, now, Want);
        fail_often(&mut backoff, &mut now);
        tell(&mut backoff, now, Gone);
        assert!(tell(&mut backoff, now, Hope) && backoff.poll_timeout().is_none());
        assert!(!tell(&mut backoff, now, Hope));
        assert!(fail(&mut backoff, &mut now) >= Duration::from_secs(15));
    }

    #[test]
    fn who_is_not_wanted_is_not_dialled() {
        let mut backoff = Backoff::new(BackoffConfig::default(), &SEED);
        let now = Instant::START;
        assert!(!tell(&mut backoff, now, Gone) && !tell(&mut backoff, now, Hope));
        tell(&mut backoff, now, Want);
        tell(&mut backoff, now, Gone);
        tell(&mut backoff, now, Unwant);
        assert_eq!(backoff.poll_timeout(), None);
        let Ok(()) = backoff.handle_timeout(now + Duration::from_secs(99));
        assert_eq!(backoff.poll_output(), None);
    }

    fn step() -> impl Strategy<Value = Step<BackoffInput>> {
        prop_oneof![
            prop::sample::select(alloc::vec![Want, Unwant, Connected, Gone, Hope]).prop_map(Step::Input),
            (0..100_000u64).prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
            Just(Step::Early),
            Just(Step::Poll),
        ]
    }

    proptest! {
        #[test]
        fn the_contract_holds(
            steps in prop::collection::vec(step(), 0..100),
            first in 0..5_000u64,
            seed in any::<[u8; 32]>(),
        ) {
            let config = BackoffConfig { first: Duration::from_millis(first), ..BackoffConfig::default() };
            prop_assert!(check(&mut Backoff::new(config, &Seed(seed)), steps, 1).is_ok());
        }
    }
}
