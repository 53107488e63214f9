//! What a run came to, beside the original's numbers.

use crate::metrics::{MEASURES, Outcome};
use core::fmt::Write;

/// The table, with a line's end at its end.
pub(super) fn of(outcome: &Outcome) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut text, outcome);
    text
}

fn write(text: &mut String, outcome: &Outcome) -> core::fmt::Result {
    let Outcome { name, scenario, run, .. } = outcome;
    let clients = scenario.population.clients;
    writeln!(
        text,
        "{name}: {clients} clients, {:.2} h that count, seed {}",
        scenario.time.hours, scenario.seed
    )?;
    writeln!(text, "{:44} {:>14} {:>12}", "", "here", "2010")?;
    for measure in MEASURES {
        if let Some(value) = (measure.of)(outcome) {
            let then = measure.original.map(|value| measure.unit.show(value)).unwrap_or_default();
            writeln!(text, "{:44} {:>14} {then:>12}", measure.name, measure.unit.show(value))?;
        }
    }
    let player = &scenario.player;
    writeln!(
        text,
        "In each start are {:.0} ms of decoder, but where it was opened ahead for what was to follow, and {:.1} ms (median) for \
         each move of the disk's head.",
        player.decoder_ms, player.disk_ms
    )?;
    writeln!(
        text,
        "{} events in {:.1} s on {} threads, {:.1} s of processors: {:.2} M/s of each, {:.1} times real time; {:.2} GB (foreseen \
         {:.2}); hash {}",
        run.events,
        run.wall_s,
        run.threads,
        run.processors_s,
        run.speed() / 1e6,
        run.times_real(),
        run.memory as f64 / 1e9,
        run.memory_foreseen as f64 / 1e9,
        run.hash,
    )
}
