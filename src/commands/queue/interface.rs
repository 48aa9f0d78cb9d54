//! `activate` and `deactivate`: done once, tried again when they fail.

use std::sync::Arc;
use std::time::Duration;

use schrittmacher_config::ResourceValues;
use schrittmacher_protocol::Time;

use super::running::Running;
use super::{CommandKind, Sequel, Verdict};

/// The pause before the first retry; it doubles with every further failure.
const RETRY_MIN: Duration = Duration::from_secs(1);
/// The longest pause between two attempts.
const RETRY_MAX: Duration = Duration::from_secs(30);
/// How often in a row `deactivate` is tried. Later than that it could take away what an operator has set up by hand.
const DEACTIVATE_ATTEMPTS: u32 = 6;
/// The pause between the two announcements after a conflict: longer than a switch needs to learn a port anew.
const ANNOUNCE_AGAIN: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Interface {
    pub(super) limits: Arc<ResourceValues>,
    /// The last order.
    wanted: Option<CommandKind>,
    /// The known state of the interface, as the order that made it so. `None` at the start, and after a command that failed or
    /// was killed (S6, D1, D27).
    done: Option<CommandKind>,
    /// An `activate` has begun and no `deactivate` has succeeded since: the address may be here because of us.
    ours: bool,
    /// The address is to be taken down and brought up again, because its commands have changed.
    renewing: bool,
    waiting: Option<Waiting>,
    pub(super) running: Option<Running>,
    /// How often in a row the wanted command has failed.
    failures: u32,
    /// The address is to be made known again.
    announcement: Option<Announcement>,
}

/// Makes an address known again that is up: at once, and once more in case that it was not heard (edge-2).
#[derive(Clone, Copy, Debug)]
struct Announcement {
    due: Time,
    is_last: bool,
}

/// The wanted command, not begun yet.
#[derive(Debug)]
struct Waiting {
    place: u64,
    /// Do not wait for `start` and `stop`.
    urgent: bool,
    /// Set for retries: not before this.
    retry_at: Option<Time>,
}

impl Interface {
    pub(super) fn new(limits: Arc<ResourceValues>) -> Interface {
        Interface {
            limits,
            wanted: None,
            done: None,
            ours: false,
            renewing: false,
            waiting: None,
            running: None,
            failures: 0,
            announcement: None,
        }
    }

    pub(super) fn order(&mut self, order: CommandKind, urgent: bool, place: u64, now: Time) {
        let urgent = urgent && order == CommandKind::Deactivate;
        if order == CommandKind::Deactivate
            && let Some(running) = self.running.as_mut().filter(|running| running.order() != order)
            && (urgent || running.order() == CommandKind::Announce)
        {
            // An activate that ended after our deactivate would win. Waiting for it would cost up to its whole
            // timeout while the other side may be hot already, and its result is not wanted.
            running.overtake(now);
        }
        if self.wanted == Some(order) {
            // It waits, runs, is done or will be retried.
            if let Some(waiting) = &mut self.waiting {
                waiting.urgent |= urgent;
            }
            return;
        }
        self.wanted = Some(order);
        self.failures = 0;
        self.waiting = None;
        self.renewing = false;
        self.announcement = None;
        match &mut self.running {
            Some(running) if running.order() == order && running.is_unhindered() => running.adopt(),
            None if self.done == Some(order) => {}
            _ => self.waiting = Some(Waiting { place, urgent, retry_at: None }),
        }
    }

    /// Takes the address down and brings it up again, if it is up; `false` if it is not.
    pub(super) fn renew(&mut self, place: u64) -> bool {
        if self.wanted != Some(CommandKind::Activate) || !self.ours {
            return false;
        }
        self.renewing = true;
        self.failures = 0;
        self.waiting = Some(Waiting { place, urgent: true, retry_at: None });
        true
    }

    /// Makes the address known again, now and once more later, as soon as it is up. An `activate` that has not begun makes
    /// it known by itself, and so does an announcement that is still due.
    pub(super) fn announce(&mut self, now: Time) {
        if self.is_wanted_up() && self.waiting.is_none() {
            self.announcement.get_or_insert(Announcement { due: now, is_last: false });
        }
    }

    /// When the next announcement is due, if the address is up and nothing else happens to it.
    pub(super) fn announce_at(&self) -> Option<Time> {
        let is_up = self.done == Some(CommandKind::Activate) && self.is_wanted_up();
        let is_idle = self.running.is_none() && self.waiting.is_none();
        self.announcement.filter(|_| is_up && is_idle).map(|announcement| announcement.due)
    }

    /// Whether `activate` was ordered last.
    pub(super) fn is_wanted_up(&self) -> bool {
        self.wanted == Some(CommandKind::Activate)
    }

    /// The place of the waiting order, if it can begin; `application_open` is the oldest order of the other
    /// lane that is not over.
    pub(super) fn ready(&self, application_open: Option<u64>, now: Time) -> Option<u64> {
        if self.announce_at().is_some_and(|due| due <= now) {
            // After everything that was ordered.
            return Some(u64::MAX);
        }
        let waiting = self.waiting.as_ref().filter(|_| self.running.is_none())?;
        let blocked = !waiting.urgent && application_open.is_some_and(|oldest| oldest < waiting.place);
        let early = waiting.retry_at.is_some_and(|retry_at| now < retry_at);
        (!blocked && !early).then_some(waiting.place)
    }

    /// The order that [`Interface::begin`] would begin.
    pub(super) fn next_order(&self) -> Option<CommandKind> {
        if self.announce_at().is_some() {
            Some(CommandKind::Announce)
        } else if self.renewing {
            Some(CommandKind::Deactivate)
        } else {
            self.wanted
        }
    }

    pub(super) fn begin(&mut self, now: Time) -> Option<CommandKind> {
        if self.announce_at().is_some() {
            return self.begin_announcement(now);
        }
        let order = self.next_order()?;
        let waiting = self.waiting.take()?;
        let first = waiting.retry_at.is_none();
        self.done = None;
        self.ours |= order == CommandKind::Activate;
        self.running = Some(Running::new(order, waiting.place, first, now, self.limits.interface_timeout));
        Some(order)
    }

    fn begin_announcement(&mut self, now: Time) -> Option<CommandKind> {
        let announcement = self.announcement.take()?;
        if !announcement.is_last {
            self.announcement = Some(Announcement { due: now + ANNOUNCE_AGAIN, is_last: true });
        }
        let timeout = self.limits.interface_timeout;
        // Nothing waits for it.
        self.running = Some(Running::new(CommandKind::Announce, u64::MAX, false, now, timeout));
        Some(CommandKind::Announce)
    }

    pub(super) fn begun(&mut self, order: CommandKind, now: Time) {
        if let Some(running) = &mut self.running {
            running.begun(order, now, self.limits.interface_timeout);
        }
    }

    /// The second part of what runs waits for room.
    pub(super) fn pause(&mut self) {
        self.running.iter_mut().for_each(Running::pause);
    }

    pub(super) fn is_pausing(&self) -> bool {
        self.running.as_ref().is_some_and(Running::is_pausing)
    }

    /// Nothing runs of what has begun.
    pub(super) fn waits_for_room(&self) -> bool {
        self.running.as_ref().is_some_and(Running::waits_for_room)
    }

    pub(super) fn ended(&mut self, order: CommandKind, verdict: Verdict, now: Time) -> Sequel {
        let Some(running) = self.running.take_if(|running| running.order() == order) else {
            return Sequel::Nothing;
        };
        if order == CommandKind::Announce {
            return Sequel::Nothing;
        }
        if self.renewing && order == CommandKind::Deactivate {
            self.renewing = false;
            self.waiting = Some(Waiting { place: running.place(), urgent: true, retry_at: None });
            return Sequel::Nothing;
        }
        if verdict == Verdict::Success && running.is_unhindered() {
            self.done = Some(order);
            self.ours = order == CommandKind::Activate;
            self.failures = 0;
            return Sequel::Nothing;
        }
        if self.wanted != Some(order) || self.waiting.is_some() {
            return Sequel::Nothing;
        }
        if order == CommandKind::Deactivate && !self.ours && verdict == Verdict::Refused {
            return Sequel::NothingThere;
        }
        self.failures = self.failures.saturating_add(1);
        if order == CommandKind::Deactivate && self.failures >= DEACTIVATE_ATTEMPTS {
            return Sequel::GivenUp;
        }
        let pause = RETRY_MIN.saturating_mul(1 << (self.failures - 1).min(5)).min(RETRY_MAX);
        // Urgent, for its turn has come already: a retry waits for nothing but its time.
        self.waiting = Some(Waiting { place: running.place(), urgent: true, retry_at: Some(now + pause) });
        Sequel::Retry(pause)
    }

    /// Whether a retry of `deactivate` has begun.
    pub(super) fn has_begun_retry(&self) -> bool {
        self.running.as_ref().is_some_and(is_retry)
    }

    /// Drops a retry of `deactivate` whose turn has come: the address is wanted by somebody else now.
    pub(super) fn drop_retry(&mut self) -> bool {
        let dropped = self.running.take_if(|running| is_retry(running));
        self.ours &= dropped.is_none();
        dropped.is_some()
    }

    /// When a retry is due.
    pub(super) fn retry_at(&self) -> Option<Time> {
        self.waiting.as_ref().filter(|_| self.running.is_none())?.retry_at
    }

    /// The place of the oldest order that is not over; one whose first attempt failed is over.
    pub(super) fn oldest_open(&self) -> Option<u64> {
        let waiting = self.waiting.as_ref().filter(|waiting| waiting.retry_at.is_none());
        let running = self.running.as_ref().and_then(Running::open);
        running.into_iter().chain(waiting.map(|waiting| waiting.place)).min()
    }
}

/// Whether this is another attempt to take the address down.
fn is_retry(running: &Running) -> bool {
    running.order() == CommandKind::Deactivate && running.open().is_none()
}
