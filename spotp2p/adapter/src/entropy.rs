//! The system's entropy, for the seeds and keys that machines are given.

use getrandom::Error;
use spotproto::Seed;
use spotproto::crypto::SecretKey;

/// A seed for a machine's dice.
///
/// # Errors
/// The system has no entropy to give.
pub fn seed() -> Result<Seed, Error> {
    let mut seed = Seed([0; 32]);
    getrandom::fill(&mut seed.0)?;
    Ok(seed)
}

/// A fresh secret key.
///
/// # Errors
/// The system has no entropy to give.
pub fn secret_key() -> Result<SecretKey, Error> {
    // Filled in place, so that no copy is left behind that nobody wipes.
    let mut key = SecretKey([0; 32]);
    getrandom::fill(&mut key.0)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_draws_are_alike() {
        assert_ne!(seed().unwrap(), seed().unwrap());
        assert_ne!(secret_key().unwrap().0, secret_key().unwrap().0);
        assert_ne!(secret_key().unwrap().0, [0; 32]);
    }
}
