//! One list of scenarios, on every runtime. What comes of a scenario is told in words, in the order in which the machines
//! promise it, and must be what the list says on all; the table says how long each took.
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
use std::process::{Command, ExitCode};
use std::time::Instant;
use std::{env, thread};

/// What came of a scenario.
type Outcome = Vec<String>;

/// A port that the system chooses.
const LOOPBACK: SocketAddr = SocketAddr::new(core::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The longest that all of it may take. A runtime that stands still has no timers either to say so.
const PATIENCE: Duration = Duration::from_secs(300);

/// How many threads run tasks is set before the process begins: one, which [`Bench::jump`] can stop.
const THREADS: [(&str, &str); 2] = [("SMOL_THREADS", "1"), ("ASYNC_STD_THREAD_COUNT", "1")];

/// Each runtime's name, and whether it has sockets.
const RUNTIMES: [(&str, bool); 4] = [
    (Tokio::NAME, Tokio::HAS_SOCKETS),
    (Smol::NAME, Smol::HAS_SOCKETS),
    (AsyncStd::NAME, AsyncStd::HAS_SOCKETS),
    (Pretend::NAME, Pretend::HAS_SOCKETS),
];

/// A scenario on each runtime, and what it must come to.
struct Scenario {
    name: &'static str,
    must: &'static [&'static str],
    runs: [fn() -> Outcome; 4],
}

macro_rules! scenarios {
    ($($name:literal: $module:ident::$scenario:ident => [$($must:literal),*];)*) => {
        [$(Scenario {
            name: $name,
            must: &[$($must),*],
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
    if THREADS.iter().any(|(name, count)| env::var(name).as_deref() != Ok(count)) {
        let mut again = Command::new(env::current_exe().expect("its own name"));
        let status = again.args(env::args_os().skip(1)).envs(THREADS).status().expect("it runs");
        return if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    thread::spawn(|| {
        thread::sleep(PATIENCE);
        eprintln!("it takes longer than {} s", PATIENCE.as_secs());
        std::process::exit(1);
    });
    let scenarios = scenarios! {
        "start": listening::start
            => ["opened", "pieces", "log-ins: 1, starts: 1"];
        "seek storm": listening::seek_storm
            => ["all from the last seek on"];
        "both ways full, tiny buffers": lines::saturated
            => ["262144 and 262144 bytes"];
        "slow reader": lines::slow_reader
            => ["10 parcels slowly, 8388608 bytes in all"];
        "server restart": listening::restart
            => ["opened", "pieces", "offline", "pieces", "offline", "log-ins: 2, starts: 1"];
        "kept, and played without a server": listening::kept
            => ["keeping", "kept", "log-ins: 1, starts: 0", "200 pieces out of the cache"];
        "a mirror on the web": listening::mirrored
            => ["opened", "pieces", "log-ins: 1, starts: 1", "most of it from the mirror"];
        "peer churn": peers::churn
            => ["40 links stood and were over"];
        "cancel storm": lines::cancel_storm
            => ["1048576 bytes through waits given up", "60 of 60 left lines over"];
        "graceful and abrupt close": lines::closes
            => ["heard \"first\"", "heard \"Closed\"", "closed by itself; the other side closed", "the line broke"];
        "clock jump": lines::clock_jump
            => ["woken after the jump: [100, 150, 200]", "1048576 bytes"];
        "thousands of short connections": lines::short_connections
            => ["2400 of 2400 answered"];
        "a listener in a plain loop": examples::plain_loop
            => ["200 pieces"];
        "a listener on async-std": examples::async_std
            => ["200 pieces"];
    };
    let wanted: Vec<String> = env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let names = RUNTIMES.map(|(name, _)| name);
    println!("| scenario | {} | outcomes |", names.join(" | "));
    println!("|---|---|---|---|---|---|");
    let mut alike = true;
    for Scenario { name, must, runs } in scenarios {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        let ran = runs.map(|run| {
            let began = Instant::now();
            (run(), began.elapsed().as_millis())
        });
        // Nothing comes of a scenario where it cannot be.
        let equal = ran
            .iter()
            .zip(RUNTIMES)
            .all(|((outcome, _), (_, has_sockets))| outcome == must || outcome.is_empty() && !has_sockets);
        let time = |(outcome, millis): &(Outcome, u128)| {
            if outcome.is_empty() { "–".into() } else { format!("{millis} ms") }
        };
        let times = ran.iter().map(time).collect::<Vec<_>>();
        println!("| {name} | {} | {} |", times.join(" | "), if equal { "equal" } else { "DIFFERENT" });
        if !equal {
            alike = false;
            println!("  it must be: {must:?}");
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
