//! A peer that means ill. It logs in, takes links and shows its ticket as anyone does; then it does as it likes.
//!
//! It holds nothing. What its neighbours ask of it, it asks of the access point, and tells them as much of the answer as
//! its [`Manner`] allows.

use crate::line::{Line, LogIn};
use alloc::collections::{BTreeMap, VecDeque};
use bytes::Bytes;
use core::future::pending;
use core::time::Duration;
use runtime_tokio::channel;
use runtime_tokio::{Clock, LinkOptions, Links, Listener, SocketOptions, entropy};
use spotp2p::SessionId;
use spotp2p::node::Input;
use spotproto::content::{FileId, LEAF_GROUP};
use spotproto::crypto::{KeyPair, PublicKey, RustCrypto};
use spotproto::message::{
    Channel, Connect, Dial, Greeting, Hit, Holding, MAX_HITS, Message, PieceRange, Query, Read, Refusal,
    Slot, Urgency, Want, WireMessage,
};
use spotproto::ticket::{Pseudonym, SIGNED_TICKET_LEN, SignedTicket};
use spotproto::{Limits, SessionError, session};
use std::io;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

/// Messages in a flood: more than anyone bears in a minute.
const FLOOD: u64 = 400;

/// How a crook treats its neighbours.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// Sends bytes that nobody published.
    Garbage,
    /// Sends what was asked for, so much later.
    Late(Duration),
    /// Gives slots, and nothing more.
    Silent,
    /// Has everybody wait for ever.
    Queues,
    /// Says that it has the file, but not to who asks for it.
    Lacks,
    /// Is named, and never comes.
    Absent,
    /// Gives slots, and refuses every request.
    Refuses(Refusal),
    /// Gives slots, and answers every request with proofs, but without a piece.
    Ends,
    /// Has itself linked to this one, and keeps the link.
    Clings(Pseudonym),
    /// The same, and as soon as it has a slot it asks without end for proofs alone.
    Pesters(Pseudonym),
    /// Asks without end who has the file.
    Floods,
    /// Says without end, and unasked, that these have a file.
    Forges(Vec<Pseudonym>),
    /// Says what no peer may say.
    Rude,
    /// Shows this ticket instead of its own.
    Shows(SignedTicket),
    /// Turns a bit of its ticket over.
    Alters,
}

/// What a crook saw of its neighbours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Deed {
    /// A link came about.
    Linked,
    /// A neighbour asked for so many pieces.
    Asked(u32),
    /// A link did not come about.
    Failed,
    /// A link that stood is over.
    Ended(Option<SessionError>),
}

/// A link that a crook makes, or has.
#[derive(Debug)]
struct Neighbour {
    dial: Dial,
    /// Whether it is the access point that tries the door.
    is_probe: bool,
    stands: bool,
}

/// A crook that is logged in.
#[derive(Debug)]
pub(crate) struct Crook {
    line: Line,
    server: PublicKey,
    links: Links,
    inbox: channel::Receiver<Input<FileId, Bytes>>,
    /// What its links show.
    keys: KeyPair,
    file: FileId,
    neighbours: BTreeMap<SessionId, Neighbour>,
    next_session: u64,
    /// What it asked the access point for, and for whom.
    asked: BTreeMap<Channel, (SessionId, Channel)>,
    /// What is to be said later, in order.
    late: VecDeque<(Instant, SessionId, WireMessage)>,
    deeds: channel::Sender<Deed>,
}

impl Crook {
    /// Logs a device in over `stream` at the access point that has this key, and says that it holds `file`. Its door is
    /// at `listener`; without one it dials its neighbours.
    pub(crate) async fn log_in(
        stream: TcpStream,
        server: PublicKey,
        device: KeyPair,
        listener: Option<Listener>,
        file: FileId,
        deeds: channel::Sender<Deed>,
    ) -> io::Result<Self> {
        let options = LinkOptions { sockets: SocketOptions::default(), limits: Limits::DEFAULT };
        let (told, inbox) = channel::bounded(64);
        let links = Links::new(listener, options, Clock::start(), told).map_err(io::Error::other)?;
        let keys = KeyPair::new::<RustCrypto>(entropy::secret_key().map_err(io::Error::other)?);
        let log_in = LogIn { device, link_key: keys.public, port: links.port() };
        let line = Line::log_in(stream, server, log_in).await?;
        line.say(Message::Holding(Box::new(Holding { joined: vec![file], left: Vec::new() }))).await;
        Ok(Self {
            line,
            server,
            links,
            inbox,
            keys,
            file,
            neighbours: BTreeMap::new(),
            next_session: 0,
            asked: BTreeMap::new(),
            late: VecDeque::new(),
            deeds,
        })
    }

    /// What the access point calls it, and the key of its links.
    pub(crate) const fn name(&self) -> (Pseudonym, PublicKey) {
        (self.line.welcome.pseudonym, self.keys.public)
    }

    /// The ticket of its log-in.
    pub(crate) const fn ticket(&self) -> SignedTicket {
        self.line.welcome.ticket
    }

    /// Goes about its business until the access point ends the connection.
    pub(crate) async fn run(mut self, manner: Manner) {
        if let Manner::Clings(to) | Manner::Pesters(to) = &manner {
            let connect = Box::new(Connect { file: self.file, peers: vec![*to] });
            self.line.ask(|channel| Message::Connect { channel, connect }).await;
        }
        loop {
            let due = self.late.front().map(|(at, ..)| *at);
            tokio::select! {
                message = self.line.hear() => match message {
                    Some(Message::Dial(dial)) => self.make(&manner, *dial),
                    Some(answer) => self.pass_on(&manner, answer),
                    None => return,
                },
                Ok(input) = self.inbox.recv() => self.hear(&manner, input).await,
                () = async { match due { Some(at) => sleep_until(at).await, None => pending().await } } => {
                    if let Some((_, to, message)) = self.late.pop_front() {
                        self.say(to, message);
                    }
                }
            }
        }
    }

    fn make(&mut self, manner: &Manner, dial: Dial) {
        let session = SessionId(self.next_session);
        self.next_session += 1;
        let is_probe = dial.link_key == self.server;
        if matches!(manner, Manner::Absent) && !is_probe {
            return self.note(Deed::Failed);
        }
        self.neighbours.insert(session, Neighbour { dial: dial.clone(), is_probe, stands: false });
        self.links.make(session, dial, self.keys.clone());
        let ticket = match manner {
            Manner::Shows(ticket) => *ticket,
            Manner::Alters => altered(self.ticket()),
            _ => self.ticket(),
        };
        self.say(session, Message::Greeting(Box::new(Greeting { ticket })));
    }

    async fn hear(&mut self, manner: &Manner, input: Input<FileId, Bytes>) {
        match input {
            Input::Connected { session, .. } => {
                let Some(neighbour) = self.neighbours.get_mut(&session) else { return };
                neighbour.stands = true;
                let (link, is_probe) = (neighbour.dial.link, neighbour.is_probe);
                if !is_probe {
                    self.note(Deed::Linked);
                }
                self.line.say(Message::Dialled { link, stands: true }).await;
            }
            Input::Message { from, message } => self.answer(manner, from, message).await,
            Input::Disconnected { session, why } => {
                self.links.forget(session);
                let Some(neighbour) = self.neighbours.remove(&session) else { return };
                if !neighbour.stands {
                    self.note(Deed::Failed);
                    self.line.say(Message::Dialled { link: neighbour.dial.link, stands: false }).await;
                } else if !neighbour.is_probe {
                    self.note(Deed::Ended(why));
                }
            }
            _ => {}
        }
    }

    async fn answer(&mut self, manner: &Manner, from: SessionId, message: WireMessage) {
        match message {
            Message::Greeting(_) => self.open(manner, from),
            Message::Want { channel, .. } => self.say(
                from,
                match manner {
                    Manner::Lacks => Message::Refuse { channel, why: Refusal::NotFound },
                    Manner::Queues => Message::Slot { channel, slot: Slot { place: 9, held: Vec::new() } },
                    _ => Message::Slot { channel, slot: Slot { place: 0, held: Vec::new() } },
                },
            ),
            Message::Slot { slot, channel } if slot.is_served() => self.ask_for_proofs(from, channel + 1),
            Message::End { channel } => self.ask_for_proofs(from, channel + 1),
            Message::Read { channel, read } => self.read(manner, (from, channel), read).await,
            _ => {}
        }
    }

    /// A link is open.
    fn open(&mut self, manner: &Manner, to: SessionId) {
        match manner {
            Manner::Floods => {
                for id in 0..FLOOD {
                    self.say(to, Message::Query(Query { id, file: self.file, hops: 1 }));
                }
            }
            Manner::Forges(names) => {
                for id in 0..FLOOD {
                    let peers = names.iter().copied().take(MAX_HITS).collect();
                    self.say(to, Message::Hit(Hit { id, peers }));
                }
            }
            Manner::Pesters(_) => {
                let want = Want { file: self.file, urgency: Urgency::Playing };
                self.say(to, Message::Want { channel: 1, want });
            }
            Manner::Rude => self.say(to, Message::Renew { port: 7 }),
            _ => {}
        }
    }

    fn ask_for_proofs(&mut self, of: SessionId, channel: Channel) {
        let leaves = Some(PieceRange { start: 0, count: LEAF_GROUP });
        let pieces = PieceRange { start: 0, count: 0 };
        let read = Read { file: self.file, pieces, urgency: Urgency::Playing, leaves };
        self.say(of, Message::Read { channel, read });
    }

    async fn read(&mut self, manner: &Manner, place: (SessionId, Channel), read: Read<FileId>) {
        self.note(Deed::Asked(read.pieces.count));
        let (to, channel) = place;
        match manner {
            Manner::Silent => {}
            Manner::Refuses(why) => self.say(to, Message::Refuse { channel, why: *why }),
            _ => {
                let channel = self.line.ask(|channel| Message::Read { channel, read }).await;
                self.asked.insert(channel, place);
            }
        }
    }

    /// The access point answers what a neighbour asked.
    fn pass_on(&mut self, manner: &Manner, answer: WireMessage) {
        let asked = answer.channel().and_then(|channel| self.asked.get(&channel));
        let Some(&(to, channel)) = asked else { return };
        let answer = match answer {
            Message::Leaves { leaves, .. } => Message::Leaves { channel, leaves },
            Message::Piece { index, data, .. } if matches!(manner, Manner::Garbage) => {
                Message::Piece { channel, index, data: spoilt(&data) }
            }
            Message::Piece { .. } if matches!(manner, Manner::Ends) => return,
            Message::Piece { index, data, .. } => Message::Piece { channel, index, data },
            Message::End { .. } => Message::End { channel },
            Message::Refuse { why, .. } => Message::Refuse { channel, why },
            _ => return,
        };
        match manner {
            Manner::Late(span) => self.late.push_back((Instant::now() + *span, to, answer)),
            _ => self.say(to, answer),
        }
    }

    fn say(&mut self, to: SessionId, message: WireMessage) {
        if !self.links.send(to, session::Input::Send(message)) {
            self.neighbours.remove(&to);
            self.note(Deed::Ended(None));
        }
    }

    fn note(&self, deed: Deed) {
        // Nobody need look on.
        let _ = self.deeds.try_send(deed);
    }
}

fn spoilt(piece: &[u8]) -> Bytes {
    piece.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at == 7)).collect()
}

fn altered(ticket: SignedTicket) -> SignedTicket {
    let mut bytes: [u8; SIGNED_TICKET_LEN] = *ticket.as_bytes();
    // A bit of the pseudonym: the form stays right.
    bytes[20] ^= 4;
    SignedTicket::decode(&bytes).unwrap_or(ticket)
}
