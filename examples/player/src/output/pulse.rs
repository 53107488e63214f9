//! Sound through PulseAudio's protocol, which pipewire-pulse speaks too.

use alloc::sync::Arc;
use alloc::task::Wake;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::{self, Thread};
use std::time::Instant;

use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{
    ChannelMap, ChannelPosition, PlaybackLatency, PlaybackStreamParams, SampleFormat, SampleSpec,
};
use pulseaudio::{Client, ClientError, PlaybackStream, cookie_path_from_env, socket_path_from_env};

use super::queue::Queue;
use super::{BUFFER, Output, OutputError, PATIENCE};
use crate::decode::{Samples, Spec};

/// A stream at a PulseAudio server. The position is the server's, its latency taken off.
#[derive(Debug)]
pub struct Pulse {
    socket: Option<PathBuf>,
    client: Option<Client>,
    playing: Option<Playing>,
    spec: Option<Spec>,
    is_paused: bool,
    packed: Vec<u8>,
}

#[derive(Debug)]
struct Playing {
    stream: PlaybackStream,
    queue: Queue,
    /// Where the server's count stood at the last start or flush.
    base: i64,
    written: u64,
    heard: u64,
    /// The stream was drained and takes no more.
    is_over: bool,
}

impl Pulse {
    /// Will look for the server where the environment says, as PulseAudio's own programs do.
    #[must_use]
    pub fn new() -> Self {
        let system_wide = || Some(PathBuf::from("/run/pulse/native")).filter(|path| path.exists());
        Self::with_socket(socket_path_from_env().or_else(system_wide))
    }

    /// Will connect to the server at this socket.
    #[must_use]
    pub fn at(socket: impl AsRef<Path>) -> Self {
        Self::with_socket(Some(socket.as_ref().into()))
    }

    fn with_socket(socket: Option<PathBuf>) -> Self {
        Self { socket, client: None, playing: None, spec: None, is_paused: false, packed: Vec::new() }
    }

    fn connect(&self) -> Result<Client, OutputError> {
        let path = self.socket.as_ref().ok_or(OutputError::NoServer)?;
        let socket = UnixStream::connect(path).map_err(|_| OutputError::NoServer)?;
        // The greeting is read and written with blocking calls.
        let limits = socket.set_read_timeout(Some(PATIENCE)).and(socket.set_write_timeout(Some(PATIENCE)));
        limits.map_err(|_| OutputError::NoServer)?;
        // The server refuses an empty cookie, even where it lets everybody in.
        let cookie = cookie_path_from_env().and_then(|path| std::fs::read(path).ok());
        let cookie = cookie.unwrap_or_else(|| vec![0; 256]);
        Client::new_unix(c"spot", socket, Some(cookie)).map_err(|_| OutputError::NoServer)
    }

    fn playing(&mut self) -> Result<&mut Playing, OutputError> {
        self.playing.as_mut().filter(|playing| !playing.is_over).ok_or(OutputError::WrongSpec)
    }

    fn open(&mut self, spec: Spec) -> Result<(), OutputError> {
        self.playing = None;
        let client = match &self.client {
            Some(client) => client.clone(),
            None => self.connect()?,
        };
        let queue = Queue::new(bytes_in(spec, QUEUED));
        let params = parameters(spec, self.is_paused)?;
        let opened = block_on(client.create_playback_stream(params, queue.source()));
        // A connection that fails is made anew at the next try.
        self.client = opened.is_ok().then_some(client);
        let stream = opened?;
        self.spec = Some(spec);
        self.playing = Some(Playing { stream, queue, base: 0, written: 0, heard: 0, is_over: false });
        Ok(())
    }
}

impl Default for Pulse {
    fn default() -> Self {
        Self::new()
    }
}

impl Output for Pulse {
    fn start(&mut self, spec: Spec) -> Result<(), OutputError> {
        if self.spec == Some(spec)
            && let Ok(playing) = self.playing()
        {
            return playing.count_anew();
        }
        if !self.is_paused {
            self.drain()?;
        }
        self.open(spec)
    }

    fn write(&mut self, samples: &Samples) -> Result<(), OutputError> {
        let spec = self.spec.filter(|spec| *spec == samples.spec()).ok_or(OutputError::WrongSpec)?;
        if self.is_paused {
            return Err(OutputError::Paused);
        }
        if self.playing().is_err() {
            self.open(spec)?;
        }
        let mut packed = core::mem::take(&mut self.packed);
        packed.clear();
        samples.write_le(&mut packed);
        let playing = self.playing()?;
        let written = playing.queue.push(&packed, spec.frame_len());
        playing.written += samples.frames() as u64;
        self.packed = packed;
        written
    }

    fn pause(&mut self) -> Result<(), OutputError> {
        self.is_paused = true;
        self.playing().map_or(Ok(()), |playing| block_on(playing.stream.cork()))
    }

    fn resume(&mut self) -> Result<(), OutputError> {
        self.is_paused = false;
        self.playing().map_or(Ok(()), |playing| block_on(playing.stream.uncork()))
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        let Ok(playing) = self.playing() else { return Ok(()) };
        playing.queue.clear();
        block_on(playing.stream.flush())?;
        playing.base = playing.timing()?.read_offset;
        playing.written = 0;
        playing.heard = 0;
        Ok(())
    }

    fn drain(&mut self) -> Result<(), OutputError> {
        let is_paused = self.is_paused;
        let Ok(playing) = self.playing() else { return Ok(()) };
        if is_paused {
            return Err(OutputError::Paused);
        }
        playing.queue.wait_until_taken()?;
        block_on(playing.stream.drain())?;
        playing.heard = playing.written;
        playing.is_over = true;
        Ok(())
    }

    fn played(&mut self) -> u64 {
        let (Some(spec), Some(playing)) = (self.spec, &mut self.playing) else { return 0 };
        if !playing.is_over
            && let Ok(timing) = playing.timing()
        {
            let taken =
                u64::try_from(timing.read_offset - playing.base).unwrap_or(0) / spec.frame_len() as u64;
            let under_way = timing.sink_usec.saturating_mul(spec.rate.into()) / 1_000_000;
            playing.heard = taken.saturating_sub(under_way).clamp(playing.heard, playing.written);
        }
        playing.heard
    }

    fn name(&self) -> String {
        "PulseAudio".into()
    }
}

impl Playing {
    fn timing(&self) -> Result<PlaybackLatency, OutputError> {
        block_on(self.stream.timing_info())
    }

    /// Counts from what is written next, while what was written before is still to be heard.
    fn count_anew(&mut self) -> Result<(), OutputError> {
        let queued = i64::try_from(self.queue.len()).unwrap_or(i64::MAX);
        self.base = self.timing()?.write_offset.saturating_add(queued);
        self.written = 0;
        self.heard = 0;
        Ok(())
    }
}

/// The part of [`BUFFER`] that waits on this side; the server holds the rest.
const QUEUED: Duration = Duration::from_millis(50);

fn bytes_in(spec: Spec, time: Duration) -> usize {
    let frames = time.as_millis() * u128::from(spec.rate) / 1_000;
    usize::try_from(frames).unwrap_or(usize::MAX).saturating_mul(spec.frame_len())
}

fn parameters(spec: Spec, start_corked: bool) -> Result<PlaybackStreamParams, OutputError> {
    use ChannelPosition as At;
    const POSITIONS: [At; 8] = [
        At::FrontLeft,
        At::FrontRight,
        At::FrontCenter,
        At::Lfe,
        At::RearLeft,
        At::RearRight,
        At::SideLeft,
        At::SideRight,
    ];
    let format = match (spec.bits, spec.float) {
        (16, false) => SampleFormat::S16Le,
        (24, false) => SampleFormat::S24Le,
        (32, false) => SampleFormat::S32Le,
        (32, true) => SampleFormat::Float32Le,
        _ => return Err(OutputError::Refused),
    };
    let channel_map = match usize::from(spec.channels) {
        1 => ChannelMap::mono(),
        channels => ChannelMap::new(POSITIONS.get(..channels).ok_or(OutputError::Refused)?.iter().copied()),
    };
    let channels = u8::try_from(spec.channels).map_err(|_| OutputError::Refused)?;
    let target_length = u32::try_from(bytes_in(spec, BUFFER - QUEUED)).map_err(|_| OutputError::Refused)?;
    Ok(PlaybackStreamParams {
        sample_spec: SampleSpec { format, channels, sample_rate: spec.rate },
        channel_map,
        sink_name: Some(pulseaudio::protocol::DEFAULT_SINK.to_owned()),
        // The server's own choice is two seconds, and a pause or a jump would be felt that late.
        buffer_attr: BufferAttr { target_length, ..Default::default() },
        flags: StreamFlags { start_corked, adjust_latency: true, ..Default::default() },
        ..Default::default()
    })
}

impl From<ClientError> for OutputError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::ServerUnavailable => Self::NoServer,
            ClientError::ServerError(_) => Self::Refused,
            _ => Self::Gone,
        }
    }
}

/// Waits for an answer of the server, but not for ever.
fn block_on<T>(answer: impl Future<Output = Result<T, ClientError>>) -> Result<T, OutputError> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut answer = pin!(answer);
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Poll::Ready(answer) = answer.as_mut().poll(&mut context) {
            return Ok(answer?);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(OutputError::Stalled);
        }
        thread::park_timeout(left);
    }
}
