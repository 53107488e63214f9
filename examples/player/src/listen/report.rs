//! What came of a play, as a table for people and as JSON for scripts.

use super::starts::Start;
use super::why::Step;
use crate::shown::named;
use core::fmt::Write;
use core::time::Duration;
use serde_json::{Value, json};
use spotp2p::planner::Kind;
use spotproto::{Gid, UnixTime};

/// What came of a play.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Report {
    /// The track.
    pub gid: Option<Gid>,
    /// Its title.
    pub title: String,
    /// Its artist.
    pub artist: String,
    /// How it is encoded.
    pub format: String,
    /// Length of what was heard.
    pub heard: Duration,
    /// From the click to the head of the track.
    pub opened: Option<Duration>,
    /// From the click to the first sound handed to the output.
    pub first_sound: Option<Duration>,
    /// Bytes of ciphertext, by where they came from.
    pub sources: Sources,
    /// Bytes sent to other listeners meanwhile.
    pub uploaded: u64,
    /// Pieces that matched their leaves.
    pub pieces: u32,
    /// Pieces that did not, and were thrown away.
    pub forged: u32,
    /// Times that the sound stopped because bytes were late.
    pub stutters: u32,
    /// For how long the decoder waited for bytes, the start included.
    pub waited: Duration,
    /// Times that the connection broke and was made again.
    pub breaks: u32,
    /// Damaged packets that the decoder left out.
    pub damaged: u64,
    /// Samples of silence between the track before and this one, if one was heard to its end.
    pub gap: Option<u64>,
    /// Bytes that came of tracks that were to follow, and did not.
    pub wasted: Sources,
    /// What took the sound.
    pub output: String,
    /// Why and when the sound started, each time that it did.
    pub starts: Vec<Start>,
    /// Why each piece came from where it came.
    pub steps: Vec<Step>,
}

/// Bytes of ciphertext, by where they came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sources {
    /// From this device's cache.
    pub cache: u64,
    /// From listeners on the same network.
    pub lan: u64,
    /// From listeners elsewhere.
    pub peers: u64,
    /// From web servers.
    pub cdn: u64,
    /// From the server.
    pub server: u64,
}

impl Sources {
    /// Counts bytes.
    pub const fn add(&mut self, from: Kind, bytes: u64) {
        match from {
            Kind::Cache => self.cache += bytes,
            Kind::Lan => self.lan += bytes,
            Kind::Peer => self.peers += bytes,
            Kind::Cdn => self.cdn += bytes,
            Kind::Server => self.server += bytes,
        }
    }

    /// Adds up two sums.
    pub const fn add_all(&mut self, other: &Self) {
        self.cache += other.cache;
        self.lan += other.lan;
        self.peers += other.peers;
        self.cdn += other.cdn;
        self.server += other.server;
    }

    /// Sums by [`Kind`].
    #[must_use]
    pub const fn of(bytes: [u64; Kind::COUNT]) -> Self {
        let [cache, lan, peers, cdn, server] = bytes;
        Self { cache, lan, peers, cdn, server }
    }

    /// All bytes.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.cache + self.network()
    }

    /// Those that came over a network.
    #[must_use]
    pub const fn network(&self) -> u64 {
        self.from_listeners() + self.cdn + self.server
    }

    /// Those that other listeners sent.
    #[must_use]
    pub const fn from_listeners(&self) -> u64 {
        self.lan + self.peers
    }

    /// One object for scripts.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "cache": self.cache, "lan": self.lan, "peers": self.peers, "cdn": self.cdn, "server": self.server,
        })
    }
}

impl Report {
    /// One object; the names are part of the interface.
    #[must_use]
    pub fn json(&self) -> Value {
        let ms = |span: Duration| (span.as_secs_f64() * 10_000.0).round() / 10.0;
        json!({
            "event": "played",
            "track": self.gid.map(|gid| gid.to_string()),
            "title": self.title,
            "artist": self.artist,
            "format": self.format,
            "heard_s": self.heard.as_secs_f64(),
            "opened_ms": self.opened.map(ms),
            "first_sound_ms": self.first_sound.map(ms),
            "bytes": self.sources.json(),
            "uploaded": self.uploaded,
            "pieces_verified": self.pieces,
            "pieces_forged": self.forged,
            "stutters": self.stutters,
            "waited_ms": ms(self.waited),
            "breaks": self.breaks,
            "damaged_packets": self.damaged,
            "gap_samples": self.gap,
            "wasted": self.wasted.json(),
            "starts": self.starts.iter().map(Start::json).collect::<Vec<_>>(),
            "output": self.output,
        })
    }
}

/// The reports as a small table.
#[must_use]
pub fn table(reports: &[Report]) -> String {
    let mut text = String::new();
    for report in reports {
        let name = match (report.artist.as_str(), report.title.as_str()) {
            ("", "") => report.gid.map_or_else(String::new, |gid| gid.to_string()),
            (artist, title) => named(artist, title),
        };
        let _ = writeln!(text, "{name}");
        let mut row = |label: &str, value: String| {
            let _ = writeln!(text, "  {label:<23} {value}");
        };
        row("heard", format!("{} through {}", clock(report.heard), report.output));
        row("time to first sound", report.first_sound.map_or("none".into(), millis));
        row("bytes from the cache", share(report.sources.cache, report.sources));
        let Sources { lan, peers, cdn, server, .. } = report.sources;
        for (label, part) in
            [("bytes from this network", lan), ("bytes from listeners", peers), ("bytes from a CDN", cdn)]
        {
            if part > 0 {
                row(label, share(part, report.sources));
            }
        }
        row("bytes from the server", share(server, report.sources));
        if report.uploaded > 0 {
            row("sent to listeners", bytes(report.uploaded));
        }
        row("pieces verified", verified(report));
        row("stutters", report.stutters.to_string());
        if let Some(gap) = report.gap {
            row("gap before it", format!("{gap} samples"));
        }
        if report.wasted.all() > 0 {
            row("fetched for nothing", bytes(report.wasted.all()));
        }
        if report.breaks > 0 {
            row("connection breaks", report.breaks.to_string());
        }
        if report.damaged > 0 {
            row("damaged packets", report.damaged.to_string());
        }
    }
    text
}

/// A number of bytes, and which part of all it is.
fn share(part: u64, of: Sources) -> String {
    let all = of.all();
    let percent = if all == 0 { 0.0 } else { part as f64 * 100.0 / all as f64 };
    format!("{} ({percent:.0} %)", bytes(part))
}

fn verified(report: &Report) -> String {
    match report.forged {
        0 => format!("{} of {}", report.pieces, report.pieces),
        forged => format!("{} of {}, {forged} thrown away", report.pieces, report.pieces + forged),
    }
}

fn millis(span: Duration) -> String {
    format!("{:.0} ms", span.as_secs_f64() * 1000.0)
}

/// Minutes and seconds.
#[must_use]
pub fn clock(span: Duration) -> String {
    format!("{}:{:02}", span.as_secs() / 60, span.as_secs() % 60)
}

/// A day, as in 2010-04-20.
#[must_use]
pub fn date(at: UnixTime) -> String {
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms" (2013): days to a date of the Gregorian calendar.
    let days = at.0 / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    format!("{}-{month:02}-{day:02}", year + era * 400)
}

/// A number of bytes, in the unit that suits it.
#[must_use]
pub fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shown::steers;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_271_721_600, "2010-04-20"),
            (1_735_689_599, "2024-12-31"),
        ] {
            assert_eq!(date(UnixTime(seconds)), day);
        }
    }

    #[test]
    fn the_table_names_what_a_listener_asks() {
        let report = Report {
            title: "Prelude".into(),
            artist: "Bach".into(),
            heard: Duration::from_secs(75),
            first_sound: Some(Duration::from_micros(12_345)),
            sources: Sources { cache: 2_000_000, peers: 1_000_000, server: 1_000_000, ..Sources::default() },
            pieces: 76,
            output: "silence".into(),
            ..Report::default()
        };
        let text = table(&[report]);
        for part in
            ["Bach – Prelude", "1:15", "12 ms", "2.0 MB (50 %)", "1.0 MB (25 %)", "76 of 76", "stutters"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_title_from_a_server_steers_no_terminal() {
        for (artist, title) in [("", "\u{1b}]52;c;aGk=\u{7}"), ("\u{202e}hcaB", ""), ("a\u{9b}2J", "b")] {
            let report = Report { title: title.into(), artist: artist.into(), ..Report::default() };
            assert!(!table(&[report]).contains(|c| c != '\n' && steers(c)), "{artist:?}, {title:?}");
        }
    }
}
