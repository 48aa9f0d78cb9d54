//! Faults, orders, and their end: what happens to a pair from outside, and whether it settles when everything works again.

use std::fmt;
use std::time::Duration;

use schrittmacher_protocol::{AppFailure, Ending, Event, Machine, StateName, Time};

use crate::host::App;
use crate::world::{PEERS, Seen, Without, World};

/// A pair that is settled for so long has nothing on the way that could change it.
const SETTLED: Duration = Duration::from_secs(15);

/// What a pair does not come to when everything works again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsettled {
    /// No side alone goes on serving (P2).
    Role,
    /// The witness is asked by a side that hears its peer.
    Questions,
}

impl fmt::Display for Unsettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unsettled::Role => "no side alone serves when everything works again (P2)",
            Unsettled::Questions => "a settled pair asks the witness, though its sides hear each other",
        })
    }
}

impl World {
    pub fn start_daemon(&mut self, side: usize) {
        let local = self.hosts[side].local(side, self.now);
        let host = &mut self.hosts[side];
        if host.machine.is_some() || self.now < host.off_until {
            return;
        }
        if self.without == Some(Without::Fence) {
            host.settings.fence = None;
        }
        let mut machine = Machine::new(&host.settings, local);
        if self.without == Some(Without::StartWait) {
            machine.majority.promised_until = Time::ZERO;
        }
        if host.app == App::Dead {
            host.app = App::Standby;
        }
        (host.machine, host.heard, host.paused) = (Some(machine), None, false);
        host.run += 2;
        host.reports_at = self.now;
        host.forget_echoes(self.now);
    }

    /// Its network is gone: the peer, the witness, the targets.
    pub fn isolate(&mut self, side: usize) {
        (self.links[side], self.links[PEERS], self.hosts[side].reaches) = (false, false, false);
    }

    /// The network is whole again.
    pub fn join(&mut self) {
        self.links = [true; 3];
        self.hosts.iter_mut().for_each(|host| host.reaches = true);
    }

    /// Host and application are gone.
    pub fn crash(&mut self, side: usize) {
        let host = &mut self.hosts[side];
        host.app = App::Dead;
        self.end_daemon(side);
    }

    pub fn end_daemon(&mut self, side: usize) {
        let host = &mut self.hosts[side];
        (host.machine, host.paused, host.barrier, host.deadline) = (None, false, false, None);
        host.inbox.clear();
    }

    pub fn end_app(&mut self, side: usize) {
        self.hosts[side].app = App::Dead;
        self.give(side, Event::AppFailed(AppFailure::Ended));
    }

    /// SIGTERM, once.
    pub fn shut_down(&mut self, side: usize) {
        let ends = self.hosts[side].machine.as_ref().is_none_or(|machine| machine.ending != Ending::No);
        if !ends {
            self.give(side, Event::Shutdown);
        }
    }

    /// Everything works again.
    pub fn mend(&mut self) {
        self.join();
        (self.witness_is_up, self.weather) = (true, None);
        for side in 0..2 {
            self.resume(side);
            self.hosts[side].off_until = Duration::ZERO;
            self.start_daemon(side);
            self.start_app(side);
        }
    }

    /// After everything works again one side alone serves a while later, and goes on doing so without the witness.
    pub fn unsettled(mut self) -> Option<Unsettled> {
        let patience = Duration::from_secs(60).max(20 * self.setup.promise());
        // A daemon that was ending is started when it has ended.
        for _ in 0..2 {
            self.mend();
            let (end, mut since) = (self.now + patience, self.now);
            while self.now < end && self.now < since + SETTLED {
                self.run_until(self.now + self.setup.heartbeat);
                since = if self.is_settled() { since } else { self.now };
            }
        }
        (self.seen, self.without) = (Seen::default(), None);
        self.run_until(self.now + patience / 2);
        let questions = std::mem::take(&mut self.seen.questions);
        if self.seen != Seen::default() || !self.is_settled() {
            return Some(Unsettled::Role);
        }
        (questions > 0).then_some(Unsettled::Questions)
    }

    /// One side is hot and serves, the other one is standby, and no daemon ends.
    fn is_settled(&self) -> bool {
        let is = |side: usize, state: StateName, app: App| {
            let host = &self.hosts[side];
            let stays = host.machine.as_ref().is_some_and(|machine| machine.ending == Ending::No);
            stays && host.state() == Some(state) && host.app == app
        };
        [(0, 1), (1, 0)].iter().any(|(hot, other)| {
            is(*hot, StateName::Hot, App::Hot) && is(*other, StateName::Standby, App::Standby)
        })
    }

    pub fn start_app(&mut self, side: usize) {
        if self.hosts[side].app == App::Dead && self.hosts[side].machine.is_some() {
            self.hosts[side].app = App::Standby;
            self.hosts[side].reports_at = self.now;
        }
    }

    pub fn pause(&mut self, side: usize) {
        self.hosts[side].paused = self.hosts[side].machine.is_some();
    }

    pub fn resume(&mut self, side: usize) {
        self.hosts[side].paused = false;
        while let Some(event) = self.hosts[side].inbox.pop_front() {
            self.give(side, event);
        }
    }
}
