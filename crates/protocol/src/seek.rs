//! A side that serves and hears nobody looks for the other one: that one may serve too, since its link was cut. The first word
//! that arrives on either side ends that (P1), and a heartbeat may be seconds away. So it says its last word again and again.
//!
//! The whole node does it, not each resource: it is a few messages a second, however many resources there are (P6). A machine
//! hears nothing new: to the peer's it is a message that the link has doubled. `docs/adr/0093-looking-for-a-silent-peer.md` has
//! the reasons.

use std::time::Duration;

use crate::state::State;
use crate::{Machine, Time};

/// Between two of these words: a quarter of a heartbeat within these bounds, and no more than a heartbeat.
const LEAST: Duration = Duration::from_millis(25);
const MOST: Duration = Duration::from_millis(100);
/// A classic peer may have taken the place of ours, and looks at its clock when it has heard nothing for half a second (D30). So
/// pairs whose heartbeats leave it that much time do nothing of this.
const SLOW: Duration = Duration::from_millis(500);

impl Machine {
    /// It serves, and does not hear a peer of ours.
    pub fn seeks(&self) -> bool {
        matches!(self.state, State::Hot { .. }) && self.peer.is_ours() && !self.peer.alive
    }
}

/// When which resource of a node says its last word once more.
#[derive(Clone, Debug, Default)]
pub struct Seeker {
    due: Option<Time>,
    /// Whose turn it is.
    turn: usize,
    /// When all have spoken.
    all: Option<Time>,
}

impl Seeker {
    /// A machine has taken a step.
    pub fn note(&mut self, machine: &Machine, heartbeat: Duration, now: Time) {
        if self.due.is_none() && machine.seeks() {
            self.due = spacing(heartbeat).map(|spacing| now + spacing);
        }
    }

    /// When one of them speaks.
    pub fn due(&self) -> Option<Time> {
        self.due
    }

    /// The one that speaks now, of `count`; `heartbeat` is that of one which seeks, and `None` of all others.
    pub fn turn(
        &mut self,
        now: Time,
        count: usize,
        heartbeat: impl Fn(usize) -> Option<Duration>,
    ) -> Option<usize> {
        self.due.filter(|due| now >= *due)?;
        let mut rest = (0..count).map(|step| (self.turn + step) % count);
        let found = rest.find_map(|index| Some((index, spacing(heartbeat(index)?)?)));
        self.due = found.map(|(_, spacing)| now + spacing);
        let (index, _) = found?;
        self.turn = index + 1;
        Some(index)
    }

    /// The peer is heard again by a resource. Whether all others that seek speak at once: not more than once in a heartbeat.
    pub fn is_answered(&mut self, heartbeat: Duration, now: Time) -> bool {
        let may = self.all.is_none_or(|all| now >= all + heartbeat);
        if may {
            self.all = Some(now);
        }
        may
    }
}

fn spacing(heartbeat: Duration) -> Option<Duration> {
    (heartbeat < SLOW).then(|| (heartbeat / 4).clamp(LEAST, MOST).min(heartbeat))
}
