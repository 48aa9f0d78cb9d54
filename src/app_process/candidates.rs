//! Pids that messages claim and that are not believed yet (A3).

use std::time::Duration;

use schrittmacher_protocol::Time;

use super::pidfd::Pidfd;

/// How far apart the two messages of a pid must be at least (A3 (c)).
const APART: Duration = Duration::from_secs(1);
/// The longest pause between two attempts to prove a pid.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Candidates of one resource by UDP, and as many by the application socket; they cost a descriptor each.
const CANDIDATES: usize = 4;
/// Candidates of one user by the application socket.
const OF_USER: usize = 2;
/// A candidate that is silent for so long gives its place to another one.
const STALE: Duration = Duration::from_secs(10);
/// New pids that are looked at in one second, by UDP and of each user; a flood of others costs nothing.
const NEW_PER_SECOND: u8 = 4;
/// Users whose new pids are looked at in one second.
const USERS_PER_SECOND: usize = 64;

/// A process, and how it was named. What is claimed by UDP has no part in what the kernel vouches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) pid: u32,
    /// The user, by the kernel's word; `None` by UDP.
    pub(super) user: Option<u32>,
}

/// A living process that was named once.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) claim: Claim,
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
    new_in_second: Vec<(Option<u32>, u8)>,
}

impl Candidates {
    /// Ends all observation. A result that arrives later has no effect.
    pub(super) fn forget(&mut self) {
        self.list.clear();
    }

    /// A message came with this claim.
    pub(super) fn heard(&mut self, claim: Claim, now: Time) -> Hearing {
        let Some(index) = self.list.iter().position(|candidate| candidate.claim == claim) else {
            return self.new_one(claim.user, now);
        };
        let candidate = &mut self.list[index];
        candidate.heard = now;
        if candidate.pending || now < candidate.next_attempt {
            Hearing::Nothing
        } else if candidate.process.has_ended() {
            // The number means another process now.
            self.list.swap_remove(index);
            self.new_one(claim.user, now)
        } else {
            Hearing::Due { ticket: candidate.ticket }
        }
    }

    /// Adds the process that the first message with a claim named. `rank` says which user has to give way to which.
    pub(super) fn add<R: Ord>(
        &mut self,
        claim: Claim,
        process: Pidfd,
        rank: impl Fn(Option<u32>) -> R,
        now: Time,
    ) {
        self.list.retain(|candidate| !candidate.process.has_ended());
        if !self.make_room(claim.user, rank, now) {
            return;
        }
        self.tickets += 1;
        self.list.push(Candidate {
            claim,
            process,
            ticket: self.tickets,
            heard: now,
            next_attempt: now + APART,
            failures: 0,
            pending: false,
        });
    }

    /// Removes a candidate if there is one too many for another of this user. False if that would be a user's who has a right to
    /// stay.
    fn make_room<R: Ord>(&mut self, user: Option<u32>, rank: impl Fn(Option<u32>) -> R, now: Time) -> bool {
        let user_of = |index: &usize| self.list[*index].claim.user;
        let rivals = (0..self.list.len()).filter(|index| user_of(index).is_some() == user.is_some());
        let rivals: Vec<usize> = rivals.collect();
        let own: Vec<usize> = rivals.iter().copied().filter(|index| user_of(index) == user).collect();
        if rivals.len() < CANDIDATES && (user.is_none() || own.len() < OF_USER) {
            return true;
        }
        let stale = rivals.iter().find(|index| now.since(self.list[**index].heard) >= STALE);
        // Not the oldest: a sender of ever new numbers would drive the real one out.
        let own = own.last();
        let below = rivals.iter().find(|index| rank(user_of(index)) < rank(user));
        let Some(index) = stale.or(own).or(below).copied() else { return false };
        self.list.remove(index);
        true
    }

    /// The attempt to prove this candidate has begun.
    pub(super) fn begin(&mut self, ticket: u64) {
        if let Some(candidate) = self.list.iter_mut().find(|candidate| candidate.ticket == ticket) {
            candidate.pending = true;
        }
    }

    /// The attempt has failed: gives the pid, and tries again later.
    pub(super) fn fail(&mut self, ticket: u64, now: Time) -> Option<Claim> {
        let candidate = self.list.iter_mut().find(|candidate| candidate.ticket == ticket)?;
        candidate.pending = false;
        candidate.next_attempt = now + APART.saturating_mul(1 << candidate.failures.min(6)).min(PAUSE_MAX);
        candidate.failures = candidate.failures.saturating_add(1);
        Some(candidate.claim)
    }

    /// The attempt has succeeded: gives the candidate, if the process has lived until now.
    pub(super) fn take(&mut self, ticket: u64) -> Option<Candidate> {
        let index = self.list.iter().position(|candidate| candidate.ticket == ticket)?;
        Some(self.list.swap_remove(index)).filter(|candidate| !candidate.process.has_ended())
    }

    fn new_one(&mut self, user: Option<u32>, now: Time) -> Hearing {
        if now.since(self.second) >= Duration::from_secs(1) {
            self.second = now;
            self.new_in_second.clear();
        }
        let users = self.new_in_second.len();
        match self.new_in_second.iter_mut().find(|(of, _)| *of == user) {
            Some((_, NEW_PER_SECOND)) => return Hearing::Nothing,
            Some((_, new)) => *new += 1,
            None if users == USERS_PER_SECOND => return Hearing::Nothing,
            None => self.new_in_second.push((user, 1)),
        }
        Hearing::New
    }
}

/// The next step for a claimed pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hearing {
    /// Nothing now.
    Nothing,
    /// It is named for the first time.
    New,
    /// It should be proven now.
    Due { ticket: u64 },
}
