//! The tracker against an obvious model of it, and its bounds.

extern crate alloc;

use alloc::collections::{BTreeMap, BTreeSet};
use proptest::collection::vec;
use proptest::prelude::*;
use spotp2p::tracker::{Client, Tracker, TrackerLimits};
use spotproto::Seed;

const RING: usize = 20;

#[derive(Clone, Debug)]
enum Op {
    Enter,
    Leave(usize),
    Clear(usize),
    Join(usize, u32),
    Part(usize, u32),
    Find(u32, usize, Option<usize>),
}

fn op() -> impl Strategy<Value = Op> {
    let (who, file) = (0usize..60, 0u32..8);
    prop_oneof![
        3 => Just(Op::Enter),
        1 => who.clone().prop_map(Op::Leave),
        1 => who.clone().prop_map(Op::Clear),
        9 => (who.clone(), file.clone()).prop_map(|(who, file)| Op::Join(who, file)),
        3 => (who.clone(), file.clone()).prop_map(|(who, file)| Op::Part(who, file)),
        4 => (file, 0usize..14, proptest::option::of(who)).prop_map(|(file, most, who)| Op::Find(file, most, who)),
    ]
}

/// What a tracker is, without any thought of speed.
#[derive(Default)]
struct Model {
    online: Vec<Client>,
    gone: Vec<Client>,
    named: BTreeSet<(Client, u32)>,
    latest: BTreeMap<u32, Vec<Client>>,
    /// How many of them are named.
    named_of_latest: usize,
}

impl Model {
    fn forget(&mut self, client: Client, file: u32) -> bool {
        self.latest.entry(file).or_default().retain(|holder| *holder != client);
        self.named.remove(&(client, file))
    }

    fn join(&mut self, client: Client, file: u32) {
        self.named.insert((client, file));
        let latest = self.latest.entry(file).or_default();
        latest.retain(|holder| *holder != client);
        latest.push(client);
        if latest.len() > RING {
            latest.remove(0);
        }
    }

    fn clear(&mut self, client: Client) {
        for file in 0..8 {
            self.forget(client, file);
        }
    }

    fn files(&self) -> usize {
        self.named.iter().map(|(_, file)| file).collect::<BTreeSet<_>>().len()
    }
}

fn run(tracker: &mut Tracker<u32>, model: &mut Model, op: &Op) -> Result<(), TestCaseError> {
    let pick = |model: &Model, who: usize| model.online.get(who % model.online.len().max(1)).copied();
    match *op {
        Op::Enter => {
            let client = tracker.enter();
            prop_assert!(!model.online.contains(&client) && !model.gone.contains(&client));
            model.online.push(client);
        }
        Op::Leave(who) => {
            let Some(client) = pick(model, who) else { return Ok(()) };
            tracker.leave(client);
            model.clear(client);
            model.online.retain(|other| *other != client);
            model.gone.push(client);
        }
        Op::Clear(who) => {
            let Some(client) = pick(model, who) else { return Ok(()) };
            tracker.clear(client);
            model.clear(client);
        }
        Op::Join(who, file) => {
            let Some(client) = pick(model, who) else { return Ok(()) };
            prop_assert!(tracker.join(client, &file));
            model.join(client, file);
        }
        Op::Part(who, file) => {
            let Some(client) = pick(model, who) else { return Ok(()) };
            prop_assert_eq!(tracker.part(client, &file), model.forget(client, file));
        }
        Op::Find(file, most, who) => {
            let except = who.and_then(|who| pick(model, who));
            let found = tracker.find(&file, most, except);
            let mut may: Vec<Client> = model.latest.get(&file).cloned().unwrap_or_default();
            may.drain(..may.len().saturating_sub(model.named_of_latest));
            may.retain(|client| Some(*client) != except);
            prop_assert_eq!(found.len(), most.min(10).min(may.len()));
            prop_assert!(found.iter().all(|client| may.contains(client)));
            prop_assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len(), "each once");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn it_names_those_who_said_last_that_they_can_serve_and_nobody_else(
        ops in vec(op(), 0..250), latest in prop_oneof![Just(RING), 0..=RING], seed: [u8; 32]
    ) {
        let mut limits = TrackerLimits::DEFAULT;
        limits.latest = latest;
        let mut tracker = Tracker::new(limits, &Seed(seed));
        let mut model = Model { named_of_latest: latest, ..Model::default() };
        for op in &ops {
            run(&mut tracker, &mut model, op)?;
        }
        prop_assert_eq!((tracker.files(), tracker.clients()), (model.files(), model.online.len()));
        for file in 0..8 {
            for client in model.online.iter().chain(&model.gone) {
                prop_assert_eq!(tracker.holds(*client, &file), model.named.contains(&(*client, file)));
            }
            prop_assert_eq!(tracker.knows(&file), model.named.iter().any(|(_, named)| *named == file));
        }
        for client in model.gone {
            // Whoever is gone can do nothing, wherever its seat went.
            prop_assert!(!tracker.join(client, &1));
            tracker.leave(client);
        }
        prop_assert_eq!(tracker.clients(), model.online.len());
    }
}

fn tracker(files: usize, files_per_client: usize) -> Tracker<u32> {
    let mut limits = TrackerLimits::DEFAULT;
    (limits.files, limits.files_per_client) = (files, files_per_client);
    Tracker::new(limits, &Seed([7; 32]))
}

#[test]
fn a_client_that_names_more_than_it_may_is_not_heard_beyond_that() {
    let mut tracker = tracker(1000, 10);
    let client = tracker.enter();
    assert_eq!((0..50).filter(|file| tracker.join(client, file)).count(), 10);
    assert!(tracker.join(client, &3), "again is not more");
    assert!(tracker.part(client, &3) && tracker.join(client, &40));
    assert_eq!(tracker.files(), 10);
}

#[test]
fn a_full_tracker_takes_in_no_further_file_but_more_holders_of_those_it_has() {
    let mut tracker = tracker(5, 100);
    let (one, other) = (tracker.enter(), tracker.enter());
    assert_eq!((0..50).filter(|file| tracker.join(one, file)).count(), 5);
    assert!(tracker.join(other, &2) && !tracker.join(other, &30));
    tracker.leave(one);
    assert_eq!(tracker.files(), 1);
    assert!(tracker.join(other, &30), "what nobody holds makes room");
}

#[test]
fn whom_it_names_is_left_to_chance() {
    let mut tracker = tracker(5, 100);
    let clients: Vec<Client> = (0..20).map(|_| tracker.enter()).collect();
    clients.iter().for_each(|client| assert!(tracker.join(*client, &1)));
    let mut named: BTreeMap<Client, u32> = BTreeMap::new();
    for _ in 0..2000 {
        tracker.find(&1, 10, None).into_iter().for_each(|client| *named.entry(client).or_default() += 1);
    }
    assert!(clients.iter().all(|client| (850..1150).contains(&named[client])), "{named:?}");
}
