//! `spot decode`: decodes a file of this machine as a track is decoded, without a server: what a play is compared with.

use crate::decode::{Decoder, Layout, Samples};
use crate::failure::{Exit, Failure};
use crate::settings::{ConfigFlag, Flags, OutputFlag, Settings};
use clap::Args;
use core::time::Duration;
use spotcache::canonical::{Facts, Source, Unreadable, analyse};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

/// Arguments of `spot decode`.
#[derive(Args, Debug)]
pub(super) struct Decode {
    /// The file, as it is, tags and all.
    file: PathBuf,
    #[command(flatten)]
    output: OutputFlag,
    #[command(flatten)]
    config: ConfigFlag,
}

impl Decode {
    pub(super) fn run(self) -> Result<(), Failure> {
        let flags = Flags { output: self.output.clone(), config: self.config.clone(), ..Flags::default() };
        let settings = Settings::load(&flags)?;
        let open = || {
            File::open(&self.file)
                .map_err(|error| Failure::new(Exit::NotFound, format!("{}: {error}", self.file.display())))
        };
        let what =
            |error: &dyn core::fmt::Display| Failure::runtime(format!("{}: {error}", self.file.display()));
        // Only the format and what of it is music are taken from the scan: the decoder reads the original bytes from the
        // first to the last.
        let Facts { format, delay, samples, .. } =
            analyse(&mut Whole(open()?)).map_err(|error| what(&error))?.facts;
        let layout = Layout { format, header: Vec::new(), seek: Vec::new(), delay, samples };
        let mut decoder =
            Decoder::open(Box::new(open()?), layout, Duration::ZERO).map_err(|error| what(&error))?;
        let mut output = settings.output.value.output();
        let silent = |error: crate::output::OutputError| Failure::new(Exit::NoOutput, error.to_string());
        let Some(mut spec) = decoder.spec() else { return Ok(()) };
        output.start(spec).map_err(silent)?;
        let mut samples = Samples::new();
        while decoder.next(&mut samples).map_err(|error| what(&error))? {
            if samples.spec() != spec {
                spec = samples.spec();
                output.start(spec).map_err(silent)?;
            }
            output.write(&samples).map_err(silent)?;
        }
        output.drain().map_err(silent)
    }
}

/// A file as the scan reads it.
struct Whole(File);

impl Source for Whole {
    fn len(&self) -> u64 {
        self.0.metadata().map_or(0, |metadata| metadata.len())
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> Result<usize, Unreadable> {
        self.0.seek(SeekFrom::Start(offset)).map_err(|_| Unreadable)?;
        loop {
            match self.0.read(into) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                read => return read.map_err(|_| Unreadable),
            }
        }
    }
}
