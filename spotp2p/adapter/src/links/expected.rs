//! Which links are expected, shared by those who make them and the door.

use super::line::Line;
use crate::runtime::Runtime;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use async_channel::{Receiver, Sender};
use event_listener::Event;
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Connections that may wait for one link's task; it takes the first that is of use and wants no more.
const ARRIVALS: usize = 4;

/// The ids that connections may come with, each with the way to its link's task.
///
/// Memory: an entry for each link that is being made.
#[derive(Debug)]
pub(super) struct Expected<R: Runtime> {
    links: Mutex<BTreeMap<LinkId, Entry<R>>>,
    /// There is one more.
    grown: Event,
}

#[derive(Debug)]
struct Entry<R: Runtime> {
    role: Role,
    arrivals: Sender<Line<R>>,
}

impl<R: Runtime> Default for Expected<R> {
    fn default() -> Self {
        Self { links: Mutex::default(), grown: Event::new() }
    }
}

impl<R: Runtime> Expected<R> {
    /// From now on, and as long as the place is held, connections with this id are taken by a link in this role. `None` if
    /// the id is expected already: no broker gives it twice.
    pub(super) fn expect(self: &Arc<Self>, link: LinkId, role: Role) -> Option<Place<R>> {
        let mut links = self.lock();
        if links.contains_key(&link) {
            return None;
        }
        let (queue, arrivals) = async_channel::bounded(ARRIVALS);
        links.insert(link, Entry { role, arrivals: queue });
        drop(links);
        self.grown.notify(usize::MAX);
        Some(Place { expected: self.clone(), link, arrivals })
    }

    /// Hands over a connection on which the other side, in the role `theirs`, named `link`. It comes back if no such link
    /// is expected.
    fn hand_over(&self, link: LinkId, theirs: Role, line: Line<R>) -> Result<(), Line<R>> {
        let links = self.lock();
        let Some(entry) = links.get(&link) else { return Err(line) };
        if entry.role != theirs {
            // Nobody is the other side of himself: it is dropped, as is one that finds no room.
            let _ = entry.arrivals.try_send(line);
        }
        Ok(())
    }

    /// The same as soon as the link is expected. As long as it is not, `line` stays there.
    pub(super) async fn hand_over_soon(&self, link: LinkId, theirs: Role, line: &mut Option<Line<R>>) {
        while let Some(offered) = line.take() {
            // Made before the look, so that nothing is missed between the two.
            let grown = self.grown.listen();
            if let Err(back) = self.hand_over(link, theirs, offered) {
                *line = Some(back);
                grown.await;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<LinkId, Entry<R>>> {
        // Nothing that is done under the lock can stop half way.
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A link that is expected for as long as this is held.
#[derive(Debug)]
pub(super) struct Place<R: Runtime> {
    expected: Arc<Expected<R>>,
    link: LinkId,
    arrivals: Receiver<Line<R>>,
}

impl<R: Runtime> Place<R> {
    /// The next connection that came for the link.
    pub(super) async fn next(&mut self) -> Option<Line<R>> {
        self.arrivals.recv().await.ok()
    }
}

impl<R: Runtime> Drop for Place<R> {
    fn drop(&mut self) {
        self.expected.lock().remove(&self.link);
    }
}
