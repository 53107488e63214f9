//! The program, run as a person runs it, with nothing of this machine's own settings.

use core::time::Duration;
use serde_json::Value;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

/// How long anything here may take, on a loaded machine too.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// `spot` with these arguments, whose home is `home`.
pub(crate) fn command<A: AsRef<OsStr>>(home: &Path, arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spot"));
    let ours = |name: &OsStr| {
        name.to_string_lossy().starts_with("SPOT_") || name.to_string_lossy().starts_with("XDG_")
    };
    std::env::vars_os().filter(|(name, _)| ours(name)).for_each(|(name, _)| {
        command.env_remove(name);
    });
    command.args(arguments).env("HOME", home).env("SPOT_DEVICE", home.join("device"));
    command.stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub(crate) fn spot<A: AsRef<OsStr>>(home: &Path, arguments: impl IntoIterator<Item = A>) -> Output {
    command(home, arguments).output().expect("the program starts")
}

/// Fails unless it ended well.
#[track_caller]
pub(crate) fn good(output: &Output) {
    assert!(output.status.success(), "{:?}: {}", output.status.code(), stderr(output));
}

/// Fails unless it ended with this exit code, and one line that has these words.
#[track_caller]
pub(crate) fn failed(output: &Output, code: i32, words: &str) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    let line = text.lines().last().unwrap_or_default();
    assert!(line.starts_with("spot: ") && line.contains(words), "{line}");
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The first line of standard output that is JSON.
pub(crate) fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.lines().next().expect("a line")).expect("JSON")
}

/// A `spot serve` that runs; killed when this is dropped.
pub(crate) struct Serving {
    child: Child,
    lines: Receiver<String>,
    /// What it said until it listened.
    pub(crate) said: Vec<Value>,
    /// HOST:PORT#KEY.
    pub(crate) name: String,
}

impl Serving {
    /// Serves `folder` at a port of 127.0.0.1, any if it is 0, with keys and catalogue in `state`.
    pub(crate) fn start(folder: &Path, state: &Path, port: u16) -> Self {
        let mut command = command(state, ["serve", "--json", "--listen"]);
        command.arg(format!("127.0.0.1:{port}")).arg("--state").arg(state).arg(folder);
        Self::run(command)
    }

    /// The same at any port, with the network on `runtime`.
    pub(crate) fn on(runtime: &str, folder: &Path, state: &Path) -> Self {
        let mut command =
            command(state, ["--runtime", runtime, "serve", "--json", "--listen", "127.0.0.1:0"]);
        command.arg("--state").arg(state).arg(folder);
        Self::run(command)
    }

    /// Serves `folder` where and how the settings of `home` say.
    pub(crate) fn configured(folder: &Path, home: &Path) -> Self {
        Self::run(command(home, [Path::new("serve"), Path::new("--json"), folder]))
    }

    fn run(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = sync_channel(1024);
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut serving = Self { child, lines, said: Vec::new(), name: String::new() };
        while serving.name.is_empty() {
            let line = serving.lines.recv_timeout(SOON).expect("it comes to listen");
            let event: Value = serde_json::from_str(&line).expect("JSON");
            if event["event"] == "listening" {
                serving.name = event["address"].as_str().expect("an address").into();
            }
            serving.said.push(event);
        }
        serving
    }

    pub(crate) fn address(&self) -> &str {
        self.name.split_once('#').expect("a key").0
    }

    pub(crate) fn key(&self) -> &str {
        self.name.split_once('#').expect("a key").1
    }

    pub(crate) fn port(&self) -> u16 {
        self.address().rsplit_once(':').expect("a port").1.parse().expect("a number")
    }

    /// The link of the track that lies there.
    pub(crate) fn link(&self, path: &str) -> String {
        let track = self.said.iter().find(|event| event["event"] == "track" && event["path"] == path);
        track.unwrap_or_else(|| panic!("{path} is served"))["link"].as_str().expect("a link").into()
    }

    /// Ends it as a crash or a power cut does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it ran");
        self.child.wait().expect("it ran");
    }

    #[cfg(unix)]
    pub(crate) fn terminate(&mut self) -> std::process::ExitStatus {
        terminate(&self.child);
        self.child.wait().expect("it ran")
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks a process to end, as a service manager does.
#[cfg(unix)]
pub(crate) fn terminate(child: &Child) {
    let sent = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
    assert!(sent.expect("there is a kill").success());
}
