//! What a run came to, beside the original's numbers.

use crate::metrics::Outcome;
use core::fmt::Write;

/// The table, with a line's end at its end.
pub(super) fn of(outcome: &Outcome) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut text, outcome);
    text
}

/// Kreitz and Niemelä 2010, tables and text: what they measured from 23 to 29 March 2010.
mod original {
    pub(super) const SERVER: &str = "8.8 %";
    pub(super) const PEERS: &str = "35.8 %";
    pub(super) const CACHE: &str = "55.4 %";
    pub(super) const START: [&str; 3] = ["265 ms", "515 ms", "1047 ms"];
    pub(super) const STUTTER: &str = "1.0 %";
    pub(super) const OVERHEAD: &str = "5.2 %";
    pub(super) const SEARCH: &str = "2.3 %";
    pub(super) const FOUND: [&str; 4] = ["75.1 %", "9.0 %", "7.0 %", "8.9 %"];
    pub(super) const DIALS: &str = "35 %";
}

fn write(text: &mut String, outcome: &Outcome) -> core::fmt::Result {
    let Outcome { name, scenario, run, tally } = outcome;
    let clients = scenario.population.clients;
    writeln!(
        text,
        "{name}: {clients} clients, {:.1} h that count, seed {}",
        scenario.time.hours, scenario.seed
    )?;
    writeln!(text, "{:44} {:>12} {:>12}", "", "here", "2010")?;
    let mut row = |what: &str, here: String, then: &str| writeln!(text, "{what:44} {here:>12} {then:>12}");
    let percent = |part: f64| format!("{:.2} %", 100.0 * part);
    let played = &tally.played;
    row("music from the server", percent(played.server_share()), original::SERVER)?;
    row("music from peers", percent(played.peer_share()), original::PEERS)?;
    row("music from the cache", percent(played.cache_share()), original::CACHE)?;
    for ((what, part), then) in [("p50", 0.5), ("p75", 0.75), ("p90", 0.9)].into_iter().zip(original::START) {
        row(&format!("start, all plays, {what}"), millis(tally.starts.all.quantile(part)), then)?;
    }
    row("start, all plays, mean", millis(tally.starts.all.mean()), "")?;
    let kinds = [
        ("not held", &tally.starts.fetched),
        ("held", &tally.starts.held),
        ("predictable", &tally.starts.predictable),
        ("picked", &tally.starts.random),
    ];
    for (what, starts) in kinds {
        row(&format!("start, {what}, p50"), millis(starts.quantile(0.5)), "")?;
        row(&format!("start, {what}, p90"), millis(starts.quantile(0.9)), "")?;
    }
    row("plays that stuttered", percent(tally.stutters.rate()), original::STUTTER)?;
    let peers = &tally.peers;
    let of_peers = |bytes: u64| percent(bytes as f64 / peers.all().max(1) as f64);
    row("overhead of what peers send", percent(peers.overhead()), original::OVERHEAD)?;
    row("  search", of_peers(peers.search), original::SEARCH)?;
    row("  music not heard in that play", of_peers(peers.unused), "2.4 %")?;
    row("  music sent twice", of_peers(peers.twice), "")?;
    row("  pings of idle links", of_peers(peers.keep_alive), "")?;
    row("  all else", of_peers(peers.other), "0.5 %")?;
    let found = &tally.found;
    let ways = [
        ("tracker and overlay", found.both),
        ("tracker", found.tracker),
        ("overlay", found.overlay),
        ("nobody", found.nobody),
    ];
    for ((what, count), then) in ways.into_iter().zip(original::FOUND) {
        row(&format!("peers found by {what}"), percent(count as f64 / found.all().max(1) as f64), then)?;
    }
    let stood = tally.dials.stood as f64 / tally.dials.tried.max(1) as f64;
    row("links that came about", percent(stood), original::DIALS)?;
    row("neighbours, p50", format!("{:.0}", tally.degrees.quantile(0.5)), "")?;
    row("plays that sounded", format!("{}", tally.starts.all.count), "")?;
    row("local work in each start: decoder", format!("{:.0} ms", scenario.player.decoder_ms), "")?;
    row("local work in each start: disk, median", format!("{:.1} ms", scenario.player.disk_ms), "")?;
    writeln!(
        text,
        "{} events in {:.1} s on {} threads: {:.2} M/s a thread, {:.1} times real time; {:.2} GB (foreseen {:.2}); hash {}",
        run.events,
        run.wall_s,
        run.threads,
        run.speed() / 1e6,
        run.times_real(),
        run.memory as f64 / 1e9,
        run.memory_foreseen as f64 / 1e9,
        run.hash,
    )
}

fn millis(micros: f64) -> String {
    format!("{:.0} ms", micros / 1000.0)
}
