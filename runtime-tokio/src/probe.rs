//! Tries out whether a client answers at the port that it claims.

use crate::clock::Clock;
use crate::connection::{Why, drive};
use crate::entropy;
use crate::server::ServerOptions;
use core::net::SocketAddr;
use core::time::Duration;
use spotproto::CloseCode;
use spotproto::crypto::PublicKey;
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::pump::{BATCH, Pump};
use spotproto::session::{Input, Output, Session, Setup};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Time for the connection, and once more for the handshake: who takes longer is of no use to peers.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether the holder of `link_key` answers at `address`, where it expects the link from this access point.
pub(crate) async fn answers(
    address: SocketAddr,
    link: LinkId,
    link_key: PublicKey,
    options: ServerOptions,
    clock: Clock,
) -> bool {
    let Ok(ephemeral) = entropy::secret_key() else { return false };
    let Ok(Ok(stream)) = timeout(PATIENCE, TcpStream::connect(address)).await else { return false };
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
    let (commands, inputs) = mpsc::channel(1);
    let (outputs, mut news) = mpsc::channel(4);
    let shaken = async {
        let established = matches!(news.recv().await, Some(Output::Established { confirmed: true, .. }));
        let _ = commands.send(Input::Close(CloseCode::Done)).await;
        // What it may say behind its handshake is of no interest.
        while news.recv().await.is_some() {}
        established
    };
    let driven =
        async { tokio::join!(shaken, drive(stream, Pump::new(session, BATCH), clock, inputs, outputs)) };
    matches!(timeout(PATIENCE, driven).await, Ok((true, ended)) if !matches!(ended.why, Why::Line(_)))
}
