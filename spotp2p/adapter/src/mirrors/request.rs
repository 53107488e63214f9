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
use spotp2p::cdn::{CdnError, Get, Input, Output, Target};
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

/// What came of asking over one connection.
enum Answer {
    /// This is how it ended.
    Over(MirrorNews<Bytes>),
    /// It goes on at the same host, over another connection.
    Beside(Target),
    /// The connection ended.
    Ended {
        why: Option<CdnError>,
        /// Whether anything came for this request.
        begun: bool,
    },
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
        let mut get = self.get.clone();
        loop {
            *line = self.mirror.take(get.target.url());
            let kept = line.is_some();
            if !kept {
                let url = get.target.url();
                let opened = cdn::open(url, &self.options.dial, self.clock, self.options.limits).await;
                let Ok(handle) = opened else { return MirrorNews::Failed };
                *line = Some(Line { origin: url.clone(), handle });
            }
            match self.converse(line, &get).await {
                Answer::Over(news) => return news,
                Answer::Beside(target) => {
                    *line = None;
                    get.target = target;
                }
                Answer::Ended { why, begun } => {
                    // One that was kept may have been closed meanwhile, which says nothing of the server (RFC 9112 §9.3.1).
                    if !kept || begun || why.is_none_or(|why| why.is_servers_fault()) {
                        return MirrorNews::of_end(why);
                    }
                }
            }
        }
    }

    async fn converse(&self, line: &mut Option<Line>, get: &Get) -> Answer {
        let mut begun = false;
        if let Some(Line { handle, .. }) = line
            && handle.try_tell(Input::Get(get.clone())).is_ok()
        {
            while let Some(output) = handle.next().await {
                // Others are of a request that was withdrawn.
                match output {
                    Output::Piece { request, index, data } if request == get.request => {
                        begun = true;
                        self.tell(MirrorNews::Piece { index, data }).await;
                    }
                    Output::Finished { request } if request == get.request => {
                        return Answer::Over(MirrorNews::Finished);
                    }
                    Output::Refused { request, why } if request == get.request => {
                        return Answer::Over(MirrorNews::of_refusal(&why));
                    }
                    Output::Moved { request, target } if request == get.request => {
                        return self.moved(get, target);
                    }
                    _ => {}
                }
            }
        }
        let why = match line.take() {
            Some(line) => line.handle.ended().await.ok().and_then(|ended| ended.why.machine()),
            None => None,
        };
        Answer::Ended { why, begun }
    }

    fn moved(&self, get: &Get, target: Target) -> Answer {
        if target.url().is_beside(get.target.url()) {
            Answer::Beside(target)
        } else {
            Answer::Over(MirrorNews::of_redirect(get.target.url(), target))
        }
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
