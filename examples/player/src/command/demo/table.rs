//! What came of the demo, for each of its listeners.

use crate::listen::{Report, Sources, bytes};
use core::fmt::Write;
use core::time::Duration;

/// What came over a network, of all plays.
pub(super) fn network(played: &[Vec<Report>]) -> Sources {
    let mut all = Sources::default();
    for report in played.iter().flatten() {
        all.lan += report.sources.lan;
        all.peers += report.sources.peers;
        all.cdn += report.sources.cdn;
        all.server += report.sources.server;
    }
    all
}

/// Of the bytes that came over a network, how many other listeners sent, in percent.
pub(super) fn share_of_listeners(all: Sources) -> f64 {
    all.from_listeners() as f64 * 100.0 / (all.network().max(1)) as f64
}

/// Eight listeners: where what each heard came from, and what it sent to others.
pub(super) fn house_table(played: &[Vec<Report>], again: &[Report], gave: &[u64]) -> String {
    let mut text = format!(
        "{:<22} {:>10} {:>12} {:>10} {:>10} {:>12} {:>9}\n",
        "listener", "own cache", "listeners", "server", "sent", "first sound", "stutters"
    );
    let mut row =
        |name: &str, sources: Sources, sent: u64, first: Option<Duration>, stutters: Option<u32>| {
            let first = first.map_or("-".into(), |span| format!("{:.0} ms", span.as_secs_f64() * 1000.0));
            let stutters = stutters.map_or("-".into(), |count| count.to_string());
            let _ = writeln!(
                text,
                "{name:<22} {:>10} {:>12} {:>10} {:>10} {first:>12} {stutters:>9}",
                bytes(sources.cache),
                bytes(sources.from_listeners()),
                bytes(sources.server),
                bytes(sent),
            );
        };
    let sums = |reports: &[Report]| {
        let sources = reports.iter().fold(Sources::default(), |mut sum, report| {
            sum.cache += report.sources.cache;
            sum.lan += report.sources.lan;
            sum.peers += report.sources.peers;
            sum.cdn += report.sources.cdn;
            sum.server += report.sources.server;
            sum
        });
        let sent = reports.iter().map(|report| report.uploaded).sum();
        let first = reports.first().and_then(|report| report.first_sound);
        (sources, sent, first, Some(reports.iter().map(|report| report.stutters).sum()))
    };
    for (number, reports) in played.iter().enumerate() {
        let (sources, sent, first, stutters) = sums(reports);
        let name = if number == 0 { "1, aloud".into() } else { format!("{}", number + 1) };
        row(&name, sources, sent, first, stutters);
    }
    for (number, sent) in gave.iter().enumerate() {
        row(
            &format!("{}, heard it before", played.len() + number + 1),
            Sources::default(),
            *sent,
            None,
            None,
        );
    }
    let (sources, sent, first, stutters) = sums(again);
    row("1 again", sources, sent, first, stutters);
    let all = network(played);
    let _ = writeln!(
        text,
        "\n{:.0} % of {} over the network came from other listeners",
        share_of_listeners(all),
        bytes(all.network())
    );
    text
}
