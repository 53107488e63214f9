//! The connection to the access point, in a task of its own.

use super::ClientOptions;
use crate::clock::Clock;
use crate::connection::drive_into;
use crate::dial::connect;
use crate::entropy;
use crate::runtime::Runtime;
use crate::task::Tasks;
use crate::way::Way;
use async_channel::{Receiver, Sender};
use bytes::Bytes;
use spotp2p::SessionId;
use spotp2p::node::Input;
use spotproto::content::FileId;
use spotproto::crypto::PublicKey;
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::pump::{BATCH, Pump};
use spotproto::session::{self, Session, Setup};
use spotproto::{Machine, SessionError};

/// Messages that may wait for the session; more than a node ever has outstanding on one.
pub(super) const SESSION_QUEUE: usize = 1024;

/// The driver's side of the connection.
#[derive(Debug)]
pub(super) struct AccessPoint {
    pub(super) session: SessionId,
    pub(super) way: Way,
    /// Brings the key that the other side has shown, before the node is told that it is connected.
    pub(super) shown: Receiver<PublicKey>,
}

/// The connection's own side.
struct Line<R: Runtime> {
    session: SessionId,
    options: ClientOptions,
    clock: Clock<R>,
    inputs: Receiver<session::Input>,
    told: Sender<Input<FileId, Bytes>>,
    show: Option<Sender<PublicKey>>,
}

impl AccessPoint {
    /// Dials, in one of `tasks`, and drives what comes of it.
    pub(super) fn dial<R: Runtime>(
        session: SessionId,
        options: ClientOptions,
        clock: Clock<R>,
        told: Sender<Input<FileId, Bytes>>,
        tasks: &mut Tasks<()>,
    ) -> Self {
        tasks.tidy();
        let (queue, inputs) = async_channel::bounded(SESSION_QUEUE);
        let (show, shown) = async_channel::bounded(1);
        let line = Line { session, options, clock, inputs, told, show: Some(show) };
        let task = tasks.spawn::<R>(line.run());
        Self { session, way: Way::new(queue, task), shown }
    }
}

impl<R: Runtime> Line<R> {
    async fn run(self) {
        let (session, told) = (self.session, self.told.clone());
        // Without a connection there is no error to tell: no address answered, and the node tries again by its own rule.
        let why = self.converse().await;
        let _ = told.send(Input::Disconnected { session, why }).await;
    }

    async fn converse(mut self) -> Option<SessionError> {
        let (stream, address) = connect::<R>(&self.options.server, &self.options.dial).await.ok()?;
        let setup = Setup {
            role: Role::Initiator,
            dialled: true,
            link: LinkId::ACCESS_POINT,
            identity: self.options.identity,
            ephemeral: entropy::secret_key().ok()?,
            remote: self.options.server_key,
            limits: self.options.limits,
        };
        let mut session: Session = Session::new(self.clock.now(), setup).ok()?;
        // What is asked already rides in the first message.
        while let Ok(input) = self.inputs.try_recv() {
            if let Err(error) = session.handle_input(self.clock.now(), input) {
                return Some(error);
            }
        }
        let wrap = |output| {
            if let session::Output::Established { peer, .. } = &output
                && let Some(show) = self.show.take()
            {
                let _ = show.try_send(*peer);
            }
            Input::of_session(self.session, address, output)
        };
        let pump = Pump::new(session, BATCH);
        let ended = drive_into(stream, pump, self.clock, self.inputs, self.told, wrap).await;
        Some(ended.why.machine().unwrap_or(SessionError::Lost))
    }
}
