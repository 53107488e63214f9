//! What a web server answers.

#[path = "../../../../spotp2p/tests/cdn/line.rs"]
#[allow(dead_code, reason = "the line of the tests, of which a part is used")]
mod line;

use crate::words::cuts::Cuts;
use core::ops::Range;
use line::{Came, Line, all, get, partial};
use spotp2p::cdn::CdnError;

/// Stands in an answer for all of the bytes that it is to deliver.
const BODY: u8 = 0xff;

/// Stands for the moment at which the second request is made, if the first is over.
const NEXT: u8 = 0xfe;

/// The most of those: one too many.
const BODIES: usize = 3;

/// The length of the parts in which the most of an answer comes, so that pieces are cut too.
const PARTS: usize = 9000;

/// An answer means the same however it is cut, and no byte is taken for a piece's that is not.
///
/// The first byte says where the second line is cut, and which pieces are asked for first; those behind them are asked for
/// after [`NEXT`]. [`BODY`] stands for a whole answer, so that there are bytes to be right about.
pub(crate) fn answer(bytes: &[u8]) {
    let Some((how, bytes)) = bytes.split_first() else { return };
    let start = u32::from(how >> 1) % 2;
    let between = start + 1 + u32::from(how & 1);
    let asked = [start..between, between..PIECES];
    let mut wire = [Vec::new(), Vec::new()];
    let (mut part, mut bodies) = (0, 0);
    for byte in bytes {
        match byte {
            &NEXT if part == 0 => part = 1,
            &BODY if bodies < BODIES => {
                // Before there was an answer to the first request, it is the first that waits for one.
                wire[part].extend(partial(asked[part.min(bodies)].clone()));
                bodies += 1;
            }
            byte => wire[part].push(*byte),
        }
    }
    let whole = talk(&wire, None, &asked);
    let cuts = Cuts::at(how >> 1).rest_in(PARTS);
    assert_eq!(talk(&wire, Some(&cuts), &asked), whole);
    judge(&whole.0, &asked);
    match bytes {
        [BODY, NEXT, BODY] => {
            let [first, second] = asked;
            assert_eq!(whole.0, [all(1, first), all(2, second)].concat());
        }
        _ if bytes.iter().all(|byte| [BODY, NEXT].contains(byte)) => {
            let good = |came: &Came| matches!(came, Came::Piece(..) | Came::Finished(_));
            assert!(whole.0.iter().all(good), "{whole:?}");
        }
        _ => {}
    }
}

/// Pieces of the file that lies there.
const PIECES: u32 = 4;

/// Pieces come in order, of what was asked; each request ends once at most, and well only after all of them.
fn judge(came: &[Came], asked: &[Range<u32>; 2]) {
    for (request, pieces) in (1u64..).zip(asked) {
        let (mut next, mut ended) = (pieces.start, false);
        for came in came {
            let (of, piece, finished) = match came {
                Came::Piece(of, index) | Came::Wrong(of, index, _) => (*of, Some(*index), false),
                Came::Finished(of) => (*of, None, true),
                Came::Refused(of, _) | Came::Moved(of, _) => (*of, None, false),
            };
            if of != request {
                continue;
            }
            assert!(!ended, "{came:?} after the end of {request}");
            match piece {
                Some(index) => {
                    assert!(index == next && pieces.contains(&index), "{index} of {pieces:?}, due: {next}");
                    next += 1;
                }
                None => ended = true,
            }
            assert!(!finished || next == pieces.end, "finished before {next} of {pieces:?} came");
        }
    }
}

/// What comes of answers, whole or cut, to two requests.
fn talk(wire: &[Vec<u8>; 2], cuts: Option<&Cuts>, asked: &[Range<u32>; 2]) -> (Vec<Came>, Option<CdnError>) {
    let mut line = Line::new();
    for (request, (part, pieces)) in (1..).zip(wire.iter().zip(asked)) {
        if line.ended.is_none() && line.connection.request().is_none() {
            line.ask(get(request, pieces.clone()));
        }
        match cuts {
            Some(cuts) => cuts.parts(part).for_each(|bytes| line.come(bytes)),
            None => line.come(part),
        }
    }
    line.eof();
    (line.take(), line.ended)
}
