//! A small machine for the pump's tests: parcels with a two-byte length, sent and received in bulk.

use crate::machine::{ByteMachine, Machine};
use crate::outbox::Outbox;
use crate::time::Instant;
use alloc::vec::Vec;
use bytes::{BufMut, BytesMut};
use core::time::Duration;

/// Longest parcel.
pub(super) const PARCEL: usize = 1000;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Order {
    /// Send this parcel.
    Parcel(Vec<u8>),
    /// Send so many bytes in long parcels.
    Bulk(usize),
    /// Say so, then end.
    Close,
    /// Wake up after this.
    Alarm(Duration),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Event {
    Parcel(Vec<u8>),
    Alarm,
    Eof,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    Closed,
    TooLong,
}

/// Faults that the pump must notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Bugs {
    pub(super) stays_due: bool,
    pub(super) takes_too_much: bool,
    pub(super) never_takes: bool,
    pub(super) appends_nothing: bool,
    pub(super) appends_too_much: bool,
    pub(super) refuses: bool,
}

#[derive(Debug)]
pub(super) struct Toy {
    events: Outbox<Event>,
    parcels: Vec<Vec<u8>>,
    bulk: usize,
    alarm: Option<Instant>,
    ended: Option<Ended>,
    pub(super) bugs: Bugs,
}

impl Toy {
    pub(super) fn new() -> Self {
        let (parcels, bugs) = (Vec::new(), Bugs::default());
        Self { events: Outbox::new(4), parcels, bulk: 0, alarm: None, ended: None, bugs }
    }

    pub(super) fn with(bugs: Bugs) -> Self {
        Self { bugs, ..Self::new() }
    }

    fn end(&mut self, why: Ended) -> Result<(), Ended> {
        self.ended = Some(why);
        Err(why)
    }
}

pub(super) fn parcel(wire: &mut BytesMut, content: &[u8]) {
    wire.put_u16(content.len() as u16);
    wire.put_slice(content);
}

impl Machine for Toy {
    type Input = Order;
    type Output = Event;
    type Error = Ended;

    fn handle_input(&mut self, now: Instant, order: Order) -> Result<(), Ended> {
        match order {
            Order::Parcel(content) => self.parcels.push(content),
            Order::Bulk(size) => self.bulk += size,
            Order::Close => return self.end(Ended::Closed),
            Order::Alarm(span) => self.alarm = Some(now + span),
        }
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Ended> {
        if self.alarm.is_some_and(|at| at <= now) && !self.bugs.stays_due {
            self.alarm = None;
            self.events.push(Event::Alarm);
        }
        Ok(())
    }

    fn poll_output(&mut self) -> Option<Event> {
        self.events.pop()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.alarm
    }

    fn wants_input(&self) -> bool {
        self.events.has_room() && !self.bugs.refuses
    }
}

impl ByteMachine for Toy {
    fn handle_bytes(&mut self, _now: Instant, wire: &mut [u8]) -> Result<usize, Ended> {
        if self.bugs.takes_too_much {
            return Ok(wire.len() + 1);
        }
        let mut used = 0;
        while self.events.has_room() && !self.bugs.never_takes {
            let Some((length, rest)) = wire[used..].split_at_checked(2) else { break };
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            if length > PARCEL {
                return self.end(Ended::TooLong).map(|()| 0);
            }
            let Some(content) = rest.get(..length) else { break };
            self.events.push(Event::Parcel(content.to_vec()));
            used += 2 + length;
        }
        Ok(used)
    }

    fn handle_eof(&mut self, _now: Instant) -> Result<(), Ended> {
        self.events.push(Event::Eof);
        Ok(())
    }

    fn poll_transmit(&mut self, _now: Instant, wire: &mut BytesMut, limit: usize) -> bool {
        if self.bugs.appends_too_much {
            wire.put_bytes(0, limit + (1 << 20));
        }
        if self.bugs.appends_nothing || self.bugs.appends_too_much {
            return true;
        }
        let before = wire.len();
        if self.ended.is_some() {
            parcel(wire, b"bye");
            return true;
        }
        while wire.len() < limit && (self.bulk > 0 || !self.parcels.is_empty()) {
            if self.parcels.is_empty() {
                let size = self.bulk.min(PARCEL);
                self.bulk -= size;
                parcel(wire, &[7; PARCEL][..size]);
            } else {
                parcel(wire, &self.parcels.remove(0));
            }
        }
        wire.len() > before
    }
}
