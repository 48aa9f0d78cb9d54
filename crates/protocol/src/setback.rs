//! A side that has the role and cannot keep it: how often, whether it is held back, whether its address is missing.
//!
//! A side that fails again soon is held back in Failed, longer each time (`hold-back`). So is one that cannot bring
//! its address up. Meanwhile it says FAIL. The hold counts only as long as the other side serves or may serve.

use std::time::Duration;

use schrittmacher_wire::PeerCode::{Fail, Fovr};
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::event::{AppReport, Command, Notice, Refusal};
use crate::moves::Grant;
use crate::peer::Said;
use crate::state::{Release, State};
use crate::step::{Cause, Step};

/// `random` of a FAIL between two of ours: the sender is held back, and may serve afterwards.
pub const HELD_BACK_RANDOM: u32 = 1;

/// A side that was hot for this many times `hold-back` does not flap.
const STEADY: u32 = 10;

/// The failure from which on a side is held back.
const FLAPS: u8 = 2;

/// How often the address is tried before a peer serves that may not be ready.
const ACTIVATE_TRIES: u8 = 3;

/// The failures of this side while it had the role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Setbacks {
    /// Failures in a row, each soon after the one before.
    pub failures: u8,
    /// They count no more after this time.
    pub forget_at: Time,
    /// Failed attempts in a row to bring the address up.
    pub activate: u8,
    /// A release has failed: before this time a request of the peer is rejected.
    pub reject_until: Time,
}

/// A side that is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HoldBack {
    /// It goes on at this time.
    pub until: Time,
    /// The last report of its application, if that could serve.
    pub fit: Option<AppReport>,
}

/// The failed parts of a release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Unreleased {
    /// The address may still be up.
    pub address: bool,
    /// The application may still run.
    pub application: bool,
}

impl Unreleased {
    pub(crate) fn is_any(self) -> bool {
        self.address || self.application
    }
}

/// A failure on the side that has the role.
impl Step<'_> {
    /// This side was held back a short time ago.
    pub(crate) fn was_held_back(&self) -> bool {
        let setbacks = &self.machine.setbacks;
        setbacks.failures >= FLAPS && self.now < setbacks.forget_at
    }

    /// Counts a failure; how long this side is held back for it.
    pub(crate) fn count_failure(&mut self) -> Option<HoldBack> {
        let Self { now, settings, .. } = *self;
        let has_role = matches!(self.machine.state, State::ToHot { .. } | State::Hot { .. });
        if !has_role || settings.hold_back.is_zero() {
            return None;
        }
        let was_hot = matches!(self.machine.state, State::Hot { .. });
        let steady = was_hot && now.since(self.machine.since) >= settings.hold_back.saturating_mul(STEADY);
        let setbacks = &mut self.machine.setbacks;
        if steady || now >= setbacks.forget_at {
            setbacks.failures = 0;
        }
        setbacks.failures = setbacks.failures.saturating_add(1);
        let doublings = u32::from(setbacks.failures).checked_sub(FLAPS.into());
        let time = doublings.map_or(Duration::ZERO, |doublings| {
            let factor = 2_u32.saturating_pow(doublings);
            settings.hold_back.saturating_mul(factor).min(settings.hold_back_max)
        });
        self.begin_hold_back(time)
    }

    /// Holds this side back, unless it is the only one.
    fn begin_hold_back(&mut self, time: Duration) -> Option<HoldBack> {
        // A classic peer hands the role back to a STBY that it hears while its application switches (D8).
        let least =
            if self.machine.peer.is_classic() { self.settings.going_hot_timeout } else { Duration::ZERO };
        let time = if time.is_zero() { time } else { time.max(least) };
        let until = self.now + time;
        self.machine.setbacks.forget_at = until + self.settings.hold_back_max;
        if time.is_zero() || !self.peer_can_take_over() {
            return None;
        }
        self.notice(Notice::HeldBack);
        Some(HoldBack { until, fit: None })
    }

    /// An attempt to bring the address up has failed. Another side that is ready gets the role.
    pub(crate) fn lack_address(&mut self) {
        let peer = &self.machine.peer;
        let tries = if peer.said == Said::Standby { 1 } else { ACTIVATE_TRIES };
        let nobody_else = !peer.alive
            || peer.said == Said::Fail
            || peer.held
            || self.machine.frozen
            || self.set_stays_here();
        let setbacks = &mut self.machine.setbacks;
        setbacks.activate = setbacks.activate.saturating_add(1);
        if nobody_else {
            if setbacks.activate == 1 {
                self.notice(Notice::AddressMissing);
            }
        } else if setbacks.activate >= tries {
            self.fail_without_address();
        }
    }

    /// The last attempts to bring the address up have failed, and the other side may serve instead.
    pub(crate) fn is_without_address(&self) -> bool {
        let may = !self.machine.peer.held && !self.machine.frozen && !self.set_stays_here();
        self.machine.setbacks.activate > 0 && may
    }

    /// The other side shall serve.
    pub(crate) fn fail_without_address(&mut self) {
        self.notice(Notice::AddressFailed);
        self.machine.setbacks.failures = self.machine.setbacks.failures.max(FLAPS);
        // The application has not failed; it is stopped now.
        let fit = (!self.machine.state.has_failed_app()).then_some(AppReport::Lsby);
        let hold = self.begin_hold_back(self.settings.hold_back_max).map(|hold| HoldBack { fit, ..hold });
        self.stop_and_fail(hold);
    }
}

/// A side that is held back.
impl Step<'_> {
    pub(crate) fn in_hold_back(&mut self, hold: HoldBack, cause: Cause) {
        match cause {
            Cause::Tick | Cause::Reconnected if self.now >= hold.until && !self.machine.cut_off => {
                self.end_hold_back(hold);
                if self.machine.state == (State::Failed { hold_back: None }) {
                    self.send(Fail);
                }
            }
            // The other side cannot serve either, or an operator or its end wants this one.
            Cause::Peer(Fail) if self.may_try_instead(hold) => self.end_hold_back_and(hold, cause),
            Cause::Peer(Fovr) | Cause::PeerSilent if !self.machine.cut_off => {
                self.end_hold_back_and(hold, cause);
            }
            Cause::Takeover { .. } if self.machine.cut_off => self.refuse(Refusal::CutOff),
            Cause::Takeover { .. } if hold.fit.is_some() => {
                self.machine.setbacks.failures = 0;
                self.end_hold_back_and(hold, cause);
            }
            Cause::Takeover { .. } => self.refuse(Refusal::AppFailed),
            Cause::App(AppReport::Lfai) | Cause::AppFailed(_) | Cause::AppSilent => self.note_fit(hold, None),
            Cause::App(report) => {
                if matches!(report, AppReport::Lhot | AppReport::L2ht) {
                    self.command(Command::Stop);
                }
                self.note_fit(hold, Some(report));
            }
            Cause::Peer(_)
            | Cause::PeerSilent
            | Cause::Tick
            | Cause::ActivateFailed
            | Cause::CutOff
            | Cause::NoMajority
            | Cause::Isolated
            | Cause::Reconnected
            | Cause::Failover { .. }
            | Cause::Shutdown
            | Cause::Released
            | Cause::Resumed
            | Cause::StartBegan => self.in_failed(cause),
        }
    }

    /// The peer has failed for good. A side that is cut off and would start nothing goes on saying FAIL, and so does one that has
    /// given way a moment ago: its clients do not miss it, and a peer that changes its mind at each message would have it
    /// start and stop as often.
    fn may_try_instead(&self, hold: HoldBack) -> bool {
        let stays = self.machine.cut_off && (self.starts_nothing() || self.now < hold.until);
        !self.machine.peer.held_back && !stays
    }

    fn note_fit(&mut self, hold: HoldBack, fit: Option<AppReport>) {
        self.machine.state = State::Failed { hold_back: Some(HoldBack { fit, ..hold }) };
    }

    /// Goes on as if the application had just reported.
    fn end_hold_back(&mut self, hold: HoldBack) {
        self.machine.state = State::Failed { hold_back: None };
        if let Some(report) = hold.fit {
            self.in_failed(Cause::App(report));
        }
    }

    /// The same, and then the cause has its effect.
    fn end_hold_back_and(&mut self, hold: HoldBack, cause: Cause) {
        self.end_hold_back(hold);
        if self.machine.state != (State::Failed { hold_back: None }) {
            self.transition(cause);
        } else {
            self.in_failed(cause);
        }
    }

    /// Whether this side says that it is held back: it may serve afterwards. An application that has just failed gets
    /// the time in which its silence would be noticed.
    pub(crate) fn is_held_back(&self) -> bool {
        let State::Failed { hold_back: Some(hold) } = self.machine.state else { return false };
        if self.machine.cut_off {
            return false;
        }
        hold.fit.is_some() || self.now.since(self.machine.since) < self.settings.app_timeout
    }
}

/// A release that fails.
impl Step<'_> {
    pub(crate) fn note_address_kept(&mut self) {
        if let State::Releasing(Release { unreleased, .. }) = &mut self.machine.state {
            unreleased.address = true;
        }
    }

    pub(crate) fn note_stop_failed(&mut self) {
        if let State::Releasing(Release { unreleased, .. }) = &mut self.machine.state {
            unreleased.application = true;
        }
    }

    /// The application says that it is standby, whatever its `stop` command said.
    pub(crate) fn note_stopped(&mut self) {
        if let State::Releasing(Release { unreleased, .. }) = &mut self.machine.state {
            unreleased.application = false;
        }
    }

    /// The commands of a hand-over are over, but the service is still here: it goes on here.
    pub(crate) fn undo_release(&mut self) {
        self.machine.setbacks.reject_until = self.now + self.answer_time().saturating_mul(4);
        self.notice(Notice::Undone);
        self.refuse(Refusal::NotReleased);
        self.take_role(Grant::No);
    }
}
