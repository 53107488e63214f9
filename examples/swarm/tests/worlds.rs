//! Small worlds, whole.

use spotp2p_swarm::engine::{self, CantRun};
use spotp2p_swarm::metrics::{Outcome, Tally};
use spotp2p_swarm::scenario::{self, NAMES, Scenario, Times};

fn scenario(name: &str, settings: &[&str]) -> Scenario {
    let base = scenario::parse(scenario::named(name).unwrap()).unwrap();
    let settings: Vec<String> = settings.iter().map(|it| (*it).to_owned()).collect();
    scenario::with(&base, &settings).unwrap()
}

fn run(scenario: &Scenario, threads: usize) -> Outcome {
    engine::run("test", scenario, threads, false).unwrap()
}

/// An evening among a hundred and fifty, who have two hundred tracks between them.
const SMALL: [&str; 7] = [
    "population.clients=150",
    "tracks.count=300",
    "listening.history=60",
    "listening.playing=0.3",
    "time.starts_at_h=18",
    "time.warm_up_h=0.1",
    "time.hours=0.15",
];

/// What one changes of it.
fn small(name: &str, more: &[&str]) -> Scenario {
    scenario(name, &[&SMALL, more].concat())
}

#[test]
fn the_same_happens_whatever_the_number_of_threads() {
    // A long window, so that threads that share a core meet less often; and people who come and go.
    let more = ["distances.least_ms=40", "population.online_h=0.2", "time.hours=0.02"];
    let scenario = small("paper-2010", &more);
    let one = run(&scenario, 1);
    assert!(one.run.events > 2_000, "{}", one.run.events);
    for threads in [2, 3] {
        let other = run(&scenario, threads);
        assert_eq!((&one.run.hash, one.run.events), (&other.run.hash, other.run.events), "{threads} threads");
        assert_eq!(one.tally.played, other.tally.played);
        assert_eq!(one.tally.starts.all, other.tally.starts.all);
    }
    let other = run(&Scenario { seed: 1, ..scenario }, 1);
    assert_ne!(one.run.hash, other.run.hash);
}

#[test]
fn two_threads_are_as_one_where_all_that_there_is_happens() {
    let more = [
        "distances.least_ms=40",
        "population.mobile=0.2",
        "population.online_h=0.2",
        "time.hours=0.04",
        "server.sites=4",
        "server.dies_at_h=0.01",
        "server.gone_h=0.01",
        "flash.at_h=0.005",
        "flash.within_min=0.5",
        "crooks.share=0.2",
        "crooks.forge=0.4",
        "crooks.stall=0.3",
        "crooks.boast=0.3",
        "cdn.on=true",
    ];
    let scenario = small("two-continents", &more);
    let (one, two) = (run(&scenario, 1), run(&scenario, 2));
    assert!(one.tally.played.cdn > 0 && one.tally.played.peers > 0 && one.tally.ill.forged > 0);
    assert_eq!((&one.run.hash, one.run.events), (&two.run.hash, two.run.events));
    assert_eq!(one.tally, two.tally);
}

#[test]
fn each_option_moves_what_it_is_for() {
    let run = |name: &str, more: &[&str]| {
        let least = ["population.clients=80", "time.hours=0.1"];
        self::run(&small(name, &[&least, more].concat()), 1).tally
    };
    let base = run("paper-2010", &[]);
    let closed = run("paper-2010", &["reach.inbound=0", "lines.symmetric=0"]);
    assert!(closed.dials.tried > 0 && base.dials.stood > 0);
    assert_eq!((closed.dials.stood, closed.played.peers), (0, 0));
    let phones = run("paper-2010", &["population.mobile=1"]);
    assert_eq!(phones.played.peers, 0, "phones give nothing");
    let far = run("paper-2010", &["distances.across_ms=300"]);
    assert!(far.starts.fetched.mean() > 1.3 * base.starts.fetched.mean());
    let wants =
        |share: &str| run("flash-crowd", &["flash.at_h=0.01", "flash.within_min=1", share]).starts.all.count;
    assert!(wants("flash.share=1.0") > wants("flash.share=0.0") + 30);
    // Without peers and caches all comes from the server, whose windows are open at the next track unless they are reset.
    let fetched =
        |name: &str| run(name, &["peers.on=false", "caches.on=false", "lines.loss=0"]).starts.fetched.mean();
    assert!(fetched("idle-cwnd-reset") > fetched("paper-2010"));
}

#[test]
fn a_thousand_listeners_are_simulated_in_seconds_and_by_two_threads_as_by_one() {
    let thousand = [
        "population.clients=1000",
        "tracks.count=3000",
        "listening.history=60",
        "distances.least_ms=40",
        "time.starts_at_h=18",
        "time.warm_up_h=0.03",
        "time.hours=0.03",
    ];
    let scenario = scenario("paper-2010", &thousand);
    let (one, two) = (run(&scenario, 1), run(&scenario, 2));
    assert_eq!((&one.run.hash, one.run.events), (&two.run.hash, two.run.events));
    assert!(one.tally.starts.all.count > 50 && one.tally.played.peers > 0);
}

#[test]
fn most_music_comes_from_peers_and_caches_and_starts_at_once() {
    let tally = run(&small("paper-2010", &[]), 1).tally;
    let played = tally.played;
    assert!(played.server_share() < 0.15, "server {:.3}", played.server_share());
    assert!(played.peer_share() > 0.2, "peers {:.3}", played.peer_share());
    assert!(played.cache_share() > 0.3, "cache {:.3}", played.cache_share());
    assert!(tally.starts.all.count > 100);
    assert!(tally.starts.fetched.quantile(0.5) < 400_000.0, "{}", tally.starts.fetched.quantile(0.5));
    assert!(tally.stutters.rate() < 0.05, "{}", tally.stutters.rate());
    assert!(tally.found.found() > 0.9);
    assert!(tally.fetched.peers > 0 && tally.peers.used > 0);
    assert!(tally.uploads.tenths.iter().sum::<f64>() > 0.99);
    // An hour that is cut short has an end, too.
    let hour = &tally.hours[0];
    assert!(hour.playing > 0 && hour.playing < hour.online && hour.online <= 150, "{hour:?}");
}

#[test]
fn as_many_listen_from_the_beginning_as_the_hour_has() {
    let more = ["population.clients=500", "population.online=1", "time.warm_up_h=0.04", "time.hours=0.1"];
    let scenario = small("paper-2010", &more);
    let hours = &scenario.listening.hours;
    let busy = hours[18] / (hours.iter().sum::<f64>() / hours.len() as f64);
    let playing = run(&scenario, 1).tally.hours[0].playing as f64 / 500.0;
    assert!(
        (playing / (0.3 * busy) - 1.0).abs() < 0.15,
        "{playing:.3} of all, at an hour {busy:.2} times as busy"
    );
}

#[test]
fn as_many_listen_in_a_day_as_the_scenario_says_and_pick_as_many_tracks() {
    // Short sessions, so that there are many of them; few bytes, and all of them from the server.
    let day = [
        "population.clients=60",
        "population.online=1",
        "listening.session_scale_min=10",
        "listening.session_shape=2",
        "tracks.kbit_s=16",
        "tracks.count=300",
        "time.warm_up_h=0",
    ];
    let scenario = scenario("no-peers", &day);
    let tally = run(&scenario, 1).tally;
    let heard_s = tally.played.all() as f64 / (scenario.tracks.kbit_s * 125.0);
    let playing = heard_s / (60.0 * 86_400.0);
    assert!((playing / scenario.listening.playing - 1.0).abs() < 0.07, "{playing:.4} of all");
    let picked = tally.starts.random.count as f64 / tally.starts.all.count as f64;
    assert!((picked - scenario.listening.random).abs() < 0.015, "{picked:.4} of {}", tally.starts.all.count);
}

#[test]
fn what_is_switched_off_brings_nothing() {
    let off = |name: &str| run(&small(name, &[]), 1).tally;
    let alone = off("no-peers");
    assert_eq!((alone.played.peers, alone.dials.tried, alone.peers.search), (0, 0, 0));
    assert!(alone.played.server > 0);
    let forgetful = off("no-cache");
    assert!(forgetful.played.cache_share() < 0.02, "{:.3}", forgetful.played.cache_share());
    assert_eq!(forgetful.played.peers, 0, "nobody has anything to give");
    let blind = off("no-tracker");
    assert_eq!((blind.found.tracker, blind.found.both), (0, 0));
    let silent = off("no-overlay-search");
    assert_eq!((silent.found.overlay, silent.found.both, silent.peers.search), (0, 0, 0));
}

#[test]
fn a_server_that_dies_is_missed_less_where_there_are_peers() {
    let dies = ["server.dies_at_h=0.05", "server.gone_h=0.05"];
    let with = run(&small("paper-2010", &dies), 1).tally;
    assert!(with.starts.all.count > 50 && with.played.peers > 0);
    let without = run(&small("no-peers", &dies), 1).tally;
    let lost = |tally: &Tally| tally.starts.given_up as f64 / tally.starts.all.count as f64;
    assert!(lost(&without) > 0.05, "{} of {}", without.starts.given_up, without.starts.all.count);
    assert!(lost(&with) < 0.9 * lost(&without), "{:.3}, {:.3}", lost(&with), lost(&without));
    // Who gives up has waited for 20 s, and counts.
    assert!(without.starts.all.quantile(1.0) >= 20e6 && without.starts.all.quantile(0.5) < 1e6);
}

#[test]
fn forgers_are_found_out() {
    let crooks = ["crooks.share=0.3", "crooks.forge=1.0", "crooks.stall=0", "crooks.boast=0"];
    let tally = run(&small("hostile-30-percent", &crooks), 1).tally;
    assert!(tally.ill.forged > 0 && tally.ill.reported > 0);
    assert!(tally.stutters.rate() < 0.1, "{}", tally.stutters.rate());
}

#[test]
fn a_web_server_relieves_the_access_point() {
    let tally = run(&small("no-peers", &["cdn.on=true"]), 1).tally;
    assert!(tally.played.cdn > tally.played.server, "{:?}", tally.played);
}

#[test]
fn a_written_list_is_played_as_it_is_written() {
    let scenario = scenario("twelve", &[]);
    let one = run(&scenario, 1);
    let heard = &one.tally.heard;
    assert_eq!(heard.len(), scenario.plays.len());
    for (play, heard) in scenario.plays.iter().zip(heard) {
        assert_eq!((play.who, play.track), (heard.who, heard.track));
        assert!(play.at_s.is_none_or(|at| (heard.asked_s - at).abs() < 1e-6), "{play:?} {heard:?}");
        let started = heard.start_ms.is_some_and(|start| start < 2_000.0);
        assert!(started && heard.stutters == 0 && heard.came.all() > 0, "{heard:?}");
        let lasted = heard.over_s - heard.asked_s;
        assert!(play.until_s.is_none_or(|until| lasted < until + 2.0), "{play:?} {heard:?}");
    }
    let first = heard.iter().min_by(|one, other| one.asked_s.total_cmp(&other.asked_s)).unwrap();
    assert_eq!(first.came.server, first.came.all(), "nobody else has anything, the own cache neither");
    assert!(one.tally.played.peers > 0 && one.tally.played.cache > 0);
    // Threads meet at every window, and these are short.
    let beginning = Scenario { time: Times { hours: 0.02, ..scenario.time.clone() }, ..scenario.clone() };
    let (one, two) = (run(&beginning, 1), run(&beginning, 2));
    assert!(one.tally.heard.len() > 3);
    assert_eq!((one.run.hash, one.tally.heard), (two.run.hash, two.tally.heard));
}

#[test]
fn known_tracks_are_as_long_as_they_are() {
    let known = scenario("twelve", &["tracks.known=[[74000, 900000], [20000, 250000]]"]);
    let whole = |scenario: &Scenario, track: u32| {
        let tally = run(scenario, 1).tally;
        tally.heard.iter().filter(|heard| heard.track == track).map(|heard| heard.came.all()).max().unwrap()
    };
    assert!((900_000..930_000).contains(&whole(&known, 0)));
    assert!((250_000..270_000).contains(&whole(&known, 1)));
}

#[test]
fn every_scenario_runs() {
    for name in NAMES {
        let least = [
            "population.clients=40",
            "tracks.count=100",
            "listening.history=20",
            "listening.playing=0.4",
            "time.warm_up_h=0.04",
            "time.hours=0.03",
            "flash.within_min=1",
        ];
        let mut settings = least.to_vec();
        let whole = scenario(name, &[]);
        if whole.flash.at_h >= 0.0 {
            settings.push("flash.at_h=0.002");
        }
        if whole.server.dies_at_h >= 0.0 {
            settings.extend(["server.dies_at_h=0.01", "server.gone_h=0.01"]);
        }
        let outcome = run(&scenario(name, &settings), 1);
        assert!(outcome.run.events > 100, "{name}: {} events", outcome.run.events);
    }
}

#[test]
fn what_does_not_fit_into_memory_is_not_begun() {
    let scenario =
        scenario("million", &["population.clients=4000000", "listening.history=5000", "caches.files=0"]);
    let refused = engine::run("test", &scenario, 1, false);
    assert!(matches!(refused, Err(CantRun::Memory { foreseen, there }) if foreseen > there), "{refused:?}");
}
