//! Many resources in one datagram, to and from a peer of ours (`docs/adr/0075-batches.md`).
//!
//! To the machines a batch is the messages that it stands for, all at once. One that is left out is a lost one.

use std::sync::Arc;
use std::time::Duration;

use log::debug;
use schrittmacher_protocol::{Action, Event, PeerReport, Promise, Reaction, Time};
use schrittmacher_wire::{
    Batch, BatchKind, BatchMode, BatchReceiver, BatchSender, Numbers, Run, encode_batch, times_as_a_whole,
};

use super::Node;
use super::peer_auth::Verdict;
use super::resource::OwnWord;
use crate::event_loop::clock;

/// The grid of heartbeats: a fiftieth of the period, and no more than this. So a thousand resources wake the daemon fifty times
/// in a period, and not a thousand times.
const GRID_MAX: Duration = Duration::from_millis(20);

/// The first moment of the grid that is not before a heartbeat of this period. The grid is the same for all resources: those of
/// one period leave in few batches, however their starts were spread.
pub(super) fn on_grid(heartbeat: Time, period: Duration) -> Time {
    let step = Time::new((period / 50).min(GRID_MAX)).nanoseconds().max(1);
    let beyond = heartbeat.nanoseconds() % step;
    if beyond == 0 { heartbeat } else { heartbeat + Duration::from_nanos(step - beyond) }
}

/// This node's half.
#[derive(Debug, Default)]
pub(super) struct Batching {
    mode: BatchMode,
    sender: BatchSender<Said>,
    receiver: BatchReceiver<PeerWord>,
    /// The numbers of this turn's heartbeats.
    waiting: Vec<u64>,
}

/// What a message of ours says, apart from what stays the same as long as the configuration does.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    word: OwnWord,
    reason: Option<String>,
}

/// What a message of the peer says.
#[derive(Clone, Debug)]
pub(super) struct PeerWord {
    pub report: PeerReport,
    /// Shared: the same word comes again and again.
    pub reason: Option<Arc<str>>,
}

/// Why something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    /// The heartbeat.
    Heartbeat,
    /// The application has reported, and nothing has changed.
    Report,
    /// Anything else.
    News,
}

impl Occasion {
    pub fn of(reaction: &Reaction) -> Occasion {
        let sends = reaction.actions.iter().filter(|action| matches!(action, Action::Send { .. })).count();
        if reaction.event == Event::Tick && sends == 1 {
            Occasion::Heartbeat
        } else if matches!(reaction.event, Event::App(_)) && reaction.change().is_none() {
            Occasion::Report
        } else {
            Occasion::News
        }
    }
}

impl Batching {
    /// What the peer has said last of this resource, if that has a number.
    pub fn peer_word(&self, index: usize) -> Option<&PeerWord> {
        self.receiver.word(index)
    }
}

impl Node {
    /// Whether a word need not be said as a whole: it waits for this turn's batch, or the peer knows it.
    pub(super) fn spares(&mut self, index: usize, word: OwnWord, occasion: Occasion, now: Time) -> bool {
        let resource = &self.resources[index];
        let peer = &resource.protocol.machine().peer;
        let is_known = word.extended && peer.is_ours() && peer.alive;
        // What is left of a freeze is never the same, and a promise needs a message of its own.
        if !is_known || word.promise.is_some() || !self.may_batch(now) || resource.freeze.tell(now).is_some()
        {
            return false;
        }
        let is_same = |said: &Said| said.word == word && said.reason == resource.local.reason;
        let sender = &mut self.batching.sender;
        match occasion {
            Occasion::Heartbeat => {
                let times = times_as_a_whole(resource.config.heartbeat, resource.config.timeout);
                let number = sender.again(index, times, is_same);
                self.batching.waiting.extend(number);
                number.is_some()
            }
            Occasion::Report => sender.has_said(index, is_same),
            Occasion::News => false,
        }
    }

    /// Whether heartbeats may leave as numbers. With several paths each message has its own copies and numbers.
    pub(super) fn may_batch(&self, now: Time) -> bool {
        !self.paths.are_several() && self.batching.mode.may_batch(now.since_origin())
    }

    /// This heartbeat leaves with this turn's batch.
    pub(super) fn wait_for_batch(&mut self, number: u64) {
        self.batching.waiting.push(number);
    }

    /// The number of the next heartbeat, if it says the same as the last one.
    pub(super) fn number_again(&mut self, index: usize, times: u32) -> Option<u64> {
        self.batching.sender.again(index, times, |_| true)
    }

    /// Whether the reason of now is what was said last.
    pub(super) fn has_said_reason(&self, index: usize) -> bool {
        self.batching.sender.has_said(index, |said| said.reason == self.resources[index].local.reason)
    }

    /// The number of a word that leaves as a whole.
    pub(super) fn number(&mut self, index: usize, word: OwnWord) -> Option<u64> {
        self.deferred[index].said_as_a_whole();
        if !word.extended {
            self.batching.sender.forget(index);
            return None;
        }
        let reason = self.resources[index].local.reason.clone();
        Some(self.batching.sender.whole(index, Said { word, reason }))
    }

    /// What was said and heard of this resource has another meaning from now on.
    pub(super) fn forget_words(&mut self, index: usize) {
        self.rouse(index);
        self.batching.sender.forget(index);
        self.batching.receiver.forget(index);
    }

    /// Sends the heartbeats of this turn.
    pub(super) fn send_waiting(&mut self, now: Time) {
        let mut numbers = std::mem::take(&mut self.batching.waiting);
        if !numbers.is_empty() {
            numbers.sort_unstable();
            self.send_batch(BatchKind::Says, &numbers, now);
            numbers.clear();
        }
        self.batching.waiting = numbers;
    }

    fn send_batch(&mut self, kind: BatchKind, numbers: &[u64], now: Time) {
        let mut rest = numbers;
        // Each takes some of them: a list has room for hundreds.
        while !rest.is_empty() {
            let room = self.peer_auth.as_ref().map_or(0, |auth| auth.room(true));
            let (mut datagram, after) =
                encode_batch(kind, rest, self.run(), self.trips.next(clock::now()), room);
            if let Some(auth) = &mut self.peer_auth {
                auth.sign(&mut datagram, true, now);
            }
            self.send_to_peer(&datagram, now);
            if after.len() == rest.len() {
                return;
            }
            rest = after;
        }
    }

    pub(super) fn run(&self) -> Run {
        Run { own: self.runs.own(), peer: self.runs.peer() }
    }

    /// A message has come whose sender reads batches, or one of the peer's address whose sender does not. The latter may be a
    /// program of another kind in the peer's place: it has to hear at once what it knows, whether or not its message counts.
    pub(super) fn note_reader(&mut self, reads: bool, now: Time) {
        if reads {
            self.batching.mode.peer_reads(now.since_origin());
        } else if self.batching.mode.peer_does_not_read(now.since_origin()) {
            debug!("the peer's address sends messages without our extension: no more batches for now");
            self.repeat_last_words(now);
        }
    }

    /// A message of the peer counts: its number stands for it from now on.
    pub(super) fn note_word(&mut self, index: usize, run: Option<Run>, number: Option<u64>, word: &PeerWord) {
        // A batch promises nothing: it is not known what its sender had heard when it said so.
        let promise = word.report.promise.map(|_| Promise::default());
        let word = PeerWord { report: PeerReport { promise, ..word.report }, reason: word.reason.clone() };
        self.batching.receiver.heard(index, run.map(|run| run.own), number, word);
    }

    /// Takes in a batch of the peer: each message that it stands for, as if it had come by itself.
    pub(super) fn take_batch(&mut self, batch: &Batch, verdict: &Verdict, now: Time) {
        let Some(run) = batch.run.filter(|_| self.is_for_this_run(verdict, batch.run, None, None, now))
        else {
            return;
        };
        self.note_reader(true, now);
        if let Some(trip) = batch.trip {
            self.trips.heard(run.own, trip, now);
        }
        let (mut unknown, mut repeated, mut deferred) = (Vec::new(), false, false);
        for number in batch.says.iter() {
            let Some(index) = self.batching.receiver.resource(run.own, number) else {
                unknown.push(number);
                continue;
            };
            if !self.is_newer(index, verdict) {
                repeated = true;
            } else if self.deferred[index].hear(number, now) {
                deferred = true;
            } else if let Some(word) = self.batching.peer_word(index).cloned() {
                self.hear_word(index, word, now);
                self.deferred[index].took_in(number);
            }
        }
        if deferred {
            self.hear_peer_at_all(now);
        }
        if repeated {
            self.refuse_repeated(now);
        }
        if !unknown.is_empty() {
            self.send_batch(BatchKind::Unknown, &unknown, now);
        }
        self.explain(&batch.unknown, now);
    }

    /// The peer does not know these numbers: it has just started, or has lost what they stood for.
    fn explain(&mut self, unknown: &Numbers, now: Time) {
        if unknown.is_empty() {
            return;
        }
        for index in self.batching.sender.unknown(unknown) {
            self.repeat_last_word(index, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeats_of_one_period_leave_at_few_moments_and_none_is_late_by_more_than_a_fiftieth() {
        for period in [3, 10, 1000, 20_000].map(Duration::from_millis) {
            let starts = (0..1000).map(|part| Time::ZERO + period * part / 1000);
            let mut moments: Vec<Time> = starts
                .map(|start| {
                    let moment = on_grid(start, period);
                    assert!(moment >= start && moment.since(start) <= (period / 50).min(GRID_MAX));
                    assert_eq!(on_grid(moment, period), moment);
                    moment
                })
                .collect();
            moments.dedup();
            assert!(moments.len() <= 51 || period > Duration::from_secs(1), "{}", moments.len());
        }
    }
}
