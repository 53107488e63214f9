//! One line of the file changed, and all others left as they are.

use super::super::table::{self, Form};
use super::super::{Flags, Folders, Settings};
use super::ConfigFile;
use crate::failure::{Exit, Failure};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use toml_edit::{Decor, DocumentMut, Item, RawString, Value};

/// Writes `value`, as the command line would say it, for the setting `key` into the file at `path`. Comments and order
/// stay. A file or folder that is not there is made; a crash leaves the old file or the new one. Of two that write at
/// once, the later one wins.
///
/// # Errors
/// [`Exit::Usage`] if there is no such setting, the value is not allowed, or the file is not TOML; then the file is as
/// before. [`Exit::Runtime`] if it can't be read or written.
pub fn set(path: &Path, key: &str, value: &str) -> Result<(), Failure> {
    // A link to a file elsewhere stays a link.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let cannot = |what: &str, error: &io::Error| {
        Failure::runtime(format!("cannot {what} {}: {error}", path.display()))
    };
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        read => read.map_err(|error| cannot("read", &error))?,
    };
    let text = changed(&path, &text, key, value)?;
    replace(&path, &text).map_err(|error| cannot("write", &error))
}

/// The file's text with the value in it.
fn changed(path: &Path, text: &str, key: &str, value: &str) -> Result<String, Failure> {
    let usage = |line: String| Failure::new(Exit::Usage, line);
    let about = table::about(key)
        .ok_or_else(|| usage(format!("no setting has the name {key}; allowed: {}", table::names())))?;
    let unreadable = |file: &ConfigFile| {
        let mistake = file.mistakes.first().map(ToString::to_string);
        usage(mistake.unwrap_or_else(|| format!("{} is not TOML", path.display())))
    };
    let folders = Folders::of_this_user();
    let parse = |text: &str| ConfigFile::parse(path, text.as_bytes(), folders.home.as_deref());
    let mut document: DocumentMut = text.parse().map_err(|_| unreadable(&parse(text)))?;
    let number =
        value.parse::<i64>().ok().filter(|_| matches!(about.form, Form::Number | Form::NumberOrText));
    let value = number.map_or_else(|| Value::from(value), Value::from);
    put(&mut document, key, value).ok_or_else(|| {
        usage(format!("{}: another thing than a setting has the name {key}", path.display()))
    })?;
    let text = with_line_ends_of(text, document.to_string());
    let resolved = Settings::resolve(&Flags::default(), &|_| None, &parse(&text), &folders);
    match resolved.mistakes.into_iter().find(|mistake| mistake.key == Some(about.key)) {
        Some(mistake) => Err(usage(mistake.what)),
        None => Ok(text),
    }
}

/// Puts a value where it belongs; nothing if a value is where its section should be, or a section where it should.
fn put(document: &mut DocumentMut, key: &str, mut value: Value) -> Option<()> {
    let (section, name) = key.split_once('.').map_or((None, key), |(section, name)| (Some(section), name));
    // What is behind the last line belongs to the file's head if there is no other line yet.
    let comments = document.trailing().as_str().unwrap_or_default().to_owned();
    let table = match section {
        None => document.as_table_mut() as &mut dyn toml_edit::TableLike,
        Some(section) => {
            if !document.contains_key(section) {
                let first = document.is_empty() && comments.is_empty();
                let mut table = toml_edit::Table::new();
                let gap = if first { "" } else { "\n" };
                *table.decor_mut() = Decor::new(format!("{comments}{gap}"), "");
                document.insert(section, Item::Table(table));
                document.set_trailing(RawString::default());
            }
            document.get_mut(section)?.as_table_like_mut()?
        }
    };
    match table.get_mut(name) {
        Some(Item::Value(old)) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        Some(_) => return None,
        None => {
            table.insert(name, Item::Value(value));
            if section.is_none() && document.len() == 1 {
                let mut key = document.key_mut(name)?;
                key.leaf_decor_mut().set_prefix(comments);
                document.set_trailing(RawString::default());
            }
        }
    }
    Some(())
}

/// TOML is written with the line ends of Unix; a file that had others keeps them.
fn with_line_ends_of(before: &str, text: String) -> String {
    if before.contains("\r\n") { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text }
}

/// Written beside and renamed.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    fs::create_dir_all(&folder)?;
    let mut file = NamedTempFile::new_in(&folder)?;
    file.write_all(text.as_bytes())?;
    if let Ok(before) = fs::metadata(path) {
        file.as_file().set_permissions(before.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The new name lasts once the folder is written too.
    #[cfg(unix)]
    fs::File::open(&folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(text: &str, key: &str, value: &str) -> Result<String, Failure> {
        changed(Path::new("/c.toml"), text, key, value)
    }

    #[test]
    fn a_line_is_changed_or_added_and_the_rest_stays() {
        for (before, key, value, after) in [
            ("", "port", "7", "port = 7\n"),
            ("", "cache.limit", "2 GB", "[cache]\nlimit = \"2 GB\"\n"),
            ("", "cache.limit", "0", "[cache]\nlimit = 0\n"),
            (
                "# Mine.\nport = 1 # why\n\n[cache] # c\n# How much?\nlimit = '1 GB'   # enough\ndir = \"/c\"\n# End.\n",
                "cache.limit",
                "auto",
                "# Mine.\nport = 1 # why\n\n[cache] # c\n# How much?\nlimit = \"auto\"   # enough\ndir = \"/c\"\n# End.\n",
            ),
            ("port=1# why\n[serve]\nstate = '/s'\n", "port", "2", "port=2# why\n[serve]\nstate = '/s'\n"),
            (
                "[serve]\nstate = '/s'\n# End.\n",
                "cache.limit",
                "1GiB",
                "[serve]\nstate = '/s'\n# End.\n\n[cache]\nlimit = \"1GiB\"\n",
            ),
            ("[cache]\ndir = '/c'\n", "port", "2", "port = 2\n[cache]\ndir = '/c'\n"),
            (
                "[cache]\n\n[serve]\nstate = '/s'\n",
                "cache.limit",
                "0",
                "[cache]\nlimit = 0\n\n[serve]\nstate = '/s'\n",
            ),
            ("# Only words.\n", "output", "null", "# Only words.\noutput = \"null\"\n"),
            ("# Only words.\n", "cache.limit", "0", "# Only words.\n\n[cache]\nlimit = 0\n"),
            ("cache.dir = '/c' # here\n", "cache.limit", "0", "cache.dir = '/c' # here\ncache.limit = 0\n"),
            ("cache = { dir = '/c' }\n", "cache.limit", "0", "cache = { dir = '/c' , limit = 0 }\n"),
            ("port = 1\r\npatience = 5\r\n", "port", "2", "port = 2\r\npatience = 5\r\n"),
        ] {
            assert_eq!(change(before, key, value).as_deref(), Ok(after), "{before:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (before, key, value, words) in [
            ("", "cache.limt", "0", "no setting has the name cache.limt; allowed: server, "),
            ("", "cache.limit", "500", "cache.limit = 500: the unit is missing"),
            ("", "port", "none", "port must be a whole number"),
            ("", "cache.dir", "here", "cache.dir = \"here\": from which folder this leads is not clear"),
            ("\nport =\n", "cache.limit", "0", "/c.toml:2: "),
            (
                "cache = 5\n",
                "cache.limit",
                "0",
                "/c.toml: another thing than a setting has the name cache.limit",
            ),
            ("[port]\n", "port", "5", "/c.toml: another thing than a setting has the name port"),
        ] {
            let failure = change(before, key, value).expect_err(words);
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.line.starts_with(words), "{failure}");
        }
    }

    #[test]
    fn a_mistake_elsewhere_is_no_hindrance() {
        let after = change("sevrer = 1\n", "port", "2");
        assert_eq!(after.as_deref(), Ok("sevrer = 1\nport = 2\n"));
    }

    #[test]
    fn a_file_that_is_not_there_is_made_and_nothing_is_left_beside_it() {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join("spot").join("config.toml");
        set(&path, "cache.limit", "2 GB").expect("made");
        set(&path, "cache.dir", "/c").expect("changed");
        assert!(set(&path, "cache.limit", "much").is_err());
        assert_eq!(fs::read_to_string(&path).expect("there"), "[cache]\nlimit = \"2 GB\"\ndir = \"/c\"\n");
        assert_eq!(fs::read_dir(home.path().join("spot")).expect("there").count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let home = tempfile::tempdir().expect("a folder");
        let (real, link) = (home.path().join("real.toml"), home.path().join("config.toml"));
        fs::write(&real, "port = 1\n").expect("written");
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).expect("set");
        symlink("real.toml", &link).expect("linked");
        set(&link, "port", "2").expect("changed");
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(fs::read_to_string(&real).expect("there"), "port = 2\n");
        assert_eq!(fs::metadata(&real).expect("there").permissions().mode() & 0o777, 0o640);
    }
}
