//! However the bytes of a conversation are cut, the same comes of them.

use super::line::{Came, LENGTH, Line, all, bytes_of, file, get, page, partial};
use core::ops::Range;
use proptest::prelude::*;
use proptest::sample::Index;
use spotp2p::cdn::{CdnError, Limits};

/// An answer, and whether it answers with the pieces.
fn answer(pieces: Range<u32>) -> impl Strategy<Value = (Vec<u8>, bool)> {
    let bytes = bytes_of(pieces.clone());
    let range = format!("Content-Range: bytes {}-{}/{LENGTH}", bytes.start, bytes.end - 1);
    let body = file()[bytes].to_vec();
    let chunked = (1usize..30_000).prop_map(move |size| {
        let mut wire =
            format!("HTTP/1.1 206 OK\r\nTransfer-Encoding: chunked\r\n{range}\r\n\r\n").into_bytes();
        for chunk in body.chunks(size) {
            wire.extend_from_slice(format!("{:x};x=y\r\n", chunk.len()).as_bytes());
            wire.extend_from_slice(chunk);
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(b"0\r\nX: y\r\n\r\n");
        (wire, true)
    });
    let whole = [
        format!("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: {LENGTH}\r\n\r\n").as_bytes(),
        file(),
    ]
    .concat();
    let slow = [&b"HTTP/1.1 100 Continue\r\n\r\n"[..], &partial(pieces.clone())].concat();
    prop_oneof![
        3 => Just((partial(pieces), true)),
        3 => chunked,
        1 => Just((whole, true)),
        1 => Just((slow, true)),
        1 => Just((page("404 Not Found", "sorry"), false)),
        1 => Just((page("503 Busy\r\nRetry-After: 5", "sorry"), false)),
        1 => Just((page("302 Found\r\nLocation: http://other/", ""), false)),
        1 => Just((b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nsorry".to_vec(), false)),
    ]
}

type Exchange = (Range<u32>, Vec<u8>, bool);

fn exchange() -> impl Strategy<Value = Exchange> {
    (0u32..4, 1u32..5)
        .prop_map(|(start, count)| start..(start + count).min(4))
        .prop_flat_map(|pieces| (Just(pieces.clone()), answer(pieces)))
        .prop_map(|(pieces, (wire, serves))| (pieces, wire, serves))
}

/// What comes of a conversation whose answers are cut where `cuts` say, by an owner with room for `room` outputs.
fn talk(exchanges: &[Exchange], cuts: &[Index], room: usize) -> (Vec<Came>, Option<CdnError>) {
    let mut limits = Limits::DEFAULT;
    limits.outputs = room;
    let mut line = Line::with(limits);
    for (request, (pieces, wire, _)) in exchanges.iter().enumerate() {
        if line.ended.is_some() {
            break;
        }
        line.ask(get(request as u64, pieces.clone()));
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len() + 1)).collect();
        cuts.extend([0, wire.len()]);
        cuts.sort_unstable();
        cuts.windows(2).for_each(|cut| line.come(&wire[cut[0]..cut[1]]));
    }
    line.eof();
    (line.take(), line.ended)
}

#[test]
fn byte_by_byte_is_the_same_as_at_once() {
    let wire = [&b"HTTP/1.1 100 Continue\r\n\r\n"[..], &partial(2..4)].concat();
    let mut line = Line::new();
    line.ask(get(0, 2..4));
    wire.iter().for_each(|byte| line.come(&[*byte]));
    assert_eq!((line.take(), line.ended), (all(0, 2..4), None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn the_same_comes_of_a_conversation_however_it_is_cut(
        exchanges in prop::collection::vec(exchange(), 1..4),
        cuts in prop::collection::vec(any::<Index>(), 0..30),
        room in 1usize..5,
    ) {
        let whole = talk(&exchanges, &[], 8);
        prop_assert_eq!(&talk(&exchanges, &cuts, room), &whole);
        // And what comes is what was asked for, up to the first answer that says otherwise.
        let mut outputs = whole.0.iter();
        for (request, (pieces, ..)) in exchanges.iter().enumerate().take_while(|(_, (.., serves))| *serves) {
            for wanted in all(request as u64, pieces.clone()) {
                prop_assert_eq!(outputs.next(), Some(&wanted));
            }
        }
    }

    #[test]
    fn damage_never_panics_and_means_the_same_however_it_is_cut(
        exchange in exchange(),
        damage in prop::collection::vec((any::<Index>(), any::<u8>(), 0u8..3), 1..4),
        in_head: bool,
        cuts in prop::collection::vec(any::<Index>(), 0..30),
    ) {
        let (pieces, mut wire, serves) = exchange;
        for (at, byte, how) in damage {
            let reach = if in_head { wire.len().min(150) } else { wire.len() };
            let at = at.index(reach.max(1)).min(wire.len().saturating_sub(1));
            match how {
                0 => wire[at] = byte,
                1 => wire.insert(at, byte),
                _ => wire.truncate(at + 1),
            }
        }
        let exchanges = [(pieces, wire, serves)];
        prop_assert_eq!(talk(&exchanges, &cuts, 1), talk(&exchanges, &[], 8));
    }
}
