//! A link without a key between two daemons that name their runs, and somebody who cannot read what they say
//! (`docs/adr/0034-runs.md`).
//!
//! He sends with the address of either daemon, as often and whatever he likes. He does so from the moment on at which a side
//! demands that its run is named: before, he is believed.

use std::time::Duration;

use schrittmacher_auth::{Runs, Worth};
use schrittmacher_protocol::PeerReport;
use schrittmacher_wire::{Note, PeerCode, Run};

use crate::Chance;
use crate::signed::{Arrived, Parcel};

/// The mean pause between two datagrams of his.
const PAUSE: Duration = Duration::from_millis(200);

/// Both daemons' halves of the link.
#[derive(Debug)]
pub(crate) struct Named {
    runs: [Runs; 2],
    /// How many runs there were.
    started: u64,
    /// The last word of each resource, by side.
    last: [Vec<Option<PeerReport>>; 2],
    /// By receiver: the last message that the link carried to it counted.
    believes: [bool; 2],
    next: Duration,
    chance: Chance,
}

impl Named {
    pub fn new(resources: usize, seed: u64) -> Named {
        Named {
            runs: [Runs::new(0), Runs::new(1)],
            started: 2,
            last: [vec![None; resources], vec![None; resources]],
            believes: [true; 2],
            next: Duration::ZERO,
            chance: Chance::new(seed ^ 0x4a3e),
        }
    }

    /// A daemon starts.
    pub fn start(&mut self, side: usize) {
        self.runs[side] = Runs::new(self.started);
        self.started += 1;
        self.last[side].fill(None);
    }

    pub fn own_run(&self, side: usize) -> u64 {
        self.runs[side].own()
    }

    /// The state of a resource has changed: its last word is not said again.
    pub fn forget_word(&mut self, side: usize, resource: usize) {
        self.last[side][resource] = None;
    }

    /// The runs that a message names.
    pub fn send(&mut self, side: usize, (resource, report): Parcel) -> Option<Run> {
        self.last[side][resource] = Some(report);
        let runs = &self.runs[side];
        report.period.map(|_| Run { own: runs.own(), peer: runs.peer() })
    }

    /// A message arrives at a side, which hears the peer until now or not.
    pub fn arrive(
        &mut self,
        side: usize,
        parcel: Parcel,
        run: Option<Run>,
        hears_peer: bool,
        now: Duration,
    ) -> Arrived {
        let arrived = self.judge(side, parcel, run, hears_peer, now);
        self.believes[side] = arrived.counts;
        arrived
    }

    fn judge(
        &mut self,
        side: usize,
        parcel: Parcel,
        run: Option<Run>,
        hears_peer: bool,
        now: Duration,
    ) -> Arrived {
        let runs = &mut self.runs[side];
        if !hears_peer {
            runs.forget_demand();
        }
        let worth = runs.judge(run.map(|run| (run.own, run.peer)), now);
        if worth == Worth::Counts && parcel.1.note == Some(Note::Leaving) {
            runs.forget_demand();
        }
        let answer = self.last[side][parcel.0].filter(|_| worth == Worth::Answer);
        let answer = answer.filter(|word| !word.code.is_some_and(|code| code.is_said_once(word.note)));
        Arrived {
            counts: worth == Worth::Counts,
            message: (worth == Worth::Counts).then_some(parcel),
            answer: None,
            repeated: answer.map(|word| (parcel.0, word)).into_iter().collect(),
        }
    }

    /// Whether a side takes what the other one says.
    pub fn believes(&self, side: usize) -> bool {
        self.believes[side]
    }

    /// When he acts next.
    pub fn next(&self) -> Duration {
        self.next
    }

    /// He sends a message to a side, if that can tell.
    pub fn act(&mut self, hear_peer: [bool; 2], now: Duration) -> Option<(usize, Arrived)> {
        self.next = now + self.chance.duration(2 * PAUSE);
        let side = usize::from(self.chance.permille(500));
        if !self.runs[side].demands() || !hear_peer[side] {
            return None;
        }
        let is_silent = self.chance.permille(300);
        let code = PeerCode::ALL[self.chance.index(PeerCode::ALL.len())];
        let report = PeerReport {
            code: Some(code),
            priority: i32::MAX,
            random: u32::MAX,
            host: None,
            has_type: true,
            period: Some(Duration::from_millis(500)).filter(|_| !is_silent),
            note: Some(Note::Leaving).filter(|_| self.chance.permille(300)),
            promise: None,
            epoch: None,
        };
        let resource = self.chance.index(self.last[side].len());
        // He may have seen either run, but not that of the side.
        let peer = Some(u64::MAX).filter(|_| self.chance.permille(500));
        let run = Some(Run { own: self.runs[1 - side].own(), peer }).filter(|_| !is_silent);
        Some((side, self.judge(side, (resource, report), run, true, now)))
    }
}
