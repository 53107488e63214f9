//! What each number may be.

use super::sessions::pickable;
use super::{BadScenario, Scenario};
use core::ops::RangeInclusive;

/// Every number against its range.
pub(super) fn check(scenario: &Scenario) -> Result<(), BadScenario> {
    for (key, value, range) in ranges(scenario) {
        if !range.contains(&value) {
            return Err(out_of(key, value, &range));
        }
    }
    check_together(scenario)
}

/// What is out of its range, in words.
pub(super) fn out_of(key: &str, value: f64, range: &RangeInclusive<f64>) -> BadScenario {
    let (least, most) = (range.start(), range.end());
    BadScenario::new(key, format!("is {value}, and has to be from {least} to {most}"))
}

/// Every number with its key, and what it may be.
pub(super) fn ranges(scenario: &Scenario) -> impl Iterator<Item = Range> {
    let Scenario { time, population, listening, tracks, lines, .. } = scenario;
    let part = 0.0..=1.0;
    let ranges = [
        ("time.starts_at_h", time.starts_at_h, 0.0..=24.0),
        ("time.warm_up_h", time.warm_up_h, 0.0..=168.0),
        ("time.hours", time.hours, 0.01..=168.0),
        ("population.clients", population.clients.into(), 2.0..=4e6),
        ("population.online", population.online, 0.01..=1.0),
        ("population.online_h", population.online_h, 0.1..=1000.0),
        ("population.mobile", population.mobile, part.clone()),
        ("listening.playing", listening.playing, 0.0..=0.9),
        ("listening.session_scale_min", listening.session_scale_min, 1.0..=1000.0),
        ("listening.session_shape", listening.session_shape, 0.2..=5.0),
        ("listening.random", listening.random, part.clone()),
        ("listening.left_within_5_s", listening.left_within_5_s, part.clone()),
        ("listening.left_within_30_s", listening.left_within_30_s, listening.left_within_5_s..=1.0),
        ("listening.left_before_end", listening.left_before_end, listening.left_within_30_s..=1.0),
        ("listening.repeats", listening.repeats, part.clone()),
        ("listening.history", listening.history.into(), 1.0..=5000.0),
        ("listening.recency", listening.recency, 0.0..=3.0),
        ("listening.foreseen", listening.foreseen, part.clone()),
        ("tracks.count", tracks.count.into(), 10.0..=1e7),
        ("tracks.exponent", tracks.exponent, 0.0..=4.0),
        ("tracks.shift", tracks.shift, 0.0..=1e6),
        ("tracks.median_s", tracks.median_s, 30.0..=1200.0),
        ("tracks.sigma", tracks.sigma, 0.0..=1.5),
        ("tracks.kbit_s", tracks.kbit_s, 16.0..=2000.0),
        ("lines.down_kbit_s", lines.down_kbit_s, 100.0..=1e7),
        ("lines.down_sigma", lines.down_sigma, 0.0..=2.0),
        ("lines.up_part", lines.up_part, 0.001..=1.0),
        ("lines.up_least_kbit_s", lines.up_least_kbit_s, 16.0..=1e7),
        ("lines.up_most_kbit_s", lines.up_most_kbit_s, lines.up_least_kbit_s..=1e7),
        ("lines.symmetric", lines.symmetric, part.clone()),
        ("lines.symmetric_kbit_s", lines.symmetric_kbit_s, 100.0..=1e7),
        ("lines.mobile_kbit_s", lines.mobile_kbit_s, 50.0..=1e7),
        ("lines.queue_ms", lines.queue_ms, 1.0..=5000.0),
        ("lines.loss", lines.loss, 0.0..=0.2),
        ("lines.first_window", lines.first_window.into(), 1000.0..=1e6),
    ];
    ranges.into_iter().chain(others(scenario))
}

/// What depends on more than one number.
fn check_together(scenario: &Scenario) -> Result<(), BadScenario> {
    let Scenario { time, population, listening, tracks, crooks, .. } = scenario;
    let (least, most) = pickable(listening, tracks);
    if !(least - 0.005..=most + 0.005).contains(&listening.random) {
        return Err(BadScenario::new(
            "listening.random",
            format!(
                "is {}, and has to be from {least:.2} (a session's first track is always picked) to {most:.2} (what is heard \
                 to its end is followed by what was foreseen)",
                listening.random
            ),
        ));
    }
    for (key, at) in [("server.dies_at_h", scenario.server.dies_at_h), ("flash.at_h", scenario.flash.at_h)] {
        if at >= time.hours {
            return Err(BadScenario::new(key, format!("is {at}, and the run ends after {} h", time.hours)));
        }
    }
    let kinds = crooks.forge + crooks.stall + crooks.boast;
    if crooks.share > 0.0 && !(kinds > 0.0 && kinds < 1.0 + 1e-9) {
        let what =
            format!("(forge, stall, boast) come to {kinds}, and have to come to more than 0 and at most 1");
        return Err(BadScenario::new("crooks", what));
    }
    if let Some((number, what)) = super::listed::fault(&scenario.plays, population.clients, tracks.count) {
        return Err(BadScenario::new(&format!("plays[{number}]"), what));
    }
    if let Some([millis, bytes]) =
        tracks.known.iter().find(|[millis, bytes]| *millis < 1000 || *bytes < 16_384)
    {
        let what = format!("has {millis} ms in {bytes} bytes, and has to have 1000 in 16384 at least");
        return Err(BadScenario::new("tracks.known", what));
    }
    let hours = &listening.hours;
    if hours.len() != 24
        || hours.iter().any(|hour| !(0.0..=100.0).contains(hour))
        || hours.iter().sum::<f64>() <= 0.0
    {
        return Err(BadScenario::new(
            "listening.hours",
            "has to be 24 numbers from 0 to 100, not all of them 0",
        ));
    }
    Ok(())
}

pub(super) type Range = (&'static str, f64, RangeInclusive<f64>);

fn others(scenario: &Scenario) -> [Range; 42] {
    let Scenario { distances, reach, caches, peers, server, cdn, player, crooks, flash, .. } = scenario;
    let part = 0.0..=1.0;
    [
        ("distances.least_ms", distances.least_ms, 1.0..=1000.0),
        ("distances.across_ms", distances.across_ms, 0.0..=1000.0),
        ("distances.continents", distances.continents.into(), 1.0..=8.0),
        ("distances.ocean_ms", distances.ocean_ms, 0.0..=1000.0),
        ("distances.jitter_ms", distances.jitter_ms, 0.0..=1000.0),
        ("reach.inbound", reach.inbound, part.clone()),
        ("reach.gives_up_s", reach.gives_up_s, 0.1..=19.0),
        ("caches.large", caches.large, part.clone()),
        ("caches.small", caches.small, 0.0..=1.0 - caches.large.clamp(0.0, 1.0)),
        ("caches.files", caches.files.into(), 0.0..=100_000.0),
        ("peers.soft", peers.soft.into(), 1.0..=64.0),
        ("peers.hard", peers.hard.into(), f64::from(peers.soft)..=64.0),
        ("peers.slots", peers.slots.into(), 1.0..=32.0),
        ("peers.latest", peers.latest.into(), 1.0..=20.0),
        ("peers.few", peers.few.into(), 1.0..=64.0),
        ("peers.enough", peers.enough.into(), 1.0..=64.0),
        ("peers.hedge_share", peers.hedge_share.into(), 1.0..=1e9),
        ("peers.hedge_allowance", peers.hedge_allowance.into(), 0.0..=1e6),
        ("peers.free_ahead_s", peers.free_ahead_s, 0.5..=36_000.0),
        ("peers.free_growth", peers.free_growth.into(), 1.0..=1e9),
        ("peers.ahead_s", peers.ahead_s, 0.5..=600.0),
        ("peers.first_ahead_s", peers.first_ahead_s, 0.1..=600.0),
        ("peers.search_ahead_s", peers.search_ahead_s, 0.1..=600.0),
        ("peers.alone_ahead_s", peers.alone_ahead_s, 0.5..=36_000.0),
        ("server.sites", server.sites.into(), 1.0..=64.0),
        ("server.up_mbit_s", server.up_mbit_s, 0.1..=1e7),
        ("server.store_ms", server.store_ms, 0.0..=10_000.0),
        ("server.dies_at_h", server.dies_at_h, -1.0..=336.0),
        ("server.gone_h", server.gone_h, 0.001..=168.0),
        ("cdn.away_ms", cdn.away_ms, 1.0..=1000.0),
        ("cdn.up_mbit_s", cdn.up_mbit_s, 0.1..=1e6),
        ("player.decoder_ms", player.decoder_ms, 0.0..=10_000.0),
        ("player.disk_ms", player.disk_ms, 0.0..=10_000.0),
        ("player.peers_ahead_s", player.peers_ahead_s, player.server_ahead_s..=3600.0),
        ("player.server_ahead_s", player.server_ahead_s, 0.0..=3600.0),
        ("crooks.share", crooks.share, 0.0..=0.95),
        ("crooks.forge", crooks.forge, part.clone()),
        ("crooks.stall", crooks.stall, part.clone()),
        ("crooks.boast", crooks.boast, part.clone()),
        ("flash.at_h", flash.at_h, -1.0..=336.0),
        ("flash.share", flash.share, part),
        ("flash.within_min", flash.within_min, 0.0..=10_080.0),
    ]
}
