//! What comes over the line.

use super::{Answer, Connection, Output, Rest, Taking};
use crate::cdn::body::Body;
use crate::cdn::error::{Broken, CdnError};
use crate::cdn::head::Head;
use crate::cdn::pieces::Pieces;
use crate::cdn::request::Get;
use crate::cdn::verdict::Verdict;
use spotproto::Instant;

/// Interim answers (1xx) that are skipped.
const INTERIM_MAX: u8 = 4;

impl Connection {
    /// Some of an answer's head has come.
    pub(super) fn has_begun(&self) -> bool {
        self.finder.has_begun() || self.interim > 0
    }

    /// Uses what it can of `wire`, while there is room for what comes of it.
    pub(super) fn receive(&mut self, now: Instant, wire: &[u8]) -> Result<usize, CdnError> {
        let mut used = 0;
        while self.outputs.has_room() {
            let left = wire.get(used..).unwrap_or_default();
            if left.is_empty() {
                break;
            }
            match self.take(now, left)? {
                0 => break,
                count => used += count,
            }
        }
        Ok(used)
    }

    fn take(&mut self, now: Instant, wire: &[u8]) -> Result<usize, CdnError> {
        match core::mem::replace(&mut self.answer, Answer::None) {
            Answer::None => Err(Broken::Unasked.into()),
            Answer::Head(get) => self.take_head(now, get, wire),
            Answer::Body(taking) => self.take_body(now, taking, wire),
            Answer::Rest(rest) => self.take_rest(now, rest, wire),
        }
    }

    fn take_head(&mut self, now: Instant, get: Option<Get>, wire: &[u8]) -> Result<usize, CdnError> {
        let Some((head, length)) = self.finder.find(wire, &self.limits)? else {
            self.answer = Answer::Head(get);
            return Ok(0);
        };
        if head.status < 200 {
            self.interim = self.interim.saturating_add(1);
            // 101 changes the protocol, which only a client that asked for it could follow.
            if head.status == 101 || self.interim > INTERIM_MAX {
                return Err(Broken::Interim.into());
            }
            self.answer = Answer::Head(get);
            return Ok(length);
        }
        self.body_begins(now);
        match get {
            Some(get) => self.answered(now, get, &head)?,
            None => self.drain(now, head.body, head.keeps)?,
        }
        Ok(length)
    }

    fn answered(&mut self, now: Instant, get: Get, head: &Head) -> Result<(), CdnError> {
        let request = get.request;
        match Verdict::on(&get, head, &self.limits) {
            Verdict::Take { skip, whole } => {
                let pieces = Pieces::new(&get, skip);
                let taking = Taking { request, body: head.body, pieces, keeps: head.keeps, whole };
                self.go_on(now, taking)
            }
            Verdict::Refuse(why) => {
                self.outputs.push(Output::Refused { request, why });
                self.drain(now, head.body, head.keeps)
            }
            Verdict::Redirect(target) => {
                let is_short = head.body.left().is_none_or(|left| left <= self.limits.drain);
                if head.keeps && is_short && target.url().is_beside(&self.origin) {
                    self.owed = Some(Get { target, ..get });
                } else {
                    self.outputs.push(Output::Moved { request, target });
                }
                self.drain(now, head.body, head.keeps)
            }
        }
    }

    fn take_body(&mut self, now: Instant, mut taking: Taking, wire: &[u8]) -> Result<usize, CdnError> {
        let (used, data) = taking.body.decode(wire, taking.pieces.room())?;
        self.body_moved(now, data.len());
        let request = taking.request;
        if let Some((index, data)) = taking.pieces.take(wire.get(data).unwrap_or_default()) {
            self.outputs.push(Output::Piece { request, index, data });
        }
        self.go_on(now, taking)?;
        Ok(used)
    }

    /// After a step of a body: more of it, or its end.
    fn go_on(&mut self, now: Instant, taking: Taking) -> Result<(), CdnError> {
        let Taking { request, body, keeps, whole, .. } = taking;
        if taking.pieces.is_whole() {
            self.outputs.push(Output::Finished { request });
            if whole {
                return self.drain(now, body, keeps);
            }
            let rest = Rest { body, keeps, budget: 0, beyond: Broken::LongBody.into() };
            return self.leave(now, rest);
        }
        if body.is_over() {
            self.outputs.push(Output::Refused { request, why: crate::cdn::Refusal::Short });
            return self.complete(now, keeps);
        }
        self.answer = Answer::Body(taking);
        Ok(())
    }

    /// Nobody wants what is left of a body.
    pub(super) fn drain(&mut self, now: Instant, body: Body, keeps: bool) -> Result<(), CdnError> {
        self.leave(now, Rest { body, keeps, budget: self.limits.drain, beyond: CdnError::Abandoned })
    }

    fn take_rest(&mut self, now: Instant, mut rest: Rest, wire: &[u8]) -> Result<usize, CdnError> {
        let (used, data) = rest.body.decode(wire, wire.len())?;
        self.body_moved(now, data.len());
        rest.budget = rest.budget.checked_sub(data.len() as u64).ok_or(rest.beyond)?;
        self.leave(now, rest)?;
        Ok(used)
    }

    /// After a step of a body that nobody wants: more of it, or its end, or the connection's if that is cheaper.
    fn leave(&mut self, now: Instant, rest: Rest) -> Result<(), CdnError> {
        if rest.body.is_over() {
            return self.complete(now, rest.keeps);
        }
        if !rest.keeps {
            return Err(CdnError::Closed);
        }
        if rest.body.left().is_some_and(|left| left > rest.budget) {
            return Err(rest.beyond);
        }
        self.answer = Answer::Rest(rest);
        Ok(())
    }

    /// An answer is over.
    fn complete(&mut self, now: Instant, keeps: bool) -> Result<(), CdnError> {
        self.served = true;
        self.rest_from(now);
        if keeps { Ok(()) } else { Err(CdnError::Closed) }
    }
}
