//! A node with somebody who listens to what it says of the track that follows, and believes none of it unseen.

use super::world::{Key, Piece};
use alloc::collections::BTreeSet;
use spotp2p::node::{Event, Input, Never, Node, Output};
use spotproto::{Instant, Machine};

pub(crate) struct Heard {
    node: Node<Key, Piece>,
    /// Pieces of the next track that were given, as long as there is one.
    next: Option<BTreeSet<u32>>,
}

impl Heard {
    pub(crate) const fn new(node: Node<Key, Piece>) -> Self {
        Self { node, next: None }
    }

    fn hears(&mut self, event: &Event<Key, Piece>) {
        match event {
            Event::NextOpened { .. } => {
                assert!(self.next.replace(BTreeSet::new()).is_none(), "the one before is not dropped");
            }
            Event::NextPiece { index, data, .. } => {
                assert!(data.genuine, "{index} is forged");
                let new = self.next.as_mut().is_some_and(|pieces| pieces.insert(*index));
                assert!(new, "{index} is said twice, or of nothing");
            }
            // Dropped, or it is what plays now.
            Event::NextDropped { .. } | Event::Opened { .. } => self.next = None,
            _ => {}
        }
    }
}

impl Machine for Heard {
    type Input = Input<Key, Piece>;
    type Output = Output<Key, Piece>;
    type Error = Never;

    fn handle_input(&mut self, now: Instant, input: Self::Input) -> Result<(), Never> {
        self.node.handle_input(now, input)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Never> {
        self.node.handle_timeout(now)
    }

    fn poll_output(&mut self) -> Option<Self::Output> {
        let output = self.node.poll_output();
        if let Some(Output::Event(event)) = &output {
            self.hears(event);
        }
        output
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.node.poll_timeout()
    }

    fn wants_input(&self) -> bool {
        self.node.wants_input()
    }
}
