//! The runtime that the network runs on: its sockets, timers and tasks. The screen, the keyboard and the web server of
//! `spot serve --http` have tokio's in any case.

use crate::failure::Failure;
use crate::server_name::DEFAULT_PORT;
use alloc::sync::Arc;
use clap::ValueEnum;
use core::future::Future;
use core::net::SocketAddr;
use runtime_smol::Smol;
use runtime_tokio::clock::Clock;
use runtime_tokio::disk::Disk;
use runtime_tokio::runtime::Runtime;
use runtime_tokio::{Client, ClientOptions, ServerEvent, ServerOptions, SocketOptions, Store, Tokio};
use spotp2p::access_point;
use spotp2p::node::Config;
use spotproto::Instant;
use std::io;
use std::sync::OnceLock;

/// A runtime.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, ValueEnum)]
pub(super) enum Network {
    /// tokio.
    #[default]
    Tokio,
    /// smol.
    Smol,
}

/// A program has one.
static CHOSEN: OnceLock<Network> = OnceLock::new();

impl Network {
    /// Has everything from now on run on this one. The first word counts.
    pub(super) fn choose(self) {
        let _ = CHOSEN.set(self);
    }

    fn chosen() -> Self {
        CHOSEN.get().copied().unwrap_or_default()
    }
}

/// Starts a client; `config` is told the time.
pub(super) fn client(
    options: ClientOptions,
    config: impl FnOnce(Instant) -> Config,
    disk: Option<Disk>,
) -> Result<Client, Failure> {
    match Network::chosen() {
        Network::Tokio => client_on::<Tokio>(options, config, disk),
        Network::Smol => client_on::<Smol>(options, config, disk),
    }
}

fn client_on<R: Runtime>(
    options: ClientOptions,
    config: impl FnOnce(Instant) -> Config,
    disk: Option<Disk>,
) -> Result<Client, Failure> {
    let clock = Clock::<R>::start();
    Client::start(options, clock, config(clock.now()), disk).map_err(Failure::runtime)
}

/// A port that is listened at.
#[derive(Debug)]
pub(super) enum Door {
    Tokio(runtime_tokio::Listener),
    Smol(runtime_smol::Listener),
}

impl Door {
    /// Listens at `address`, or at the usual port of all of them.
    pub(super) fn open(address: Option<SocketAddr>, sockets: &SocketOptions) -> Result<Self, Failure> {
        let opened = match (Network::chosen(), address) {
            (Network::Tokio, Some(address)) => runtime_tokio::listen(address, sockets).map(Self::Tokio),
            (Network::Tokio, None) => {
                runtime_tokio::listen_everywhere(DEFAULT_PORT, sockets).map(Self::Tokio)
            }
            (Network::Smol, Some(address)) => runtime_smol::listen(address, sockets).map(Self::Smol),
            (Network::Smol, None) => runtime_smol::listen_everywhere(DEFAULT_PORT, sockets).map(Self::Smol),
        };
        opened.map_err(Failure::runtime)
    }

    /// Where it is.
    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tokio(listener) => listener.local_addr(),
            Self::Smol(listener) => listener.local_addr(),
        }
    }

    /// Serves until `stop` is ready; `config` is told the time.
    pub(super) async fn serve(
        self,
        store: Arc<impl Store>,
        options: ServerOptions,
        config: impl FnOnce(Instant) -> access_point::Config,
        stop: impl Future<Output = ()>,
        trouble: impl FnMut(ServerEvent),
    ) {
        match self {
            Self::Tokio(listener) => {
                let clock = Clock::<Tokio>::start();
                runtime_tokio::serve(listener, store, options, clock, config(clock.now()), stop, trouble)
                    .await;
            }
            Self::Smol(listener) => {
                let clock = Clock::<Smol>::start();
                runtime_smol::serve(listener, store, options, clock, config(clock.now()), stop, trouble)
                    .await;
            }
        }
    }
}
