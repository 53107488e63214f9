//! What a web server answers.

#[path = "../../../../spotp2p/tests/cdn/line.rs"]
#[allow(dead_code, reason = "the line of the tests, of which a part is used")]
mod line;

use line::{Came, Line, get, partial};
use spotp2p::cdn::CdnError;

/// Stands in an answer for all of the bytes that it is to deliver.
const BODY: u8 = 0xff;

/// An answer means the same however it is cut, and no byte is taken for a piece's that is not.
///
/// The first byte says where the second line is cut, and how many pieces are asked for; [`BODY`] stands for a whole
/// answer, so that there are bytes to be right about.
pub(crate) fn answer(bytes: &[u8]) {
    let Some((how, bytes)) = bytes.split_first() else { return };
    let count = 1 + u32::from(how & 1);
    let mut wire = Vec::new();
    for byte in bytes {
        match byte {
            &BODY if wire.len() < 100_000 => wire.extend(partial(0..count)),
            byte => wire.push(*byte),
        }
    }
    let whole = talk(&wire, wire.len().max(1), count);
    let cut = usize::from(how >> 1) + 1;
    assert_eq!(talk(&wire, cut, count), whole);
}

/// What comes of an answer in parts of so many bytes.
fn talk(wire: &[u8], cut: usize, count: u32) -> (Vec<Came>, Option<CdnError>) {
    let mut line = Line::new();
    line.ask(get(1, 0..count));
    wire.chunks(cut).for_each(|part| line.come(part));
    line.eof();
    (line.take(), line.ended)
}
