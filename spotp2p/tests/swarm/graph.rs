//! Fifty swarms on a random graph that look for what few of them have.

use crate::rig::name;
use alloc::collections::{BTreeSet, VecDeque};
use spotp2p::swarm::{Config, Direction, Holding, Origin, Output, PeerId, PeerMessage, Pressure, Swarm};
use spotproto::message::Urgency::Playing;
use spotproto::ticket::Pseudonym;
use spotproto::{Dice, Instant, Seed};

const NODES: u32 = 50;
const NOW: Instant = Instant::START;

/// Every node calls its link to node `n` number `n`.
struct Graph {
    nodes: Vec<Swarm<u32>>,
    edges: BTreeSet<(u32, u32)>,
    /// Who has the file.
    holders: BTreeSet<u32>,
    queries: usize,
    hits: usize,
}

impl Graph {
    /// A ring, and random edges until there are `degree` links a node on average.
    fn new(degree: usize, holders: &[u32], seed: u8) -> Self {
        let mut dice = Dice::new(&Seed([seed; 32]));
        let mut nodes: Vec<Swarm<u32>> = (0..NODES).map(|_| Swarm::new(Config::default())).collect();
        for (n, node) in (0..NODES).zip(&mut nodes) {
            node.new_log_in(NOW, name(n), Seed([seed; 32]).part(n.into()));
        }
        let mut edges: BTreeSet<(u32, u32)> = (0..NODES).map(|n| ordered(n, (n + 1) % NODES)).collect();
        while edges.len() < degree * NODES as usize / 2 {
            let (a, b) = (dice.below(NODES), dice.below(NODES));
            if a != b {
                edges.insert(ordered(a, b));
            }
        }
        for &(a, b) in &edges {
            nodes[a as usize].opened(NOW, PeerId(b), name(b), Direction::Ours).unwrap();
            nodes[b as usize].opened(NOW, PeerId(a), name(a), Direction::Theirs).unwrap();
        }
        Self { nodes, edges, holders: holders.iter().copied().collect(), queries: 0, hits: 0 }
    }

    fn neighbours(&self, of: u32) -> BTreeSet<u32> {
        let ends = self.edges.iter().filter_map(|(a, b)| match () {
            () if *a == of => Some(*b),
            () if *b == of => Some(*a),
            () => None,
        });
        ends.collect()
    }

    /// Those within two hops, without `of` itself.
    fn within_two(&self, of: u32) -> BTreeSet<u32> {
        let near = self.neighbours(of);
        let far = near.iter().flat_map(|n| self.neighbours(*n));
        far.chain(near.iter().copied()).filter(|n| *n != of).collect()
    }

    /// Delivers all messages until there are none; whom `asker` wants to dial or asked.
    fn settle(&mut self, asker: u32) -> BTreeSet<u32> {
        let mut found = BTreeSet::new();
        let mut line = VecDeque::new();
        loop {
            for n in 0..NODES {
                while let Some(output) = self.nodes[n as usize].poll_output() {
                    match output {
                        Output::Send { to, message } => {
                            match message {
                                PeerMessage::Query(_) => self.queries += 1,
                                PeerMessage::Hit(_) => self.hits += 1,
                                PeerMessage::Want(_) if n == asker => {
                                    found.insert(to.0);
                                }
                                PeerMessage::Want(_) | PeerMessage::Slot(_) => {}
                            }
                            line.push_back((n, to.0, message));
                        }
                        Output::Dial { holder: Pseudonym([a, b, c, d, ..]), .. } if n == asker => {
                            found.insert(u32::from_be_bytes([a, b, c, d]));
                        }
                        _ => {}
                    }
                }
            }
            let Some((from, to, message)) = line.pop_front() else { return found };
            let holds = self.holders.contains(&to);
            let holding = |_: &u32| if holds { Holding::Whole } else { Holding::Nothing };
            self.nodes[to as usize].message(NOW, PeerId(from), message, &holding);
        }
    }

    /// A wide search by `asker`: what it found.
    fn search_wide(&mut self, asker: u32) -> BTreeSet<u32> {
        self.nodes[asker as usize].set_pressure(NOW, Pressure::Low);
        self.nodes[asker as usize].want(NOW, 7, Playing);
        self.settle(asker)
    }
}

fn ordered(a: u32, b: u32) -> (u32, u32) {
    (a.min(b), a.max(b))
}

#[test]
fn a_wide_search_finds_every_holder_within_two_hops_and_none_beyond() {
    for seed in 1..20 {
        let mut graph = Graph::new(5, &[9, 23, 41], seed);
        let asker = u32::from(seed);
        let reachable = graph.within_two(asker);
        let expected: BTreeSet<u32> = graph.holders.intersection(&reachable).copied().collect();
        assert_eq!(graph.search_wide(asker), expected, "seed {seed}");
    }
}

#[test]
fn a_wide_search_costs_one_message_for_each_link_of_each_neighbour() {
    for seed in 1..20 {
        let mut graph = Graph::new(8, &[9], seed);
        let asker = u32::from(seed);
        let near = graph.neighbours(asker);
        let beyond: usize = near.iter().map(|n| graph.neighbours(*n).len() - 1).sum();
        graph.search_wide(asker);
        assert_eq!(graph.queries, near.len() + beyond, "seed {seed}");
        assert!(graph.hits <= 2 * near.len());
    }
}

#[test]
fn asking_the_best_few_first_costs_an_order_of_magnitude_less_than_flooding() {
    let (mut few, mut all) =
        (Graph::new(20, &[0, 10, 20, 30, 40], 1), Graph::new(20, &[0, 10, 20, 30, 40], 1));
    let mut found = 0;
    for asker in 1..10 {
        few.nodes[asker as usize].want(NOW, 7, Playing);
        found += usize::from(!few.settle(asker).is_empty());
        all.search_wide(asker);
    }
    assert_eq!(few.queries, 9 * 10);
    assert!(all.queries > 20 * few.queries, "{} against {}", all.queries, few.queries);
    assert!(found >= 6, "one in ten has it, ten are asked: {found} of 9 found somebody");
}

#[test]
fn after_one_search_those_who_knew_are_asked_first() {
    let mut graph = Graph::new(40, &[3], 5);
    let asker = *graph.neighbours(3).iter().next().unwrap();
    let holder = graph.nodes[asker as usize].neighbours();
    assert!(holder > 20);
    graph.nodes[asker as usize].want(NOW, 7, Playing);
    graph.nodes[asker as usize].found(NOW, 7, &[name(3)], Origin::Tracker);
    graph.settle(asker);
    // Files 8, 9 and 10 of the same album: the neighbour that served the first is among the ten each time.
    for file in 8..11 {
        graph.nodes[asker as usize].want(NOW, file, Playing);
        assert_eq!(graph.settle(asker), BTreeSet::from([3]), "file {file}");
    }
}
