//! Settings as people and scripts see them.

use super::file::ConfigFile;
use super::quantity::ShownTime;
use super::table::{self, About};
use super::{Origin, Settings, Told};
use crate::shown::printable;
use core::fmt::{Display, Write};
use serde_json::{Value, json};

/// Columns of a terminal that is narrow, and still usual.
const WIDTH: usize = 80;

/// A setting as it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row<'a> {
    /// Which it is.
    pub about: &'static About,
    /// Its value as the command line would say it; none if nothing is said and there is none.
    pub value: Option<String>,
    /// Where the value came from.
    pub origin: &'a Origin,
}

impl Settings {
    /// Every setting, in the order of [`table::ALL`].
    #[must_use]
    pub fn rows(&self) -> Vec<Row<'_>> {
        fn some<T>(told: &Told<Option<T>>, show: impl Fn(&T) -> String) -> (Option<String>, &Origin) {
            (told.value.as_ref().map(show), &told.origin)
        }
        fn words<T: Display>(told: &Told<T>) -> (Option<String>, &Origin) {
            (Some(told.value.to_string()), &told.origin)
        }
        let shown = [
            some(&self.server, ToString::to_string),
            some(&self.device, |path| path.display().to_string()),
            words(&self.output),
            words(&self.port),
            some(&self.patience, |time| ShownTime(*time).to_string()),
            words(&self.prefetch),
            some(&self.serve.listen, ToString::to_string),
            some(&self.serve.state, |path| path.display().to_string()),
            some(&self.serve.cdn, ToString::to_string),
            some(&self.cache.dir, |path| path.display().to_string()),
            words(&self.cache.limit),
            words(&self.peers.mode),
            some(&self.peers.neighbours, ToString::to_string),
            some(&self.peers.uploads, ToString::to_string),
            words(&self.peers.rate),
        ];
        let row = |(about, (value, origin))| Row { about, value, origin };
        table::ALL.into_iter().zip(shown).map(row).collect()
    }

    /// A table for people: what holds, and where it came from. It is 80 columns wide; where a value is longer, its
    /// origin is on the next line.
    #[must_use]
    pub fn table(&self, file: &ConfigFile) -> String {
        let rows: Vec<[String; 3]> = self.rows().iter().map(Row::cells).collect();
        let widest = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let keys = widest(0);
        let room = WIDTH.saturating_sub(keys + 2 + 2 + widest(2));
        let values = widest(1).min(room);
        let missing = if file.there { "" } else { " (not there)" };
        let mut text = format!("file: {}{missing}\n\n", printable(&file.path.display().to_string()));
        let heads = ["setting", "value", "from"].map(str::to_owned);
        for [key, value, origin] in core::iter::once(&heads).chain(&rows) {
            let _ = if value.chars().count() > values {
                let gap = keys + 2 + values;
                writeln!(text, "{key:<keys$}  {value}\n{:gap$}  {origin}", "")
            } else {
                writeln!(text, "{key:<keys$}  {value:<values$}  {origin}")
            };
        }
        text
    }
}

impl Row<'_> {
    fn cells(&self) -> [String; 3] {
        let value = self.value.as_deref().unwrap_or(self.about.unset);
        let origin = match self.origin {
            // Which file is said once, above the table.
            Origin::File { line, .. } => format!("file, line {line}"),
            origin => origin.to_string(),
        };
        [self.about.key.to_owned(), printable(value).into_owned(), origin]
    }

    /// One object for scripts.
    #[must_use]
    pub fn json(&self) -> Value {
        let mut object = json!({ "key": self.about.key, "value": self.value });
        let more = match self.origin {
            Origin::Default => json!({ "from": "default" }),
            Origin::File { path, line } => {
                json!({ "from": "file", "path": path.to_string_lossy(), "line": line })
            }
            Origin::Environment(name) => json!({ "from": "environment", "name": name }),
            Origin::CommandLine(flag) => json!({ "from": "command line", "name": format!("--{flag}") }),
        };
        if let (Value::Object(object), Value::Object(mut more)) = (&mut object, more) {
            object.append(&mut more);
        }
        object
    }
}
