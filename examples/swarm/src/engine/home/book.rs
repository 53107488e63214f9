//! Where music came from, piece by piece, and what of it was heard.

use super::Home;
use crate::engine::names::Piece;
use crate::engine::net::Net;
use spotp2p::planner::Kind;
use spotproto::content::PIECE_LEN;

/// Files of which it is known where each piece came from: what plays, what comes next, and what was left a moment ago.
const BOOKS: usize = 4;

/// Where each piece of a file came from: 0 for none, else one more than the number of a [`Kind`]; and whether it was played.
#[derive(Debug)]
pub(crate) struct Book {
    file: u32,
    from: Box<[u8]>,
}

const PLAYED: u8 = 1 << 7;

const KINDS: [Kind; 5] = [Kind::Cache, Kind::Lan, Kind::Peer, Kind::Cdn, Kind::Server];

impl Home {
    /// Pieces came over a network.
    pub(super) fn fetched(&mut self, net: &mut Net<'_>, data: Piece, piece: u32, kind: Kind) {
        if self.books.iter().all(|book| book.file != data.file) {
            let playing = self.play.as_ref().map(|play| play.file);
            if self.books.len() >= BOOKS
                && let Some(old) = self.books.iter().map(|book| book.file).find(|it| Some(*it) != playing)
            {
                self.closes_book(net, old);
            }
            let pieces = net.world.catalogue.facts(data.file).pieces() as usize;
            self.books.push(Book { file: data.file, from: vec![0; pieces].into_boxed_slice() });
        }
        let Some(book) = self.books.iter_mut().find(|book| book.file == data.file) else { return };
        let Some(place) = book.from.get_mut(piece as usize) else { return };
        let again = *place != 0 || !data.genuine;
        if !again {
            *place = kind as u8 + 1;
        }
        let bytes = u64::from(data.size);
        if let Some(tally) = net.tally() {
            tally.fetched.count(kind, bytes);
            if again && kind == Kind::Peer {
                tally.peers.twice += bytes;
            }
        }
        if let Some(hour) = net.hour() {
            hour.fetched.count(kind, bytes);
        }
    }

    /// What came of a file and was not played is of no use any more.
    pub(super) fn closes_book(&mut self, net: &mut Net<'_>, file: u32) {
        let Some(at) = self.books.iter().position(|book| book.file == file) else { return };
        let book = self.books.remove(at);
        if self.books.is_empty() {
            self.books = Vec::new();
        }
        let peer = |from: &&u8| **from & !PLAYED == Kind::Peer as u8 + 1;
        let (mut played, mut not) = (0, 0);
        for from in book.from.iter().filter(peer) {
            *if from & PLAYED != 0 { &mut played } else { &mut not } += 1;
        }
        if let Some(tally) = net.tally() {
            tally.peers.used += played * PIECE_LEN as u64;
            tally.peers.unused += not * PIECE_LEN as u64;
        }
    }
}

/// The decoder takes a piece.
pub(super) fn count_played(net: &mut Net<'_>, books: &mut [Book], file: u32, piece: u32) {
    let book = books.iter_mut().find(|book| book.file == file);
    let from = book.and_then(|book| book.from.get_mut(piece as usize));
    let kind = from.map_or(Kind::Cache, |from| {
        let kind = usize::from(*from & !PLAYED).checked_sub(1).map_or(Kind::Cache, |kind| KINDS[kind]);
        *from |= PLAYED;
        kind
    });
    let bytes = super::piece_of(net.world, file, piece).map_or(0, |data| u64::from(data.size));
    if let Some(tally) = net.tally() {
        tally.played.count(kind, bytes);
    }
    if let Some(hour) = net.hour() {
        hour.played.count(kind, bytes);
    }
}
