//! Reading docs/protocol.md: its tables and its vectors.

#![allow(dead_code, unreachable_pub, reason = "the tests of two crates read the document, each another part")]

use std::collections::BTreeMap;
use std::fmt::Write;

/// Bytes in a group of hexadecimal digits, and groups on a line.
const GROUP: usize = 4;
const LINE: usize = 12;

/// The document.
pub struct Document {
    vectors: BTreeMap<String, Vec<(String, String)>>,
    tables: Vec<Table>,
}

/// A table and the heading that it stands under.
pub struct Table {
    heading: String,
    columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Document {
    pub fn read() -> Self {
        let mut document = Self { vectors: BTreeMap::new(), tables: Vec::new() };
        let mut lines = include_str!("../../../docs/protocol.md").lines();
        let mut heading = String::new();
        let mut in_table = false;
        while let Some(line) = lines.next() {
            if let Some(name) = line.strip_prefix("```vector name=") {
                let block = lines.by_ref().take_while(|line| *line != "```");
                let double = document.vectors.insert(name.to_owned(), fields(block));
                assert!(double.is_none(), "two vectors are called {name}");
            } else if line.starts_with("```") {
                lines.by_ref().find(|line| *line == "```").expect("the end of a code block");
            } else if let Some(text) = line.strip_prefix('#') {
                heading = text.trim_start_matches('#').trim().to_owned();
            } else if line.starts_with('|') {
                let cells: Vec<String> =
                    line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
                match document.tables.last_mut().filter(|_| in_table) {
                    None => {
                        document.tables.push(Table {
                            heading: heading.clone(),
                            columns: cells,
                            rows: Vec::new(),
                        });
                    }
                    Some(_) if cells.iter().all(|cell| cell == "---") => {}
                    Some(table) => {
                        assert_eq!(cells.len(), table.columns.len(), "{line}");
                        table.rows.push(cells);
                    }
                }
            }
            in_table = line.starts_with('|');
        }
        document
    }

    /// Names of all vectors.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.vectors.keys().map(String::as_str)
    }

    /// The table under this heading that begins with this column.
    pub fn table(&self, heading: &str, column: &str) -> &Table {
        self.tables
            .iter()
            .find(|table| table.heading == heading && table.columns[0] == column)
            .unwrap_or_else(|| panic!("no table of {column} under {heading}"))
    }

    /// All tables of bytes.
    pub fn layouts(&self) -> impl Iterator<Item = &Table> {
        self.tables.iter().filter(|table| table.columns[..2] == ["offset", "size"])
    }

    /// Compares vectors with what the program makes of the same values.
    ///
    /// # Panics
    /// With the blocks as they should be, to be copied into the document if it is the document that is wrong.
    pub fn check(&self, blocks: &[Block]) {
        let wrong: String = blocks
            .iter()
            .filter(|block| self.vectors.get(&block.name) != Some(&fields(block.text.lines())))
            .map(|block| format!("```vector name={}\n{}```\n\n", block.name, block.text))
            .collect();
        assert!(wrong.is_empty(), "docs/protocol.md differs from the program, which says:\n\n{wrong}");
    }
}

impl Table {
    /// Two columns of every row, code marks taken off.
    pub fn pairs(&self, first: usize, second: usize) -> Vec<(&str, &str)> {
        self.rows.iter().map(|row| (row[first].trim_matches('`'), row[second].trim_matches('`'))).collect()
    }

    /// Checks that each offset is the sum of the sizes before it, where that is fixed; answers with the whole size,
    /// if fixed.
    pub fn size(&self) -> Option<usize> {
        let mut at = Some(0);
        for row in &self.rows {
            let (offset, size) = (&row[0], &row[1]);
            match (at, offset.parse::<usize>()) {
                (Some(expected), Ok(given)) => assert_eq!(given, expected, "{}: {row:?}", self.heading),
                (Some(_), Err(_)) => panic!("{}: {row:?} lacks its offset", self.heading),
                (None, given) => assert!(given.is_err(), "{}: {row:?} has no fixed offset", self.heading),
            }
            at = at.zip(size.parse::<usize>().ok()).map(|(at, size)| at + size);
        }
        at
    }

    /// The bytes that the table gives to a field; up to the end for one without a fixed size.
    pub fn field<'a>(&self, name: &str, bytes: &'a [u8]) -> &'a [u8] {
        let row = self.rows.iter().find(|row| row[2] == name).unwrap_or_else(|| panic!("no field {name}"));
        let start: usize = row[0].parse().expect("a field with a fixed offset");
        let end = row[1].parse().map_or(bytes.len(), |size: usize| start + size);
        &bytes[start..end]
    }
}

/// A number as the document writes it.
pub fn number(text: &str) -> u64 {
    let digits = text.replace(',', "");
    match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    }
    .unwrap_or_else(|_| panic!("{text} is no number"))
}

/// A vector as the program has it.
pub struct Block {
    pub name: String,
    text: String,
}

impl Block {
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), text: String::new() }
    }

    /// A line of plain text.
    pub fn text(mut self, key: &str, value: impl ToString) -> Self {
        writeln!(self.text, "{key}: {}", value.to_string()).expect("room");
        self
    }

    /// Bytes, on lines of their own if there are many.
    pub fn hex(mut self, key: &str, bytes: &[u8]) -> Self {
        let lines: Vec<String> = bytes.chunks(GROUP * LINE).map(groups).collect();
        match &lines[..] {
            [] => writeln!(self.text, "{key}: none"),
            [line] => writeln!(self.text, "{key}: {line}"),
            lines => writeln!(self.text, "{key}:\n  {}", lines.join("\n  ")),
        }
        .expect("room");
        self
    }
}

fn groups(line: &[u8]) -> String {
    let group = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    line.chunks(GROUP).map(group).collect::<Vec<_>>().join(" ")
}

/// Keys and values of a block, without the blanks in the values.
fn fields<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in lines {
        match fields.last_mut().filter(|_| line.starts_with(' ')) {
            Some((_, value)) => value.extend(line.split_whitespace()),
            None => {
                let (key, value) = line.split_once(':').unwrap_or_else(|| panic!("{line} has no value"));
                fields.push((key.to_owned(), value.split_whitespace().collect()));
            }
        }
    }
    fields
}
