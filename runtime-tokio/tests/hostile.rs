//! Everything that comes to an open port, over real TCP; meanwhile a good client plays on.

extern crate alloc;

mod shelf;
mod wild;

use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use core::time::Duration;
use shelf::{Bounds, OPEN, Server, Shelf, TRACK, start_bounded, start_client, whole_track};
use socket2::SockRef;
use spotproto::message::{Message, Open, PieceRange, Read, Urgency, Wanted};
use spotproto::noise::{Pattern, Role};
use spotproto::preamble::{LinkId, PREAMBLE_LEN, Preamble};
use spotproto::session::UNCONFIRMED_BYTES;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wild::Wild;

/// How long a server here waits for anything.
const PATIENCE: Duration = Duration::from_millis(400);

/// The same with what a loaded machine adds, and the time that a closed line lingers.
const SOON: Duration = Duration::from_secs(5);

/// A server that loses its patience quickly, and the music that it serves.
fn server() -> (Server, Arc<Shelf>) {
    let (mut session, access_point) = shelf::DEFAULT;
    (session.handshake, session.stall, session.trickle) = (PATIENCE, PATIENCE, PATIENCE);
    server_with((session, access_point))
}

fn server_with(bounds: Bounds) -> (Server, Arc<Shelf>) {
    let shelf = Arc::new(Shelf::new());
    (start_bounded(shelf.clone(), 1, "127.0.0.1:0", bounds), shelf)
}

/// Runs an attack while a good client plays; then another one comes and is served as well.
async fn unharmed(server: &Server, shelf: &Shelf, attack: impl Future<Output = ()>) {
    let good = async {
        let mut client = start_client(&server.address, Some(1));
        client.tell(OPEN).await.expect("the client lives");
        whole_track(&mut client, shelf).await;
    };
    let ((), ()) = tokio::join!(good, attack);
    let mut client = start_client(&server.address, Some(1));
    client.tell(OPEN).await.expect("the client lives");
    whole_track(&mut client, shelf).await;
}

async fn dial(server: &Server) -> TcpStream {
    TcpStream::connect(&server.address).await.expect("the server listens")
}

/// What comes until the server ends the connection, which it does before long.
async fn to_the_end(mut stream: TcpStream) -> Vec<u8> {
    let mut came = Vec::new();
    let end = tokio::time::timeout(SOON, stream.read_to_end(&mut came)).await;
    // A reset is an end too.
    let _ = end.expect("the server ends it");
    came
}

/// Says each of these on a connection of its own, then nothing more; what comes until the end of each.
async fn say(server: &Server, openings: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    for opening in openings {
        let mut stream = dial(server).await;
        stream.write_all(opening).await.expect("the kernel takes it");
        lines.push(tokio::spawn(to_the_end(stream)));
    }
    let mut answers = Vec::new();
    for line in lines {
        answers.push(line.await.expect("the server ends it"));
    }
    answers
}

fn preamble(pattern: Pattern) -> Vec<u8> {
    Preamble { pattern, role: Role::Initiator, link: LinkId::ACCESS_POINT }.encode().into()
}

#[tokio::test]
async fn who_does_not_speak_the_protocol_is_shown_out_with_a_byte_at_most() {
    let (server, shelf) = server();
    let ik = preamble(Pattern::Ik);
    let with = |front: &[u8], rest: &[u8]| [front, rest].concat();
    let openings = [
        Vec::new(),
        b"GET / HTTP/1.1\r\nHost: music\r\n\r\n".to_vec(),
        vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3],
        (0..60_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect(),
        ik[..11].to_vec(),
        ik.clone(),
        with(&ik, &[0]),
        with(&ik, &[0, 96]),
        with(&ik, &[0xff, 0xff]),
        with(&ik, &[&[0, 200][..], &[7; 199]].concat()),
        with(&ik, &[&[0, 200][..], &[7; 200]].concat()),
        with(&preamble(Pattern::Xx), &[0, 31]),
        Preamble { pattern: Pattern::Ik, role: Role::Responder, link: LinkId::ACCESS_POINT }.encode().into(),
        Preamble { pattern: Pattern::Ik, role: Role::Initiator, link: LinkId([1; 16]) }.encode().into(),
    ];
    unharmed(&server, &shelf, async {
        for (opening, answer) in openings.iter().zip(say(&server, &openings).await) {
            // A preamble of its own and a refusal: never more, whatever was sent.
            assert!(answer.len() <= 1 + PREAMBLE_LEN, "{} bytes for {opening:02x?}", answer.len());
        }
    })
    .await;
    assert_eq!(server.logins.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn keys_of_low_order_open_nothing() {
    let (server, shelf) = server();
    // RFC 7748 §6.1: points whose product is zero whatever the secret; three of them are enough to tell.
    let mut one = [0; 32];
    one[0] = 1;
    let mut minus_one = [0xff; 32];
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    unharmed(&server, &shelf, async {
        let mut firsts = Vec::new();
        for point in [[0; 32], one, minus_one] {
            firsts.push([&preamble(Pattern::Ik)[..], &[0, 96], &point, &[0; 64]].concat());
            firsts.push([&preamble(Pattern::Xx)[..], &[0, 32], &point].concat());
        }
        for answer in say(&server, &firsts).await {
            assert!(answer.len() <= 1 + PREAMBLE_LEN, "{} bytes", answer.len());
        }
    })
    .await;
    assert_eq!(server.logins.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_static_key_that_is_not_the_senders_own_opens_nothing() {
    let (server, shelf) = server();
    unharmed(&server, &shelf, async {
        let firsts = [[0; 32], [9; 32]].map(Wild::first_message);
        for answer in say(&server, &firsts).await {
            assert!(answer.len() <= 1 + PREAMBLE_LEN, "{} bytes", answer.len());
        }
    })
    .await;
    assert_eq!(server.logins.load(Ordering::Relaxed), 2);
}

/// The first flight of a real client that logs in and asks for a track.
async fn first_flight() -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let client = start_client(&address, Some(1));
    client.tell(OPEN).await.expect("the client lives");
    let (mut stream, _) = listener.accept().await.expect("it comes");
    let mut flight = vec![0; PREAMBLE_LEN + 2];
    stream.read_exact(&mut flight).await.expect("its preamble");
    let length = usize::from(flight[PREAMBLE_LEN]) * 256 + usize::from(flight[PREAMBLE_LEN + 1]);
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await.expect("its first message");
    flight.extend(message);
    flight
}

#[tokio::test]
async fn a_replay_changes_nothing_and_gets_little() {
    let (server, shelf) = server();
    let flight = first_flight().await;
    assert!(flight.len() > PREAMBLE_LEN + 2 + 96 + 60, "it carries a log-in and an open: {}", flight.len());
    unharmed(&server, &shelf, async {
        let begun = Instant::now();
        for answer in say(&server, &[flight.clone(), flight.clone(), flight]).await {
            assert!(answer.len() <= UNCONFIRMED_BYTES, "{} bytes for a replay", answer.len());
            assert!(answer.len() > 4096, "an early request is answered early");
        }
        assert!(begun.elapsed() >= PATIENCE, "it had as long as anybody to prove itself");
    })
    .await;
    assert_eq!(server.logins.load(Ordering::Relaxed), 2, "a replay logs nobody in");
}

fn read(channel: u32, file: spotproto::content::FileId, count: u32) -> spotproto::WireMessage {
    let pieces = PieceRange { start: 0, count };
    Message::Read { channel, read: Read { file, pieces, urgency: Urgency::Playing, leaves: None } }
}

#[tokio::test]
async fn who_asks_for_everything_and_never_reads_holds_little_and_is_dropped() {
    let (server, shelf) = server();
    let file = shelf.entry.head.file;
    unharmed(&server, &shelf, async {
        let before = shelf.fetched.load(Ordering::Relaxed);
        let mut greedy = Wild::shake_hands(&server.address, Some(4096)).await;
        let wanted = Wanted::Track(TRACK);
        let open = Open { wanted, at_ms: 0, credit: 60, urgency: Urgency::Playing };
        greedy.say(Message::Open { channel: 1, open }).await;
        for channel in 2..6 {
            greedy.say(read(channel, file, 200)).await;
        }
        tokio::time::sleep(3 * PATIENCE).await;
        let came = to_the_end(greedy.stream).await;
        assert!(came.len() < 60 * spotproto::content::PIECE_LEN, "{} bytes", came.len());
        // What the good client fetched meanwhile is not the greedy one's.
        let most = before + shelf.pieces.len() + came.len() / spotproto::content::PIECE_LEN + 12;
        let fetched = shelf.fetched.load(Ordering::Relaxed);
        assert!(fetched <= most, "{fetched} pieces were fetched, {most} at most");
    })
    .await;
}

#[tokio::test]
async fn who_trickles_is_dropped_in_the_handshake_and_after_it() {
    let (server, shelf) = server();
    unharmed(&server, &shelf, async {
        let shaking = dial(&server).await;
        let shaken = Wild::shake_hands(&server.address, None).await.stream;
        for (mut stream, bytes) in [(shaking, preamble(Pattern::Ik)), (shaken, vec![16, 0, 1, 2, 3, 4, 5])] {
            let begun = Instant::now();
            for byte in bytes.into_iter().cycle() {
                assert!(begun.elapsed() < SOON, "it would go on for ever");
                let _ = stream.write_all(&[byte]).await;
                let mut came = [0; 256];
                // What comes meanwhile is the rest of a good handshake; nothing, or an error, is the end.
                if let Ok(Ok(0) | Err(_)) = tokio::time::timeout(PATIENCE / 10, stream.read(&mut came)).await
                {
                    break;
                }
            }
            assert!(begun.elapsed() >= PATIENCE / 2, "it had its chance");
        }
    })
    .await;
}

#[tokio::test]
async fn a_record_that_is_too_long_or_forged_ends_the_session_at_once() {
    let (server, shelf) = server();
    unharmed(&server, &shelf, async {
        for record in [
            &[0xff; 40][..],
            &[0, 3, 1, 2, 3],
            &[0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            let mut wild = Wild::shake_hands(&server.address, None).await;
            wild.stream.write_all(record).await.expect("the kernel takes it");
            let came = to_the_end(wild.stream).await;
            assert!(came.len() < 1024, "{} bytes", came.len());
        }
    })
    .await;
}

#[tokio::test]
async fn resets_in_mid_piece_leave_no_session_behind() {
    let (session, mut access_point) = shelf::DEFAULT;
    // Were they to stay, the fifth would be turned away.
    access_point.sessions = 5;
    let (server, shelf) = server_with((session, access_point));
    let file = shelf.entry.head.file;
    unharmed(&server, &shelf, async {
        for _ in 0..20 {
            let mut wild = Wild::shake_hands(&server.address, Some(4096)).await;
            wild.say(read(1, file, 200)).await;
            let mut some = [0; 5000];
            wild.stream.read_exact(&mut some).await.expect("it is served");
            SockRef::from(&wild.stream).set_linger(Some(Duration::ZERO)).expect("an option");
        }
    })
    .await;
}

#[tokio::test]
async fn two_thousand_who_come_and_go_keep_nobody_out() {
    let (server, shelf) = server();
    unharmed(&server, &shelf, async {
        for n in 0..2000 {
            let stream = dial(&server).await;
            if n % 2 == 0 {
                SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("an option");
            }
        }
    })
    .await;
}
