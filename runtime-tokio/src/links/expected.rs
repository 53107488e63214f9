//! Which links are expected, shared by those who make them and the door.

use super::line::Line;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, mpsc};

/// Connections that may wait for one link's task; it takes the first that is of use and wants no more.
const ARRIVALS: usize = 4;

/// The ids that connections may come with, each with the way to its link's task.
///
/// Memory: an entry for each link that is being made.
#[derive(Debug, Default)]
pub(super) struct Expected {
    links: Mutex<BTreeMap<LinkId, Entry>>,
    /// There is one more.
    grown: Notify,
}

#[derive(Clone, Debug)]
struct Entry {
    role: Role,
    arrivals: mpsc::Sender<Line>,
}

impl Expected {
    /// From now on, and as long as the place is held, connections with this id are taken by a link in this role. `None` if
    /// the id is expected already: no broker gives it twice.
    pub(super) fn expect(self: &Arc<Self>, link: LinkId, role: Role) -> Option<Place> {
        let mut links = self.lock();
        if links.contains_key(&link) {
            return None;
        }
        let (queue, arrivals) = mpsc::channel(ARRIVALS);
        links.insert(link, Entry { role, arrivals: queue });
        drop(links);
        self.grown.notify_waiters();
        Some(Place { expected: self.clone(), link, arrivals })
    }

    /// Hands over a connection on which the other side, in the role `theirs`, named `link`. It comes back if no such link
    /// is expected.
    fn hand_over(&self, link: LinkId, theirs: Role, line: Line) -> Result<(), Line> {
        let Some(entry) = self.lock().get(&link).cloned() else { return Err(line) };
        if entry.role != theirs {
            // Nobody is the other side of himself: it is dropped, as is one that finds no room.
            let _ = entry.arrivals.try_send(line);
        }
        Ok(())
    }

    /// The same as soon as the link is expected. As long as it is not, `line` stays there.
    pub(super) async fn hand_over_soon(&self, link: LinkId, theirs: Role, line: &mut Option<Line>) {
        while let Some(offered) = line.take() {
            // Made before the look, so that nothing is missed between the two.
            let grown = self.grown.notified();
            if let Err(back) = self.hand_over(link, theirs, offered) {
                *line = Some(back);
                grown.await;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<LinkId, Entry>> {
        // Nothing that is done under the lock can stop half way.
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A link that is expected for as long as this is held.
#[derive(Debug)]
pub(super) struct Place {
    expected: Arc<Expected>,
    link: LinkId,
    arrivals: mpsc::Receiver<Line>,
}

impl Place {
    /// The next connection that came for the link.
    pub(super) async fn next(&mut self) -> Option<Line> {
        self.arrivals.recv().await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.expected.lock().remove(&self.link);
    }
}
