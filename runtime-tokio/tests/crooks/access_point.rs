//! An access point that goes, or that is asked for what nobody may have.

use crate::line::Line;
use crate::listener::SOON;
use crate::shelf::{PIECES, start_server};
use crate::town::{SERVER, Town, fresh};
use core::net::Ipv4Addr;
use spotp2p::node::Event;
use spotp2p::planner::Kind;
use spotproto::message::{Connect, Holding, MAX_PEERS, Message, Refusal, WireMessage};
use spotproto::ticket::Pseudonym;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test]
async fn what_a_server_that_vanished_did_not_send_comes_from_the_holders() {
    let town = Town::new(2).await;
    let mut listener = town.listener();
    listener.begins(&town.shelf, 2).await;
    let address = town.server.address.clone();
    town.server.task.abort();
    assert!(town.server.task.await.is_err_and(|error| error.is_cancelled()));
    listener.hears_it(&town.shelf).await;
    assert!(listener.from(Kind::Lan) > PIECES as usize / 2);
    assert!(listener.offline > 0, "the listener knows");
    // It comes back, and is found again.
    let server = start_server(town.shelf.clone(), SERVER, &address);
    listener.until(|event| matches!(event, Event::LoggedIn)).await;
    drop(server);
}

#[tokio::test]
async fn a_server_that_restarts_in_mid_fetch_is_found_again() {
    let town = Town::new(2).await;
    let mut listener = town.listener();
    listener.begins(&town.shelf, 2).await;
    let address = town.server.address.clone();
    town.server.task.abort();
    assert!(town.server.task.await.is_err_and(|error| error.is_cancelled()));
    let _server = start_server(town.shelf.clone(), SERVER, &address);
    // The new log-in ends all links: they show what the old one was known by.
    listener.hears_it(&town.shelf).await;
    if listener.log_ins < 2 {
        listener.until(|event| matches!(event, Event::LoggedIn)).await;
    }
}

fn holding(town: &Town) -> WireMessage {
    Message::Holding(Box::new(Holding { joined: vec![town.file()], left: Vec::new() }))
}

#[tokio::test]
async fn a_thousand_log_ins_of_one_device_are_one_peer() {
    let town = Town::new(0).await;
    let device = fresh();
    let mut lines = Vec::new();
    for number in 0..1000 {
        let line = town.log_in(device.clone()).await;
        line.say(holding(&town)).await;
        // A hundred of them stand at a time.
        if number < 100 {
            lines.push(line);
        } else {
            lines[number % 100] = line;
        }
    }
    let last = lines[999 % 100].welcome.pseudonym;
    town.named(|names| names == [last]).await;
    // Those before it say once more that they are there.
    for line in &mut lines {
        line.say(holding(&town)).await;
        // Once this is answered, that was heard.
        let file = town.file();
        line.ask(|channel| Message::FindPeers { channel, file, most: 1 }).await;
        let answer = line.find(|message| matches!(message, Message::Peers { .. }).then_some(()));
        timeout(SOON, answer).await.expect("in time").expect("the line holds");
    }
    town.named(|names| names == [last]).await;
    // None but the last may ask for a link either.
    let refused = connect(&mut lines[0], &town, vec![last]).await;
    assert_eq!(refused, Some(Refusal::NoRight));
}

/// Asks for links, and waits for the end of it: why there are none, or that there are some.
async fn connect(line: &mut Line, town: &Town, peers: Vec<Pseudonym>) -> Option<Refusal> {
    let connect = Box::new(Connect { file: town.file(), peers });
    let asked = line.ask(|channel| Message::Connect { channel, connect }).await;
    let answer = line.find(|message| match message {
        Message::End { channel } if channel == asked => Some(None),
        Message::Refuse { channel, why } if channel == asked => Some(Some(why)),
        Message::Dial(dial) => panic!("it is told of {:?}", dial.addresses),
        _ => None,
    });
    timeout(SOON, answer).await.expect("in time").expect("the line holds")
}

#[tokio::test]
async fn nobody_is_brought_together_with_strangers_and_asking_for_many_is_refused() {
    let town = Town::new(1).await;
    let mut asker = town.log_in(fresh()).await;
    let strangers = |round: u8| (0..MAX_PEERS as u8).map(|n| Pseudonym([round ^ n; 16])).collect();
    assert_eq!(connect(&mut asker, &town, strangers(1)).await, Some(Refusal::NotFound));
    // To guess is dear: soon it is no more than refused, and costs the others nothing.
    for round in 2..100 {
        let why = connect(&mut asker, &town, strangers(round)).await;
        assert!(matches!(why, Some(Refusal::NotFound | Refusal::Busy)), "{why:?}");
        assert!(round < 10 || why == Some(Refusal::Busy));
    }
    let mut listener = town.listener();
    listener.begins(&town.shelf, 1).await;
    listener.hears_it(&town.shelf).await;
}

#[tokio::test]
async fn hundreds_at_a_door_that_say_nothing_keep_nobody_out() {
    let town = Town::new(2).await;
    let mut listener = town.listener();
    let mut crowd = Vec::new();
    for door in [listener.client.port(), town.holders[0], town.holders[1]] {
        for _ in 0..300 {
            crowd.push(TcpStream::connect((Ipv4Addr::LOCALHOST, door)).await.expect("the kernel takes it"));
        }
    }
    listener.begins(&town.shelf, 2).await;
    listener.hears_it(&town.shelf).await;
    assert!(listener.from(Kind::Lan) > PIECES as usize / 2);
    assert_eq!((listener.neighbours, listener.reported.len()), (2, 0));
    // Nobody waits at a door for ever.
    for mut stream in crowd {
        let end = timeout(SOON, stream.read(&mut [0])).await.expect("it is shown out");
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    }
}
