//! How far a run is: a bar where there is a terminal, else a line for each tenth.

use super::memory;
use super::world::{SECOND, World};
use core::time::Duration;
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::Mutex;
use std::time::Instant;

/// How often it is drawn anew.
const EVERY: Duration = Duration::from_millis(200);

/// Lines where there is no terminal.
const LINES: u64 = 10;

pub(super) struct Progress {
    bar: ProgressBar,
    /// Where there is no terminal to draw on.
    lines: bool,
    ends: u64,
    began: Instant,
    shown: Mutex<Shown>,
}

struct Shown {
    at: Instant,
    lines: u64,
}

impl Progress {
    pub(super) fn new(name: &str, world: &World, shows: bool) -> Self {
        let bar = if shows { ProgressBar::new(world.ends / SECOND) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {msg} {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(name.to_owned());
        let (began, lines) = (Instant::now(), shows && bar.is_hidden());
        Self { bar, lines, ends: world.ends, began, shown: Mutex::new(Shown { at: began, lines: 0 }) }
    }

    /// Shows that the world is at this moment, after so many events of one of so many threads.
    pub(super) fn shows(&self, now: u64, events: u64, threads: usize) {
        if self.bar.is_hidden() && !self.lines {
            return;
        }
        let Ok(mut shown) = self.shown.lock() else { return };
        let lines = now * LINES / self.ends.max(1);
        let news = if self.lines { lines > shown.lines } else { shown.at.elapsed() >= EVERY };
        if !news {
            return;
        }
        *shown = Shown { at: Instant::now(), lines };
        let (seconds, wall) = (now / SECOND, self.began.elapsed().as_secs_f64());
        let rate = events as f64 * threads as f64 / wall / 1e6;
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        let times = seconds as f64 / wall;
        let gigabytes = memory::now().unwrap_or(0) as f64 / 1e9;
        let text = format!("{hours} h {minutes:02}, x{times:.1}, {rate:.2} M/s in all, {gigabytes:.2} GB");
        if self.lines {
            eprintln!("{}: {text}, {} %", self.bar.prefix(), lines * 100 / LINES);
        } else {
            self.bar.set_position(seconds);
            self.bar.set_message(format!("{text},"));
        }
    }

    pub(super) fn ends(&self) {
        self.bar.finish_and_clear();
    }
}
