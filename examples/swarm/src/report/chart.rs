//! Plots as SVG: axes, bars, lines, parts of a whole.

use core::fmt::Write;

const WIDE: f64 = 520.0;
const HIGH: f64 = 260.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 34.0;

/// Colours, as the page's style names them.
pub(super) const COLOURS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// An axis.
pub(super) struct Axis {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) log: bool,
    pub(super) name: &'static str,
    pub(super) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// From 0 to a round number of at least `most`.
    pub(super) fn up_to(most: f64, name: &'static str, show: impl Fn(f64) -> String) -> Self {
        let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
        let rough = most / 4.0;
        let power = libm::pow(10.0, libm::floor(libm::log10(rough)));
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|it| it * power).into_iter().find(|it| *it >= rough);
        let step = step.unwrap_or(rough);
        let count = libm::ceil(most / step - 1e-9) as usize;
        let ticks = (0..=count).map(|at| (at as f64 * step, show(at as f64 * step))).collect();
        Self { from: 0.0, to: count as f64 * step, log: false, name, ticks }
    }

    /// Parts of a whole.
    pub(super) fn parts(name: &'static str) -> Self {
        Self::up_to(1.0, name, |part| format!("{:.0} %", part * 100.0))
    }

    /// Powers of ten.
    pub(super) fn log(from: f64, to: f64, name: &'static str, ticks: &[(f64, &str)]) -> Self {
        let ticks = ticks.iter().map(|(at, text)| (*at, (*text).to_owned())).collect();
        Self { from, to, log: true, name, ticks }
    }

    fn at(&self, value: f64) -> f64 {
        let value = value.clamp(self.from, self.to);
        let (from, to, value) = if self.log {
            (libm::log(self.from), libm::log(self.to), libm::log(value))
        } else {
            (self.from, self.to, value)
        };
        if to > from { (value - from) / (to - from) } else { 0.0 }
    }
}

/// A plot that is being drawn.
pub(super) struct Chart {
    text: String,
    x: Axis,
    y: Axis,
    legend: f64,
}

impl Chart {
    /// Empty, with its axes.
    pub(super) fn new(what: &str, x: Axis, y: Axis) -> Self {
        let mut chart = Self { text: open(what, HIGH), x, y, legend: LEFT };
        let (right, bottom) = (WIDE - RIGHT, HIGH - BOTTOM);
        for (value, name) in &chart.y.ticks {
            let y = chart.y_of(*value);
            put(
                &mut chart.text,
                format_args!(
                    "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\"/>\
                     <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>\n",
                    LEFT - 6.0,
                    y + 4.0
                ),
            );
        }
        for (value, name) in &chart.x.ticks {
            let x = chart.x_of(*value);
            put(
                &mut chart.text,
                format_args!(
                    "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>\n",
                    bottom + 15.0
                ),
            );
        }
        put(
            &mut chart.text,
            format_args!(
                "<line class=\"axis\" x1=\"{LEFT}\" y1=\"{bottom}\" x2=\"{right}\" y2=\"{bottom}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
                right,
                HIGH - 3.0,
                chart.x.name
            ),
        );
        chart
    }

    fn x_of(&self, value: f64) -> f64 {
        LEFT + (WIDE - LEFT - RIGHT) * self.x.at(value)
    }

    fn y_of(&self, value: f64) -> f64 {
        HIGH - BOTTOM - (HIGH - BOTTOM - TOP) * self.y.at(value)
    }

    /// A bar from one x to another, between two heights; what it says when pointed at.
    pub(super) fn bar(&mut self, colour: usize, (x1, x2): (f64, f64), (low, high): (f64, f64), says: &str) {
        let (left, right) = (self.x_of(x1) + 0.5, self.x_of(x2) - 0.5);
        let (top, bottom) = (self.y_of(high), self.y_of(low));
        put(
            &mut self.text,
            format_args!(
                "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"var(--{})\">\
                 <title>{says}</title></rect>\n",
                (right - left).max(0.5),
                (bottom - top).max(0.0),
                COLOURS[colour % COLOURS.len()]
            ),
        );
    }

    /// A line through points.
    pub(super) fn line(&mut self, colour: usize, points: impl IntoIterator<Item = (f64, f64)>) {
        let points: Vec<String> =
            points.into_iter().map(|(x, y)| format!("{:.1},{:.1}", self.x_of(x), self.y_of(y))).collect();
        put(
            &mut self.text,
            format_args!(
                "<polyline class=\"line\" stroke=\"var(--{})\" points=\"{}\"/>\n",
                COLOURS[colour % COLOURS.len()],
                points.join(" ")
            ),
        );
    }

    /// A point.
    pub(super) fn mark(&mut self, colour: usize, x: f64, y: f64, says: &str) {
        let (x, y) = (self.x_of(x), self.y_of(y));
        put(
            &mut self.text,
            format_args!(
                "<circle class=\"mark\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"5\" fill=\"var(--{})\"><title>{says}</title></circle>\n",
                x,
                y,
                COLOURS[colour % COLOURS.len()]
            ),
        );
    }

    /// Says what a colour stands for.
    pub(super) fn names(&mut self, colour: usize, name: &str) {
        let x = self.legend;
        put(
            &mut self.text,
            format_args!(
                "<rect x=\"{x:.1}\" y=\"4\" width=\"10\" height=\"10\" rx=\"2\" fill=\"var(--{})\"/>\
                 <text class=\"strong\" x=\"{:.1}\" y=\"13\">{name}</text>\n",
                COLOURS[colour % COLOURS.len()],
                x + 14.0
            ),
        );
        self.legend += 26.0 + 6.2 * name.chars().count() as f64;
    }

    pub(super) fn ends(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }
}

/// Wholes, each cut into the same parts: a name, and a number for each part.
pub(super) fn wholes(what: &str, names: &[&str], rows: &[(&str, Vec<f64>)]) -> String {
    const ROW: f64 = 46.0;
    let legend = names.len().div_ceil(3) as f64 * 18.0;
    let mut text = open(what, legend + ROW * rows.len() as f64 + 8.0);
    for (at, name) in names.iter().enumerate() {
        let (x, y) = ((at % 3) as f64 * 172.0, (at / 3) as f64 * 18.0);
        put(
            &mut text,
            format_args!(
                "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"10\" height=\"10\" rx=\"2\" fill=\"var(--{})\"/>\
                 <text class=\"strong\" x=\"{:.1}\" y=\"{:.1}\">{name}</text>\n",
                y + 2.0,
                COLOURS[at % COLOURS.len()],
                x + 14.0,
                y + 11.0
            ),
        );
    }
    for (row, (name, parts)) in rows.iter().enumerate() {
        let y = legend + ROW * row as f64 + 8.0;
        put(&mut text, format_args!("<text class=\"strong\" x=\"0\" y=\"{:.1}\">{name}</text>\n", y + 8.0));
        let all: f64 = parts.iter().sum();
        let mut from = 0.0;
        for (at, part) in parts.iter().enumerate() {
            let share = if all > 0.0 { part / all } else { 0.0 };
            let width = WIDE * share;
            let says = format!("{}: {:.2} %", names.get(at).unwrap_or(&""), 100.0 * share);
            put(
                &mut text,
                format_args!(
                    "<rect x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"22\" fill=\"var(--{})\"><title>{says}</title></rect>\n",
                    y + 13.0,
                    (width - 1.0).max(0.0),
                    COLOURS[at % COLOURS.len()]
                ),
            );
            from += width;
        }
    }
    text.push_str("</svg>\n");
    text
}

fn open(what: &str, high: f64) -> String {
    format!("<svg viewBox=\"0 0 {WIDE} {high:.0}\" role=\"img\" aria-label=\"{what}\">\n")
}

fn put(text: &mut String, what: core::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = text.write_fmt(what);
}
