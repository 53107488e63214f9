//! `spot play`: plays tracks from a server.

use super::contact::{Party, today};
use super::serve::stopped;
use super::{device, link, runtime, server, why};
use crate::device::Device;
use crate::failure::{Exit, Failure};
use crate::keys::{self, Keyboard};
use crate::listen::{Heard, Listener, Patience, Progress, Then, Voice, clock, table};
use crate::output::Choice;
use crate::server_name::ServerName;
use crate::settings::{
    CacheFlags, ConfigFlag, ContactFlags, DeviceFlag, Flags, OutputFlag, PatienceFlag, PeersFlags, Prefetch,
    PrefetchFlags, Settings,
};
use crate::shown::named;
use clap::Args;
use core::time::Duration;
use indicatif::{ProgressBar, ProgressStyle};
use spotproto::{Gid, Link};

/// Arguments of `spot play`.
#[derive(Args, Debug)]
pub(super) struct Play {
    /// Links of tracks, in any form; `#1:23` behind one starts it there.
    #[arg(required = true, value_name = "LINK")]
    links: Vec<String>,
    /// Start the first track at this time: seconds, or MINUTES:SECONDS.
    #[arg(long, value_name = "TIME", value_parser = time)]
    seek: Option<Duration>,
    #[command(flatten)]
    contact: ContactFlags,
    #[command(flatten)]
    device: DeviceFlag,
    #[command(flatten)]
    cache: CacheFlags,
    #[command(flatten)]
    output: OutputFlag,
    #[command(flatten)]
    patience: PatienceFlag,
    #[command(flatten)]
    peers: PeersFlags,
    #[command(flatten)]
    prefetch: PrefetchFlags,
    #[command(flatten)]
    config: ConfigFlag,
    /// Print JSON lines.
    #[arg(long)]
    json: bool,
}

impl Play {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut tracks = self.links.iter().map(|text| track(text)).collect::<Result<Vec<_>, _>>()?;
        if let (Some(seek), Some(first)) = (self.seek, tracks.first_mut()) {
            first.1 = seek;
        }
        let settings = Settings::load(&self.flags())?;
        let device = device(&settings)?;
        let server = server(&settings, &device)?;
        runtime()?.block_on(play_all(&self, &settings, &device, server, &tracks))
    }

    fn flags(&self) -> Flags {
        Flags {
            config: self.config.clone(),
            contact: self.contact.clone(),
            device: self.device.clone(),
            cache: self.cache.clone(),
            output: self.output.clone(),
            patience: self.patience.clone(),
            peers: self.peers.clone(),
            prefetch: self.prefetch.clone(),
            ..Flags::default()
        }
    }
}

fn patience(settings: &Settings) -> Patience {
    let both = |patience| Patience { at_first: patience, midway: patience };
    settings.patience.value.map_or_else(Patience::default, both)
}

async fn play_all(
    play: &Play,
    settings: &Settings,
    device: &Device,
    server: ServerName,
    tracks: &[(Gid, Duration)],
) -> Result<(), Failure> {
    let client = Party::of(settings, &server, device)?.client()?;
    device.remember(&server)?;
    let mut listener = Listener::new(client, server.address.clone()).with_patience(patience(settings));
    let screen = Screen::new();
    let keyboard = Keyboard::open().map(|(keyboard, pressed)| {
        screen.note(keys::HELP);
        (keyboard, pressed)
    });
    let _keyboard = keyboard.map(|(keyboard, pressed)| {
        listener.listen_to(pressed);
        keyboard
    });
    let ahead = settings.prefetch.value == Prefetch::On;
    let mut voice = None;
    let mut reports = Vec::new();
    let mut interrupt = core::pin::pin!(stopped());
    let mut cut = None;
    let mut number = 0;
    while let Some((gid, at)) = tracks.get(number).copied() {
        let own_file = own_file(&settings.output.value, gid);
        if own_file.is_some()
            && let Some(voice) = voice.take()
        {
            Voice::finish(voice).await?;
        }
        let takes = voice
            .take()
            .unwrap_or_else(|| Voice::new(own_file.as_ref().unwrap_or(&settings.output.value).output()));
        listener.expect(tracks.get(number + 1).copied().filter(|_| ahead));
        let heard = {
            let hearing = hear(&mut listener, gid, at, takes, &screen, Some((device, &server)));
            tokio::select! {
                heard = hearing => heard,
                () = &mut interrupt => Err(Failure::runtime("stopped")),
            }
        };
        if let Err(error) = device.starts().add(gid, today(), listener.starts()) {
            screen.note(&format!("`spot stats` will not know of this play: {error}"));
        }
        let Heard { report, voice: back, then } = match heard {
            Ok(heard) => heard,
            Err(failure) => {
                cut = Some(failure);
                break;
            }
        };
        voice = Some(back);
        if let Err(failure) = device.keep_play(&why::kept(&report)) {
            screen.note(&format!("`spot why` will not know of this play: {failure}"));
        }
        if play.json {
            println!("{}", report.json());
        }
        reports.push(report);
        match then {
            Then::Next => number += 1,
            Then::Previous => number = number.saturating_sub(1),
            Then::Quit => break,
        }
    }
    if let Some(voice) = voice {
        voice.finish().await?;
    }
    if let Some(link) = listener.leave().await {
        device.keep_link(&server.address, &link)?;
    }
    if let Some(failure) = cut {
        return Err(failure);
    }
    if !play.json {
        print!("{}", table(&reports));
    }
    Ok(())
}

/// A file for this track alone, where the output is a folder.
fn own_file(output: &Choice, gid: Gid) -> Option<Choice> {
    match output {
        Choice::Wav(folder) if folder.is_dir() => Some(Choice::Wav(folder.join(format!("{gid}.wav")))),
        _ => None,
    }
}

/// Plays one track with progress on the screen; a key shown at first contact is remembered.
pub(super) async fn hear(
    listener: &mut Listener,
    gid: Gid,
    at: Duration,
    voice: Voice,
    screen: &Screen,
    pin: Option<(&Device, &ServerName)>,
) -> Result<Heard, Failure> {
    let mut pinned = Ok(());
    let played = listener
        .play(gid, at, voice, |progress| {
            if let (Progress::ServerKey(key), Some((device, server))) = (&progress, pin) {
                screen.note(&format!("{} is met for the first time; its key is {key}", server.address));
                pinned = device.remember(&ServerName { key: Some(*key), ..server.clone() });
            }
            screen.show(&progress);
        })
        .await;
    screen.clear();
    pinned?;
    played
}

/// The length of a track that is not known yet: of that the bar shows nothing.
const UNKNOWN: u64 = u64::MAX;

/// One line of progress, where a person looks on.
#[derive(Debug)]
pub(super) struct Screen {
    bar: ProgressBar,
}

impl Screen {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::new(UNKNOWN);
        let style = ProgressStyle::with_template("[{bar:16}] {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        Self { bar }
    }

    fn note(&self, line: &str) {
        self.bar.suspend(|| eprintln!("{line}"));
    }

    fn clear(&self) {
        self.bar.set_length(UNKNOWN);
        self.bar.finish_and_clear();
        self.bar.reset();
    }

    fn show(&self, progress: &Progress) {
        match progress {
            Progress::Opened { artist, title, duration } => {
                self.bar.set_prefix(named(artist, title));
                self.bar.set_length(duration.as_millis() as u64);
            }
            Progress::At { position, waiting } => {
                self.bar.set_position(position.as_millis() as u64);
                let length = self.bar.length().unwrap_or(UNKNOWN);
                let (of, known) = (Duration::from_millis(length), length < UNKNOWN);
                let at = known.then(|| format!("{} of {}", clock(*position), clock(of)));
                // What matters most stands where the narrowest line shows it.
                let parts = [at, waiting.clone(), known.then(|| self.bar.prefix())];
                self.bar.set_message(parts.into_iter().flatten().collect::<Vec<_>>().join("  "));
            }
            Progress::Offline { why, cached: true, .. } => {
                self.note(&format!("the server is away ({why}); playing out of the cache"));
            }
            Progress::Offline { why, retry_in, .. } => {
                self.note(&format!(
                    "the server is away ({why}); trying again in {:.1} s",
                    retry_in.as_secs_f64()
                ));
            }
            Progress::CacheTrouble(trouble) => {
                self.note(&format!("the cache keeps nothing for now: {trouble}; playing goes on"));
            }
            _ => {}
        }
    }
}

/// The track that a link leads to, and where to start.
pub(super) fn track(text: &str) -> Result<(Gid, Duration), Failure> {
    match link::parse(text)? {
        Link::Track { gid, at } => Ok((gid, at.map_or(Duration::ZERO, |at| at.duration()))),
        _ => Err(Failure::new(Exit::NotFound, format!("{text} is no track; only tracks can be played"))),
    }
}

/// Seconds, or minutes and seconds.
fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text} is no time; write seconds (83) or minutes and seconds (1:23)");
    let (minutes, seconds) = match text.split_once(':') {
        Some((minutes, seconds)) => (minutes.parse::<u32>().map_err(|_| wrong())?, seconds),
        None => (0, text),
    };
    let seconds: f64 = seconds.parse().map_err(|_| wrong())?;
    if !(0.0..1e7).contains(&seconds) || (text.contains(':') && seconds >= 60.0) {
        return Err(wrong());
    }
    Ok(Duration::from_secs(u64::from(minutes) * 60) + Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(time("83"), Ok(Duration::from_secs(83)));
        assert_eq!(time("1:23"), Ok(Duration::from_secs(83)));
        assert_eq!(time("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["", "x", "1:75", "-3", "1:", "nan", "1e99"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_tracks_are_played() {
        assert!(track("spotify:track:6JEK0CvvjDjjMUBFoXShNZ#0:44").is_ok_and(|(_, at)| at.as_secs() == 44));
        assert_eq!(track("spotify:album:6JEK0CvvjDjjMUBFoXShNZ").unwrap_err().exit, Exit::NotFound);
        assert_eq!(track("nonsense").unwrap_err().exit, Exit::NotFound);
    }
}
