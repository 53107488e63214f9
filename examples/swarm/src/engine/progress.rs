//! A bar that shows how far a run is.

use super::memory;
use super::world::{SECOND, World};
use core::time::Duration;
use indicatif::{ProgressBar, ProgressStyle};
use std::sync::Mutex;
use std::time::Instant;

/// How often it is drawn anew.
const EVERY: Duration = Duration::from_millis(200);

pub(super) struct Progress {
    bar: ProgressBar,
    began: Instant,
    drawn: Mutex<Instant>,
}

impl Progress {
    pub(super) fn new(name: &str, world: &World, shows: bool) -> Self {
        let bar = if shows { ProgressBar::new(world.ends / SECOND) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{prefix} {wide_bar} {msg} {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(name.to_owned());
        let began = Instant::now();
        Self { bar, began, drawn: Mutex::new(began) }
    }

    /// Shows that the world is at this moment, after so many events of one of so many threads.
    pub(super) fn shows(&self, now: u64, events: u64, threads: usize) {
        if self.bar.is_hidden() {
            return;
        }
        let Ok(mut drawn) = self.drawn.lock() else { return };
        if drawn.elapsed() < EVERY {
            return;
        }
        *drawn = Instant::now();
        let (seconds, wall) = (now / SECOND, self.began.elapsed().as_secs_f64());
        let rate = events as f64 * threads as f64 / wall / 1e6;
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        let times = seconds as f64 / wall;
        let gigabytes = memory::now().unwrap_or(0) as f64 / 1e9;
        self.bar.set_position(seconds);
        self.bar
            .set_message(format!("{hours} h {minutes:02}, x{times:.0}, {rate:.2} M/s, {gigabytes:.2} GB,"));
    }

    pub(super) fn ends(&self) {
        self.bar.finish_and_clear();
    }
}
