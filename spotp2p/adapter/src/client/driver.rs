//! Carries out what a client's node asks for, and tells it what comes of it.

use super::access_point::AccessPoint;
use super::{ClientEvent, ClientOptions};
use crate::clock::{Alarm, Clock};
use crate::disk::Disk;
use crate::entropy;
use crate::links::Links;
use crate::mirrors::Mirrors;
use crate::runtime::Runtime;
use crate::task::{Tasks, timeout};
use alloc::collections::VecDeque;
use async_channel::{Receiver, Sender, TrySendError};
use bytes::Bytes;
use core::future::{Future, pending};
use core::pin::{Pin, pin};
use core::time::Duration;
use futures_lite::future::or;
use spotcache::cache::{Done, RequestId};
use spotp2p::SessionId;
use spotp2p::cdn::Get;
use spotp2p::node::{self, Command, Effect, Event, Input, LogIns, MirrorId, MirrorNews, Node, Output};
use spotproto::content::FileId;
use spotproto::crypto::PublicKey;
use spotproto::message::{Dial, Message, Misdeed};
use spotproto::session;
use spotproto::{CloseCode, Machine, SessionError};

/// How long connections have to say goodbye.
const GOODBYE: Duration = Duration::from_millis(500);

/// What a node is told.
pub(super) type Inputs = node::Input<FileId, Bytes>;

/// A node, and all that it has under way.
pub(super) struct Driver<R: Runtime> {
    pub(super) options: ClientOptions,
    pub(super) clock: Clock<R>,
    pub(super) node: Node<FileId, Bytes>,
    pub(super) log_ins: LogIns,
    /// The connection to the access point, while there is one.
    pub(super) access_point: Option<AccessPoint>,
    pub(super) links: Links<R>,
    pub(super) mirrors: Mirrors<R>,
    /// Work for the disk, and what came of it.
    pub(super) disk: Option<Disk>,
    /// Where connections tell what the node is to be told.
    pub(super) inputs: Sender<Inputs>,
    /// What the node is to be told by the driver itself, once it is drained.
    pub(super) owed: VecDeque<Inputs>,
    pub(super) events: Sender<ClientEvent>,
    /// The event for which there was no room.
    pub(super) held: Option<ClientEvent>,
    /// Connections to the access point: the latest, and older ones that say goodbye.
    pub(super) tasks: Tasks<()>,
    /// The node has nothing more to do.
    pub(super) gone: bool,
}

/// What a driver waits for.
enum Come {
    /// The program gives a command, or is gone.
    Commanded(Option<Command<FileId>>),
    Told(Inputs),
    /// The program has taken an event, or takes no more.
    Room(bool),
    Due,
}

/// Runs a client until its node is gone, or its program.
pub(super) async fn run<R: Runtime>(
    mut driver: Driver<R>,
    commands: Receiver<Command<FileId>>,
    inbox: Receiver<Inputs>,
) {
    let clock = driver.clock;
    let mut alarm = Alarm::new(clock);
    let room = driver.events.clone();
    let mut sending = pin!(None);
    loop {
        if sending.is_none() {
            driver.drain();
            if driver.gone {
                return driver.end(inbox).await;
            }
            sending.set(driver.held.take().map(|event| room.send(event)));
        }
        // While the program takes no events nothing more is read, but its commands stay welcome as long as the node has room for
        // what comes of them: it may be waiting to give one before it looks at events again.
        let full = sending.is_some();
        let welcome = driver.node.wants_input();
        let reading = !full && welcome;
        let wake = driver.node.poll_timeout();
        let due = async {
            alarm.until_some(wake).await;
            Come::Due
        };
        let commanded =
            async { if welcome { Come::Commanded(commands.recv().await.ok()) } else { pending().await } };
        let told = async {
            match inbox.recv().await {
                Ok(input) => Come::Told(input),
                Err(_) => pending().await,
            }
        };
        let answered = async {
            let (request, done) = answer(&mut driver.disk).await;
            Come::Told(Input::Disk(request, done))
        };
        let news = async { if reading { or(answered, told).await } else { pending().await } };
        let taken = async { Come::Room(sent(sending.as_mut()).await) };
        match or(due, or(commanded, or(taken, news))).await {
            Come::Commanded(Some(command)) => driver.tell(Input::Command(command)),
            Come::Commanded(None) | Come::Room(false) => return,
            Come::Told(input) => driver.tell(input),
            Come::Room(true) => sending.set(None),
            Come::Due => {
                let Ok(()) = driver.node.handle_timeout(clock.now());
            }
        }
    }
}

/// Whether what was sent was taken, once it is known.
async fn sent<F: Future<Output = Result<(), E>>, E>(sending: Pin<&mut Option<F>>) -> bool {
    match sending.as_pin_mut() {
        Some(sending) => sending.await.is_ok(),
        None => pending().await,
    }
}

/// What the disk answers.
async fn answer(disk: &mut Option<Disk>) -> (RequestId, Done<FileId, Bytes>) {
    match disk {
        Some(disk) => disk.next().await,
        None => pending().await,
    }
}

impl<R: Runtime> Driver<R> {
    /// Tells the node something; what it means to the driver comes first.
    pub(super) fn tell(&mut self, input: Inputs) {
        match &input {
            Input::Connected { session, .. } => self.look_at_key(*session),
            Input::Disconnected { session, .. } => {
                self.links.forget(*session);
                self.access_point.take_if(|line| line.session == *session);
            }
            _ => {}
        }
        let Ok(()) = self.node.handle_input(self.clock.now(), input);
    }

    /// The key that an access point has shown holds from now on.
    fn look_at_key(&mut self, session: SessionId) {
        let line = self.access_point.as_mut().filter(|line| line.session == session);
        if let Some(key) = line.and_then(|line| line.shown.try_recv().ok())
            && self.options.server_key.replace(key).is_none()
        {
            self.show(ClientEvent::ServerKey(key));
        }
    }

    /// Carries out what the node asks for, until an event finds no room.
    pub(super) fn drain(&mut self) {
        while self.held.is_none() {
            if let Some(output) = self.node.poll_output() {
                self.heed(output);
            } else if let Some(owed) = self.owed.pop_front() {
                self.tell(owed);
            } else {
                return;
            }
        }
    }

    fn heed(&mut self, output: Output<FileId, Bytes>) {
        match output {
            Output::Send { to, message } => self.send(to, session::Input::Send(message)),
            Output::Effect(effect) => self.carry_out(effect),
            Output::Event(Event::Gone) => self.gone = true,
            Output::Event(event) => self.show(ClientEvent::Node(event)),
            _ => {}
        }
    }

    pub(super) fn carry_out(&mut self, effect: Effect<FileId, Bytes>) {
        match effect {
            Effect::Connect { session, .. } => self.connect(session),
            Effect::Link { session, dial, link_key } => self.link(session, *dial, link_key),
            Effect::Report { session, what } => self.report(session, what),
            Effect::Fetch { mirror, get } => self.fetch(mirror, get),
            Effect::FetchNoMore(request) => self.mirrors.fetch_no_more(request),
            Effect::LeaveMirror(mirror) => self.mirrors.leave(mirror),
            Effect::HangUp { session, code } => self.hang_up(session, code),
            Effect::Disk(effect) => {
                if let Some(disk) = self.disk.as_mut() {
                    disk.submit(effect);
                }
            }
            _ => {}
        }
    }

    fn show(&mut self, event: ClientEvent) {
        if let Err(TrySendError::Full(event)) = self.events.try_send(event) {
            self.held = Some(event);
        }
    }

    pub(super) fn send(&mut self, to: SessionId, input: session::Input) {
        let goes_on = match &self.access_point {
            Some(line) if line.session == to => line.way.send(input),
            _ => self.links.send(to, input),
        };
        if !goes_on {
            self.access_point.take_if(|line| line.session == to);
            self.owed.push_back(Input::Disconnected { session: to, why: Some(SessionError::Lost) });
        }
    }

    /// Dials the access point. The log-in after this one must not go by the same key.
    fn connect(&mut self, session: SessionId) {
        match entropy::seed().and_then(|seed| Ok(self.log_ins.renew(seed, entropy::secret_key()?))) {
            Ok(next) => self.owed.push_back(Input::LogIn(next)),
            Err(_) => return self.owed.push_back(Input::Disconnected { session, why: None }),
        }
        let (options, told) = (self.options.clone(), self.inputs.clone());
        self.access_point = Some(AccessPoint::dial(session, options, self.clock, told, &mut self.tasks));
    }

    fn link(&mut self, session: SessionId, dial: Dial, link_key: PublicKey) {
        match self.log_ins.pair(link_key) {
            Some(keys) => self.links.make(session, dial, keys.clone()),
            // Brokered so long ago that its id is of no use any more.
            None => self.owed.push_back(Input::Disconnected { session, why: None }),
        }
    }

    fn report(&mut self, session: SessionId, what: Misdeed) {
        if let (Some(line), Some(link)) = (&self.access_point, self.links.id_of(session)) {
            let to = line.session;
            self.send(to, session::Input::Send(Message::Report { link, what }));
        }
    }

    fn fetch(&mut self, mirror: MirrorId, get: Get) {
        let request = get.request;
        if !self.mirrors.fetch(mirror, get) {
            self.owed.push_back(Input::Mirror { request, news: MirrorNews::Failed });
        }
    }

    fn hang_up(&mut self, session: SessionId, code: CloseCode) {
        match self.access_point.take_if(|line| line.session == session) {
            Some(line) => {
                line.way.send(session::Input::Close(code));
            }
            None => self.links.hang_up(session, code),
        }
    }

    /// Waits for what is still on its way to the disk, to the server and to peers.
    async fn end(mut self, inbox: Receiver<Inputs>) {
        self.links.hang_up_all(CloseCode::ShuttingDown);
        let goodbyes = async {
            while self.tasks.next().await.is_some() {}
            self.links.all_over().await;
        };
        // Nobody must wait for room to tell of its end.
        let hear = async { while inbox.recv().await.is_ok() {} };
        let _ = timeout::<R, _>(GOODBYE, or(goodbyes, hear)).await;
        if let Some(disk) = self.disk {
            // The node has been told of what failed.
            let _ = disk.close().await;
        }
    }
}
