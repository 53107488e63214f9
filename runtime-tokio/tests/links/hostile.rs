//! Whatever comes to a client's door, and peers that are not who they should be.

use super::end::{End, SOON, dial, meet, stand};
use core::net::SocketAddr;
use core::time::Duration;
use spotproto::error::Refused;
use spotproto::noise::{Pattern, Role};
use spotproto::preamble::{LinkId, Preamble};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

fn preamble(link: u8, role: Role) -> Vec<u8> {
    Preamble { pattern: Pattern::Ik, role, link: LinkId([link; 16]) }.encode().into()
}

/// Says this at a door, and hears what comes until the other side ends it.
async fn shown_out(door: SocketAddr, opening: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(door).await.expect("the door is open");
    stream.write_all(opening).await.expect("the kernel takes it");
    let mut came = Vec::new();
    // A reset is an end too.
    let _ = timeout(SOON, stream.read_to_end(&mut came)).await.expect("it is ended");
    came
}

/// A link comes about between a new initiator and `responder`, which only the first can dial.
async fn a_good_link_comes_about(link: u8, responder: &mut End) {
    let mut initiator = End::new(1, false);
    meet(link, &mut initiator, responder);
    stand(link, &mut initiator, responder).await;
    initiator.hang_up(link.into());
    responder.ends(link.into()).await;
}

#[tokio::test]
async fn who_has_no_business_here_is_shown_out_with_a_byte_at_most() {
    let mut end = End::new(2, true);
    let door = end.addresses()[0];
    // One link is expected meanwhile, in the role of the responder.
    end.make(dial(9, Role::Responder, 1, &[]));
    let mut dialect = preamble(9, Role::Initiator);
    dialect[4] = 2;
    let mut suite = preamble(9, Role::Initiator);
    suite[6] = 9;
    let with_more = [preamble(8, Role::Initiator), vec![7; 4000]].concat();
    let unknown = vec![Refused::UnknownLink as u8];
    let openings = [
        (preamble(8, Role::Initiator), unknown.clone()),
        (with_more, unknown.clone()),
        (preamble(8, Role::Responder), vec![]),
        (preamble(0, Role::Initiator), unknown.clone()),
        (b"GET / HTTP/1.1\r\nHost: music\r\n\r\n".to_vec(), vec![]),
        (preamble(9, Role::Responder), vec![]),
        (dialect, vec![Refused::Version as u8]),
        (suite, vec![Refused::Suite as u8]),
    ];
    let mut shown = JoinSet::new();
    for (opening, answer) in openings {
        shown.spawn(async move { assert_eq!(shown_out(door, &opening).await, answer, "{opening:02x?}") });
    }
    while let Some(shown) = shown.join_next().await {
        shown.expect("as it should be");
    }
    let mut initiator = End::new(1, false);
    initiator.make(dial(9, Role::Initiator, 2, &[door]));
    stand(9, &mut initiator, &mut end).await;
    // What was of use once is of none any more.
    assert_eq!(shown_out(door, &preamble(9, Role::Initiator)).await, unknown);
}

#[tokio::test]
async fn two_hundred_who_say_nothing_keep_nobody_out() {
    let mut end = End::new(2, true);
    let door = end.addresses()[0];
    let mut silent = Vec::new();
    for n in 0..200 {
        let mut stream = TcpStream::connect(door).await.expect("the kernel takes it");
        // Some say a part of what they should.
        stream.write_all(&preamble(1, Role::Initiator)[..n % 24]).await.expect("the kernel takes it");
        silent.push(stream);
    }
    a_good_link_comes_about(1, &mut end).await;
    // All but the last few were shown out to make room, and those are in time.
    for (n, stream) in silent.iter_mut().enumerate() {
        let end = timeout(SOON, stream.read(&mut [0])).await;
        assert!(matches!(end, Ok(Ok(0) | Err(_))), "number {n} still stands");
    }
    a_good_link_comes_about(2, &mut end).await;
}

#[tokio::test]
async fn a_flood_of_preambles_for_one_link_stops_nobody() {
    let mut end = End::new(2, true);
    let door = end.addresses()[0];
    // The other side is the responder, who comes with a preamble and must not speak on before it is asked.
    end.make(dial(5, Role::Initiator, 1, &[]));
    let mut rude = preamble(5, Role::Responder);
    rude.extend([1; 100]);
    for _ in 0..20 {
        shown_out(door, &rude).await;
    }
    let mut responder = End::new(1, false);
    responder.make(dial(5, Role::Responder, 2, &[door]));
    stand(5, &mut end, &mut responder).await;
}

#[tokio::test]
async fn another_key_than_the_expected_one_ends_the_link_on_both_sides() {
    // The initiator expects somebody else, or the responder does.
    for (link, of_responder, of_initiator) in [(1, 3, 1), (2, 2, 3)] {
        for door in [true, false] {
            let mut initiator = End::new(1, !door);
            let mut responder = End::new(2, door);
            let (first, second) = (initiator.addresses(), responder.addresses());
            responder.make(dial(link, Role::Responder, of_initiator, &first));
            initiator.make(dial(link, Role::Initiator, of_responder, &second));
            let ends = tokio::join!(initiator.ends(link.into()), responder.ends(link.into()));
            assert!(ends.0.is_some() && ends.1.is_some(), "{ends:?}");
        }
    }
}

#[tokio::test]
async fn an_initiator_that_begins_and_says_no_more_is_given_up() {
    let mut end = End::new(2, true);
    end.make(dial(1, Role::Responder, 1, &[]));
    let mut stream = TcpStream::connect(end.addresses()[0]).await.expect("the door is open");
    stream.write_all(&preamble(1, Role::Initiator)).await.expect("the kernel takes it");
    drop(stream);
    assert!(end.ends(1).await.is_some());
    tokio::time::sleep(Duration::from_millis(10)).await;
    end.is_quiet().await;
}
