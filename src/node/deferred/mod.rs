//! Usual events that a settled resource takes in later, several at once (`docs/adr/0113-usual-events-later.md`).
//!
//! A settled resource beats and hears its peer all the time, and nothing follows but other times. To take each of these in when
//! it comes has the processor fetch all that belongs to the resource, and then to the next one of thousands. So it is noted in a
//! short list, and given to the resource before anything else is: another event, a reader, a time limit. What took the short way
//! once takes it again as long as nothing else happens ([`Calm`]).

use std::time::Duration;

use log::{Level, log_enabled};
use schrittmacher_protocol::{Action, Calm, Event, PeerReport, Time};
use schrittmacher_wire::times_as_a_whole;

use super::Node;
use super::batching::on_grid;

/// Events of one resource that wait at most. More of them would hardly cost less for each.
const ROOM: usize = 64;

/// What one resource has not taken in yet, and how long that is right.
#[derive(Debug, Default)]
pub(super) struct Deferred {
    /// Until when usual events are deferred; `None`: the next one is not.
    calm: Option<Calm>,
    /// The number that its heartbeat has in a batch.
    says: Option<u64>,
    /// The number that stands for what its peer says.
    hears: Option<u64>,
    /// The first one's time.
    since: Time,
    events: Vec<Later>,
}

/// An event, and when it came.
#[derive(Clone, Copy, Debug)]
struct Later {
    /// In two nanoseconds after the first one. The lowest bit: the peer was heard.
    packed: u32,
}

impl Later {
    /// `None`: it is too late for the list.
    fn new(after: Duration, is_heard: bool) -> Option<Later> {
        let ticks = u32::try_from(after.as_nanos() >> 1).ok().filter(|ticks| ticks >> 31 == 0)?;
        Some(Later { packed: ticks << 1 | u32::from(is_heard) })
    }

    fn after(self) -> Duration {
        Duration::from_nanos(u64::from(self.packed >> 1) << 1)
    }

    fn is_heard(self) -> bool {
        self.packed & 1 == 1
    }
}

impl Deferred {
    fn push(&mut self, is_heard: bool, now: Time) -> bool {
        if self.events.is_empty() {
            self.since = now;
        }
        let later = Later::new(now.since(self.since), is_heard).filter(|_| self.events.len() < ROOM);
        self.events.extend(later);
        later.is_some()
    }

    /// The peer says this again. False: that is no usual event, and nothing was noted.
    pub fn hear(&mut self, number: u64, now: Time) -> bool {
        let is_usual = self.hears == Some(number) && self.calm.is_some_and(|calm| calm.hears(now));
        if !(is_usual && self.push(true, now)) {
            return false;
        }
        if let Some(calm) = &mut self.calm {
            calm.heard(now);
        }
        true
    }

    /// The heartbeat is due. Its number and the next time limit, if it is a usual one.
    fn beat(&mut self, now: Time) -> Option<(u64, Calm)> {
        let number = self.says?;
        let mut calm = self.calm.filter(|calm| calm.beats(now))?;
        if !self.push(false, now) {
            return None;
        }
        calm.beat(now);
        self.calm = Some(calm);
        Some((number, calm))
    }

    /// The word was said as a whole, and the next heartbeat is looked at.
    pub fn said_as_a_whole(&mut self) {
        self.says = None;
    }

    /// This number of the peer's was taken in. If by the short way, it may come again.
    pub fn took_in(&mut self, number: u64) {
        self.hears = self.calm.map(|_| number);
    }
}

impl Node {
    /// Whether heartbeats may be deferred in this turn.
    pub(super) fn defers(&self, now: Time) -> bool {
        self.may_batch(now) && !log_enabled!(Level::Debug)
    }

    /// Notes the heartbeat of a settled resource, which leaves with this turn's batch. False: nothing was done.
    pub(super) fn defer_beat(&mut self, index: usize, now: Time) -> bool {
        let Some((number, calm)) = self.deferred[index].beat(now) else { return false };
        if let Some(due) = self.ticks.get(index) {
            self.figures.lateness.observe(now.since(due));
        }
        self.wait_for_batch(number);
        let (next, heartbeat) = (calm.deadline(), calm.next_beat());
        self.ticks.set(index, Some(if next == heartbeat { on_grid(next, calm.period()) } else { next }));
        true
    }

    /// A settled resource has taken the short way with this event, so the next ones may be deferred.
    pub(super) fn note_calm(&mut self, index: usize, event: &Event, now: Time) {
        let resource = &self.resources[index];
        let has_more_to_do = resource.config.shared.is_some() || resource.freeze.is_of_concern(now);
        let times = times_as_a_whole(resource.config.heartbeat, resource.config.timeout);
        let calm = resource.protocol.calm().filter(|_| !has_more_to_do);
        let mut says = self.deferred[index].says;
        if *event == Event::Tick {
            says = self.number_again(index, times);
        } else if matches!(event, Event::App(_)) {
            says = says.filter(|_| self.has_said_reason(index));
        }
        let deferred = &mut self.deferred[index];
        (deferred.calm, deferred.says) = (calm, calm.and(says));
        deferred.hears = calm.and(deferred.hears);
    }

    /// Gives a resource what it has not taken in yet.
    pub(super) fn catch_up(&mut self, index: usize) {
        let deferred = &mut self.deferred[index];
        if deferred.events.is_empty() {
            return;
        }
        let (since, mut events) = (deferred.since, std::mem::take(&mut deferred.events));
        let resource = &mut self.resources[index];
        // The deadline went on with the heartbeats.
        resource.scheduled = deferred.calm.map(|calm| calm.deadline());
        let word = self.batching.peer_word(index);
        let mut heard_at = None;
        for later in &events {
            let at = since + later.after();
            let event = match word.filter(|_| later.is_heard()) {
                Some(word) => Event::Peer(word.report),
                None => Event::Tick,
            };
            let action = resource.protocol.handle_settled(at, &event);
            debug_assert!(action.is_some(), "{event:?} of a settled resource is not usual");
            if let Event::Peer(PeerReport { code: Some(code), .. }) = event {
                resource.figures.heard_peer(code);
                heard_at = Some(at);
            } else if let Some(Some(Action::Send { code, .. })) = action {
                resource.figures.said(code);
            }
        }
        if let Some((word, at)) = word.zip(heard_at) {
            resource.heard_peer(word.report.code, word.reason.as_deref(), at);
        }
        events.clear();
        self.deferred[index].events = events;
    }

    /// The same, and the next event is not deferred.
    pub(super) fn rouse(&mut self, index: usize) {
        self.catch_up(index);
        self.stirred = true;
        let deferred = &mut self.deferred[index];
        (deferred.calm, deferred.says, deferred.hears) = (None, None, None);
    }

    /// Gives every resource what it has not taken in yet: somebody looks at all of them.
    pub(super) fn catch_up_all(&mut self) {
        (0..self.resources.len()).for_each(|index| self.catch_up(index));
    }

    /// Something that concerns every resource may change.
    pub(super) fn rouse_all(&mut self) {
        (0..self.resources.len()).for_each(|index| self.rouse(index));
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
