//! Fencing: before this side takes the role from a silent peer, the peer's host has to be off (`fence-action`,
//! `docs/adr/0097-fencing.md`).
//!
//! The machine does not know how that is done. It says [`Action::Fence`] once, and learns by [`Event::Fenced`](crate::Event::Fenced)
//! whether the host is off. The answer counts for the silence in which it was asked for, and for one take-over. Each word of the peer
//! ends both.
//!
//! A side that goes on with an application which is hot already takes no role, and fences nobody.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{Action, FenceNews, Notice};
use crate::moves::Grant;
use crate::peer::Said;
use crate::settings::Policy;
use crate::state::State;
use crate::step::{Cause, Step};
use crate::tiebreak::has_greater_end;
use crate::{Machine, Settings, Time};

/// How the peer's host is fenced, as far as the protocol needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FenceRule {
    /// The side with the lesser address waits for this long before it fences, if the other side may do the same.
    pub delay: Duration,
    /// The pause after a fence that was not confirmed, until the next one.
    pub pause: Duration,
}

/// What became of a fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Fenced {
    /// The peer's host is off.
    Off,
    /// That is not known. Nothing more is tried for this question.
    NotConfirmed,
}

/// The part of a machine that fencing needs. Without a rule it never changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fence {
    /// A fence is awaited, asked for then.
    pub asked: Option<Time>,
    /// The outcome in this silence, which no take-over has used yet.
    pub outcome: Option<Fenced>,
    /// How often it was not confirmed in this silence.
    pub failed: u32,
    /// No fence is asked for before this time.
    pub not_before: Time,
    /// The peer's silence has asked for a fence.
    pub begun: bool,
    /// The peer served when it fell silent. Such a side fences nobody.
    pub was_hot: bool,
    /// The peer fell silent because its daemon has ended in good order, without the role.
    pub has_left: bool,
}

impl Machine {
    /// This side would take the role, and waits for the peer's host to be off.
    pub fn waits_for_fence(&self, settings: &Settings) -> bool {
        let idle = matches!(
            self.state,
            State::Unknown { claim: None }
                | State::Standby { .. }
                | State::ToStandby { .. }
                | State::Leaving { .. }
        );
        idle && self.needs_fence(settings) && self.fence.begun && self.fence.outcome != Some(Fenced::Off)
    }

    fn needs_fence(&self, settings: &Settings) -> bool {
        settings.fence.is_some() && self.peer.lost && !self.fence.has_left
    }
}

impl Step<'_> {
    /// The peer falls silent: what it did last decides whether it is fenced, and when.
    pub(crate) fn note_last_word(&mut self) {
        if self.settings.fence.is_none() {
            return;
        }
        let peer = &self.machine.peer;
        let idle = matches!(peer.said, Said::Standby | Said::Fail);
        (self.machine.fence.was_hot, self.machine.fence.has_left) = (peer.claims(), peer.leaving && idle);
    }

    /// The peer is heard: nothing that was found out in its silence counts any more.
    pub(crate) fn end_fence(&mut self) {
        let before = std::mem::take(&mut self.machine.fence);
        if before.asked.is_some() {
            self.notice(Notice::Fence(FenceNews::InVain));
        }
    }

    /// This process lost time. It has heard nobody for that time, which is no reason to shoot: it listens for a whole timeout first.
    pub(crate) fn put_off_fence(&mut self) {
        if self.settings.fence.is_some() {
            let listens = self.now + self.machine.peer.timeout(self.settings);
            self.machine.fence.not_before = self.machine.fence.not_before.max(listens);
        }
    }

    /// This side was cut off or isolated, and has heard nobody for its own fault. What the peer did before says nothing: it may serve,
    /// or be about to fence as well.
    pub(crate) fn begin_fence_anew(&mut self) {
        self.put_off_fence();
        (self.machine.fence.begun, self.machine.fence.was_hot) = (false, false);
    }

    /// Whether this side may take the role as far as the peer's host is concerned.
    pub(crate) fn is_fenced(&self) -> bool {
        if !self.machine.peer.lost || self.settings.fence.is_none() {
            return true;
        }
        match self.machine.fence.outcome {
            Some(Fenced::Off) => true,
            Some(Fenced::NotConfirmed) => self.goes_unfenced(),
            None => self.machine.fence.has_left && !self.is_manual(),
        }
    }

    /// `policy = available` is in force: a service that may run twice is better than none.
    pub(crate) fn goes_unfenced(&self) -> bool {
        !self.is_manual() && !self.follows_majority()
    }

    /// After a fence that was not confirmed nothing is tried for a while: the other side may get the right meanwhile.
    pub(crate) fn rests_from_fence(&mut self) -> bool {
        if self.is_fenced() || self.machine.fence.outcome.is_none() {
            return false;
        }
        // An operator has to decide.
        if self.is_manual() || self.now < self.machine.fence.not_before {
            return true;
        }
        self.machine.fence.outcome = None;
        false
    }

    /// The role is free and this side has the right to it, but the peer may serve.
    pub(crate) fn ask_for_fence(&mut self) {
        let Some(rule) = self.settings.fence else { return };
        let is_first = !std::mem::replace(&mut self.machine.fence.begun, true);
        // It is this side that is ill, and the other one may be well.
        if self.machine.isolation.isolated {
            if is_first {
                self.notice(Notice::Fence(FenceNews::Isolated));
            }
            if self.goes_unfenced() {
                self.machine.fence.outcome = Some(Fenced::NotConfirmed);
                // A daemon that ends takes the role back by itself.
                if !matches!(self.machine.state, State::Leaving { .. }) {
                    self.go_hot(Grant::No);
                }
            }
            return;
        }
        if is_first && self.may_be_fenced() && self.shoots_second() {
            let fence = &mut self.machine.fence;
            fence.not_before = fence.not_before.max(self.now + rule.delay);
            self.notice(Notice::Fence(FenceNews::Delayed));
        }
        let fence = &mut self.machine.fence;
        if fence.asked.is_none() && self.now >= fence.not_before {
            fence.asked = Some(self.now);
            self.notice(Notice::Fence(FenceNews::Begins));
            self.act(Action::Fence(self.now));
        }
    }

    /// The other side may be about to do the same. One that served does not, and of two under the rule of the majority only one has
    /// the right.
    fn may_be_fenced(&self) -> bool {
        let is_leaving = matches!(self.machine.state, State::Leaving { .. });
        (is_leaving || !self.machine.fence.was_hot) && !self.follows_majority()
    }

    /// A side that was handing the role over leaves the first shot to the other one, which knows it as hot.
    fn shoots_second(&self) -> bool {
        matches!(self.machine.state, State::Leaving { .. }) || !has_greater_end(self.settings)
    }

    /// What became of the fence that was asked for then.
    pub(crate) fn hear_fenced(&mut self, asked: Time, outcome: Fenced) {
        // The peer was heard since, or an operator has decided.
        if self.machine.fence.asked != Some(asked) {
            return;
        }
        let pause = self.settings.fence.map_or(Duration::ZERO, |rule| rule.pause);
        self.machine.fence.asked = None;
        // An application was found that is hot already.
        if self.machine.serves() {
            return;
        }
        let fence = &mut self.machine.fence;
        fence.outcome = Some(outcome);
        match outcome {
            Fenced::Off => self.notice(Notice::Fence(FenceNews::Confirmed)),
            Fenced::NotConfirmed => {
                fence.failed = fence.failed.saturating_add(1);
                fence.not_before = self.now + pause;
                self.notice(match self.settings.policy {
                    Policy::Manual => Notice::Fence(FenceNews::FailedManual),
                    Policy::Consistent { .. } if self.follows_majority() => {
                        Notice::Fence(FenceNews::FailedConsistent)
                    }
                    Policy::Consistent { .. } | Policy::Available => {
                        Notice::Fence(FenceNews::FailedAvailable)
                    }
                });
                if !self.goes_unfenced() {
                    // The other side may be able to do it.
                    self.give_back();
                }
            }
        }
        if self.machine.peer.lost {
            self.run(Cause::PeerSilent);
        }
    }

    /// An operator vouches for the peer's host, or takes what comes.
    pub(crate) fn take_unfenced(&mut self) {
        if !self.is_fenced() {
            self.notice(Notice::Fence(FenceNews::Skipped));
        }
        let fence = &mut self.machine.fence;
        (fence.asked, fence.outcome) = (None, Some(Fenced::Off));
    }

    /// This side cannot take the role now. When it can, the host that was off may be back.
    pub(crate) fn drop_unused_fence(&mut self) {
        let fence = &self.machine.fence;
        let is_unused = matches!(self.machine.state, State::Failed { .. }) || self.starts_nothing();
        if fence.outcome == Some(Fenced::Off) && is_unused {
            let fence = &mut self.machine.fence;
            (fence.outcome, fence.begun, fence.was_hot) = (None, false, false);
        }
    }

    /// The role is taken: the next take-over asks anew.
    pub(crate) fn use_up_fence(&mut self) {
        let fence = &mut self.machine.fence;
        (fence.asked, fence.outcome, fence.begun) = (None, None, false);
    }

    /// Whether the end of this daemon's hand-over waits for a fence: the silent peer may have taken the role. `None`: it does not.
    pub(crate) fn come_back_fenced(&mut self) -> Option<Unfenced> {
        let is_leaving = matches!(self.machine.state, State::Leaving { .. });
        if !is_leaving || self.is_fenced() {
            return None;
        }
        if self.machine.fence.outcome.is_some() {
            return Some(Unfenced::Leaves);
        }
        self.ask_for_fence();
        if self.is_fenced() {
            return None;
        }
        let beat = self.now + self.machine.peer.beat(self.settings);
        if let State::Leaving { until, .. } = &mut self.machine.state {
            *until = beat.max(*until);
        }
        Some(Unfenced::Waits)
    }
}

/// The end of a daemon whose peer fell silent in the hand-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfenced {
    /// For the fence.
    Waits,
    /// Without the role.
    Leaves,
}
