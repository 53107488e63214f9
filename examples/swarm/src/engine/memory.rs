//! How much memory and time of processors a run takes.

use crate::scenario::Scenario;

/// A client that has just logged in: node, connection, habits (8,000 with 150 files each took 0.16 GB, plays and all).
const CLIENT: u64 = 5 * 1024;

/// What comes to that in an hour of use: neighbours, links that the access point remembers, the journal on the disk...
const GROWS: u64 = 4 * 1024;

/// ...until all of these are full (20,000 with 250 files each took 0.45 GB at first, 1.2 GB after 15 hours and 1.5 GB after 26).
const GROWN: u64 = 58 * 1024;

/// One that plays, beyond that: its plan, books, and what is under way to it.
const PLAYS: u64 = 13 * 1024;

/// What the access point keeps of a client.
const SESSION: u64 = 1024;

/// A file that a client holds: in its cache, on its disk, in its history, and at the tracker.
const HELD: u64 = 48;

/// A file in the catalogue, at the tracker too.
const FILE: u64 = 160;

/// Bytes that a run will take, about.
pub(super) fn foreseen(scenario: &Scenario) -> u64 {
    let clients = u64::from(scenario.population.clients);
    let online = scenario.population.online;
    let hours = &scenario.listening.hours;
    let most = hours.iter().copied().fold(0.0, f64::max) * 24.0 / hours.iter().sum::<f64>();
    let playing = (scenario.listening.playing * most).min(1.0) * online;
    let part = |part: f64, of: u64| (part * of as f64) as u64;
    let files = match scenario.caches.files {
        0 => u64::from(scenario.listening.history),
        most => u64::from(most.min(scenario.listening.history)),
    };
    let held = if scenario.caches.on { files } else { 0 };
    let grown = ((scenario.time.warm_up_h + scenario.time.hours) * GROWS as f64) as u64;
    part(online, clients) * (CLIENT + grown.min(GROWN) + SESSION)
        + part(playing, clients) * PLAYS
        + clients * (1024 + held * HELD + u64::from(scenario.listening.history) * 4)
        + u64::from(scenario.tracks.count) * FILE
        + clients * u64::from(scenario.server.sites) * 8
        + (64 << 20)
}

/// Bytes that may be taken, where that can be known: what the machine has left, or what this program's group may have.
pub(super) fn there() -> Option<u64> {
    let group = |file| std::fs::read_to_string(file).ok()?.trim().parse::<u64>().ok();
    let most = group("/sys/fs/cgroup/memory.max");
    let left = most.map(|most| most.saturating_sub(group("/sys/fs/cgroup/memory.current").unwrap_or(0)));
    of("/proc/meminfo", "MemAvailable:").into_iter().chain(left).min()
}

/// The most that this process had.
pub(super) fn most() -> Option<u64> {
    of("/proc/self/status", "VmHWM:")
}

/// What this process has now.
pub(super) fn now() -> Option<u64> {
    of("/proc/self/status", "VmRSS:")
}

/// Seconds of processors that this process took so far.
pub(super) fn processors_s() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // What stands in brackets may hold blanks; user and system time are the 12th and 13th field behind it, in hundredths.
    let (_, fields) = text.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map_while(|it| it.parse::<f64>().ok());
    Some((times.next()? + times.next()?) / 100.0)
}

fn of(file: &str, line: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let rest = text.lines().find_map(|it| it.strip_prefix(line))?;
    rest.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}
