//! `spot why`: why the sound of the last play started when it did, and each piece came from where it came.

use super::device;
use crate::failure::{Exit, Failure};
use crate::listen::{Report, Start, Step, bytes, steps_table};
use crate::settings::{ConfigFlag, DeviceFlag, Flags, Settings};
use crate::shown::named;
use clap::Args;
use serde_json::{Value, json};

/// Arguments of `spot why`.
#[derive(Args, Debug)]
pub(super) struct WhyArgs {
    /// A line for each piece, and not for each run of pieces.
    #[arg(long)]
    each: bool,
    #[command(flatten)]
    device: DeviceFlag,
    #[command(flatten)]
    config: ConfigFlag,
    /// Print JSON lines.
    #[arg(long)]
    json: bool,
}

/// What is kept of a play.
pub(super) fn kept(report: &Report) -> String {
    let steps: Vec<Value> = report.steps.iter().map(Step::json).collect();
    json!({ "played": report.json(), "steps": steps }).to_string()
}

impl WhyArgs {
    pub(super) fn run(self) -> Result<(), Failure> {
        let flags = Flags { device: self.device.clone(), config: self.config.clone(), ..Flags::default() };
        let device = device(&Settings::load(&flags)?)?;
        let none = || Failure::new(Exit::NotFound, "nothing was played on this device yet");
        let kept: Value = serde_json::from_str(&device.last_play().ok_or_else(none)?).map_err(|_| {
            Failure::new(
                Exit::NotFound,
                "what was kept of the last play is damaged; the next play writes it anew",
            )
        })?;
        let steps = kept.get("steps").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let steps: Vec<Step> = steps.iter().filter_map(Step::from_json).collect();
        let starts = kept.get("played").and_then(|played| played.get("starts")?.as_array());
        let starts: Vec<Start> = starts.into_iter().flatten().filter_map(Start::from_json).collect();
        if self.json {
            for start in &starts {
                println!("{}", json!({ "start": start.json() }));
            }
            steps.iter().for_each(|step| println!("{}", step.json()));
            return Ok(());
        }
        let of =
            |name: &str| kept.get("played").and_then(|played| played.get(name)?.as_str()).unwrap_or_default();
        println!("{}", named(of("artist"), of("title")));
        let start = kept.get("played").and_then(|played| played.get("first_sound_ms")?.as_f64());
        println!(
            "times are counted from the click; first sound after {}\n",
            start.map_or("none".into(), |ms| format!("{ms:.0} ms"))
        );
        for start in &starts {
            println!("started {}\n", start.words());
        }
        let wasted = kept.get("played").and_then(|played| played.get("wasted")?.as_object());
        let wasted: Vec<String> = wasted
            .into_iter()
            .flatten()
            .filter_map(|(from, count)| Some((from, count.as_u64().filter(|count| *count > 0)?)))
            .map(|(from, count)| format!("{} from {from}", bytes(count)))
            .collect();
        if !wasted.is_empty() {
            println!("fetched ahead for what did not play: {}\n", wasted.join(", "));
        }
        print!("{}", steps_table(&steps, self.each));
        Ok(())
    }
}
