//! Master secrets: what every file's key is made from, one for each epoch.

use super::StateError;
use super::key_file::{draw, key_line, lines, parse_key, read, write};
use spotproto::crypto::{Crypto, RustCrypto, SecretKey};
use std::path::Path;

const PURPOSE: &str = "What files are sealed with: epoch and master secret, a line each.";
const WANTED: &str =
    "each line should hold the number of an epoch and 64 hexadecimal digits, no number twice";

/// One epoch and its master secret.
#[derive(Clone, Debug)]
pub struct Epoch {
    /// Epochs count from 1.
    pub number: u32,
    /// What the keys of files are made from.
    pub secret: SecretKey,
    /// Tells this secret from others in the catalogue without telling anything of it.
    pub fingerprint: [u8; 8],
}

impl Epoch {
    /// An epoch with this secret.
    #[must_use]
    pub fn new(number: u32, secret: SecretKey) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = RustCrypto::hmac(&secret.0, &[b"spot epoch v1"]);
        Self { number, secret, fingerprint: [a, b, c, d, e, f, g, h] }
    }
}

/// All epochs whose files can be served, the newest last: that one seals what is added.
///
/// To begin a new epoch, add a line with the next number to `master.key`. Files of older epochs are served for as
/// long as their line stays; without it, the next scan seals them anew, under new names.
#[derive(Clone, Debug)]
pub struct Epochs {
    older: Vec<Epoch>,
    current: Epoch,
}

impl Epochs {
    /// Of one epoch.
    #[must_use]
    pub const fn of(current: Epoch) -> Self {
        Self { older: Vec::new(), current }
    }

    /// The epoch that seals what is added.
    #[must_use]
    pub const fn current(&self) -> &Epoch {
        &self.current
    }

    /// The epoch with this fingerprint.
    #[must_use]
    pub fn find(&self, fingerprint: &[u8]) -> Option<&Epoch> {
        self.older.iter().chain([&self.current]).find(|epoch| epoch.fingerprint == fingerprint)
    }

    pub(super) fn open(path: &Path) -> Result<Self, StateError> {
        match read(path)? {
            Some(text) => parse(&text).ok_or(StateError::BadKey(path.to_owned(), WANTED)),
            None => {
                let secret = draw()?;
                write(path, PURPOSE, &key_line("1 ", &secret))?;
                Ok(Self::of(Epoch::new(1, secret)))
            }
        }
    }
}

fn parse(text: &str) -> Option<Epochs> {
    let mut epochs = lines(text)
        .map(|line| {
            let (number, key) = line.split_once(char::is_whitespace)?;
            Some(Epoch::new(number.parse().ok()?, parse_key(key.trim_start())?))
        })
        .collect::<Option<Vec<_>>>()?;
    epochs.sort_by_key(|epoch| epoch.number);
    if epochs.windows(2).any(|pair| pair[0].number == pair[1].number) {
        return None;
    }
    let current = epochs.pop()?;
    Some(Epochs { older: epochs, current })
}
