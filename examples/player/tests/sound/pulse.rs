//! Sound through a real PulseAudio server, where there is one.

use core::time::Duration;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use spot_player::decode::{Data, Samples};
use spot_player::output::{Output, OutputError, PATIENCE, Pulse};

use crate::files::{MUSIC, scratch};

fn second(number: usize) -> Samples {
    let samples = MUSIC.samples[88_200 * number..88_200 * (number + 1)].to_vec();
    Samples { at: 44_100 * number as u64, rate: 44_100, channels: 2, data: Data::I16(samples) }
}

/// A PulseAudio server of our own, with a sink that nobody hears.
struct Server {
    process: Child,
    folder: PathBuf,
}

impl Server {
    fn start(name: &str) -> Option<Self> {
        let folder = scratch(name);
        std::fs::create_dir_all(&folder).unwrap();
        let socket = folder.join("native");
        let unix = format!("module-native-protocol-unix auth-anonymous=1 socket={}", socket.display());
        let process = Command::new("pulseaudio")
            .args(["--system=false", "--daemonize=no", "--exit-idle-time=-1", "-n"])
            .args(["--load=module-null-sink", &format!("--load={unix}")])
            .envs([("HOME", &folder), ("XDG_RUNTIME_DIR", &folder)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(process) = process else {
            eprintln!("skipped: no pulseaudio on this machine");
            return None;
        };
        let server = Self { process, folder };
        for _ in 0..500 {
            if server.socket().exists() {
                return Some(server);
            }
            thread::sleep(Duration::from_millis(10));
        }
        eprintln!("skipped: pulseaudio does not start here");
        None
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("native")
    }

    fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn two_seconds_take_two_seconds() {
    let Some(server) = Server::start("timing") else { return };
    let mut pulse = Pulse::at(server.socket());
    pulse.start(second(0).spec()).unwrap();
    pulse.write(&second(0)).unwrap();
    // The silent sink plays two seconds of nothing before it begins.
    let (early, begin) = (pulse.played(), Instant::now());
    assert!(early < 44_100, "{early}");
    pulse.write(&second(1)).unwrap();
    let (late, took) = (pulse.played(), begin.elapsed().as_secs_f64());
    let heard = (late - early) as f64 / 44_100.0;
    assert!((heard - took).abs() < 0.25 && (0.7..1.5).contains(&took), "{heard} s heard in {took} s");
    pulse.drain().unwrap();
    assert_eq!(pulse.played(), 88_200);
}

#[test]
fn a_pause_holds_and_a_flush_forgets() {
    let Some(server) = Server::start("pause") else { return };
    let mut pulse = Pulse::at(server.socket());
    pulse.start(second(0).spec()).unwrap();
    pulse.write(&second(0)).unwrap();
    pulse.pause().unwrap();
    let held = pulse.played();
    thread::sleep(Duration::from_millis(300));
    assert!(pulse.played() - held < 6_000, "what is on its way may still arrive");
    assert_eq!(pulse.write(&second(1)), Err(OutputError::Paused));
    pulse.flush().unwrap();
    assert_eq!(pulse.played(), 0);
    pulse.resume().unwrap();
    pulse.write(&second(1)).unwrap();
    assert!(pulse.played() <= 44_100);
    pulse.drain().unwrap();
    assert_eq!(pulse.played(), 44_100);
    // After a drain the next track begins by itself.
    pulse.start(second(0).spec()).unwrap();
    pulse.write(&second(0)).unwrap();
    // The one after it follows without a gap, and is counted from its own start.
    pulse.start(second(0).spec()).unwrap();
    assert_eq!(pulse.played(), 0);
    pulse.write(&second(1)).unwrap();
    assert!(pulse.played() < 44_100);
    pulse.drain().unwrap();
}

#[test]
fn a_server_that_dies_is_an_error_and_no_wait() {
    let Some(mut server) = Server::start("death") else { return };
    let mut pulse = Pulse::at(server.socket());
    pulse.start(second(0).spec()).unwrap();
    pulse.write(&second(0)).unwrap();
    server.kill();
    let begin = Instant::now();
    let outcome = pulse.write(&second(1)).and_then(|()| pulse.write(&second(1)));
    assert!(matches!(outcome, Err(OutputError::Gone | OutputError::NoServer)), "{outcome:?}");
    assert!(begin.elapsed() < PATIENCE);
}

#[test]
fn no_server_is_an_error_at_once() {
    assert_eq!(Pulse::at("/nonexistent").start(second(0).spec()), Err(OutputError::NoServer));
}
