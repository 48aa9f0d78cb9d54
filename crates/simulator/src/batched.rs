//! Two daemons that name their runs and say many resources in one datagram, as the daemon does it (`src/node/batching.rs`).
//!
//! A program of another kind may take the place of either. It reads no batches, numbers nothing and names no run.

use std::time::Duration;

use schrittmacher_auth::{Runs, Worth};
use schrittmacher_protocol::PeerReport;
use schrittmacher_wire::{BatchMode, BatchReceiver, BatchSender, Note, Numbers, Run};

use crate::signed::Parcel;

/// Both daemons' halves.
#[derive(Debug)]
pub(crate) struct Batched {
    halves: [Half; 2],
    /// How many daemons were started.
    started: u64,
    /// Every list that was ever sent, and the runs that it names.
    lists: Vec<(Run, Numbers)>,
    /// Without it the pair has to fail.
    falls_back: bool,
}

#[derive(Debug)]
struct Half {
    runs: Runs,
    sender: BatchSender<PeerReport>,
    receiver: BatchReceiver<PeerReport>,
    mode: BatchMode,
    /// The peer has ever said that it reads batches.
    peer_reads: bool,
    /// Numbers that leave when all resources had their turn, with the resources.
    waiting: Vec<(u64, usize)>,
    /// The last word of each resource.
    last: Vec<Option<PeerReport>>,
}

/// Why a daemon says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    /// Its heartbeat.
    Heartbeat,
    /// Its application has reported, and nothing has changed.
    Report,
    /// Anything else.
    News,
}

/// A message as a whole: what is said, the runs that it names, and its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whole {
    pub parcel: Parcel,
    run: Option<Run>,
    number: Option<u64>,
}

/// What follows from a datagram that has arrived.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub messages: Vec<Parcel>,
    /// The number of a list that leaves.
    pub unknown: Option<usize>,
    /// To be said again, as a whole.
    pub repeated: Vec<Parcel>,
}

impl Batched {
    pub fn new(falls_back: bool) -> Batched {
        Batched { halves: [Half::new(0), Half::new(1)], started: 1, lists: Vec::new(), falls_back }
    }

    /// A daemon starts.
    pub fn start(&mut self, side: usize) {
        self.started += 1;
        self.halves[side] = Half::new(self.started);
    }

    /// The state of a resource has changed: its last word is not said again.
    pub fn forget_word(&mut self, side: usize, resource: usize) {
        if let Some(word) = self.halves[side].last.get_mut(resource) {
            *word = None;
        }
    }

    /// What a daemon of ours says, as a whole; none if it waits for its batch, or would be nothing new. `times` as in
    /// [`BatchSender::again`]; none for a peer that is not known to be ours and alive.
    pub fn say(
        &mut self,
        side: usize,
        (resource, report): Parcel,
        occasion: Occasion,
        times: Option<u32>,
        now: Duration,
    ) -> Option<Whole> {
        let half = &mut self.halves[side];
        if half.last.len() <= resource {
            half.last.resize(resource + 1, None);
        }
        half.last[resource] = Some(report);
        let is_same = |said: &PeerReport| *said == report;
        let may_batch = if self.falls_back { half.mode.may_batch(now) } else { half.peer_reads };
        if let Some(times) = times.filter(|_| may_batch) {
            match occasion {
                Occasion::Heartbeat => {
                    if let Some(number) = half.sender.again(resource, times, is_same) {
                        half.waiting.push((number, resource));
                        return None;
                    }
                }
                Occasion::Report if half.sender.has_said(resource, is_same) => return None,
                Occasion::Report | Occasion::News => {}
            }
        }
        Some(self.whole(side, (resource, report)))
    }

    /// A message as a whole. Without our extension it has no number.
    pub fn whole(&mut self, side: usize, parcel: Parcel) -> Whole {
        let half = &mut self.halves[side];
        let (resource, report) = parcel;
        let number = report.period.map(|_| half.sender.whole(resource, report));
        if number.is_none() {
            half.sender.forget(resource);
        }
        Whole { parcel, run: number.map(|_| half.run()), number }
    }

    /// The batch of what has waited: its number and its resources.
    pub fn flush(&mut self, side: usize) -> Option<(usize, Vec<usize>)> {
        let half = &mut self.halves[side];
        if half.waiting.is_empty() {
            return None;
        }
        half.waiting.sort_unstable();
        let (numbers, resources): (Vec<u64>, Vec<usize>) = half.waiting.drain(..).unzip();
        let run = half.run();
        Some((self.list(run, &numbers), resources))
    }

    fn list(&mut self, run: Run, numbers: &[u64]) -> usize {
        self.lists.push((run, Numbers::of(numbers)));
        self.lists.len() - 1
    }

    /// A message arrives as a whole at a side, which hears the peer until now or not.
    pub fn arrive(&mut self, side: usize, whole: Whole, hears_peer: bool, now: Duration) -> Heard {
        let half = &mut self.halves[side];
        let (resource, report) = whole.parcel;
        if whole.number.is_some() {
            half.peer_reads = true;
            half.mode.peer_reads(now);
        } else if self.falls_back && half.mode.peer_does_not_read(now) {
            return Heard {
                repeated: half.last_words((0..half.last.len()).collect()),
                ..half.judge(whole, hears_peer, now)
            };
        }
        let heard = half.judge(whole, hears_peer, now);
        if !heard.messages.is_empty() {
            half.receiver.heard(resource, whole.run.map(|run| run.own), whole.number, report);
        }
        heard
    }

    /// A batch arrives.
    pub fn arrive_batch(&mut self, side: usize, list: usize, hears_peer: bool, now: Duration) -> Heard {
        let (run, numbers) = self.lists[list].clone();
        let half = &mut self.halves[side];
        if half.worth(Some(run), hears_peer, now) != Worth::Counts {
            return Heard::default();
        }
        half.mode.peer_reads(now);
        let (mut messages, mut unknown) = (Vec::new(), Vec::new());
        for number in numbers.iter() {
            match half.receiver.meaning(run.own, number) {
                Some((resource, report)) => messages.push((resource, *report)),
                None => unknown.push(number),
            }
        }
        let own = half.run();
        let unknown = (!unknown.is_empty()).then(|| self.list(own, &unknown));
        Heard { messages, unknown, repeated: Vec::new() }
    }

    /// The peer does not know these numbers.
    pub fn arrive_unknown(&mut self, side: usize, list: usize, hears_peer: bool, now: Duration) -> Heard {
        let (run, numbers) = &self.lists[list];
        let half = &mut self.halves[side];
        if half.worth(Some(*run), hears_peer, now) != Worth::Counts {
            return Heard::default();
        }
        let resources = half.sender.unknown(numbers);
        Heard { repeated: half.last_words(resources), ..Heard::default() }
    }
}

impl Half {
    fn new(run: u64) -> Half {
        Half {
            runs: Runs::new(run),
            sender: BatchSender::default(),
            receiver: BatchReceiver::default(),
            mode: BatchMode::default(),
            peer_reads: false,
            waiting: Vec::new(),
            last: Vec::new(),
        }
    }

    fn run(&self) -> Run {
        Run { own: self.runs.own(), peer: self.runs.peer() }
    }

    fn worth(&mut self, run: Option<Run>, hears_peer: bool, now: Duration) -> Worth {
        if !hears_peer {
            self.runs.forget_demand();
        }
        self.runs.judge(run.map(|run| (run.own, run.peer)), now)
    }

    fn judge(&mut self, whole: Whole, hears_peer: bool, now: Duration) -> Heard {
        match self.worth(whole.run, hears_peer, now) {
            Worth::Counts => {
                if whole.parcel.1.note == Some(Note::Leaving) {
                    self.runs.forget_demand();
                }
                Heard { messages: vec![whole.parcel], ..Heard::default() }
            }
            Worth::Answer => Heard { repeated: self.last_words(vec![whole.parcel.0]), ..Heard::default() },
            Worth::Nothing => Heard::default(),
        }
    }

    fn last_words(&self, resources: Vec<usize>) -> Vec<Parcel> {
        let words = resources.into_iter().map(|resource| Some((resource, (*self.last.get(resource)?)?)));
        words
            .flatten()
            .filter(|(_, word)| !word.code.is_some_and(|code| code.is_said_once(word.note)))
            .collect()
    }
}
