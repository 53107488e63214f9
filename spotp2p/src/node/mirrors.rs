//! Web servers that keep the ciphertext of what is fetched: what is asked of each, and how long to leave it alone.

use super::interface::{MirrorId, MirrorNews};
use super::sources::{MOST, Who};
use super::{Effect, Node, Output, Timer};
use crate::RequestId;
use crate::cdn::{Get, Patience, Standing, Target, Url};
use crate::payload::{FileKey, Payload};
use crate::planner::{Holds, Kind, Slot};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;
use spotproto::Instant;
use spotproto::content::{Geometry, LEAF_GROUP, PIECE_LEN};
use spotproto::crypto::Crypto;
use spotproto::message::{PieceRange, Urgency};

/// Requests under way to one of them: while one is answered, the other is on its way.
const AT_A_TIME: usize = 2;

/// How long a mirror is not asked for want of somebody to ask for leaves.
const NO_LEAVES: Duration = Duration::from_secs(1);

/// A place where a CDN keeps a file. Takes about 500 bytes, and 8 for each range that waits.
#[derive(Debug)]
pub(super) struct Mirror {
    id: MirrorId,
    class: Urgency,
    target: Target,
    geometry: Geometry,
    standing: Standing,
    /// Pieces to ask for when a request is over.
    waiting: VecDeque<PieceRange>,
    under_way: Vec<UnderWay>,
    /// It failed and is not asked before then.
    back_at: Option<Instant>,
}

/// A request to one of them.
#[derive(Debug)]
struct UnderWay {
    request: RequestId,
    /// Pieces that are still to come, in order.
    left: Range<u32>,
    since: Instant,
    pieces: u32,
}

impl Mirror {
    /// The next pieces to ask for together: what follows one another, of one group of leaves.
    fn next(&mut self) -> Option<Range<u32>> {
        let first = self.waiting.pop_front()?;
        let (start, mut end) = (first.start, first.end());
        while let Some(next) = self.waiting.front().filter(|next| next.start == end) {
            if next.end() - start > LEAF_GROUP {
                break;
            }
            end = next.end();
            self.waiting.pop_front();
        }
        Some(start..end)
    }
}

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    /// The access point names where else the file of an open lies.
    pub(super) fn mirrors_named(&mut self, now: Instant, class: Urgency, addresses: &[Box<str>]) {
        let Some(geometry) = self.file(class).map(|file| file.head.geometry) else { return };
        self.leave_mirrors(class);
        for url in addresses.iter().filter_map(|address| address.parse::<Url>().ok()) {
            let id = MirrorId(self.next_mirror);
            if id.0 >= MOST {
                return;
            }
            self.next_mirror += 1;
            let seed = self.settings.seed.part(u64::from(id.0) + 16);
            self.mirrors.push(Mirror {
                id,
                class,
                target: Target::new(url),
                geometry,
                standing: Standing::new(Patience::default(), &seed),
                waiting: VecDeque::new(),
                under_way: Vec::new(),
                back_at: None,
            });
            self.rely_on_mirror(now, id);
        }
    }

    fn rely_on_mirror(&mut self, now: Instant, id: MirrorId) {
        let Some(class) = self.mirror(id).map(|mirror| mirror.class) else { return };
        if let Some(file) = self.file_mut(class) {
            file.plan.add(now, Who::Mirror(id).source(), Kind::Cdn, Holds::All, Slot::Served);
        }
    }

    /// The plan asks one of them for pieces.
    pub(super) fn ask_mirror(&mut self, now: Instant, class: Urgency, id: MirrorId, pieces: PieceRange) {
        if !self.ask_for_leaves(class, pieces) {
            return self.without_leaves(now, id);
        }
        let Some(mirror) = self.mirror(id) else { return };
        mirror.waiting.push_back(pieces);
        self.ask_mirror_next(now, id);
    }

    /// Nobody is there to ask for leaves, and what can't be proved is of no use: that is no fault of the mirror's.
    fn without_leaves(&mut self, now: Instant, id: MirrorId) {
        let Some(mirror) = self.mirror(id) else { return };
        let class = mirror.class;
        mirror.back_at = Some(now + NO_LEAVES);
        if let Some(file) = self.file_mut(class) {
            file.plan.lost(now, Who::Mirror(id).source());
        }
        self.timers.set_earlier(Timer::Mirrors, now + NO_LEAVES);
    }

    fn ask_mirror_next(&mut self, now: Instant, id: MirrorId) {
        loop {
            let request = RequestId(self.next_fetch);
            let Some(mirror) = self.mirror(id).filter(|it| it.under_way.len() < AT_A_TIME) else { return };
            let Some(pieces) = mirror.next() else { return };
            let (left, count) = (pieces.clone(), pieces.len() as u32);
            mirror.under_way.push(UnderWay { request, left, since: now, pieces: count });
            let get = Get { request, target: mirror.target.clone(), geometry: mirror.geometry, pieces };
            self.next_fetch += 1;
            self.out.push(Output::Effect(Effect::Fetch { mirror: id, get }));
        }
    }

    /// Something was called back: requests of which nothing is wanted any more are dropped.
    pub(super) fn call_back_mirror(&mut self, now: Instant, id: MirrorId, class: Urgency) {
        let Self { mirrors, tracks, out, .. } = self;
        let Some(mirror) = mirrors.iter_mut().find(|mirror| mirror.id == id) else { return };
        let Some(file) = tracks[class as usize].as_ref().and_then(|track| track.file.as_ref()) else {
            return;
        };
        let source = Who::Mirror(id).source();
        let wanted = |pieces: Range<u32>| pieces.into_iter().any(|piece| file.plan.is_asked(source, piece));
        mirror.waiting.retain(|range| wanted(range.start..range.end()));
        mirror.under_way.retain(|under_way| {
            let keep = wanted(under_way.left.clone());
            if !keep {
                out.push(Output::Effect(Effect::FetchNoMore(under_way.request)));
            }
            keep
        });
        self.ask_mirror_next(now, id);
    }

    /// A web server answers, or does not.
    pub(super) fn mirror_says(&mut self, now: Instant, request: RequestId, news: MirrorNews<B>) {
        let of = |mirror: &&mut Mirror| mirror.under_way.iter().any(|it| it.request == request);
        let Some(mirror) = self.mirrors.iter_mut().find(of) else { return };
        let (id, class) = (mirror.id, mirror.class);
        let source = Who::Mirror(id).source();
        match news {
            MirrorNews::Piece { index, data } => {
                // They come in ascending order.
                if let Some(under_way) = mirror.under_way.iter_mut().find(|it| it.request == request)
                    && under_way.left.contains(&index)
                {
                    under_way.left.start = index + 1;
                    self.came(now, class, source, index, data);
                }
            }
            MirrorNews::Finished => {
                let Some(over) = take(&mut mirror.under_way, request) else { return };
                let bytes = u64::from(over.pieces) * PIECE_LEN as u64;
                mirror.standing.served(bytes, now.since(over.since));
                if let Some(file) = self.file_mut(class) {
                    over.left.for_each(|piece| file.plan.unanswered(now, source, piece));
                }
                self.ask_mirror_next(now, id);
            }
            MirrorNews::Moved(target) => {
                let Some(UnderWay { left, .. }) = take(&mut mirror.under_way, request) else { return };
                mirror.target = target;
                if !left.is_empty() {
                    let left = PieceRange { start: left.start, count: left.len() as u32 };
                    mirror.waiting.push_front(left);
                }
                self.ask_mirror_next(now, id);
            }
            MirrorNews::Refused => self.drop_mirror(now, id),
            MirrorNews::Failed => self.mirror_failed(now, id),
        }
    }

    /// It is left alone for a while, and its pieces move to others.
    fn mirror_failed(&mut self, now: Instant, id: MirrorId) {
        let Some(mirror) = self.mirrors.iter_mut().find(|mirror| mirror.id == id) else { return };
        mirror.standing.failed(now);
        mirror.waiting.clear();
        let back_at = mirror.standing.rests_until();
        mirror.back_at = back_at;
        for UnderWay { request, .. } in mirror.under_way.drain(..) {
            self.out.push(Output::Effect(Effect::FetchNoMore(request)));
        }
        let class = mirror.class;
        if let Some(file) = self.file_mut(class) {
            file.plan.lost(now, Who::Mirror(id).source());
        }
        if let Some(back_at) = back_at {
            self.timers.set_earlier(Timer::Mirrors, back_at);
        }
    }

    /// Those that have rested long enough may be asked again.
    pub(super) fn mirrors_back(&mut self, now: Instant) {
        for at in 0..self.mirrors.len() {
            let Some(mirror) = self.mirrors.get_mut(at) else { return };
            if mirror.back_at.take_if(|at| *at <= now).is_some() {
                let id = mirror.id;
                self.rely_on_mirror(now, id);
            }
        }
        if let Some(next) = self.mirrors.iter().filter_map(|mirror| mirror.back_at).min() {
            self.timers.set(Timer::Mirrors, next);
        }
    }

    /// It is asked for nothing more.
    pub(super) fn drop_mirror(&mut self, now: Instant, id: MirrorId) {
        let Some(at) = self.mirrors.iter().position(|mirror| mirror.id == id) else { return };
        let mirror = self.mirrors.remove(at);
        self.leave_mirror(&mirror);
        if let Some(file) = self.file_mut(mirror.class) {
            file.plan.lost(now, Who::Mirror(id).source());
        }
    }

    /// A track is fetched no more.
    pub(super) fn leave_mirrors(&mut self, class: Urgency) {
        while let Some(at) = self.mirrors.iter().position(|mirror| mirror.class == class) {
            let mirror = self.mirrors.remove(at);
            self.leave_mirror(&mirror);
        }
    }

    /// The mirrors of the track of one class are those of another now.
    pub(super) fn move_mirrors(&mut self, from: Urgency, to: Urgency) {
        self.mirrors.iter_mut().filter(|mirror| mirror.class == from).for_each(|mirror| mirror.class = to);
    }

    fn leave_mirror(&mut self, mirror: &Mirror) {
        for UnderWay { request, .. } in &mirror.under_way {
            self.out.push(Output::Effect(Effect::FetchNoMore(*request)));
        }
        self.out.push(Output::Effect(Effect::LeaveMirror(mirror.id)));
    }

    fn mirror(&mut self, id: MirrorId) -> Option<&mut Mirror> {
        self.mirrors.iter_mut().find(|mirror| mirror.id == id)
    }
}

/// Ends a request.
fn take(under_way: &mut Vec<UnderWay>, request: RequestId) -> Option<UnderWay> {
    let at = under_way.iter().position(|it| it.request == request)?;
    Some(under_way.remove(at))
}
