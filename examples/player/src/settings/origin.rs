//! Where a value came from, and what is wrong where a layer is mistaken.

use core::fmt;
use std::path::PathBuf;

/// A value and where it came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

impl<T> Told<Option<T>> {
    /// With this value where no layer names one.
    pub(super) fn or(self, default: Option<T>) -> Self {
        Self { value: self.value.or(default), ..self }
    }
}

impl<T: Default> Told<Option<T>> {
    pub(super) fn or_default(self) -> Told<T> {
        Told { value: self.value.unwrap_or_default(), origin: self.origin }
    }
}

/// A layer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Nothing was said.
    Default,
    /// A line of the file, counted from 1.
    File {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
    },
    /// This name in the environment.
    Environment(&'static str),
    /// This option, without its dashes.
    CommandLine(&'static str),
}

impl Origin {
    /// The line, if it is one of the file.
    pub(super) fn line(&self) -> Option<usize> {
        match self {
            Self::File { line, .. } => Some(*line),
            _ => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "file {} line {line}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::CommandLine(flag) => write!(f, "command line --{flag}"),
        }
    }
}

/// What is wrong with a line of the file or a name in the environment. Displays as one line: where, what, and what is
/// allowed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// Where it is.
    pub origin: Origin,
    /// The setting that it keeps from being read, if it is known.
    pub key: Option<&'static str>,
    /// What is wrong, and what is allowed.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::File { path, line } => write!(f, "{}:{line}: {}", path.display(), self.what),
            Origin::Environment(_) => write!(f, "environment: {}", self.what),
            _ => f.write_str(&self.what),
        }
    }
}

/// Words of a file in quotes, so that they can be told from ours: short, on one line, with nothing that steers a
/// terminal.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("\"{}…\"", text[..end].escape_debug()),
        None => format!("\"{}\"", text.escape_debug()),
    }
}
