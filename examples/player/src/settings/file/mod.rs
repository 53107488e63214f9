//! The file of settings: where it is, and what each of its lines says (TOML 1.1).

mod edit;

pub use edit::set;

use super::origin::quoted;
use super::table::{self, About, Form};
use super::{Environment, Folders, Mistake, Origin};
use crate::failure::{Exit, Failure};
use alloc::collections::BTreeMap;
use core::ops::Range;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use toml_edit::{Document, Item, TableLike, Value};

/// The name in the environment that says where the file is.
pub const ENVIRONMENT: &str = "SPOT_CONFIG";

/// No file of settings is longer, in bytes.
pub const LEN_MAX: u64 = 1 << 20;

/// Where the file is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Location {
    /// The file.
    pub path: PathBuf,
    /// Who says so. What was named has to be there; the usual file may be missing.
    pub origin: Origin,
}

impl Location {
    /// Where the file is looked for; nowhere if none is named and there is no home folder.
    #[must_use]
    pub fn find(flag: Option<&Path>, environment: Environment<'_>, folders: &Folders) -> Option<Self> {
        let named = flag.map(|path| (path.to_owned(), Origin::CommandLine("config")));
        let named = named.or_else(|| {
            let path = environment(ENVIRONMENT).filter(|path| !path.is_empty())?;
            Some((path.into(), Origin::Environment(ENVIRONMENT)))
        });
        let (path, origin) = named.or_else(|| Some((folders.config.clone()?, Origin::Default)))?;
        Some(Self { path, origin })
    }

    /// Reads it. `~/` in it stands for `home`.
    ///
    /// # Errors
    /// It was named and is not there; or it can't be read. What is wrong inside it is no error here, but among its
    /// mistakes.
    pub fn read(&self, home: Option<&Path>) -> Result<ConfigFile, Failure> {
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|file| file.take(LEN_MAX + 1).read_to_end(&mut bytes));
        let path = self.path.display();
        match read {
            Ok(_) if bytes.len() as u64 > LEN_MAX => {
                Err(Failure::new(Exit::Usage, format!("{path} is longer than {LEN_MAX} bytes")))
            }
            Ok(_) => Ok(ConfigFile::parse(&self.path, &bytes, home)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match self.origin {
                Origin::Default => Ok(ConfigFile { path: self.path.clone(), ..ConfigFile::default() }),
                _ => Err(Failure::new(
                    Exit::NotFound,
                    format!("there is no file {path}, but the {} names it", self.origin),
                )),
            },
            Err(error) => Err(Failure::runtime(format!("cannot read {path}: {error}"))),
        }
    }
}

/// A file that was read.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ConfigFile {
    /// Where it is looked for.
    pub path: PathBuf,
    /// Whether it is there.
    pub there: bool,
    /// What it says of each setting.
    pub(super) entries: BTreeMap<&'static str, Entry>,
    /// What is wrong with it, but for values that are no good.
    pub(super) mistakes: Vec<Mistake>,
}

/// What a line says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    pub(super) line: usize,
    /// As the command line would say it.
    pub(super) text: String,
    /// As the file says it.
    pub(super) shown: String,
}

impl ConfigFile {
    /// Reads what a file holds. `~/` in it stands for `home`.
    #[must_use]
    pub fn parse(path: &Path, bytes: &[u8], home: Option<&Path>) -> Self {
        let file = Self { path: path.to_owned(), there: true, ..Self::default() };
        let mut reading = Reading { file, text: "", home };
        let text = match core::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
                reading.wrong(line_at(before), None, "this line is not UTF-8".into());
                return reading.file;
            }
        };
        reading.text = text;
        match Document::parse(text) {
            Ok(document) => reading.table(document.as_table(), ""),
            Err(error) => {
                let line = reading.line(error.span());
                let what = error.message().lines().collect::<Vec<_>>().join(", ");
                reading.wrong(line, None, what);
            }
        }
        reading.file
    }
}

struct Reading<'a> {
    file: ConfigFile,
    text: &'a str,
    home: Option<&'a Path>,
}

impl Reading<'_> {
    /// All lines of a table whose name, with a dot behind it, is `section`.
    fn table(&mut self, table: &dyn TableLike, section: &str) {
        for (name, item) in table.iter() {
            let key = format!("{section}{name}");
            let line = self.line(table.key(name).and_then(|key| key.span()));
            let below = format!("{key}.");
            let in_section = || table::ALL.into_iter().filter(|about| about.key.starts_with(&below));
            match (table::about(&key), item.as_table_like()) {
                (Some(about), _) => self.setting(about, item, line),
                (None, Some(table)) if in_section().next().is_some() => self.table(table, &below),
                (None, None) if in_section().next().is_some() => {
                    let keys: Vec<&str> = in_section().map(|about| about.key).collect();
                    let what = format!("{key} is a section; allowed: {}", keys.join(", "));
                    self.wrong(line, None, what);
                }
                (None, _) => {
                    let what =
                        format!("no setting has the name {}; allowed: {}", quoted(&key), table::names());
                    self.wrong(line, None, what);
                }
            }
        }
    }

    fn setting(&mut self, about: &'static About, item: &Item, line: usize) {
        let (text, shown) = match (about.form, item) {
            (Form::Number | Form::NumberOrText, Item::Value(Value::Integer(number))) => {
                let text = number.value().to_string();
                (text.clone(), text)
            }
            (Form::Text | Form::NumberOrText, Item::Value(Value::String(text))) => {
                (text.value().clone(), quoted(text.value()))
            }
            (Form::Folder, Item::Value(Value::String(text))) => match self.folder(text.value()) {
                Ok(folder) => (folder, quoted(text.value())),
                Err(why) => {
                    let what = format!(
                        "{} = {}: {why}; allowed: {}",
                        about.key,
                        quoted(text.value()),
                        about.allowed
                    );
                    return self.wrong(line, Some(about), what);
                }
            },
            _ => {
                let wanted = match about.form {
                    Form::Text | Form::Folder => "text in quotes",
                    Form::Number => "a whole number",
                    Form::NumberOrText => "a whole number or text in quotes",
                };
                let (key, is, allowed) = (about.key, item.type_name(), about.allowed);
                let what = format!("{key} must be {wanted}, and is of type {is}; allowed: {allowed}");
                return self.wrong(line, Some(about), what);
            }
        };
        self.file.entries.insert(about.key, Entry { line, text, shown });
    }

    fn folder(&self, text: &str) -> Result<String, &'static str> {
        match text.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                let home = self.home.and_then(Path::to_str).ok_or("no home folder is known")?;
                Ok(format!("{}{rest}", home.trim_end_matches('/')))
            }
            _ if Path::new(text).is_absolute() => Ok(text.to_owned()),
            _ if text.is_empty() => Err("this names no folder"),
            _ => Err("from which folder this leads is not clear"),
        }
    }

    fn wrong(&mut self, line: usize, about: Option<&'static About>, what: String) {
        let origin = Origin::File { path: self.file.path.clone(), line };
        self.file.mistakes.push(Mistake { origin, key: about.map(|about| about.key), what });
    }

    fn line(&self, span: Option<Range<usize>>) -> usize {
        let before = span.and_then(|span| self.text.as_bytes().get(..span.start));
        line_at(before.unwrap_or(self.text.as_bytes()))
    }
}

/// The line, counted from 1, that begins or goes on behind these bytes.
fn line_at(before: &[u8]) -> usize {
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}
