//! One request to a mirror, from its turn to its end.

use super::MirrorOptions;
use super::mirror::{Line, Mirror};
use crate::cdn;
use crate::clock::Clock;
use crate::runtime::Runtime;
use alloc::sync::Arc;
use async_channel::{Receiver, Sender};
use bytes::Bytes;
use core::future::Future;
use futures_lite::future::or;
use spotp2p::cdn::{Asking, End, Get, Input, Step};
use spotp2p::node::{self, MirrorNews};
use spotproto::content::FileId;

/// What is asked, and of whom.
#[derive(Debug)]
pub(super) struct Request<R: Runtime> {
    pub(super) get: Get,
    pub(super) mirror: Arc<Mirror>,
    pub(super) options: MirrorOptions,
    pub(super) clock: Clock<R>,
    pub(super) told: Sender<node::Input<FileId, Bytes>>,
}

impl<R: Runtime> Request<R> {
    /// Asks, and tells what comes of it, unless the request is withdrawn: then no end is told.
    pub(super) async fn run(self, withdrawn: Receiver<()>) {
        let Some(turn) = unless(&withdrawn, self.mirror.turn()).await else { return };
        let mut line = None;
        let news = unless(&withdrawn, self.ask(&mut line)).await;
        if let (None, Some(line)) = (&news, &mut line) {
            line.withdraw(self.get.request).await;
        }
        if let Some(line) = line {
            self.mirror.keep(line);
        }
        drop(turn);
        if let Some(news) = news {
            self.tell(news).await;
        }
    }

    /// Asks over a connection that was kept, or a new one. `line` is the one in use, for as long as it is.
    async fn ask(&self, line: &mut Option<Line>) -> MirrorNews<Bytes> {
        let mut asking = Asking::new(self.get.clone());
        loop {
            let url = asking.get().target.url();
            *line = self.mirror.take(url);
            let kept = line.is_some();
            if !kept {
                let opened = cdn::open(url, &self.options.dial, self.clock, self.options.limits).await;
                let Ok(handle) = opened else { return MirrorNews::Failed };
                *line = Some(Line { origin: url.clone(), handle });
            }
            asking.asked(kept);
            match self.converse(line, &mut asking).await {
                Some(End::Finished) => return MirrorNews::Finished,
                Some(End::Refused(why)) => return MirrorNews::of_refusal(&why),
                Some(End::Elsewhere { from, to }) => return MirrorNews::of_redirect(&from, to),
                Some(End::Lost(why)) => return MirrorNews::of_end(why),
                None => {}
            }
        }
    }

    /// Asks over one connection. Nothing comes of it if another one is to be asked.
    async fn converse(&self, line: &mut Option<Line>, asking: &mut Asking) -> Option<End> {
        if let Some(Line { handle, .. }) = line
            && handle.try_tell(Input::Get(asking.get().clone())).is_ok()
        {
            while let Some(output) = handle.next().await {
                match asking.hear(output) {
                    Step::Listen => {}
                    Step::Piece { index, data } => self.tell(MirrorNews::Piece { index, data }).await,
                    Step::Again => {
                        *line = None;
                        return None;
                    }
                    Step::Over(end) => return Some(end),
                }
            }
        }
        let why = match line.take() {
            Some(line) => line.handle.ended().await.ok().and_then(|ended| ended.why.machine()),
            None => None,
        };
        asking.lost(why)
    }

    async fn tell(&self, news: MirrorNews<Bytes>) {
        let _ = self.told.send(node::Input::Mirror { request: self.get.request, news }).await;
    }
}

/// What comes of `work`; `None` if the request is withdrawn before.
async fn unless<T>(withdrawn: &Receiver<()>, work: impl Future<Output = T>) -> Option<T> {
    let withdrawn = async {
        let _ = withdrawn.recv().await;
        None
    };
    or(async { Some(work.await) }, withdrawn).await
}
