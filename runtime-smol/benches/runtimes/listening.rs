//! A client and its server, measured.

use crate::music::{Shelf, TRACK, keys};
use crate::rounds::{Meter, port};
use crate::{Cost, median};
use alloc::sync::Arc;
use core::net::SocketAddr;
use core::time::Duration;
use runtime_tokio::runtime::Runtime;
use spotp2p::access_point;
use spotp2p::node::{self, Command, Config, LogIn};
use spotp2p_adapter::{
    Client, ClientEvent, ClientOptions, Clock, DialOptions, ServerOptions, entropy, serve,
};
use spotproto::crypto::{KeyPair, RustCrypto, SecretKey};
use spotproto::message::Wanted;
use spotproto::{Instant, Limits, Seed, UnixTime};

/// From a click on a client that does not run yet to its first proved piece: the medians of many.
pub(crate) async fn start<R: Runtime>() -> Cost {
    const CLICKS: usize = 15;
    let (listener, address) = port::<R>();
    let config = access_point::Config {
        ticket_key: SecretKey([2; 32]),
        pseudonym_key: SecretKey([3; 32]),
        identity: keys(1).public,
        date: (Instant::START, UnixTime(1_800_000_000)),
        ticket_lasts: Duration::from_secs(3600),
        lease: access_point::LEASE,
        limits: access_point::Limits::DEFAULT,
    };
    let options = ServerOptions { identity: keys(1), limits: Limits::DEFAULT };
    let shelf = Arc::new(Shelf::new());
    let (stop, stopped) = spotp2p_adapter::channel::bounded::<()>(1);
    let (ended, end) = spotp2p_adapter::channel::bounded::<()>(1);
    R::spawn(async move {
        let stop = async {
            let _ = stopped.recv().await;
        };
        serve(listener, shelf, options, Clock::<R>::start(), config, stop, |_| {}).await;
        drop(ended);
    });
    let mut costs = Vec::new();
    for _ in 0..CLICKS {
        let meter = Meter::start();
        let mut client = client::<R>(address);
        let open = Command::Open { wanted: Wanted::Track(TRACK), at_ms: 0 };
        client.tell(open).await.expect("the client lives");
        loop {
            if let ClientEvent::Node(node::Event::Piece { .. }) = client.next().await.expect("it lives") {
                break;
            }
        }
        costs.push(meter.cost(1000.0));
        client.leave().await;
    }
    drop(stop);
    let _ = end.recv().await;
    Cost { time: median(costs.iter().map(|cost| cost.time)), cpu: median(costs.iter().map(|cost| cost.cpu)) }
}

fn client<R: Runtime>(server: SocketAddr) -> Client {
    let options = ClientOptions {
        server: server.to_string(),
        server_key: Some(keys(1).public),
        identity: KeyPair::new::<RustCrypto>(entropy::secret_key().expect("entropy")),
        dial: DialOptions::default(),
        limits: Limits::DEFAULT,
        listen: None,
    };
    let clock = Clock::<R>::start();
    let log_in = LogIn { link_key: keys(9).public, seed: Seed([2; 32]) };
    let config = Config::new(log_in, "bench", Seed([1; 32]), (clock.now(), UnixTime(1_800_000_000)));
    Client::start(options, clock, config, None).expect("nothing is in its way")
}
