//! Tries out whether a client answers at the port that it claims.

use crate::clock::Clock;
use crate::connection::{Why, drive};
use crate::entropy;
use crate::runtime::Runtime;
use crate::server::ServerOptions;
use crate::socket::SocketOptions;
use crate::task::timeout;
use core::net::SocketAddr;
use core::time::Duration;
use futures_lite::future::zip;
use spotproto::CloseCode;
use spotproto::crypto::PublicKey;
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::pump::{BATCH, Pump};
use spotproto::session::{Input, Output, Session, Setup};

/// Time for the connection, and once more for the handshake: who takes longer is of no use to peers.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether the holder of `link_key` answers at `address`, where it expects the link from this access point.
pub(crate) async fn answers<R: Runtime>(
    address: SocketAddr,
    link: LinkId,
    link_key: PublicKey,
    options: ServerOptions,
    clock: Clock<R>,
) -> bool {
    let Ok(ephemeral) = entropy::secret_key() else { return false };
    let connecting = R::connect(address, None, SocketOptions::default());
    let Some(Ok(stream)) = timeout::<R, _>(PATIENCE, connecting).await else { return false };
    let setup = Setup {
        role: Role::Initiator,
        dialled: true,
        link,
        identity: options.identity,
        ephemeral,
        remote: Some(link_key),
        limits: options.limits,
    };
    let Ok(session): Result<Session, _> = Session::new(clock.now(), setup) else { return false };
    let (commands, inputs) = async_channel::bounded(1);
    let (outputs, news) = async_channel::bounded(4);
    let shaken = async {
        let established = matches!(news.recv().await, Ok(Output::Established { confirmed: true, .. }));
        let _ = commands.send(Input::Close(CloseCode::Done)).await;
        // What it may say behind its handshake is of no interest.
        while news.recv().await.is_ok() {}
        established
    };
    let driven = zip(shaken, drive(stream, Pump::new(session, BATCH), clock, inputs, outputs));
    matches!(timeout::<R, _>(PATIENCE, driven).await, Some((true, ended)) if !matches!(ended.why, Why::Line(_)))
}
