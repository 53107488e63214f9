//! Our side of the contest: two sessions, each in its pump, on the line that the others get too.

use crate::pipe::{Pipe, spin};
use crate::sessions::{Answer, Taken, ends, read};
use core::convert::Infallible;
use spotproto::crypto::Crypto;
use spotproto::message::WireMessage;
use spotproto::pump::SCRATCH;
use spotproto::session::{Input, Output, Session};
use spotproto::{Instant, Pump};

pub(crate) struct Pumped<C: Crypto> {
    client: Pump<Session<C>>,
    server: Pump<Session<C>>,
    up: Pipe,
    down: Pipe,
    scratch: Vec<u8>,
    answer: Answer,
    channel: u32,
}

impl<C: Crypto> Pumped<C> {
    /// `batch` is what a pump makes ready at a time.
    pub(crate) fn new(batch: usize) -> Self {
        let (client, server) = ends();
        Self {
            client: Pump::new(client, batch),
            server: Pump::new(server, batch),
            up: Pipe::default(),
            down: Pipe::default(),
            scratch: vec![0; SCRATCH],
            answer: Answer::new(),
            channel: 0,
        }
    }

    pub(crate) fn download(&mut self, pieces: u32) {
        self.channel += 1;
        let mut taken = Taken::default();
        command(&mut self.client, read(self.channel, pieces));
        spin(|_| {
            let (server, answer) = (&mut self.server, &mut self.answer);
            turn(&mut self.client, &self.down, &self.up, &mut self.scratch, |output| {
                if let Output::Message(message) = output {
                    taken.take(message);
                }
            });
            turn(server, &self.up, &self.down, &mut self.scratch, |output| match output {
                Output::Message(message) => answer.take(message),
                Output::Sent { .. } => answer.sent(),
                _ => {}
            });
            answer.feed(|message| command(server, message));
            taken.ended
        });
        assert_eq!(taken.pieces, pieces);
    }
}

fn command<C: Crypto>(pump: &mut Pump<Session<C>>, message: WireMessage) {
    pump.command(Instant::START, Input::Send(message));
}

/// What an adapter does in a turn.
fn turn<C: Crypto>(
    pump: &mut Pump<Session<C>>,
    from: &Pipe,
    to: &Pipe,
    scratch: &mut [u8],
    mut sink: impl FnMut(Output),
) {
    let wants = pump.turn(Instant::START, |output| {
        sink(output);
        Ok(())
    });
    assert!(!wants.done, "{pump:?}");
    if wants.write {
        let count = to.write(pump.unsent());
        pump.sent(count);
    }
    if wants.read && !from.is_empty() {
        let read = pump.receive(Instant::START, scratch, |space| Ok::<_, Infallible>(from.read(space)));
        let Ok(()) = read;
    }
}
