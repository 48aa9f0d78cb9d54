//! Figures of a run.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use schrittmacher_protocol::{Action, Command, Generation, Resource, StateName};
use schrittmacher_simulator::Step;
use schrittmacher_wire::PeerCode;

use crate::program::Program;

const SECOND: Duration = Duration::from_secs(1);

/// Figures of a run, from its beginning or from [`Measured::begin`] on.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Time with no application serving.
    pub none: Duration,
    /// Time with both serving.
    pub both: Duration,
    /// Changes of state, by side.
    pub changes: [u32; 2],
    /// The following are always of the whole run. How often a side became hot.
    pub switches: u32,
    /// Messages, by side.
    pub sent: [u64; 2],
    /// Most messages in any one second, by side (P6).
    pub busiest: [usize; 2],
    /// Longest silence of a daemon of ours that runs.
    pub silence: Duration,
    /// Most extended messages in a row to a living peer that was not taken for one of ours (W4).
    pub extended: u32,
    /// When each side sent its messages of the last second, or its last one.
    times: [VecDeque<Duration>; 2],
    extended_in_a_row: [u32; 2],
    /// By side and resource.
    ordered: BTreeMap<(usize, usize), Ordered>,
}

/// The orders of one node to its application; repeated ones count too. And its messages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ordered {
    pub starts: u64,
    pub stops: u64,
    sent: [u64; PeerCode::ALL.len()],
}

impl Ordered {
    /// Messages with this code.
    pub fn sent(&self, code: PeerCode) -> u64 {
        self.sent[code as usize]
    }

    fn step(&mut self, actions: &[Action]) {
        for action in actions {
            match action {
                Action::Send { code, .. } => self.sent[*code as usize] += 1,
                Action::Command(Command::Start) => self.starts += 1,
                Action::Command(Command::Stop) => self.stops += 1,
                Action::Command(Command::Activate | Command::Deactivate { .. } | Command::Barrier)
                | Action::Refuse(_)
                | Action::Notice(_)
                | Action::Exit
                | Action::Witness(_)
                | Action::Fence(_) => {}
            }
        }
    }
}

impl Measured {
    /// Time and changes count from now on.
    pub fn begin(&mut self) {
        (self.none, self.both, self.changes) = (Duration::ZERO, Duration::ZERO, [0; 2]);
    }

    /// What one node has ordered and sent, of the whole run.
    pub fn ordered(&self, side: usize, resource: usize) -> Ordered {
        self.ordered.get(&(side, resource)).copied().unwrap_or_default()
    }

    pub(crate) fn pass(&mut self, time: Duration, serving: [bool; 2]) {
        match serving {
            [false, false] => self.none += time,
            [true, true] => self.both += time,
            [true, false] | [false, true] => {}
        }
    }

    pub(crate) fn step(&mut self, now: Duration, step: &Step<'_>, program: &Program) {
        let side = step.side;
        self.ordered.entry((side, step.resource)).or_default().step(step.actions);
        if step.event.is_none() {
            self.extended_in_a_row[side] = 0;
            if program.is_ours() {
                self.times[side] = VecDeque::from([now]);
            }
        }
        // The state before a daemon's start belongs to its predecessor.
        self.changes[side] += u32::from(step.event.is_some() && step.before != step.after);
        self.switches += u32::from(step.before != StateName::Hot && step.after == StateName::Hot);
        for action in step.actions {
            if let Action::Send { extended, .. } = action {
                self.note_sent(now, side, *extended, program.resource());
            }
        }
    }

    fn note_sent(&mut self, now: Duration, side: usize, extended: bool, ours: Option<&Resource>) {
        let times = &mut self.times[side];
        if let Some(resource) = ours {
            let silent = times.back().map_or(Duration::ZERO, |last| now - *last);
            self.silence = self.silence.max(silent);
            let peer = &resource.machine().peer;
            let to_legacy = peer.alive && !matches!(peer.generation, Generation::Ours { .. });
            let in_a_row = &mut self.extended_in_a_row[side];
            *in_a_row = if to_legacy && extended { *in_a_row + 1 } else { 0 };
            self.extended = self.extended.max(*in_a_row);
        }
        self.sent[side] += 1;
        times.push_back(now);
        while times.front().is_some_and(|at| now - *at > SECOND) {
            times.pop_front();
        }
        self.busiest[side] = self.busiest[side].max(times.len());
    }
}
