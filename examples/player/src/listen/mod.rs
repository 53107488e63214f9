//! A listener: tracks opened over the network and heard through an output.

mod ahead;
mod buffer;
mod control;
mod decoding;
mod gate;
mod layout;
mod line;
mod obey;
mod play;
mod player;
mod report;
mod sound;
mod starts;
mod voice;
mod why;
mod words;

pub use buffer::{Held, TrackBuffer};
pub use layout::layout_of;
pub use player::{Heard, Listener, Patience, Progress, Then};
pub use report::{Report, Sources, bytes, clock, date, table};
pub use starts::Start;
pub use voice::Voice;
pub use why::{Step, steps_table};
