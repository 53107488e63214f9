//! Who broke the rules: no link to them is made or let in until the next log-in.

use super::{ShortName, short};
use alloc::boxed::Box;
use spotproto::ticket::Pseudonym;

/// As many are remembered; whoever was blamed first is forgotten for a further one.
const MOST: usize = 64;

/// Peers whose link ended in a fault: nothing while there are none, half a kibibyte from the first on. Pseudonyms last for
/// one log-in, so they need be known no longer.
#[derive(Debug, Default)]
pub(in crate::swarm) struct Blamed(Option<Box<Ring>>);

#[derive(Debug)]
struct Ring {
    names: [ShortName; MOST],
    /// Names that were ever put in.
    count: usize,
}

impl Blamed {
    pub(in crate::swarm) fn add(&mut self, name: ShortName) {
        if self.knows(&name) {
            return;
        }
        let ring = self.0.get_or_insert_with(|| Box::new(Ring { names: [[0; 8]; MOST], count: 0 }));
        ring.names[ring.count % MOST] = name;
        ring.count += 1;
    }

    pub(in crate::swarm) fn has(&self, pseudonym: &Pseudonym) -> bool {
        self.knows(&short(pseudonym))
    }

    fn knows(&self, name: &ShortName) -> bool {
        self.0.as_ref().is_some_and(|ring| ring.names[..ring.count.min(MOST)].contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_sixty_four_are_remembered_each_once() {
        let mut blamed = Blamed::default();
        let named = |n: u8| Pseudonym([n; 16]);
        assert!(!blamed.has(&named(0)));
        for n in [0, 1, 0].into_iter().chain(2..65) {
            blamed.add(short(&named(n)));
        }
        assert!(!blamed.has(&named(0)) && (1..65).all(|n| blamed.has(&named(n))));
    }
}
