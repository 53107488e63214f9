//! Who is found for a track that has to be fetched, and how.

use super::Home;
use crate::engine::names::{Name, Text};
use crate::engine::net::Net;
use spotproto::message::{Channel, Message, Wanted};

/// A search for those who have a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct LookUp {
    /// Where the access point answers.
    channel: Option<Channel>,
    /// What neighbours answer.
    query: Option<u64>,
    by_tracker: bool,
    by_overlay: bool,
    named: u64,
}

impl LookUp {
    /// What came of it counts.
    pub(super) fn counts(self, net: &mut Net<'_>) {
        let Some(tally) = net.tally() else { return };
        let found = &mut tally.found;
        *match (self.by_tracker, self.by_overlay) {
            (true, true) => &mut found.both,
            (true, false) => &mut found.tracker,
            (false, true) => &mut found.overlay,
            (false, false) => &mut found.nobody,
        } += 1;
        found.named.record(self.named);
    }
}

impl Home {
    /// Notes what is asked of the access point about holders.
    pub(super) fn looks_up(&mut self, text: &Text) {
        let (file, channel) = match text {
            Message::FindPeers { file: Name(file), channel, .. } => (*file, *channel),
            Message::Open { open, channel } if open.asks_for_sources() => match open.wanted {
                Wanted::File(Name(file)) => (file, *channel),
                _ => return,
            },
            _ => return,
        };
        if let Some(place) = self.look_up_of(file) {
            place.get_or_insert_default().channel = Some(channel);
        }
    }

    /// Notes what is asked of neighbours.
    pub(super) fn queries(&mut self, text: &Text) {
        let Message::Query(query) = text else { return };
        if self.passes_on != Some(query.id)
            && let Some(place) = self.look_up_of(query.file.0)
        {
            place.get_or_insert_default().query = Some(query.id);
        }
    }

    /// Somebody was named.
    pub(super) fn is_named(&mut self, text: &Text, by_server: bool) {
        match text {
            Message::Peers { channel, peers } if by_server && !peers.is_empty() => {
                let of = |it: &&mut LookUp| it.channel == Some(*channel);
                if let Some(look_up) = self.look_ups().find(of) {
                    look_up.by_tracker = true;
                    look_up.named += peers.len() as u64;
                }
            }
            Message::Hit(hit) if !hit.peers.is_empty() => {
                let of = |it: &&mut LookUp| it.query == Some(hit.id);
                if let Some(look_up) = self.look_ups().find(of) {
                    look_up.by_overlay = true;
                    look_up.named += hit.peers.len() as u64;
                }
            }
            _ => {}
        }
    }

    /// A neighbour asks: what goes out with that number now is passed on.
    pub(super) fn is_queried(&mut self, text: &Text) {
        if let Message::Query(query) = text {
            self.passes_on = Some(query.id);
        }
    }

    fn look_ups(&mut self) -> impl Iterator<Item = &mut LookUp> {
        let playing = self.play.as_mut().and_then(|play| play.look_up.as_mut());
        let next = self.next.as_mut().and_then(|next| next.look_up.as_mut());
        playing.into_iter().chain(next)
    }

    fn look_up_of(&mut self, file: u32) -> Option<&mut Option<LookUp>> {
        let playing = self.play.as_mut().map(|play| (play.file, &mut play.look_up));
        let next = self.next.as_mut().map(|next| (next.file, &mut next.look_up));
        playing.into_iter().chain(next).find(|(of, _)| *of == file).map(|(_, place)| place)
    }
}
