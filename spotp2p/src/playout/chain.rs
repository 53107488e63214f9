//! Throughput as a Markov chain over rate states (Kreitz 2010, "When to Start Playing?").

use super::demand::LENGTHS;
use super::history::{History, OCTAVE};
use super::summary::Summary;

/// States of the chain.
pub const STATES: usize = 16;

/// Below this many octaves under the music's rate all is one state: nothing comes, as far as playing is concerned.
const LOWEST: i32 = -3 * OCTAVE;

/// Width of a state in the middle: three eighths of an octave, 30 %. The last begins at 4.8 times the music's rate.
const WIDTH: i32 = OCTAVE * 3 / 8;

/// Seconds of samples that the fitted link is worth in each row, against the transitions that were seen.
const SMOOTHING: f32 = 6.0;

/// A transition with less weight than this is left out: it costs time, and changes nothing.
const NEVER: f32 = 1e-5;

/// An octave's part within which a link is never taken to be steadier.
const LEAST_SPREAD: f32 = 0.03;

/// What is further from the mean than so many standard deviations is another regime, and lasts.
const ODD: f32 = 2.0;
const ODD_PERSISTENCE: f32 = 0.95;

/// Chance that in a second somebody else begins to use the link, as long as nothing else was seen, and how many states
/// down that leads: to about a half.
const DIPS: f32 = 1.0 / 600.0;
const DIP: [usize; 2] = [2, 3];

pub(super) type Vector = [f32; STATES];
pub(super) type Matrix = [Vector; STATES];

/// What happens in a step of some length.
#[derive(Clone, Debug)]
pub(super) struct Span {
    /// From each state to each.
    pub(super) kernel: Matrix,
    /// What arrives in its first half, by the state before it; nothing in a step of a second.
    pub(super) front: Arrivals,
    /// What arrives in its second half, or in the second, by the state at its end.
    pub(super) back: Arrivals,
}

/// Bytes, their variance and its root, for each state.
#[derive(Clone, Debug)]
pub(super) struct Arrivals {
    pub(super) mean: Vector,
    variance: Vector,
    pub(super) deviation: Vector,
}

/// The chain of a link, beside music of some rate.
///
/// 16 states that are spaced by ratios about the music's rate; what is learnt are the transitions between them and the
/// mean within each. Rows are ordered: from a higher state, no future is worse. Worst case: 6 KB, held inline.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// Where the rates of each state lie, in octaves above the music's rate; rising.
    places: Vector,
    music: f32,
    usual: f32,
    doubt: f32,
    /// By length: 1, 2, 4, 8 and 16 seconds.
    spans: [Span; LENGTHS],
}

impl Chain {
    /// What the samples show of the link, smoothed by `link`, beside music of `music` bytes a second.
    pub(super) fn learn(history: &History, link: &Summary, music: f32) -> Self {
        let origin = libm::log2f(music.max(1.0));
        let counted = Counted::of(history, (origin * OCTAVE as f32) as i32);
        let places = counted.places();
        let kernel = kernel(&counted, &places, link, link.mean - origin);
        let mut mean = [0.0; STATES];
        let mut variance = [0.0; STATES];
        for (state, (mean, variance)) in mean.iter_mut().zip(&mut variance).enumerate() {
            let (place, spread) = (places[state], core::f32::consts::LN_2 * counted.spread_within(state));
            // A log-normal's mean, to second order.
            *mean = music * libm::exp2f(place) * (1.0 + 0.5 * spread * spread);
            *variance = *mean * *mean * spread * spread;
        }
        let nothing = Arrivals::new([0.0; STATES], [0.0; STATES]);
        let second = Span { kernel, front: nothing, back: Arrivals::new(mean, variance) };
        // What arrives in as many seconds as the step before lasts, up to the end in a state.
        let mut upto = second.back.clone();
        let mut next = second.clone();
        let spans = core::array::from_fn(|length| {
            if length + 1 == LENGTHS {
                return next.clone();
            }
            let longer = next.doubled(&kernel, &upto);
            if length + 2 < LENGTHS {
                (0..1 << length).for_each(|_| upto = upto.and_before(&second));
            }
            core::mem::replace(&mut next, longer)
        });
        let doubt = link.doubt(history);
        let usual = libm::exp2f(link.mean);
        Self { places, music, usual, doubt, spans }
    }

    /// How likely each state is at a rate in bytes a second: its own, and the next one as far as the rate is on the way.
    pub(super) fn states_at(&self, rate: f32) -> Vector {
        let at = libm::log2f((rate / self.music).max(f32::MIN_POSITIVE));
        let above = self.places.partition_point(|place| *place <= at);
        let mut states = [0.0; STATES];
        match (self.places.get(above.wrapping_sub(1)), self.places.get(above)) {
            (Some(low), Some(high)) => {
                let on = ((at - low) / (high - low)).clamp(0.0, 1.0);
                states[above - 1] = 1.0 - on;
                states[above] = on;
            }
            _ => states[above.saturating_sub(1)] = 1.0,
        }
        states
    }

    /// How likely each state is some time after the link brought what it usually does; if something just came, it is not
    /// the one in which nothing does.
    pub(super) fn states_after_a_while(&self, flows: bool) -> Vector {
        let [.., last] = &self.spans;
        let mut states = [0.0; STATES];
        for (part, row) in self.states_at(self.usual).iter().zip(&last.kernel) {
            add(&mut states, *part, row);
        }
        let [stalled, others @ ..] = &mut states;
        let moving: f32 = others.iter().sum();
        if flows && moving > 0.0 {
            *stalled = 0.0;
            others.iter_mut().for_each(|part| *part /= moving);
        }
        states
    }

    /// Bytes a second to be expected.
    pub(super) fn rate_in(&self, states: &Vector) -> f32 {
        let [second, ..] = &self.spans;
        states.iter().zip(&second.back.mean).map(|(part, mean)| part * mean).sum()
    }

    pub(super) fn likeliest(&self, states: &Vector) -> u8 {
        let better = |best: usize, state: usize| if states[state] > states[best] { state } else { best };
        (0..STATES).fold(0, better) as u8
    }

    /// Bytes a second that the link usually brings.
    pub(super) const fn usual(&self) -> f32 {
        self.usual
    }

    /// The part of its first second in which a link that usually brings far more than the music takes can still be caught
    /// with too little by a stall; 1 for others. A forecast of whole seconds has the stall begin before any bytes; in truth
    /// it has to begin before as much music came as it goes on for, and stalls have no memory.
    pub(super) fn exposed(&self, states: &Vector) -> f32 {
        let [.., fastest] = states;
        let [[stays, ..], ..] = self.span(0).kernel;
        let stall = 1.0 / (1.0 - stays).max(f32::MIN_POSITIVE);
        let part = (stall * self.music / self.usual.max(1.0)).min(1.0);
        1.0 - fastest * (1.0 - part)
    }

    /// Standard error of the mean rate, as a part of it.
    pub(super) const fn doubt(&self) -> f32 {
        self.doubt
    }

    /// What happens in steps of 2 to the power of `length` seconds.
    pub(super) fn span(&self, length: u8) -> &Span {
        let [.., last] = &self.spans;
        self.spans.get(usize::from(length)).unwrap_or(last)
    }
}

impl Span {
    /// A step twice as long: Chapman and Kolmogorov for the kernel. Of what arrives, `half` ends in the last state, and
    /// as much begins a second after the first; a chain like this looks nearly the same backwards.
    fn doubled(&self, second: &Matrix, half: &Arrivals) -> Self {
        let mut kernel = [[0.0; STATES]; STATES];
        for (row, from) in kernel.iter_mut().zip(&self.kernel) {
            for (weight, through) in from.iter().zip(&self.kernel) {
                add(row, *weight, through);
            }
        }
        Self { kernel, front: half.after(second), back: half.clone() }
    }
}

impl Arrivals {
    fn new(mean: Vector, variance: Vector) -> Self {
        Self { mean, variance, deviation: variance.map(libm::sqrtf) }
    }

    /// The same, by the state that a step of this kernel starts from.
    fn after(&self, kernel: &Matrix) -> Self {
        let mean = apply(kernel, &self.mean);
        let squares = apply(kernel, &self.mean.map(|mean| mean * mean));
        let mut variance = apply(kernel, &self.variance);
        for ((variance, square), mean) in variance.iter_mut().zip(squares).zip(mean) {
            *variance += (square - mean * mean).max(0.0);
        }
        Self::new(mean, variance)
    }

    /// The second that ends in a state, and these before it: exact, since what came before depends on it no further.
    fn and_before(&self, second: &Span) -> Self {
        let Self { mut mean, mut variance, .. } = self.after(&second.kernel);
        add(&mut mean, 1.0, &second.back.mean);
        add(&mut variance, 1.0, &second.back.variance);
        // Rounding aside they rise already.
        for state in 1..STATES {
            mean[state] = mean[state].max(mean[state - 1]);
        }
        Self::new(mean, variance)
    }
}

pub(super) fn add(to: &mut Vector, weight: f32, what: &Vector) {
    for (to, what) in to.iter_mut().zip(what) {
        *to += weight * what;
    }
}

fn apply(kernel: &Matrix, vector: &Vector) -> Vector {
    const LANES: usize = 4;
    kernel.map(|row| {
        // Side by side: a single sum would wait for each addition.
        let mut sums = [0.0; LANES];
        for (weights, values) in row.chunks_exact(LANES).zip(vector.chunks_exact(LANES)) {
            for (sum, (weight, value)) in sums.iter_mut().zip(weights.iter().zip(values)) {
                *sum += weight * value;
            }
        }
        sums.iter().sum()
    })
}

/// Transitions and places of a history, in states.
struct Counted {
    origin: i32,
    moves: Matrix,
    visits: Vector,
    /// Sums of distances from a state's centre, in octaves, and of their squares.
    off: Vector,
    squares: Vector,
}

impl Counted {
    fn of(history: &History, origin: i32) -> Self {
        let zero = [0.0; STATES];
        let mut counted = Self { origin, moves: [zero; STATES], visits: zero, off: zero, squares: zero };
        let mut before: Option<usize> = None;
        for sample in history.iter() {
            let state = sample.map(|rate| counted.visit(rate.code()));
            if let (Some(from), Some(to)) = (before, state) {
                counted.moves[from][to] += 1.0;
            }
            before = state;
        }
        counted
    }

    fn visit(&mut self, code: i32) -> usize {
        let above = code - self.origin;
        let state = if above < LOWEST { 0 } else { (1 + (above - LOWEST) / WIDTH) as usize }.min(STATES - 1);
        let off = (above as f32 / OCTAVE as f32 - centre(state)).clamp(-4.0, 4.0);
        self.visits[state] += 1.0;
        self.off[state] += off;
        self.squares[state] += off * off;
        state
    }

    /// Mean place of each state's samples, with one sample more in the middle of it.
    fn places(&self) -> Vector {
        core::array::from_fn(|state| centre(state) + self.off[state] / (self.visits[state] + 1.0))
    }

    fn spread_within(&self, state: usize) -> f32 {
        let n = self.visits[state] + 1.0;
        let off = self.off[state] / n;
        let even = WIDTH as f32 / OCTAVE as f32;
        // The one sample more is spread over the state.
        libm::sqrtf(((self.squares[state] + even * even / 12.0) / n - off * off).max(0.0)).min(even)
    }
}

/// The middle of a state, in octaves above the music's rate.
fn centre(state: usize) -> f32 {
    (LOWEST as f32 + (state as f32 - 0.5) * WIDTH as f32) / OCTAVE as f32
}

fn kernel(counted: &Counted, places: &Vector, link: &Summary, mean: f32) -> Matrix {
    let step = link.spread * libm::sqrtf(1.0 - link.persistence * link.persistence);
    let anywhere = normal(mean, link.spread.max(LEAST_SPREAD));
    let mut weights = [0.0; STATES];
    let mut kernel = [[0.0; STATES]; STATES];
    for (state, row) in kernel.iter_mut().enumerate() {
        let (stay, fitted) = if state == 0 {
            (1.0 - link.ends, anywhere)
        } else {
            // The last state is open above: there a link that is faster still is where it always is.
            let place = if state == STATES - 1 { places[state].max(mean) } else { places[state] };
            let odd = (place - mean).abs() > ODD * link.spread;
            let keeps = if odd { link.persistence.max(ODD_PERSISTENCE) } else { link.persistence };
            (link.stalls, normal(mean + keeps * (place - mean), step.max(LEAST_SPREAD)))
        };
        add(row, SMOOTHING * (1.0 - stay), &fitted);
        row[0] += SMOOTHING * stay;
        for down in DIP {
            row[state.saturating_sub(down)] += SMOOTHING * DIPS / DIP.len() as f32;
        }
        add(row, 1.0, &counted.moves[state]);
        *row = row.map(|weight| if weight < NEVER { 0.0 } else { weight });
        let sum: f32 = row.iter().sum();
        *row = row.map(|weight| weight / sum);
        weights[state] = sum;
    }
    order(&mut kernel, &weights);
    kernel
}

/// How a normal distribution falls into the states.
fn normal(mean: f32, spread: f32) -> Vector {
    let mut below = 0.0;
    core::array::from_fn(|state| {
        let edge = (LOWEST + state as i32 * WIDTH) as f32 / OCTAVE as f32;
        let upto = if state == STATES - 1 {
            1.0
        } else {
            0.5 * libm::erfcf((mean - edge) / (spread * core::f32::consts::SQRT_2))
        };
        let part = (upto - below).max(0.0);
        below = upto;
        part
    })
}

/// Makes the chain stochastically monotone: isotonic regression of each column of the rows' distribution functions
/// (pool adjacent violators: Barlow et al. 1972). It keeps rows distributions, since it keeps order between columns.
fn order(kernel: &mut Matrix, weights: &Vector) {
    for row in kernel.iter_mut() {
        let mut sum = 0.0;
        *row = row.map(|part| {
            sum += part;
            sum
        });
        row[STATES - 1] = 1.0;
    }
    for column in 0..STATES - 1 {
        let pooled = falling(&core::array::from_fn(|state| kernel[state][column]), weights);
        for (row, value) in kernel.iter_mut().zip(pooled) {
            row[column] = value;
        }
    }
    for row in kernel.iter_mut() {
        let mut below = 0.0;
        *row = row.map(|upto| {
            let part = (upto - below).max(0.0);
            below = below.max(upto);
            part
        });
    }
}

/// The falling sequence next to `values`.
fn falling(values: &Vector, weights: &Vector) -> Vector {
    // Blocks of equal value: sum, weight, members.
    let mut blocks = [(0.0f32, 0.0f32, 0usize); STATES];
    let mut count = 0;
    for (value, weight) in values.iter().zip(weights) {
        let mut block = (value * weight, *weight, 1);
        while count > 0 {
            let last = blocks[count - 1];
            if last.0 * block.1 >= block.0 * last.1 {
                break;
            }
            block = (last.0 + block.0, last.1 + block.1, last.2 + block.2);
            count -= 1;
        }
        blocks[count] = block;
        count += 1;
    }
    let mut out = [0.0; STATES];
    let mut places = out.iter_mut();
    for (sum, weight, members) in blocks.iter().take(count) {
        for place in places.by_ref().take(*members) {
            *place = sum / weight;
        }
    }
    out
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::history::LogRate;
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    const MUSIC: f32 = 20_000.0;

    /// The chain that these rates, in bytes a second, leave.
    pub(in crate::playout) fn learnt(rates: impl IntoIterator<Item = f64>) -> Chain {
        let mut history = History::new();
        rates.into_iter().for_each(|rate| history.push(LogRate::of(rate)));
        Chain::learn(&history, &Summary::of(&history, &Summary::UNKNOWN), MUSIC)
    }

    fn is_ordered(kernel: &Matrix) -> bool {
        kernel.windows(2).all(|rows| {
            let (mut low, mut high) = (0.0, 0.0);
            rows[0].iter().zip(&rows[1]).all(|(one, other)| {
                low += one;
                high += other;
                high <= low + 1e-4
            })
        })
    }

    #[test]
    fn a_steady_link_stays_where_it_is() {
        let chain = learnt([30_000.0; 600]);
        let states = chain.states_at(30_000.0);
        assert!((chain.rate_in(&states) / 30_000.0 - 1.0).abs() < 0.02, "{}", chain.rate_in(&states));
        let sixteen = chain.span(4);
        let back = apply(&sixteen.kernel, &sixteen.back.mean);
        let all = states.iter().zip(back).zip(&sixteen.front.mean);
        let bytes: f32 = all.map(|((part, back), front)| part * (front + back)).sum();
        assert!((bytes / (16.0 * 30_000.0) - 1.0).abs() < 0.1, "{bytes}");
    }

    #[test]
    fn stalls_that_were_seen_are_expected_again() {
        let stalling = learnt((0..900).map(|second| if second % 30 < 2 { 0.0 } else { 40_000.0 }));
        let states = stalling.states_at(40_000.0);
        let into: f32 = states.iter().zip(&stalling.span(0).kernel).map(|(part, row)| part * row[0]).sum();
        assert!((0.025..0.045).contains(&into), "one second in 28 begins a stall: {into}");
        let stays = stalling.span(0).kernel[0][0];
        assert!((0.4..0.6).contains(&stays), "a stall of 2 s goes on in every other second: {stays}");
    }

    #[test]
    fn isotonic_regression_pools_what_rises() {
        let mut values = [0.0; STATES];
        values[..6].copy_from_slice(&[1.0, 0.5, 0.7, 0.3, 0.1, 0.3]);
        let mut weights = [1.0; STATES];
        weights[2] = 3.0;
        let pooled = falling(&values, &weights);
        for (value, right) in pooled.iter().zip([1.0, 0.65, 0.65, 0.3, 0.2, 0.2, 0.0]) {
            assert!((value - right).abs() < 1e-6, "{pooled:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn rows_are_distributions_in_stochastic_order(
            rates in proptest::collection::vec(prop_oneof![Just(0.0), 100.0f64..200_000.0, Just(f64::INFINITY)], 0..300),
        ) {
            let chain = learnt(rates);
            for span in &chain.spans {
                for row in &span.kernel {
                    prop_assert!(row.iter().all(|part| *part >= 0.0));
                    prop_assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4, "{row:?}");
                }
                prop_assert!(is_ordered(&span.kernel));
                for half in [&span.front, &span.back] {
                    prop_assert!(half.mean.is_sorted());
                    prop_assert!(half.mean.iter().chain(&half.deviation).all(|v| v.is_finite()));
                }
            }
            for rate in [0.0, 1.0, 20_000.0, f32::MAX, f32::NAN] {
                let states: Vec<f32> = chain.states_at(rate).to_vec();
                prop_assert!((states.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            }
        }
    }
}
