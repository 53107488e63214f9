use super::toy::{Bugs, Ended, Event, Order, PARCEL, Toy, parcel};
use super::*;
use alloc::vec;
use alloc::vec::Vec;
use core::convert::Infallible;
use proptest::prelude::*;

const NOW: Instant = Instant::START;

fn pump() -> Pump<Toy> {
    Pump::new(Toy::new(), BATCH)
}

/// Feeds bytes as an adapter would; answers how many of them the pump had space for.
fn feed(pump: &mut Pump<Toy>, scratch: &mut [u8], bytes: &[u8]) -> usize {
    let read = |space: &mut [u8]| {
        let count = space.len().min(bytes.len());
        space[..count].copy_from_slice(&bytes[..count]);
        Ok::<_, Infallible>(count)
    };
    let mut fed = 0;
    let Ok(()) = pump.receive(NOW, scratch, |space| read(space).inspect(|&count| fed = count));
    fed
}

fn finish_reading(pump: &mut Pump<Toy>) {
    let Ok(()) = pump.receive(NOW, &mut [0; 4096], |_| Ok::<_, Infallible>(0));
}

fn collect(pump: &mut Pump<Toy>, events: &mut Vec<Event>) -> Wants {
    loop {
        let wants = pump.turn(NOW, |event| {
            events.push(event);
            Ok(())
        });
        if !wants.pause {
            return wants;
        }
    }
}

fn parcels(contents: &[&[u8]]) -> BytesMut {
    let mut wire = BytesMut::new();
    contents.iter().for_each(|content| parcel(&mut wire, content));
    wire
}

/// Moves what fits into a link of 1 KiB, and out of it, one step each way.
fn step(from: &mut Pump<Toy>, link: &mut Vec<u8>, to: &mut Pump<Toy>, to_reads: bool) {
    let count = from.unsent().len().min(1024 - link.len());
    link.extend_from_slice(&from.unsent()[..count]);
    from.sent(count);
    if to_reads && !link.is_empty() {
        let fed = feed(to, &mut [0; 4096], link);
        link.drain(..fed);
    }
}

#[test]
fn bulk_both_ways_over_a_tiny_link_with_slow_owners_neither_stops_nor_loses() {
    const SIZE: usize = 2_000_000;
    let (mut a, mut b) = (pump(), pump());
    a.command(NOW, Order::Bulk(SIZE));
    b.command(NOW, Order::Bulk(SIZE));
    let (mut there, mut back) = (Vec::new(), Vec::new());
    let (mut got_a, mut got_b) = (0, 0);
    let mut turns = 0;
    while got_a < SIZE || got_b < SIZE {
        turns += 1;
        assert!(turns < 20_000, "stuck at {got_a} and {got_b}");
        // One owner takes at most one output a turn, the other one every third turn.
        let mut room = (1, usize::from(turns % 3 == 0));
        let take = |room: &mut usize, got: &mut usize, event: Event| match (event, &room) {
            (event, 0) => Err(event),
            (Event::Parcel(content), _) => {
                *room -= 1;
                *got += content.len();
                Ok(())
            }
            (event, _) => panic!("{event:?}"),
        };
        let wants_a = a.turn(NOW, |event| take(&mut room.0, &mut got_a, event));
        let wants_b = b.turn(NOW, |event| take(&mut room.1, &mut got_b, event));
        step(&mut a, &mut there, &mut b, wants_b.read);
        step(&mut b, &mut back, &mut a, wants_a.read);
    }
    assert_eq!((got_a, got_b), (SIZE, SIZE));
}

#[test]
fn an_idle_pump_holds_no_buffer() {
    let mut pump = pump();
    pump.command(NOW, Order::Bulk(100_000));
    let wire = parcels(&[&[1; PARCEL], &[2; PARCEL]]);
    feed(&mut pump, &mut [0; 4096], &wire[..1500]);
    let mut events = Vec::new();
    while collect(&mut pump, &mut events).write {
        pump.sent(pump.unsent().len().min(700));
    }
    assert_eq!(pump.buffered(), (498, 0));
    feed(&mut pump, &mut [0; 4096], &wire[1500..]);
    collect(&mut pump, &mut events);
    assert_eq!(events.len(), 2);
    assert_eq!((pump.inbox.capacity(), pump.outbox.capacity()), (0, 0));
}

#[test]
fn no_more_than_a_batch_is_made_ready() {
    let mut pump = pump();
    pump.command(NOW, Order::Bulk(1 << 20));
    for _ in 0..10 {
        collect(&mut pump, &mut Vec::new());
        assert!((BATCH..BATCH + PARCEL + 2).contains(&pump.unsent().len()));
        pump.sent(100);
    }
}

#[test]
fn what_is_urgent_overtakes_all_but_the_batch() {
    let mut pump = pump();
    pump.command(NOW, Order::Bulk(1 << 20));
    collect(&mut pump, &mut Vec::new());
    let ahead = pump.unsent().len();
    pump.command(NOW, Order::Parcel(b"urgent".to_vec()));
    pump.sent(ahead);
    collect(&mut pump, &mut Vec::new());
    assert_eq!(pump.unsent()[..8], parcels(&[b"urgent"])[..]);
}

#[test]
fn an_output_without_room_is_held_and_reading_stops_but_commands_do_not() {
    let mut pump = pump();
    feed(&mut pump, &mut [0; 4096], &parcels(&[b"one", b"two"]));
    let wants = pump.turn(NOW, Err);
    assert!(wants.room && wants.command && !wants.read && !wants.done);
    assert_eq!(pump.take_held(), Some(Event::Parcel(b"one".to_vec())));
    let mut events = Vec::new();
    assert!(collect(&mut pump, &mut events).read);
    assert_eq!(events, [Event::Parcel(b"two".to_vec())]);
}

#[test]
fn bytes_that_a_full_machine_left_are_offered_again_after_the_drain() {
    let mut pump = pump();
    let contents: Vec<Vec<u8>> = (0..50).map(|n| vec![n; 20]).collect();
    let wire = parcels(&contents.iter().map(Vec::as_slice).collect::<Vec<_>>());
    feed(&mut pump, &mut [0; 4096], &wire);
    assert_eq!(pump.buffered().0, 46 * 22);
    let mut events = Vec::new();
    assert!(collect(&mut pump, &mut events).read);
    assert!(events.into_iter().eq(contents.into_iter().map(Event::Parcel)));
    assert_eq!(pump.inbox.capacity(), 0);
}

#[test]
fn eof_waits_until_all_before_it_was_delivered() {
    let mut pump = pump();
    feed(&mut pump, &mut [0; 4096], &parcels(&[b"1", b"2", b"3", b"4", b"5", b"6"]));
    finish_reading(&mut pump);
    let mut events = Vec::new();
    let wants = pump.turn(NOW, Err);
    assert!(!wants.done && !wants.read && wants.room && wants.command);
    assert!(collect(&mut pump, &mut events).done);
    assert_eq!(events.len(), 7);
    assert_eq!(events.last(), Some(&Event::Eof));
    assert_eq!(pump.into_end().1, None);
}

#[test]
fn after_eof_what_is_owed_still_goes_out() {
    let mut pump = pump();
    pump.command(NOW, Order::Bulk(20_000));
    finish_reading(&mut pump);
    let mut sent = 0;
    loop {
        let wants = collect(&mut pump, &mut Vec::new());
        if wants.done {
            break;
        }
        assert!(wants.write);
        sent += pump.unsent().len();
        pump.sent(pump.unsent().len());
    }
    assert_eq!(sent, 20_000 + 20 * 2);
}

#[test]
fn a_failed_machine_gets_its_last_word_and_its_outputs_out() {
    let mut pump = pump();
    let mut wire = parcels(&[b"good"]);
    wire.extend_from_slice(&[0xff, 0xff]);
    feed(&mut pump, &mut [0; 4096], &wire);
    let mut events = Vec::new();
    let wants = collect(&mut pump, &mut events);
    assert!(wants.write && !wants.read && !wants.command && !wants.done);
    assert_eq!(pump.unsent(), &parcels(&[b"bye"])[..]);
    pump.sent(5);
    assert!(collect(&mut pump, &mut events).done);
    assert_eq!(events, [Event::Parcel(b"good".to_vec())]);
    assert_eq!(pump.into_end().1, Some(Fault::Machine(Ended::TooLong)));
}

#[test]
fn a_last_word_that_the_line_does_not_take_is_given_up() {
    let mut pump = pump();
    pump.command(NOW, Order::Close);
    let wake = collect(&mut pump, &mut Vec::new()).wake;
    assert_eq!(wake, Some(NOW + LAST_WORD));
    assert!(pump.turn(NOW + LAST_WORD, |_| Ok(())).done);
}

#[test]
fn a_lost_line_ends_the_pump_after_what_came_before_is_delivered() {
    let mut pump = pump();
    pump.command(NOW, Order::Bulk(1 << 20));
    feed(&mut pump, &mut [0; 4096], &parcels(&[b"before"]));
    assert!(pump.turn(NOW, Err).write);
    pump.lost();
    let mut events = Vec::new();
    let wants = collect(&mut pump, &mut events);
    assert!(wants.done && !wants.write);
    assert_eq!(events, [Event::Parcel(b"before".to_vec()), Event::Eof]);
}

#[test]
fn a_line_that_takes_nothing_more_is_read_to_its_end() {
    let mut pump = pump();
    pump.command(NOW, Order::Bulk(1 << 20));
    pump.write_failed();
    let mut events = Vec::new();
    let wants = collect(&mut pump, &mut events);
    assert!(wants.read && !wants.write && !wants.done);
    feed(&mut pump, &mut [0; 4096], &parcels(&[b"why"]));
    finish_reading(&mut pump);
    assert!(collect(&mut pump, &mut events).done);
    assert_eq!(events, [Event::Parcel(b"why".to_vec()), Event::Eof]);
}

#[test]
fn a_machine_that_waits_for_a_line_that_takes_nothing_is_over_and_not_to_blame() {
    let mut pump = Pump::new(Toy::with(Bugs { refuses: true, ..Bugs::default() }), BATCH);
    pump.write_failed();
    assert!(collect(&mut pump, &mut Vec::new()).done);
    assert_eq!(pump.into_end().1, None);
}

#[test]
fn alarms_fire_when_due_even_hours_late() {
    let mut pump = pump();
    pump.command(NOW, Order::Alarm(Duration::from_secs(1)));
    assert_eq!(collect(&mut pump, &mut Vec::new()).wake, Some(NOW + Duration::from_secs(1)));
    let mut events = Vec::new();
    let wants = pump.turn(NOW + Duration::from_secs(40_000), |event| {
        events.push(event);
        Ok(())
    });
    assert_eq!((events, wants.wake), (vec![Event::Alarm], None));
}

#[test]
fn a_fast_peer_makes_the_pump_pause() {
    let mut pump = pump();
    let wire = parcels(&[&[0; 998][..]; 64]);
    let mut pauses = 0;
    for _ in 0..40 {
        assert_eq!(feed(&mut pump, &mut vec![0; SCRATCH], &wire), 64_000);
        while pump.turn(NOW, |_| Ok(())).pause {
            pauses += 1;
        }
    }
    assert!((15..60).contains(&pauses), "{pauses}");
}

#[test]
fn a_trickle_is_joined_without_ado() {
    let mut pump = pump();
    let mut events = Vec::new();
    for byte in &parcels(&[&[9; 300], b""]) {
        feed(&mut pump, &mut [0; 1024], &[*byte]);
        collect(&mut pump, &mut events);
    }
    assert_eq!(events, [Event::Parcel(vec![9; 300]), Event::Parcel(vec![])]);
}

#[test]
fn broken_machines_are_told_from_bad_peers() {
    let run = |bugs: Bugs, wire: &[u8]| {
        let mut pump = Pump::new(Toy::with(bugs), BATCH);
        pump.command(NOW, Order::Alarm(Duration::ZERO));
        if !wire.is_empty() {
            let fed = feed(&mut pump, &mut [0; 64], wire);
            feed(&mut pump, &mut [0; 64], &wire[fed..]);
        }
        collect(&mut pump, &mut Vec::new());
        pump.into_end().1
    };
    let with = |set: fn(&mut Bugs)| {
        let mut bugs = Bugs::default();
        set(&mut bugs);
        bugs
    };
    let broken = |broken| Some(Fault::Broken(broken));
    assert_eq!(run(Bugs::default(), b""), None);
    assert_eq!(run(with(|bugs| bugs.stays_due = true), b""), broken(Broken::StaysDue));
    assert_eq!(run(with(|bugs| bugs.takes_too_much = true), b"x"), broken(Broken::TookTooMuch));
    assert_eq!(run(with(|bugs| bugs.never_takes = true), &[0; 99]), broken(Broken::UnitTooLong));
    assert_eq!(run(with(|bugs| bugs.appends_nothing = true), b""), broken(Broken::AppendedNothing));
    assert_eq!(run(with(|bugs| bugs.appends_too_much = true), b""), broken(Broken::AppendedTooMuch));
    assert_eq!(run(with(|bugs| bugs.refuses = true), b""), broken(Broken::RefusesWhenDrained));
}

proptest! {
    #[test]
    fn however_the_stream_is_cut_the_outputs_are_the_same(
        contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..PARCEL), 0..30),
        cuts in prop::collection::vec((1usize..3000, 0usize..6), 1..40),
    ) {
        let wire = parcels(&contents.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let (mut pump, mut events, mut scratch) = (pump(), Vec::new(), [0; 2048]);
        let (mut left, mut cuts) = (&wire[..], cuts.iter().cycle());
        while !left.is_empty() {
            let &(cut, mut room) = cuts.next().unwrap();
            let wants = pump.turn(NOW, |event| {
                if room == 0 { return Err(event) }
                room -= 1;
                events.push(event);
                Ok(())
            });
            // A cycle of cuts without any room would never end.
            if let Some(event) = pump.take_held() { events.push(event) }
            if wants.read {
                left = &left[feed(&mut pump, &mut scratch, &left[..cut.min(left.len())])..];
            }
        }
        finish_reading(&mut pump);
        prop_assert!(collect(&mut pump, &mut events).done);
        prop_assert_eq!(events.pop(), Some(Event::Eof));
        prop_assert!(events.into_iter().eq(contents.into_iter().map(Event::Parcel)));
    }
}
