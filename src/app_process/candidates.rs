//! Pids that messages claim and that are not believed yet (A3).

use std::time::Duration;

use schrittmacher_protocol::Time;

use super::pidfd::Pidfd;

/// How far apart the two messages of a pid must be at least (A3 (c)).
const APART: Duration = Duration::from_secs(1);
/// The longest pause between two attempts to prove a pid.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Candidates of one resource; they cost a descriptor each.
const CANDIDATES: usize = 4;
/// A candidate that is silent for so long gives its place to another one.
const STALE: Duration = Duration::from_secs(10);
/// New pids that are looked at in one second; a flood of others costs nothing.
const NEW_PER_SECOND: u8 = 4;

/// A living process that was named once.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) pid: u32,
    pub(super) process: Pidfd,
    ticket: u64,
    heard: Time,
    next_attempt: Time,
    failures: u32,
    pending: bool,
}

/// The candidates of one resource.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    list: Vec<Candidate>,
    tickets: u64,
    second: Time,
    new_in_second: u8,
}

impl Candidates {
    /// A message came with this pid.
    pub(super) fn heard(&mut self, pid: u32, now: Time) -> Heard {
        let Some(index) = self.list.iter().position(|candidate| candidate.pid == pid) else {
            return self.new_one(now);
        };
        let candidate = &mut self.list[index];
        candidate.heard = now;
        if candidate.pending || now < candidate.next_attempt {
            Heard::Nothing
        } else if candidate.process.has_ended() {
            // The number means another process now.
            self.list.swap_remove(index);
            self.new_one(now)
        } else {
            Heard::Due { ticket: candidate.ticket }
        }
    }

    /// Adds the process that the first message of a pid named.
    pub(super) fn add(&mut self, pid: u32, process: Pidfd, now: Time) {
        self.list.retain(|candidate| !candidate.process.has_ended());
        if self.list.len() == CANDIDATES {
            let stale = self.list.iter().position(|candidate| now.since(candidate.heard) >= STALE);
            // Not the oldest: whoever sends ever new numbers would drive the real one out.
            self.list.remove(stale.unwrap_or(CANDIDATES - 1));
        }
        self.tickets += 1;
        self.list.push(Candidate {
            pid,
            process,
            ticket: self.tickets,
            heard: now,
            next_attempt: now + APART,
            failures: 0,
            pending: false,
        });
    }

    /// The attempt to prove this candidate has begun.
    pub(super) fn begin(&mut self, ticket: u64) {
        if let Some(candidate) = self.list.iter_mut().find(|candidate| candidate.ticket == ticket) {
            candidate.pending = true;
        }
    }

    /// The attempt has failed: gives the pid, and tries again later.
    pub(super) fn fail(&mut self, ticket: u64, now: Time) -> Option<u32> {
        let candidate = self.list.iter_mut().find(|candidate| candidate.ticket == ticket)?;
        candidate.pending = false;
        candidate.next_attempt = now + APART.saturating_mul(1 << candidate.failures.min(6)).min(PAUSE_MAX);
        candidate.failures = candidate.failures.saturating_add(1);
        Some(candidate.pid)
    }

    /// The attempt has succeeded: gives the candidate, if the process has lived until now.
    pub(super) fn take(&mut self, ticket: u64) -> Option<Candidate> {
        let index = self.list.iter().position(|candidate| candidate.ticket == ticket)?;
        Some(self.list.swap_remove(index)).filter(|candidate| !candidate.process.has_ended())
    }

    fn new_one(&mut self, now: Time) -> Heard {
        if now.since(self.second) >= Duration::from_secs(1) {
            self.second = now;
            self.new_in_second = 0;
        }
        if self.new_in_second == NEW_PER_SECOND {
            return Heard::Nothing;
        }
        self.new_in_second += 1;
        Heard::New
    }
}

/// What a claimed pid calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Nothing now.
    Nothing,
    /// It is named for the first time.
    New,
    /// It should be proven now.
    Due { ticket: u64 },
}
