//! One list of scenarios, on every runtime. What comes of a scenario is told in words, in the order in which the machines
//! promise it, and must be the same on all; the table says how long each took.
//!
//! ```text
//! cargo test -p spotp2p-smol --test suite [-- PART-OF-A-NAME]
//! ```

extern crate alloc;

#[allow(dead_code, reason = "it is a program of its own")]
#[path = "../../examples/async_std/main.rs"]
mod async_std_listener;
#[allow(dead_code, reason = "it is a program of its own")]
#[path = "../../examples/blocking.rs"]
mod blocking;
mod ends;
mod examples;
mod lines;
mod listening;
mod mirror;
#[path = "../../../runtime-tokio/tests/shelf/music.rs"]
mod music;
mod peers;
mod runtimes;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "../../../runtime-tokio/tests/loopback/toy.rs"]
mod toy;

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use futures_lite::future::or;
use runtime_smol::Smol;
use runtime_tokio::Tokio;
use runtimes::{AsyncStd, Bench};
use spotp2p_adapter::pretend::Pretend;
use std::process::ExitCode;
use std::time::Instant;

/// What came of a scenario.
type Outcome = Vec<String>;

/// A port that the system chooses.
const LOOPBACK: SocketAddr = SocketAddr::new(core::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A scenario on each runtime.
struct Scenario {
    name: &'static str,
    runs: [fn() -> Outcome; 4],
}

macro_rules! scenarios {
    ($($name:literal: $module:ident::$scenario:ident;)*) => {
        [$(Scenario {
            name: $name,
            runs: [
                || in_time::<Tokio>($module::$scenario::<Tokio>()),
                || in_time::<Smol>($module::$scenario::<Smol>()),
                || in_time::<AsyncStd>($module::$scenario::<AsyncStd>()),
                || in_time::<Pretend>($module::$scenario::<Pretend>()),
            ],
        }),*]
    };
}

fn main() -> ExitCode {
    let scenarios = scenarios! {
        "start": listening::start;
        "seek storm": listening::seek_storm;
        "both ways full, tiny buffers": lines::saturated;
        "slow reader": lines::slow_reader;
        "server restart": listening::restart;
        "kept, and played without a server": listening::kept;
        "a mirror on the web": listening::mirrored;
        "peer churn": peers::churn;
        "cancel storm": lines::cancel_storm;
        "graceful and abrupt close": lines::closes;
        "clock jump": lines::clock_jump;
        "thousands of short connections": lines::short_connections;
        "a listener in a plain loop": examples::plain_loop;
        "a listener on async-std": examples::async_std;
    };
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let names = [Tokio::NAME, Smol::NAME, AsyncStd::NAME, Pretend::NAME];
    println!("| scenario | {} | outcomes |", names.join(" | "));
    println!("|---|---|---|---|---|---|");
    let mut alike = true;
    for Scenario { name, runs } in scenarios {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        let ran = runs.map(|run| {
            let began = Instant::now();
            (run(), began.elapsed().as_millis())
        });
        // Nothing comes of a scenario where it cannot be.
        let equal = ran.iter().all(|(outcome, _)| outcome.is_empty() || *outcome == ran[0].0);
        let equal = equal && !ran[0].0.is_empty();
        let time = |(outcome, millis): &(Outcome, u128)| {
            if outcome.is_empty() { "–".into() } else { format!("{millis} ms") }
        };
        let times = ran.iter().map(time).collect::<Vec<_>>();
        println!("| {name} | {} | {} |", times.join(" | "), if equal { "equal" } else { "DIFFERENT" });
        if !equal {
            alike = false;
            for ((outcome, _), name) in ran.iter().zip(names) {
                println!("  {name}: {outcome:?}");
            }
        }
    }
    if alike { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn in_time<R: Bench>(scenario: impl Future<Output = Outcome>) -> Outcome {
    let late = async {
        R::timer(R::PATIENCE).await;
        vec![format!("nothing within {} s", R::PATIENCE.as_secs())]
    };
    R::run(or(scenario, late))
}

/// Lets so many milliseconds pass.
async fn moment<R: Bench>(millis: u64) {
    R::timer(Duration::from_millis(millis)).await;
}
