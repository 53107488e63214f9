//! The starts of a device's plays: what was predicted, and what came.

use crate::listen::Start;
use serde_json::{Value, json};
use spotproto::{Gid, UnixTime};
use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The file is cut to half of this when it is longer: about 4,000 starts.
const MOST: u64 = 1 << 20;

/// A file of JSON lines to which starts are added. A crash leaves a broken line at most, and broken lines are passed over.
#[derive(Clone, Debug)]
pub struct StartLog {
    path: PathBuf,
}

impl StartLog {
    /// The log in this file, which need not exist.
    #[must_use]
    pub const fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Adds the starts of one play.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn add(&self, track: Gid, at: UnixTime, starts: &[Start]) -> io::Result<()> {
        if starts.is_empty() {
            return Ok(());
        }
        let mut lines = String::new();
        for start in starts {
            let mut line = start.json();
            line["track"] = json!(track.to_string());
            line["at"] = json!(at.0);
            lines += &format!("{line}\n");
        }
        let mut file = open(&self.path)?;
        let length = file.seek(SeekFrom::End(0))?;
        let mut last = [b'\n'];
        if length > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        if last != [b'\n'] {
            lines.insert(0, '\n');
        }
        file.write_all(lines.as_bytes())?;
        if length + lines.len() as u64 > MOST { self.shorten() } else { Ok(()) }
    }

    /// All that can be read, oldest first.
    #[must_use]
    pub fn read(&self) -> Vec<Start> {
        let text = self.tail(MOST).unwrap_or_default();
        let starts = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        starts.filter_map(|value| Start::from_json(&value)).collect()
    }

    /// Written beside and renamed, so that a crash leaves the old or the new.
    fn shorten(&self) -> io::Result<()> {
        let text = self.tail(MOST / 2)?;
        let whole = text.split_once('\n').map_or("", |(_, rest)| rest);
        let beside = self.path.with_extension("shorter");
        fs::remove_file(&beside).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        open(&beside)?.write_all(whole.as_bytes())?;
        fs::rename(&beside, &self.path)
    }

    /// The end of the file, whatever is in it.
    fn tail(&self, most: u64) -> io::Result<String> {
        let mut file = fs::File::open(&self.path)?;
        let length = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(length.saturating_sub(most)))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn open(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(waited_ms: u32) -> Start {
        Start {
            waited_ms,
            expected_ms: None,
            basis: "forecast".into(),
            buffered_ms: 2_000,
            state: 9,
            rates: [38_000, 36_000, 20_000],
            risk: 0.01,
            budget: 0.01,
            stuttered: Some(false),
        }
    }

    fn log() -> (tempfile::TempDir, StartLog, Gid) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = StartLog::at(folder.path().join("starts.jsonl"));
        (folder, log, Gid::from_bytes([7; 16]))
    }

    #[test]
    fn broken_lines_are_passed_over_and_spoil_no_other() {
        let (_folder, log, track) = log();
        assert!(log.read().is_empty());
        log.add(track, UnixTime(1), &[start(1), start(2)]).expect("written");
        let mut file = open(&log.path).expect("there");
        file.write_all(b"{\"waited_ms\":3,\"bas").expect("written");
        log.add(track, UnixTime(2), &[start(4)]).expect("written");
        file.write_all(b"\xff\xfe\0[]\nnull\n{}\n9e999\n").expect("written");
        log.add(track, UnixTime(3), &[start(5)]).expect("written");
        assert_eq!(log.read(), [start(1), start(2), start(4), start(5)]);
    }

    #[test]
    fn the_file_is_bounded_and_keeps_the_latest() {
        let (_folder, log, track) = log();
        let many: Vec<Start> = (0..1_000).map(start).collect();
        for _ in 0..12 {
            log.add(track, UnixTime(1), &many).expect("written");
            let length = fs::metadata(&log.path).expect("there").len();
            assert!(length <= MOST, "{length}");
        }
        log.add(track, UnixTime(2), &[start(7)]).expect("written");
        let read = log.read();
        assert!(read.len() > 1_000 && read.last() == Some(&start(7)));
        let left = fs::read_dir(log.path.parent().expect("a folder")).expect("there").count();
        assert_eq!(left, 1, "nothing lies beside it");
    }

    #[test]
    fn a_file_that_is_no_log_is_no_starts() {
        let (_folder, log, _) = log();
        fs::write(&log.path, vec![0xaa; 3 << 20]).expect("written");
        assert!(log.read().is_empty());
        fs::write(&log.path, "[".repeat(1 << 20)).expect("written");
        assert!(log.read().is_empty());
    }
}
