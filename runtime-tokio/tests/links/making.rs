//! Links come about whoever of the two can be reached.

use super::end::{End, SOON, dial, keys, meet, stand, word};
use core::net::{Ipv4Addr, SocketAddr};
use runtime_tokio::channel;
use runtime_tokio::connection::drive;
use runtime_tokio::{Clock, entropy};
use spotp2p::SessionId;
use spotproto::noise::{Pattern, Role};
use spotproto::preamble::{LINK_LASTS, LinkId, Preamble};
use spotproto::pump::{BATCH, Pump};
use spotproto::session::{Input, Output, Session, Setup};
use spotproto::{CloseCode, Limits, SessionError};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// An address where nobody listens.
fn closed() -> SocketAddr {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn one_side_that_can_be_reached_is_enough_in_either_role() {
    for (initiators, responders) in [(true, false), (false, true)] {
        let mut initiator = End::new(1, initiators);
        let mut responder = End::new(2, responders);
        meet(7, &mut initiator, &mut responder);
        stand(7, &mut initiator, &mut responder).await;
        initiator.is_quiet().await;
        responder.is_quiet().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_that_dial_each_other_from_their_doors_stand_on_one_connection() {
    let mut initiator = End::new(1, true);
    let mut responder = End::new(2, true);
    for link in 1..=100 {
        meet(link, &mut initiator, &mut responder);
        stand(link, &mut initiator, &mut responder).await;
    }
    initiator.is_quiet().await;
    responder.is_quiet().await;
    // All stand to this moment, and end when one side says so.
    for link in 1..=100 {
        initiator.hang_up(link);
        let done = |by_peer| Some(SessionError::Closed { code: CloseCode::Done, by_peer });
        let ends = tokio::join!(initiator.ends(link), responder.ends(link));
        assert_eq!(ends, (done(false), done(true)));
    }
}

#[tokio::test]
async fn dead_addresses_are_passed_over_while_others_may_still_come() {
    let mut initiator = End::new(1, true);
    let mut responder = End::new(2, true);
    // One that takes connections and closes them.
    let rude = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = rude.local_addr().unwrap();
    tokio::spawn(async move { while rude.accept().await.is_ok() {} });
    let second = [closed(), responder.addresses()[0]];
    responder.make(dial(3, Role::Responder, 1, &[closed(), address]));
    initiator.make(dial(3, Role::Initiator, 2, &second));
    stand(3, &mut initiator, &mut responder).await;
}

#[tokio::test]
async fn a_responder_waits_until_the_initiator_comes() {
    let mut initiator = End::new(1, false);
    let mut responder = End::new(2, true);
    responder.make(dial(3, Role::Responder, 1, &[closed()]));
    responder.is_quiet().await;
    initiator.make(dial(3, Role::Initiator, 2, &responder.addresses()));
    stand(3, &mut initiator, &mut responder).await;
}

#[tokio::test]
async fn who_comes_before_the_word_to_dial_is_waited_with() {
    for (first, second) in [(Role::Initiator, Role::Responder), (Role::Responder, Role::Initiator)] {
        let mut early = End::new(1, false);
        let mut late = End::new(2, true);
        early.make(dial(4, first, 2, &late.addresses()));
        // It has come, and said what it has to.
        early.is_quiet().await;
        late.make(dial(4, second, 1, &[]));
        tokio::join!(early.stands(4, 2), late.stands(4, 1));
    }
}

#[tokio::test]
async fn who_can_neither_dial_nor_be_dialled_knows_at_once() {
    let mut end = End::new(1, false);
    for (link, role, addresses) in
        [(1, Role::Initiator, vec![]), (2, Role::Responder, vec![]), (3, Role::Initiator, vec![closed()])]
    {
        end.make(dial(link, role, 2, &addresses));
        assert_eq!(end.ends(link.into()).await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_link_that_has_not_come_about_in_half_a_minute_never_will() {
    let mut end = End::new(1, true);
    let begun = tokio::time::Instant::now();
    end.make(dial(1, Role::Responder, 2, &[]));
    let told = end.inbox.recv().await;
    assert!(matches!(told, Ok(spotp2p::node::Input::Disconnected { why: None, .. })), "{told:?}");
    assert!(begun.elapsed() >= LINK_LASTS && begun.elapsed() < 2 * LINK_LASTS);
}

#[tokio::test]
async fn a_link_may_be_given_up_before_it_stands() {
    let mut end = End::new(1, true);
    end.make(dial(1, Role::Responder, 2, &[]));
    end.hang_up(1);
    let closed = SessionError::Closed { code: CloseCode::Done, by_peer: false };
    assert_eq!(end.ends(1).await, Some(closed));
    // Its id is remembered, so that it can be reported.
    assert_eq!(end.links.id_of(SessionId(1)), Some(LinkId([1; 16])));
    assert_eq!(end.links.id_of(SessionId(2)), None);
}

/// A responder's session, driven beside the test over a connection that it thinks it has dialled or not.
fn responder(
    stream: TcpStream,
    link: u8,
    dialled: bool,
) -> (channel::Sender<Input>, channel::Receiver<Output>) {
    let clock = Clock::start();
    let setup = Setup {
        role: Role::Responder,
        dialled,
        link: LinkId([link; 16]),
        identity: keys(2),
        ephemeral: entropy::secret_key().unwrap(),
        remote: Some(keys(1).public),
        limits: Limits::DEFAULT,
    };
    let session: Session = Session::new(clock.now(), setup).unwrap();
    let (commands, inputs) = channel::bounded(16);
    let (told, outputs) = channel::bounded(16);
    tokio::spawn(drive(stream, Pump::new(session, BATCH), clock, inputs, told));
    (commands, outputs)
}

/// In TCP's simultaneous open both sides have dialled one connection, so both preambles are sent. To an initiator that
/// looks like this.
#[tokio::test]
async fn an_initiator_bears_that_both_dialled_the_same_connection() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    for (link, dialled) in [(1, true), (2, false)] {
        let mut end = End::new(1, false);
        end.make(dial(link, Role::Initiator, 2, &[address]));
        let (commands, outputs) = responder(listener.accept().await.unwrap().0, link, dialled);
        commands.send(Input::Send(word(2))).await.unwrap();
        end.stands(link.into(), 2).await;
        let heard = async { while outputs.recv().await.unwrap() != Output::Message(word(1)) {} };
        timeout(SOON, heard).await.expect("the initiator's word comes");
    }
    // The preamble of another link is no way in.
    let mut end = End::new(1, false);
    end.make(dial(3, Role::Initiator, 2, &[address]));
    let _line = responder(listener.accept().await.unwrap().0, 4, true);
    assert!(matches!(end.ends(3).await, Some(SessionError::Peer(_))));
    // Nor is a second one.
    let mut end = End::new(1, false);
    end.make(dial(5, Role::Initiator, 2, &[address]));
    let (mut stream, _) = listener.accept().await.unwrap();
    let preamble = Preamble { pattern: Pattern::Ik, role: Role::Responder, link: LinkId([5; 16]) };
    stream.write_all(&preamble.encode()).await.unwrap();
    let _line = responder(stream, 5, true);
    assert!(matches!(end.ends(5).await, Some(SessionError::Peer(_))));
}
