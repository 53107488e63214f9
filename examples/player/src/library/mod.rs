//! The server's music: what lies in a folder, sealed and ready to be asked for.
//!
//! [`State`] holds the server's keys, [`Library::scan`] finds out what is in the folder and keeps it in a catalogue,
//! and [`Library`] answers an access point by it. The music itself is never copied: pieces are read from the files
//! where they lie, and sealed as they leave.

mod catalogue;
mod disk;
mod intake;
mod open_files;
mod scan;
mod schema;
mod state;
mod store;
mod tags;
mod walk;

#[cfg(test)]
mod tests;

pub use catalogue::{CatalogueError, Track};
pub use intake::Skip;
pub use scan::{Progress, Report, ScanError, Skipped};
pub use state::{Epoch, Epochs, State, StateError};
pub use store::{Library, Options};
