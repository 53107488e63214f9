//! Sound through a program that plays what it reads.

use core::time::Duration;
use std::io::Write;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::Instant;

use super::clock::Clock;
use super::{BUFFER, Output, OutputError, PATIENCE};
use crate::decode::{Samples, Spec};

/// A program that plays raw samples from its standard input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Player {
    /// PulseAudio's.
    Pacat,
    /// ALSA's.
    Aplay,
    /// FFmpeg's.
    Ffplay,
}

impl Player {
    /// Every program, the best first.
    pub const ALL: [Self; 3] = [Self::Pacat, Self::Aplay, Self::Ffplay];

    /// The command's name.
    #[must_use]
    pub const fn command(self) -> &'static str {
        match self {
            Self::Pacat => "pacat",
            Self::Aplay => "aplay",
            Self::Ffplay => "ffplay",
        }
    }

    /// The command for 16-bit little-endian samples.
    fn prepared(self, spec: Spec) -> Command {
        let (rate, channels) = (spec.rate, spec.channels);
        let line = match self {
            Self::Pacat => {
                format!("--raw --format=s16le --rate={rate} --channels={channels} --latency-msec=200")
            }
            Self::Aplay => format!("-q -t raw -f S16_LE -r {rate} -c {channels}"),
            // Before FFmpeg 7.1 the raw demuxer knew -ac; afterwards only -ch_layout, which all from 5.1 on know.
            Self::Ffplay => {
                let layout = match channels {
                    1 => "mono".into(),
                    2 => "stereo".into(),
                    more => format!("{more}c"),
                };
                format!(
                    "-nodisp -autoexit -loglevel quiet -probesize 32 -analyzeduration 0 \
                     -f s16le -sample_rate {rate} -ch_layout {layout} -i pipe:0"
                )
            }
        };
        let mut command = Command::new(self.command());
        command.args(line.split_whitespace());
        command
    }
}

/// Plays through a child process. Nobody tells what is heard, so the position is reckoned by the clock.
#[derive(Debug)]
pub struct Program {
    player: Player,
    spec: Option<Spec>,
    running: Option<Running>,
    is_paused: bool,
    clock: Clock,
}

#[derive(Debug)]
struct Running {
    child: Child,
    /// To the thread that writes to the child, for a write into a full pipe has no time limit. None once closed.
    bytes: Option<SyncSender<Vec<u8>>>,
}

impl Program {
    /// Will play through this program.
    #[must_use]
    pub fn new(player: Player) -> Self {
        Self { player, spec: None, running: None, is_paused: false, clock: Clock::new(1) }
    }

    fn restart_clock(&mut self) {
        self.clock = Clock::new(self.spec.map_or(1, |spec| spec.rate));
    }
}

impl Output for Program {
    fn start(&mut self, spec: Spec) -> Result<(), OutputError> {
        if self.spec != Some(spec) || self.running.is_none() {
            self.drain()?;
            self.running = Some(Running::spawn(&mut self.player.prepared(spec))?);
            self.spec = Some(spec);
        }
        self.restart_clock();
        Ok(())
    }

    fn write(&mut self, samples: &Samples) -> Result<(), OutputError> {
        let spec = self.spec.filter(|spec| *spec == samples.spec()).ok_or(OutputError::WrongSpec)?;
        if self.is_paused {
            return Err(OutputError::Paused);
        }
        let running = match &mut self.running {
            Some(running) => running,
            none => none.insert(Running::spawn(&mut self.player.prepared(spec))?),
        };
        let mut packed = Vec::with_capacity(samples.frames() * usize::from(samples.channels) * 2);
        samples.write_i16_le(&mut packed);
        running.send(packed)?;
        self.clock.write(samples.frames() as u64, Instant::now());
        thread::sleep(self.clock.wait(BUFFER, Instant::now()));
        Ok(())
    }

    fn pause(&mut self) -> Result<(), OutputError> {
        self.is_paused = true;
        self.clock.stop(Instant::now());
        Ok(())
    }

    fn resume(&mut self) -> Result<(), OutputError> {
        self.is_paused = false;
        self.clock.go(Instant::now());
        Ok(())
    }

    /// The program cannot be told to forget, so it is ended, and the next write begins another one.
    fn flush(&mut self) -> Result<(), OutputError> {
        self.running = None;
        self.restart_clock();
        Ok(())
    }

    fn drain(&mut self) -> Result<(), OutputError> {
        let left = self.clock.wait(Duration::ZERO, Instant::now());
        if self.is_paused && !left.is_zero() {
            return Err(OutputError::Paused);
        }
        self.running.take().map_or(Ok(()), |running| running.finish(left + PATIENCE))
    }

    fn played(&mut self) -> u64 {
        self.clock.heard(Instant::now())
    }

    fn name(&self) -> String {
        self.player.command().into()
    }
}

impl Running {
    fn spawn(command: &mut Command) -> Result<Self, OutputError> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|_| OutputError::NoProgram)?;
        let (send, receive) = sync_channel(4);
        let stdin = child.stdin.take();
        let mut running = Self { child, bytes: Some(send) };
        let feeder = thread::Builder::new().name("sound program".into());
        match stdin.map(|stdin| feeder.spawn(move || feed(stdin, &receive))) {
            Some(Ok(_)) => Ok(running),
            _ => {
                running.bytes = None;
                Err(OutputError::Gone)
            }
        }
    }

    fn send(&mut self, mut packed: Vec<u8>) -> Result<(), OutputError> {
        let bytes = self.bytes.as_ref().ok_or(OutputError::Gone)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match bytes.try_send(packed) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(_)) => return Err(OutputError::Gone),
                Err(TrySendError::Full(_)) if Instant::now() >= deadline => return Err(OutputError::Stalled),
                Err(TrySendError::Full(back)) => packed = back,
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Lets the program play what it has.
    fn finish(mut self, within: Duration) -> Result<(), OutputError> {
        self.bytes = None;
        let deadline = Instant::now() + within;
        while Instant::now() < deadline {
            match self.child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(None) => thread::sleep(Duration::from_millis(10)),
                Ok(Some(_)) | Err(_) => return Err(OutputError::Gone),
            }
        }
        Err(OutputError::Stalled)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn feed(mut stdin: ChildStdin, bytes: &Receiver<Vec<u8>>) {
    while let Ok(packed) = bytes.recv() {
        if stdin.write_all(&packed).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Data;

    fn shell(script: &str) -> Running {
        Running::spawn(Command::new("sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn everything_arrives_before_the_program_ends() {
        let path = std::env::temp_dir().join(format!("spot-program-{}", std::process::id()));
        let mut running = shell(&format!("cat > {}", path.display()));
        for _ in 0..300 {
            running.send(vec![7; 1_000]).unwrap();
        }
        running.finish(PATIENCE).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), vec![7; 300_000]);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_program_that_ends_by_itself_is_gone() {
        let mut running = shell("exit 0");
        let sent = (0..200).try_for_each(|_| running.send(vec![0; 10_000]));
        assert_eq!(sent, Err(OutputError::Gone));
        assert_eq!(shell("exit 3").finish(PATIENCE), Err(OutputError::Gone));
    }

    #[test]
    fn a_program_that_does_not_end_is_not_waited_for() {
        let begin = Instant::now();
        drop(shell("exec sleep 60"));
        assert_eq!(shell("exec sleep 60").finish(Duration::from_millis(50)), Err(OutputError::Stalled));
        assert!(begin.elapsed() < PATIENCE);
    }

    #[test]
    fn a_missing_program_is_an_error() {
        let missing = Running::spawn(&mut Command::new("spot-no-such-program"));
        assert_eq!(missing.err(), Some(OutputError::NoProgram));
        let samples = Samples { at: 0, rate: 8_000, channels: 1, data: Data::I16(vec![0]) };
        assert_eq!(
            Program::new(Player::Pacat).write(&samples),
            Err(OutputError::WrongSpec),
            "before a start"
        );
    }

    #[test]
    fn every_player_is_told_rate_and_channels() {
        let spec = Spec { rate: 44_100, channels: 2, bits: 24, float: false };
        for (player, words) in [
            (Player::Pacat, "--raw --format=s16le --rate=44100 --channels=2"),
            (Player::Aplay, "-t raw -f S16_LE -r 44100 -c 2"),
            (Player::Ffplay, "-f s16le -sample_rate 44100 -ch_layout stereo -i pipe:0"),
        ] {
            let command = player.prepared(spec);
            let line: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
            assert!(line.join(" ").contains(words), "{line:?}");
        }
    }
}
