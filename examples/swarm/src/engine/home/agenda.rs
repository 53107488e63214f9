//! Somebody who goes by a written list.

use super::Home;
use crate::engine::net::{Net, What};
use crate::engine::world::{SECOND, Who, World};
use crate::scenario::Listed;
use spotp2p::node::{Command, Input};

/// From one listener's log-in to the next one's.
const LOG_INS: u64 = SECOND / 4;

/// What somebody is going to hear.
#[derive(Debug)]
pub(super) struct Agenda {
    /// Plays, by their number in the list.
    plays: Vec<u32>,
    /// How many of them began, or were passed over.
    begun: usize,
}

impl Agenda {
    /// What the list has for somebody; nothing if there is no list.
    pub(super) fn of(world: &World, who: Who) -> Option<Box<Self>> {
        let list = &world.scenario.plays;
        let own = list.iter().enumerate().filter(|(_, play)| play.who == who);
        let plays = own.map(|(number, _)| number as u32).collect();
        (!list.is_empty()).then(|| Box::new(Self { plays, begun: 0 }))
    }

    /// When somebody logs in.
    pub(super) const fn log_in(who: Who) -> u64 {
        who as u64 * LOG_INS
    }

    fn next<'a>(&self, world: &'a World) -> Option<&'a Listed> {
        world.scenario.plays.get(*self.plays.get(self.begun)? as usize)
    }

    /// Which of them comes with the next click, and when that is.
    fn click(&self, world: &World) -> Option<(usize, u64)> {
        let later = self.plays.iter().enumerate().skip(self.begun);
        let at = |number: u32| world.scenario.plays.get(number as usize).and_then(|play| play.at_s);
        later
            .filter_map(|(which, number)| Some((which, at(*number)?)))
            .map(|(which, at_s)| (which, (at_s * SECOND as f64) as u64))
            .next()
    }
}

impl Home {
    /// It is time to log in, or to click.
    pub(super) fn obeys(&mut self, net: &mut Net<'_>) {
        if self.node.is_none() {
            self.starts(net);
        }
        let Some(agenda) = self.agenda.as_mut() else { return };
        if let Some((which, _)) = agenda.click(net.world).filter(|(_, at)| *at <= net.now) {
            agenda.begun = which;
            self.over(net);
            self.hears_listed(net);
        }
        let click = self.agenda.as_ref().and_then(|agenda| agenda.click(net.world));
        if let Some((_, at)) = click {
            net.later(at, What::Life);
        }
    }

    /// A play of the list is over: what follows it begins, or nothing does until the next click.
    pub(super) fn goes_on_by_list(&mut self, net: &mut Net<'_>) {
        self.over(net);
        let next = self.agenda.as_ref().and_then(|agenda| agenda.next(net.world));
        if next.is_some_and(|play| play.at_s.is_none()) {
            return self.hears_listed(net);
        }
        self.is_told(net, Input::Command(Command::Stop));
        self.leaves_next(net);
    }

    fn hears_listed(&mut self, net: &mut Net<'_>) {
        let Some(agenda) = self.agenda.as_mut() else { return };
        let (Some(number), Some(play)) = (agenda.plays.get(agenda.begun).copied(), agenda.next(net.world))
        else {
            return;
        };
        agenda.begun += 1;
        let follower = agenda.next(net.world).filter(|play| play.at_s.is_none());
        let expects = play.expects.or(follower.map(|play| play.track));
        let leaves = play.until_s.map_or(u64::MAX / 4, |until| (until * SECOND as f64) as u64);
        if self.next.as_ref().is_some_and(|next| next.file != play.track) {
            self.leaves_next(net);
        }
        self.plays(net, play.track, play.at_s.is_none(), leaves);
        if let Some(play) = self.play.as_mut() {
            play.number = Some(number);
        }
        if let Some(track) = expects {
            self.expects(net, track);
        }
    }
}
