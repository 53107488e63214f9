//! One request to a web server, over as many connections as it takes.

use super::connection::Output;
use super::error::CdnError;
use super::refusal::Refusal;
use super::request::Get;
use super::target::Target;
use super::url::Url;
use bytes::Bytes;

/// Says what becomes of a request when a connection says something of it, or ends: whether it goes on, is asked anew over another
/// connection, or is over.
///
/// A redirect to the same host is followed. A request whose connection had served before, and ended before anything came, is asked
/// anew: the server may have closed meanwhile, which says nothing of it (RFC 9112 §9.3.1). Everything else is an end, and for the
/// owner to judge.
///
/// # Contract
///
/// The owner gives [`get`](Self::get) to a [`Connection`](super::Connection) to the host of its target, says so by
/// [`asked`](Self::asked), and hands over what comes of that connection, which has no other request meanwhile. [`Step::Again`]
/// means the same once more, over another connection: one more than the owner kept and [`REDIRECTS_MAX`](super::REDIRECTS_MAX) of
/// them, at most.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asking {
    get: Get,
    /// Whether the connection had served before.
    kept: bool,
    /// Whether anything came over it.
    begun: bool,
}

/// What a connection's word means for the request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Nothing: go on listening.
    Listen,
    /// A piece came, not proved yet; go on listening.
    Piece {
        /// Its place in the file.
        index: u32,
        /// What the server sent for it.
        data: Bytes,
    },
    /// Leave this connection, and ask anew over another one.
    Again,
    /// The request is over.
    Over(End),
}

/// How a request ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum End {
    /// All pieces came.
    Finished,
    /// It brings nothing, or no more.
    Refused(Refusal),
    /// Another host is to be asked. Whether it is, the owner decides.
    Elsewhere {
        /// Who says so.
        from: Url,
        /// Where.
        to: Target,
    },
    /// The connection ended; `None` if the line broke.
    Lost(Option<CdnError>),
}

impl Asking {
    /// Nobody is asked yet.
    #[must_use]
    pub const fn new(get: Get) -> Self {
        Self { get, kept: false, begun: false }
    }

    /// What to ask, and where.
    #[must_use]
    pub const fn get(&self) -> &Get {
        &self.get
    }

    /// It is asked over a connection that had served before (`kept`), or over a new one.
    pub const fn asked(&mut self, kept: bool) {
        self.kept = kept;
        self.begun = false;
    }

    /// Takes what the connection puts out.
    pub fn hear(&mut self, output: Output) -> Step {
        let own = self.get.request;
        match output {
            Output::Piece { request, index, data } if request == own => {
                self.begun = true;
                Step::Piece { index, data }
            }
            Output::Finished { request } if request == own => Step::Over(End::Finished),
            Output::Refused { request, why } if request == own => Step::Over(End::Refused(why)),
            Output::Moved { request, target } if request == own => self.redirected(target),
            // Of a request that was withdrawn.
            _ => Step::Listen,
        }
    }

    fn redirected(&mut self, target: Target) -> Step {
        if target.url().is_beside(self.get.target.url()) {
            self.get.target = target;
            Step::Again
        } else {
            Step::Over(End::Elsewhere { from: self.get.target.url().clone(), to: target })
        }
    }

    /// The connection ended; `None` if the line broke. Answers the request's end, or nothing if it is to be asked anew.
    #[must_use]
    pub fn lost(&self, why: Option<CdnError>) -> Option<End> {
        let blameless = why.is_some_and(|why| !why.is_servers_fault());
        if self.kept && !self.begun && blameless { None } else { Some(End::Lost(why)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RequestId;
    use crate::cdn::REDIRECTS_MAX;
    use spotproto::content::Geometry;

    const OWN: RequestId = RequestId(7);

    fn asking(kept: bool) -> Asking {
        let target = Target::new("http://h/music/file".parse().unwrap());
        let geometry = Geometry::of_ciphertext(100_000).unwrap();
        let mut asking = Asking::new(Get { request: OWN, target, geometry, pieces: 2..4 });
        asking.asked(kept);
        asking
    }

    fn moved(asking: &Asking, location: &str) -> Output {
        let target = asking.get().target.redirected(location.as_bytes()).unwrap();
        Output::Moved { request: OWN, target }
    }

    fn piece(request: RequestId) -> Output {
        Output::Piece { request, index: 2, data: Bytes::from_static(b"piece") }
    }

    #[test]
    fn pieces_are_handed_on_until_the_last() {
        let mut asking = asking(false);
        assert!(matches!(asking.hear(piece(OWN)), Step::Piece { index: 2, .. }));
        assert_eq!(asking.hear(Output::Finished { request: OWN }), Step::Over(End::Finished));
    }

    #[test]
    fn what_is_said_of_a_request_that_was_withdrawn_means_nothing() {
        let mut asking = asking(true);
        let other = RequestId(6);
        let target = Target::new("http://other/file".parse().unwrap());
        for output in [
            piece(other),
            Output::Finished { request: other },
            Output::Refused { request: other, why: Refusal::NotFound },
            Output::Moved { request: other, target },
        ] {
            assert_eq!(asking.hear(output), Step::Listen);
        }
        // Not even that the connection served this one.
        assert_eq!(asking.lost(Some(CdnError::Stale)), None);
    }

    #[test]
    fn a_redirect_is_followed_at_the_same_host_and_no_further_than_redirects_go() {
        let mut asking = asking(false);
        for place in 0..REDIRECTS_MAX {
            let output = moved(&asking, &alloc::format!("/place/{place}"));
            assert_eq!(asking.hear(output), Step::Again);
            assert_eq!(asking.get().target.redirects(), place + 1);
            assert_eq!(asking.get().pieces, 2..4);
            asking.asked(true);
        }
        assert_eq!(asking.get().target.redirected(b"/place"), Err(Refusal::TooManyRedirects));
    }

    #[test]
    fn another_host_port_or_refusal_is_for_the_owner_to_judge() {
        for location in ["http://other/music/file", "http://h:81/music/file"] {
            let mut asking = asking(true);
            let output = moved(&asking, location);
            let Step::Over(End::Elsewhere { from, to }) = asking.hear(output) else { panic!("{location}") };
            assert_eq!(
                (from, to.url()),
                ("http://h/music/file".parse().unwrap(), &location.parse().unwrap())
            );
        }
        let refused = Output::Refused { request: OWN, why: Refusal::NotFound };
        assert_eq!(asking(true).hear(refused), Step::Over(End::Refused(Refusal::NotFound)));
    }

    #[test]
    fn it_is_asked_anew_only_where_a_kept_connection_ended_for_nobodys_fault_and_before_anything_came() {
        let ends =
            [None, Some(CdnError::Stale), Some(CdnError::Closed), Some(CdnError::Idle), Some(CdnError::Cut)];
        for (kept, begun) in [(false, false), (false, true), (true, false), (true, true)] {
            for why in ends {
                let mut asking = asking(kept);
                if begun {
                    asking.hear(piece(OWN));
                }
                let anew = asking.lost(why).is_none();
                let nobodys = matches!(why, Some(CdnError::Stale | CdnError::Closed | CdnError::Idle));
                assert_eq!(anew, kept && !begun && nobodys, "{kept} {begun} {why:?}");
            }
        }
    }

    #[test]
    fn what_came_over_one_connection_is_no_mark_of_the_next() {
        let mut asking = asking(true);
        asking.hear(piece(OWN));
        let output = moved(&asking, "/elsewhere");
        asking.hear(output);
        asking.asked(true);
        assert_eq!(asking.lost(Some(CdnError::Stale)), None);
    }
}
