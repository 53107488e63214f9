//! Whether the start model is honest, and worth it: `cargo bench -p spotp2p --bench playout`. Takes some minutes; exits
//! non-zero if a gate fails. With `-- quick` a tenth of the plays, for a first impression.
//!
//! Every play is independent: a link, a past and a track of its own. A delay stutters if it is less than the play's
//! floor, the least delay with which each piece would have been there in time; hindsight alone knows it.

mod plays;
mod rules;
mod tables;
mod traces;

use plays::{Past, Play};
use spotp2p::playout::Config;
use std::process::ExitCode;
use std::thread;
use traces::Kind;

const BUDGETS: [f32; 3] = [0.005, 0.01, 0.05];

/// Plays of a set; about one in twenty starts at once and does not count.
const HELD_OUT: u64 = 6_600;
const TRAINING: u64 = 1_200;

/// Seeds of the two never meet.
const HELD_OUT_SEEDS: u64 = 1 << 41;
const TRAINING_SEEDS: u64 = 1 << 20;

const MIXED: &[Kind] = &[Kind::Wifi, Kind::Cellular, Kind::Dsl];

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--test") {
        return ExitCode::SUCCESS;
    }
    let correction = Config::DEFAULT.correction;
    let mut gates = tables::Gates::default();
    let mut micros = plays::decision_micros();

    let quick = std::env::args().any(|argument| argument == "quick");
    let (trained, held_out) = if quick { (TRAINING / 4, HELD_OUT / 10) } else { (TRAINING, HELD_OUT) };
    let training =
        [&[Kind::Chain], MIXED].map(|kinds| plays_of(kinds, Past::Seen, TRAINING_SEEDS, trained, 0.002));
    let learnt = tables::learn_correction(&training);
    println!("\ncorrection learnt on {trained} + {trained} training plays: {learnt:.2}; used: {correction}");

    let least = BUDGETS[0] * correction;
    for (name, kinds, past, band) in [
        ("synthetic chains", &[Kind::Chain][..], Past::Seen, (0.3, 1.5)),
        ("mixed links", MIXED, Past::Seen, (0.3, 1.5)),
        ("short fades", &[Kind::ShortFades], Past::Seen, (0.0, 3.0)),
        ("mixed links, known from another day", MIXED, Past::Summary, (0.3, 1.5)),
        // Nothing says of which sort they are: shown, and held to what short fades are.
        ("mixed links, never seen", MIXED, Past::Unknown, (0.3, 3.0)),
    ] {
        let plays = plays_of(kinds, past, HELD_OUT_SEEDS, held_out, least);
        // Others use the machine too: the quietest of some moments counts.
        micros = micros.min(plays::decision_micros());
        tables::calibration(name, &plays, band, &mut gates);
        if kinds == MIXED {
            tables::by_kind(&plays);
            tables::by_ample(&plays);
        }
        if kinds == MIXED && past == Past::Seen {
            tables::against_rules(&plays, &mut gates);
        }
    }
    gates.at_most("a decision, in µs", micros, 200.0);
    gates.verdict()
}

/// Plays number `first` on, on all cores; the same whatever their number.
fn plays_of(kinds: &'static [Kind], past: Past, first: u64, count: u64, least: f32) -> Vec<Play> {
    let threads = thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let part = |thread: u64| -> Vec<Play> {
        (thread..count)
            .step_by(threads as usize)
            .map(|index| Play::new(first + index, kinds, past, least))
            .collect()
    };
    thread::scope(|scope| {
        let parts: Vec<_> = (0..threads).map(|thread| scope.spawn(move || part(thread))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("a play went wrong")).collect()
    })
}
