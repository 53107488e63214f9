//! The results, and whether they are good enough.

use crate::PIECES;
use crate::ratio::Timing;
use spotproto::content::PIECE_LEN;
use std::process::ExitCode;

#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

struct Row {
    subject: String,
    baseline: String,
    speeds: String,
    /// Above 1 is ahead.
    figure: String,
    limit: String,
    ok: Option<bool>,
}

impl Table {
    /// A download timed against another; the subject must be more than `limit` times as fast.
    pub(crate) fn bytes(&mut self, subject: &str, baseline: &str, timing: Timing, limit: Option<f64>) {
        let speed = 1.0 / timing.ratio;
        let megabytes = f64::from(PIECES) * PIECE_LEN as f64 / 1e6;
        self.rows.push(Row {
            subject: subject.into(),
            baseline: baseline.into(),
            speeds: format!("{:.0} : {:.0} MB/s", megabytes / timing.subject, megabytes / timing.baseline),
            figure: format!("{speed:.3}"),
            limit: limit.map_or(String::new(), |limit| format!("> {limit:.2}")),
            ok: limit.map(|limit| speed > limit),
        });
    }

    /// Messages a second, of which there must be at least `limit`.
    pub(crate) fn messages(&mut self, subject: &str, rate: f64, limit: f64) {
        self.rows.push(Row {
            subject: subject.into(),
            baseline: String::new(),
            speeds: format!("{:.2} M/s", rate / 1e6),
            figure: String::new(),
            limit: format!(">= {:.2} M/s", limit / 1e6),
            ok: Some(rate >= limit),
        });
    }

    /// Prints all rows; fails if one does.
    pub(crate) fn print(self) -> ExitCode {
        println!("\n{:<26} {:<32} {:<20} {:>6} {:>12}", "subject", "against", "speed", "ratio", "limit");
        for row in &self.rows {
            let ok = row.ok.map_or("", |ok| if ok { "ok" } else { "FAILED" });
            let Row { subject, baseline, speeds, figure, limit, .. } = row;
            println!("{subject:<26} {baseline:<32} {speeds:<20} {figure:>6} {limit:>12} {ok}");
        }
        if self.rows.iter().any(|row| row.ok == Some(false)) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}
