//! A page that shows what a run came to: one file, with plots drawn as SVG and nothing fetched from anywhere.

mod chart;
mod plots;

use crate::metrics::{MEASURES, Outcome};
use core::fmt::Write;

/// The page.
#[must_use]
pub fn page(outcome: &Outcome) -> String {
    let mut page = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut page, outcome);
    page
}

fn write(page: &mut String, outcome: &Outcome) -> core::fmt::Result {
    let Outcome { name, scenario, run, tally } = outcome;
    let title = escaped(name);
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{}</style>\n<main>\n<h1>{title}</h1>\n<p class=\"about\">{}</p>\n",
        include_str!("page.css"),
        escaped(&scenario.about),
    )?;
    writeln!(
        page,
        "<p>{} clients, {:.2} hours that count after {:.2} of warm-up, seed {}. {} machine events in {:.0} s on {} \
         {}: {:.2} million for each second of a processor, {:.1} times real time, {:.2} GB. Hash <code>{}</code>.</p>",
        scenario.population.clients,
        scenario.time.hours,
        scenario.time.warm_up_h,
        scenario.seed,
        run.events,
        run.wall_s,
        run.threads,
        if run.threads == 1 { "thread" } else { "threads" },
        run.speed() / 1e6,
        run.times_real(),
        run.memory as f64 / 1e9,
        escaped(&run.hash),
    )?;
    page.push_str("<div class=\"plots\">\n");
    for plot in plots::all(scenario, tally) {
        writeln!(
            page,
            "<figure>\n<h2>{}</h2>\n{}<figcaption>{}</figcaption>\n</figure>",
            plot.title, plot.svg, plot.caption
        )?;
    }
    page.push_str("</div>\n");
    table(page, outcome)?;
    page.push_str("</main>\n</html>\n");
    Ok(())
}

fn table(page: &mut String, outcome: &Outcome) -> core::fmt::Result {
    page.push_str(
        "<h2>All numbers</h2>\n<table>\n<thead><tr><th>What</th><th>Here</th><th>2010</th></tr></thead>\n<tbody>\n",
    );
    for measure in MEASURES {
        if let Some(value) = (measure.of)(outcome) {
            let then = measure.original.map(|value| measure.unit.show(value)).unwrap_or_default();
            writeln!(
                page,
                "<tr><td>{}</td><td>{}</td><td>{then}</td></tr>",
                measure.name,
                measure.unit.show(value)
            )?;
        }
    }
    writeln!(
        page,
        "</tbody>\n</table>\n<p class=\"note\">2010: Kreitz and Niemelä, measured from 23 to 29 March 2010. Start times there \
         include the work of decoder and disk, as they do here: {:.0} ms for the decoder, {:.1} ms in the median for each \
         move of a disk's head.</p>",
        outcome.scenario.player.decoder_ms, outcome.scenario.player.disk_ms
    )
}

/// A text as HTML has it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Hour, Run, Sources, Tally};
    use crate::scenario::Scenario;

    #[test]
    fn a_page_is_whole_and_asks_for_nothing() {
        let mut tally = Tally::default();
        let played = Sources { cache: 5, peers: 4, cdn: 0, server: 1 };
        tally.hours = vec![Hour { played, starts: 3, ..Hour::default() }; 3];
        (1..200).for_each(|micros| tally.starts.all.record(micros * 1000));
        let outcome =
            Outcome { name: "a <run>".into(), scenario: Scenario::default(), run: Run::default(), tally };
        let page = page(&outcome);
        assert!(page.contains("a &lt;run&gt;") && !page.contains("<run>"));
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
        assert!(page.matches("<svg").count() >= 9);
        for fetched in ["http:", "https:", "src=", "@import", "<script"] {
            assert!(!page.replace("http://www.w3.org", "").contains(fetched), "{fetched}");
        }
        assert!(!page.contains("NaN") && !page.contains("inf"));
    }

    #[test]
    fn a_run_in_which_nothing_happened_has_a_page_too() {
        let outcome = Outcome {
            name: String::new(),
            scenario: Scenario::default(),
            run: Run::default(),
            tally: Tally::default(),
        };
        assert!(!page(&outcome).contains("NaN"));
    }
}
