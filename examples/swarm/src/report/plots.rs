//! The plots of the page.

use super::chart::{Axis, Chart, wholes};
use crate::metrics::{Histogram, Hour, Tally};
use crate::scenario::Scenario;

/// A plot with what is to be said of it.
pub(super) struct Plot {
    pub(super) title: &'static str,
    pub(super) svg: String,
    pub(super) caption: String,
}

/// All of them.
pub(super) fn all(scenario: &Scenario, tally: &Tally) -> Vec<Plot> {
    vec![
        sources(scenario, tally),
        starts(tally),
        stutter(scenario, tally),
        found(tally),
        waste(tally),
        degrees(tally),
        uploads(tally),
        server(scenario, tally),
        people(scenario, tally),
    ]
}

/// Hours from the begin of counting, named by the hour of the day.
fn day(scenario: &Scenario, tally: &Tally) -> Axis {
    let hours = tally.hours.len().max(1);
    let first = scenario.time.starts_at_h + scenario.time.warm_up_h;
    let step = hours.div_ceil(12);
    let name = |hour: usize| format!("{:02.0}", (first + hour as f64).rem_euclid(24.0).floor());
    let ticks = (0..=hours).step_by(step).map(|hour| (hour as f64, name(hour))).collect();
    Axis { from: 0.0, to: hours as f64, log: false, name: "hour of the day", ticks }
}

fn each(tally: &Tally) -> impl Iterator<Item = (f64, &Hour)> {
    tally.hours.iter().enumerate().map(|(at, hour)| (at as f64, hour))
}

fn sources(scenario: &Scenario, tally: &Tally) -> Plot {
    const NAMES: [&str; 4] = ["cache", "peers", "web servers", "access point"];
    let what = "Share of music heard, by source and hour";
    let mut chart = Chart::new(what, day(scenario, tally), Axis::parts(""));
    for (at, hour) in each(tally) {
        let played = &hour.played;
        let all = played.all().max(1) as f64;
        let parts = [played.cache, played.peers, played.cdn, played.server];
        let mut low = 0.0;
        for (colour, (part, name)) in
            parts.into_iter().zip(NAMES).enumerate().filter(|(_, (part, _))| *part > 0)
        {
            let high = low + part as f64 / all;
            chart.bar(colour, (at, at + 1.0), (low, high), &format!("{name}: {:.1} %", 100.0 * (high - low)));
            low = high;
        }
    }
    NAMES.into_iter().enumerate().for_each(|(colour, name)| chart.names(colour, name));
    let caption = format!(
        "Of all that was heard, {:.2} % came from the access point, {:.2} % from peers and {:.2} % from the cache; the \
         original had 8.8, 35.8 and 55.4 %.",
        100.0 * tally.played.server_share(),
        100.0 * tally.played.peer_share(),
        100.0 * tally.played.cache_share()
    );
    Plot { title: "Where the music came from", svg: chart.ends(), caption }
}

fn starts(tally: &Tally) -> Plot {
    let ticks = [
        (0.01, "10 ms"),
        (0.03, "30 ms"),
        (0.1, "100 ms"),
        (0.3, "300 ms"),
        (1.0, "1 s"),
        (3.0, "3 s"),
        (10.0, "10 s"),
    ];
    let x = Axis::log(0.01, 10.0, "from the word to the sound", &ticks);
    let mut chart = Chart::new("Distribution of start times", x, Axis::parts(""));
    let starts = &tally.starts;
    let kinds = [
        ("all", &starts.all),
        ("held", &starts.held),
        ("not held", &starts.fetched),
        ("predictable", &starts.predictable),
        ("picked", &starts.random),
    ];
    for (colour, (name, times)) in kinds.into_iter().enumerate() {
        chart.line(colour, distribution(times));
        chart.names(colour, name);
    }
    for (part, seconds) in [(0.5, 0.265), (0.75, 0.515), (0.9, 1.047)] {
        chart.mark(
            5,
            seconds,
            part,
            &format!("2010: {:.0} % within {:.0} ms", 100.0 * part, 1000.0 * seconds),
        );
    }
    chart.names(5, "2010, all");
    Plot {
        title: "How fast music starts",
        svg: chart.ends(),
        caption: "The part of plays that sounded within a time. Held: what sounds first was in the cache, or fetched ahead, at the word.".into(),
    }
}

/// The distribution function, in seconds.
fn distribution(of: &Histogram) -> Vec<(f64, f64)> {
    let mut below = 0;
    let mut points = Vec::new();
    for (from, to, count) in of.buckets() {
        if points.is_empty() {
            points.push((from as f64 / 1e6, 0.0));
        }
        below += count;
        points.push((to as f64 / 1e6, below as f64 / of.count.max(1) as f64));
    }
    points
}

fn stutter(scenario: &Scenario, tally: &Tally) -> Plot {
    let part = |hour: &Hour| hour.stuttered as f64 / hour.starts.max(1) as f64;
    let most = tally.hours.iter().map(part).fold(0.01, f64::max);
    let y = Axis::up_to(most, "", |part| format!("{} %", (1e4 * part).round() / 100.0));
    let mut chart = Chart::new("Plays that stuttered, by hour", day(scenario, tally), y);
    for (at, hour) in each(tally) {
        let says = format!("{:.2} % of {} plays", 100.0 * part(hour), hour.starts);
        chart.bar(3, (at, at + 1.0), (0.0, part(hour)), &says);
    }
    chart.line(5, [(0.0, 0.01), (tally.hours.len().max(1) as f64, 0.01)]);
    chart.names(3, "here");
    chart.names(5, "2010: 1.0 %");
    let caption = format!(
        "{:.2} % of plays stuttered; silence lasted {:.1} s in the median.",
        100.0 * tally.stutters.rate(),
        tally.stutters.silence.quantile(0.5) / 1e6
    );
    Plot { title: "Stutter", svg: chart.ends(), caption }
}

fn found(tally: &Tally) -> Plot {
    let found = &tally.found;
    let here = [found.both, found.tracker, found.overlay, found.nobody].map(|count| count as f64).to_vec();
    let rows = [("here", here), ("2010", vec![75.1, 9.0, 7.0, 8.9])];
    let names = ["tracker and overlay", "tracker only", "overlay only", "neither"];
    Plot {
        title: "Who found peers",
        svg: wholes("Look-ups by who found peers", &names, &rows),
        caption: format!("Of {} look-ups, {:.1} % found somebody.", found.all(), 100.0 * found.found()),
    }
}

fn waste(tally: &Tally) -> Plot {
    let peers = &tally.peers;
    let parts = [peers.used, peers.unused, peers.twice, peers.search, peers.keep_alive, peers.other];
    let rows =
        [("here", parts.map(|part| part as f64).to_vec()), ("2010", vec![94.8, 2.38, 0.0, 2.33, 0.0, 0.48])];
    let names = ["music heard", "music not heard", "music sent twice", "search", "pings", "all else"];
    let caption = format!(
        "What went from peer to peer, {:.2} GB. Music not heard in its play stays in the cache, and may be heard later.",
        peers.all() as f64 / 1e9
    );
    Plot {
        title: "What peers sent each other",
        svg: wholes("Bytes between peers by use", &names, &rows),
        caption,
    }
}

fn degrees(tally: &Tally) -> Plot {
    let all = tally.degrees.count.max(1) as f64;
    let buckets: Vec<(u64, u64, u64)> = tally.degrees.buckets().collect();
    let most =
        buckets.iter().map(|(from, to, count)| *count as f64 / all / (to - from) as f64).fold(0.0, f64::max);
    let x = Axis::up_to(tally.degrees.most.max(10) as f64, "neighbours", |count| format!("{count:.0}"));
    let y = Axis::up_to(most, "", |part| format!("{:.0} %", 100.0 * part));
    let mut chart = Chart::new("How many neighbours clients have", x, y);
    for (from, to, count) in buckets {
        let high = count as f64 / all / (to - from) as f64;
        let says = format!("{from}: {:.1} %", 100.0 * high);
        chart.bar(0, (from as f64, to as f64), (0.0, high), &says);
    }
    let caption = format!(
        "Of clients that are logged in, looked at every ten minutes: {:.0} in the median, {:.1} % without any.",
        tally.degrees.quantile(0.5),
        100.0 * tally.degrees.part_below(1)
    );
    Plot { title: "Neighbours", svg: chart.ends(), caption }
}

fn uploads(tally: &Tally) -> Plot {
    let tenths = &tally.uploads.tenths;
    let most = tenths.iter().copied().fold(0.1, f64::max);
    let ticks = (0..10).map(|at| (f64::from(at) + 0.5, format!("{}", at + 1))).collect();
    let x = Axis {
        from: 0.0,
        to: 10.0,
        log: false,
        name: "tenths of the clients, those first that gave most",
        ticks,
    };
    let mut chart = Chart::new(
        "Uploads by tenths of clients",
        x,
        Axis::up_to(most, "", |part| format!("{:.0} %", 100.0 * part)),
    );
    for (at, part) in tenths.iter().enumerate() {
        let says = format!("{:.1} % of all that was given", 100.0 * part);
        chart.bar(2, (at as f64, at as f64 + 1.0), (0.0, *part), &says);
    }
    let caption = format!(
        "A client gave {:.1} MB in the median, {:.1} MB on average.",
        tally.uploads.given.quantile(0.5) / 1e6,
        tally.uploads.given.mean() / 1e6
    );
    Plot { title: "Who gives", svg: chart.ends(), caption }
}

fn server(scenario: &Scenario, tally: &Tally) -> Plot {
    let peak = |hour: &Hour| hour.server_peak as f64 * 8e-6;
    // The last hour may be cut short.
    let seconds = |at: f64| 3600.0 * (scenario.time.hours - at).clamp(1e-9, 1.0);
    let mean = |at: f64, hour: &Hour| hour.fetched.server as f64 * 8e-6 / seconds(at);
    let most = tally.hours.iter().map(peak).fold(0.0, f64::max);
    let y = Axis::up_to(most, "", |rate| format!("{rate}"));
    let mut chart = Chart::new("What the access point sends, by hour", day(scenario, tally), y);
    for (at, hour) in each(tally) {
        chart.bar(5, (at, at + 1.0), (0.0, peak(hour)), &format!("busiest second: {:.1} Mbit/s", peak(hour)));
        chart.bar(
            0,
            (at, at + 1.0),
            (0.0, mean(at, hour)),
            &format!("music on average: {:.1} Mbit/s", mean(at, hour)),
        );
    }
    chart.names(0, "music, on average");
    chart.names(5, "all, in the busiest second, Mbit/s");
    let caption =
        format!("{:.2} GB in all, {} messages taken.", tally.server.sent as f64 / 1e9, tally.server.messages);
    Plot { title: "Server load", svg: chart.ends(), caption }
}

fn people(scenario: &Scenario, tally: &Tally) -> Plot {
    let most = tally.hours.iter().map(|hour| hour.online).max().unwrap_or(0);
    let y = Axis::up_to(most as f64, "", |count| format!("{count:.0}"));
    let mut chart = Chart::new("Clients logged in, and playing", day(scenario, tally), y);
    for (at, hour) in each(tally) {
        chart.bar(0, (at, at + 1.0), (0.0, hour.online as f64), &format!("{} logged in", hour.online));
        chart.bar(
            1,
            (at, at + 1.0),
            (0.0, hour.playing as f64),
            &format!("{} of them playing", hour.playing),
        );
    }
    chart.names(0, "logged in");
    chart.names(1, "playing");
    Plot { title: "Who is there", svg: chart.ends(), caption: "At the end of each hour.".into() }
}
