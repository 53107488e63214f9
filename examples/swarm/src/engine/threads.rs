//! One thread for each shard. They meet between windows, and pass on what travels from one to another.

use super::net::Outgoing;
use super::progress::Progress;
use super::shard::Shard;
use super::world::World;
use core::hint;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Mutex;
use std::thread;

/// Windows between two looks at the progress bar.
const LOOKS: u64 = 512;

/// Turns that are waited before the core is given to others.
const PATIENCE: u32 = 2000;

pub(super) fn build(world: &World, threads: usize) -> Vec<Shard> {
    thread::scope(|scope| {
        let shards: Vec<_> =
            (0..threads).map(|number| scope.spawn(move || Shard::new(world, number, threads))).collect();
        shards.into_iter().map(joined).collect()
    })
}

/// Runs all shards to the world's end.
pub(super) fn run(world: &World, shards: Vec<Shard>, progress: &Progress) -> Vec<Shard> {
    let count = shards.len();
    let post = Post::new(count);
    thread::scope(|scope| {
        let post = &post;
        let threads: Vec<_> = shards
            .into_iter()
            .enumerate()
            .map(|(number, shard)| {
                scope.spawn(move || run_one(world, shard, (number, count), post, progress))
            })
            .collect();
        threads.into_iter().map(joined).collect()
    })
}

fn run_one(
    world: &World,
    mut shard: Shard,
    (number, count): (usize, usize),
    post: &Post,
    progress: &Progress,
) -> Shard {
    let _goes = Goes(&post.meeting);
    let mut windows = 0u64;
    while shard.until() < world.ends {
        shard.runs(world);
        if count > 1 && !post.exchange(number, windows, &mut shard) {
            return shard;
        }
        windows += 1;
        if number == 0 && windows.is_multiple_of(LOOKS) {
            progress.shows(shard.until(), shard.events(), count);
        }
    }
    shard.looks_back(world);
    shard
}

fn joined(thread: thread::ScopedJoinHandle<'_, Shard>) -> Shard {
    match thread.join() {
        Ok(shard) => shard,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Boxes for what goes from each shard to each: two sets, so that one is filled while the other is emptied, and threads have
/// to meet only once a window.
struct Post {
    boxes: [Vec<Vec<Mutex<Outgoing>>>; 2],
    meeting: Meeting,
}

impl Post {
    fn new(count: usize) -> Self {
        let row = || core::iter::repeat_with(|| Mutex::new(Vec::new())).take(count).collect();
        let set = || core::iter::repeat_with(row).take(count).collect();
        Self {
            boxes: [set(), set()],
            meeting: Meeting {
                count,
                here: AtomicUsize::new(0),
                round: AtomicUsize::new(0),
                fell: AtomicBool::new(false),
            },
        }
    }

    /// Whether all were there.
    fn exchange(&self, number: usize, window: u64, shard: &mut Shard) -> bool {
        let boxes = &self.boxes[(window % 2) as usize];
        for (to, outgoing) in shard.outgoing().iter_mut().enumerate() {
            if !outgoing.is_empty()
                && let Ok(mut place) = boxes[number][to].lock()
            {
                place.append(outgoing);
            }
        }
        if !self.meeting.meet() {
            return false;
        }
        for row in boxes {
            if let Ok(mut place) = row[number].lock() {
                shard.takes(&mut place);
            }
        }
        true
    }
}

/// Where threads wait for each other: they turn for a while, since the others are never far.
struct Meeting {
    count: usize,
    here: AtomicUsize,
    round: AtomicUsize,
    /// One of them panicked, and comes no more.
    fell: AtomicBool,
}

/// Tells the others of a panic, who would wait for ever.
struct Goes<'a>(&'a Meeting);

impl Drop for Goes<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fell.store(true, Ordering::Release);
        }
    }
}

impl Meeting {
    /// Whether all came.
    fn meet(&self) -> bool {
        let round = self.round.load(Ordering::Acquire);
        if self.here.fetch_add(1, Ordering::AcqRel) + 1 == self.count {
            self.here.store(0, Ordering::Release);
            self.round.store(round.wrapping_add(1), Ordering::Release);
            return true;
        }
        let mut turns = 0;
        while self.round.load(Ordering::Acquire) == round {
            turns += 1;
            if turns < PATIENCE {
                hint::spin_loop();
            } else if self.fell.load(Ordering::Acquire) {
                return false;
            } else {
                thread::yield_now();
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_one_that_panicked_is_told() {
        let meeting = Post::new(2).meeting;
        thread::scope(|scope| {
            let falls = scope.spawn(|| {
                let _goes = Goes(&meeting);
                std::panic::resume_unwind(Box::new("as told"));
            });
            let waits = scope.spawn(|| meeting.meet());
            assert!(falls.join().is_err());
            assert_eq!(waits.join().ok(), Some(false));
        });
    }
}
