//! `spot cache`: what the cache holds, whether it is whole, and how large it may be.

use super::contact::quota;
use super::device;
use crate::cached::{CacheFolder, Verified, cache_keys};
use crate::failure::Failure;
use crate::listen::bytes;
use crate::settings::file::{self, Location};
use crate::settings::{
    CacheFlags, CacheLimit, ConfigFlag, DeviceFlag, Flags, Folders, Settings, this_environment,
};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

/// Arguments of `spot cache`.
#[derive(Args, Debug)]
pub(super) struct Cache {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Print how much is in the cache.
    Stats(Look),
    /// Look at every byte in the cache; what is damaged is forgotten, and fetched again when it is wanted.
    Verify(Look),
    /// Throw away what is in the cache, but for what is kept for offline listening.
    Clear(Clear),
    /// Change how large the cache may be: auto, a size such as 2GB, or 0 for none. Written to the file of settings.
    Limit(Limit),
}

/// Where the cache is, and whose.
#[derive(Args, Clone, Debug)]
pub(super) struct Look {
    #[command(flatten)]
    device: DeviceFlag,
    #[command(flatten)]
    cache: CacheFlags,
    #[command(flatten)]
    config: ConfigFlag,
    /// Print JSON lines.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
struct Clear {
    /// What is kept for offline listening goes as well.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    look: Look,
}

#[derive(Args, Debug)]
struct Limit {
    /// auto, a size, or 0.
    #[arg(value_name = "SIZE")]
    size: CacheLimit,
    #[command(flatten)]
    look: Look,
}

impl Cache {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.what {
            What::Stats(look) => stats(&look),
            What::Verify(look) => verify(&look),
            What::Clear(clear) => throw_away(&clear),
            What::Limit(limit) => change_limit(&limit),
        }
    }
}

impl Look {
    fn flags(&self) -> Flags {
        Flags {
            config: self.config.clone(),
            device: self.device.clone(),
            cache: self.cache.clone(),
            ..Flags::default()
        }
    }

    /// The cache, locked for as long as it is looked at.
    pub(super) fn open(&self) -> Result<CacheFolder, Failure> {
        let settings = Settings::load(&self.flags())?;
        let keys = cache_keys(&device(&settings)?.identity()?);
        CacheFolder::open(settings.cache_folder()?, quota(settings.cache.limit.value), keys)
    }
}

fn stats(look: &Look) -> Result<(), Failure> {
    let mut folder = look.open()?;
    let usage = folder.usage();
    let kept = folder.files().iter().filter(|cached| cached.holding.pinned).count();
    if look.json {
        println!(
            "{}",
            json!({
                "event": "cache",
                "limit": usage.quota,
                "bytes": usage.bytes,
                "files": usage.complete,
                "files_in_part": usage.partial,
                "files_headers_only": usage.headers_only,
                "kept": kept,
                "kept_bytes": usage.pinned_bytes,
            })
        );
        return folder.close();
    }
    let percent = if usage.quota == 0 { 0.0 } else { usage.bytes as f64 * 100.0 / usage.quota as f64 };
    println!("{:<22} {} of {} ({percent:.0} %)", "taken", bytes(usage.bytes), bytes(usage.quota));
    println!("{:<22} {}", "whole tracks", usage.complete);
    println!("{:<22} {}", "parts of tracks", usage.partial);
    println!("{:<22} {}", "only their beginning", usage.headers_only);
    println!("{:<22} {kept} ({})", "kept offline", bytes(usage.pinned_bytes));
    folder.close()
}

fn verify(look: &Look) -> Result<(), Failure> {
    let mut folder = look.open()?;
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("looking at every byte [{bar:30}] {pos} of {len} files");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
    let found = folder.verify(|done, of| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    });
    bar.finish_and_clear();
    folder.close()?;
    let Verified { files, files_lost, pieces, pieces_lost } = found;
    if look.json {
        println!(
            "{}",
            json!({
                "event": "verified", "files": files, "files_lost": files_lost, "pieces": pieces,
                "pieces_lost": pieces_lost,
            })
        );
    } else if found.is_clean() {
        println!("{pieces} pieces of {files} files: all as they should be");
    }
    if found.is_clean() {
        return Ok(());
    }
    let line = format!("{pieces_lost} damaged pieces are forgotten, and fetched again when they are wanted");
    Err(Failure::runtime(line))
}

fn throw_away(clear: &Clear) -> Result<(), Failure> {
    let mut folder = clear.look.open()?;
    let before = folder.usage().bytes;
    folder.clear(clear.all)?;
    let after = folder.usage();
    folder.close()?;
    if clear.look.json {
        println!("{}", json!({ "event": "cleared", "freed": before - after.bytes, "bytes": after.bytes }));
    } else {
        println!(
            "{} freed; {} are kept for offline listening",
            bytes(before - after.bytes),
            bytes(after.bytes)
        );
    }
    Ok(())
}

/// The file first: it is what counts the next time. What is too much then goes at once.
fn change_limit(limit: &Limit) -> Result<(), Failure> {
    let folders = Folders::of_this_user();
    let named = limit.look.config.config.as_deref();
    let location = Location::find(named, &this_environment, &folders)
        .ok_or_else(|| Failure::runtime("no home folder is known; name a file with --config"))?;
    file::set(&location.path, "cache.limit", &limit.size.to_string())?;
    let mut folder = limit.look.open()?;
    folder.set_quota(quota(limit.size))?;
    let usage = folder.usage();
    folder.close()?;
    if limit.look.json {
        println!("{}", json!({ "event": "limit", "limit": usage.quota, "bytes": usage.bytes }));
    } else {
        println!("the cache may take {}, and takes {}", bytes(usage.quota), bytes(usage.bytes));
    }
    Ok(())
}
