//! A machine to drive in these tests: parcels with a four-byte length, one by one and in bulk, and an echo.

use alloc::sync::Arc;
use bytes::{BufMut, BytesMut};
use core::sync::atomic::{AtomicUsize, Ordering};
use spotproto::machine::{ByteMachine, Machine};
use spotproto::{Instant, Outbox};

/// Longest parcel, and the size of those sent in bulk.
pub(crate) const PARCEL: usize = 16 << 10;

#[derive(Clone, Debug)]
pub(crate) enum Order {
    Parcel(Vec<u8>),
    /// So many bytes, in long parcels.
    Bulk(usize),
    /// Say so to the other side, then end.
    Close,
    /// Send everything back, and deliver nothing.
    Echo,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    Parcel(Vec<u8>),
    /// The order was taken.
    Echoing,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Over {
    Closed,
    TooLong,
}

#[derive(Debug)]
pub(crate) struct Toy {
    events: Outbox<Event>,
    parcels: Vec<Vec<u8>>,
    bulk: usize,
    echo: bool,
    over: Option<Over>,
    turns: Arc<AtomicUsize>,
}

impl Toy {
    pub(crate) fn new() -> Self {
        Self {
            events: Outbox::new(8),
            parcels: Vec::new(),
            bulk: 0,
            echo: false,
            over: None,
            turns: Arc::default(),
        }
    }

    /// Counts how often the machine was asked for its deadline, which every turn of a driver does.
    pub(crate) fn turns(&self) -> Arc<AtomicUsize> {
        self.turns.clone()
    }
}

pub(crate) fn parcel(wire: &mut impl BufMut, content: &[u8]) {
    wire.put_u32(content.len() as u32);
    wire.put_slice(content);
}

/// What a machine that ended for `over` says last.
pub(crate) fn last_word(over: Over) -> Vec<u8> {
    let mut wire = Vec::new();
    parcel(&mut wire, format!("{over:?}").as_bytes());
    wire
}

impl Machine for Toy {
    type Input = Order;
    type Output = Event;
    type Error = Over;

    fn handle_input(&mut self, _now: Instant, order: Order) -> Result<(), Over> {
        match order {
            Order::Parcel(content) => self.parcels.push(content),
            Order::Bulk(size) => self.bulk += size,
            Order::Echo => {
                self.echo = true;
                self.events.push(Event::Echoing);
            }
            Order::Close => {
                self.over = Some(Over::Closed);
                return Err(Over::Closed);
            }
        }
        Ok(())
    }

    fn handle_timeout(&mut self, _now: Instant) -> Result<(), Over> {
        Ok(())
    }

    fn poll_output(&mut self) -> Option<Event> {
        self.events.pop()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.turns.fetch_add(1, Ordering::Relaxed);
        None
    }

    fn wants_input(&self) -> bool {
        self.events.has_room()
    }
}

impl ByteMachine for Toy {
    fn handle_bytes(&mut self, _now: Instant, wire: &mut [u8]) -> Result<usize, Over> {
        let mut used = 0;
        while self.events.has_room() {
            let Some((length, rest)) = wire[used..].split_first_chunk() else { break };
            let length = u32::from_be_bytes(*length) as usize;
            if length > PARCEL {
                self.over = Some(Over::TooLong);
                return Err(Over::TooLong);
            }
            let Some(content) = rest.get(..length) else { break };
            used += 4 + length;
            if self.echo {
                self.parcels.push(content.to_vec());
            } else {
                self.events.push(Event::Parcel(content.to_vec()));
            }
        }
        Ok(used)
    }

    fn handle_eof(&mut self, _now: Instant) -> Result<(), Over> {
        Ok(())
    }

    fn poll_transmit(&mut self, _now: Instant, wire: &mut BytesMut, limit: usize) -> bool {
        let before = wire.len();
        if let Some(over) = self.over {
            wire.extend_from_slice(&last_word(over));
            return true;
        }
        let mut next = 0;
        while wire.len() < limit && next < self.parcels.len() {
            parcel(wire, &self.parcels[next]);
            next += 1;
        }
        self.parcels.drain(..next);
        while wire.len() < limit && self.bulk > 0 {
            let size = self.bulk.min(PARCEL);
            self.bulk -= size;
            parcel(wire, &[7; PARCEL][..size]);
        }
        wire.len() > before
    }
}
