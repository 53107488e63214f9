//! The machine of `spotp2p::cdn` asks the origin.

use super::world::{SOON, World};
use runtime_tokio::connection::Why;
use runtime_tokio::{Clock, DialOptions, cdn};
use spot_player::origin::Limits;
use spotp2p::RequestId;
use spotp2p::cdn::{CdnError, Get, Input, Output, Refusal, Target, Url};
use spotproto::content::FileId;
use spotproto::pump::Fault;

fn get(world: &World, request: u64, file: &FileId, pieces: core::ops::Range<u32>) -> Input {
    let base: Url = format!("http://{}", world.address).parse().unwrap();
    let target = Target::new(base.of_file(file).unwrap());
    Input::Get(Get { request: RequestId(request), target, geometry: world.geometry, pieces })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_range_of_pieces_is_what_the_protocol_serves() {
    let world = World::new(Limits::default()).await;
    let url = format!("http://{}/", world.address).parse().unwrap();
    let mut handle = cdn::open(&url, &DialOptions::default(), Clock::start(), spotp2p::cdn::Limits::DEFAULT)
        .await
        .unwrap();
    let count = world.geometry.pieces();
    assert!(count > 8, "{count}");
    for (request, pieces) in (0u64..).zip([0..count, 0..1, 3..7, count - 1..count, 1..count]) {
        handle.tell(get(&world, request, &world.file, pieces.clone())).await.unwrap();
        for index in pieces {
            let place = world.geometry.piece(index);
            let wanted = &world.ciphertext[place.start as usize..place.end as usize];
            match tokio::time::timeout(SOON, handle.next()).await.expect("it comes").expect("it goes on") {
                Output::Piece { request: RequestId(of), index: at, data } => {
                    assert_eq!((of, at, data == wanted), (request, index, true));
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(handle.next().await, Some(Output::Finished { request: RequestId(request) }));
    }
    // A file that is not there is a word, not the end.
    handle.tell(get(&world, 9, &FileId([7; 32]), 0..1)).await.unwrap();
    assert_eq!(handle.next().await, Some(Output::Refused { request: RequestId(9), why: Refusal::NotFound }));
    handle.tell(get(&world, 10, &world.file, 0..1)).await.unwrap();
    assert!(matches!(handle.next().await, Some(Output::Piece { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_in_mid_answer_is_told_from_one_that_closes() {
    let world = World::new(Limits::default()).await;
    let url = format!("http://{}/", world.address).parse().unwrap();
    let mut handle = cdn::open(&url, &DialOptions::default(), Clock::start(), spotp2p::cdn::Limits::DEFAULT)
        .await
        .unwrap();
    // Nothing is taken, so the answer stays in the middle.
    handle.tell(get(&world, 1, &world.file, 0..world.geometry.pieces())).await.unwrap();
    assert!(matches!(handle.next().await, Some(Output::Piece { .. })));
    drop(world);
    let ended = tokio::time::timeout(SOON, handle.ended()).await.expect("it ends").unwrap();
    match ended.why {
        Why::Finished(Fault::Machine(error)) => assert_eq!(error, CdnError::Cut),
        other => panic!("{other:?}"),
    }
}
