//! A node with so many neighbours, of whom nobody has said more than who it is.

use crate::counted::Name;
use crate::world::{DATE, HERE, Piece, log_in};
use core::time::Duration;
use spotp2p::SessionId;
use spotp2p::node::{Command, Config, Effect, Input, Node, Output};
use spotproto::crypto::{Crypto, PublicKey, RustCrypto, SecretKey};
use spotproto::message::{Dial, Greeting, Message, Welcome};
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::ticket::{Pseudonym, Rights, SignedTicket, Ticket};
use spotproto::{Instant, Machine};

pub(crate) const NOW: Instant = Instant::START;

const ISSUER: SecretKey = SecretKey([2; 32]);

type Text = Message<Name, Piece>;
pub(crate) type Client = Node<Name, Piece>;

pub(crate) struct Neighbourhood {
    pub(crate) now: Instant,
    pub(crate) node: Client,
    pub(crate) server: SessionId,
    pub(crate) links: Vec<SessionId>,
}

impl Neighbourhood {
    /// Logged in, and linked to so many others.
    pub(crate) fn new(config: Config, neighbours: u8) -> Self {
        let mut node = Node::new(NOW, config);
        tell(&mut node, NOW, Input::Command(Command::Connect));
        tell(&mut node, NOW, Input::LogIn(log_in()));
        let server = SessionId(0);
        tell(&mut node, NOW, Input::Connected { session: server, confirmed: true, address: HERE });
        let mut it = Self { now: NOW, node, server, links: Vec::new() };
        let link_key = log_in().link_key;
        it.hears(Message::Welcome(Box::new(Welcome {
            pseudonym: named(u8::MAX),
            ticket: ticket(u8::MAX, link_key),
            issuer: RustCrypto::verifying_key(&ISSUER),
            now: DATE,
        })));
        (0..neighbours).for_each(|n| it.links_with(n));
        assert_eq!(it.node.swarm().neighbours(), usize::from(neighbours));
        it
    }

    /// What the access point says.
    pub(crate) fn hears(&mut self, message: Text) -> Vec<Output<Name, Piece>> {
        self.is_told(Input::Message { from: self.server, message })
    }

    pub(crate) fn is_told(&mut self, input: Input<Name, Piece>) -> Vec<Output<Name, Piece>> {
        tell(&mut self.node, self.now, input)
    }

    /// Until something is due.
    pub(crate) fn waits(&mut self) -> Vec<Output<Name, Piece>> {
        self.now = self.node.poll_timeout().expect("something is").max(self.now);
        let Ok(()) = self.node.handle_timeout(self.now);
        std::iter::from_fn(|| self.node.poll_output()).collect()
    }

    fn links_with(&mut self, n: u8) {
        let link_key = PublicKey([n; 32]);
        let dial = Dial {
            link: LinkId([n; 16]),
            role: Role::Initiator,
            pseudonym: named(n),
            link_key,
            addresses: vec![HERE],
        };
        let outputs = self.hears(Message::Dial(Box::new(dial)));
        let link = outputs.iter().find_map(|output| match output {
            Output::Effect(Effect::Link { session, .. }) => Some(*session),
            _ => None,
        });
        let session = link.expect("it makes the link");
        self.is_told(Input::Connected { session, confirmed: true, address: HERE });
        self.is_told(Input::RoundTrip { session, span: Duration::from_millis(40) });
        let greeting = Message::Greeting(Box::new(Greeting { ticket: ticket(n, link_key) }));
        self.is_told(Input::Message { from: session, message: greeting });
        self.links.push(session);
    }
}

fn tell(node: &mut Client, now: Instant, input: Input<Name, Piece>) -> Vec<Output<Name, Piece>> {
    let Ok(()) = node.handle_input(now, input);
    std::iter::from_fn(|| node.poll_output()).collect()
}

pub(crate) fn named(n: u8) -> Pseudonym {
    Pseudonym([n; 16])
}

fn ticket(n: u8, link_key: PublicKey) -> SignedTicket {
    let not_after = DATE.plus(Duration::from_secs(3600));
    Ticket { pseudonym: named(n), link_key, rights: Rights::NONE, not_after }.sign::<RustCrypto>(&ISSUER)
}
