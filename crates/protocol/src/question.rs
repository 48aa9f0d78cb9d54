//! A takeover request of ours (TREQ): when it is sent, how long it is open, how often it is repeated.
//!
//! Only an answer to an open request counts. A plain request belongs to a conflict. A forced one is an operator's
//! order: it is repeated, and it insists once.

use std::time::Duration;

use schrittmacher_wire::PeerCode::{Trej, Treq};
use serde::{Deserialize, Serialize};

use crate::Time;
use crate::event::{Notice, Refusal};
use crate::moves::Grant;
use crate::peer::Said;
use crate::state::State;
use crate::step::Step;
use crate::tiebreak::{OUR_RANDOM, seconds_hot};

/// How often a forced request is sent (S3).
const FORCED_TRIES: u8 = 3;

/// An answer may take this long however short the heartbeat is: a round trip, not a period.
pub(crate) const ANSWER_TIME: Duration = Duration::from_millis(100);

/// A takeover request of ours that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Asked {
    /// In a conflict: `TREQ` with [`OUR_RANDOM`], or with the time for which both have been hot.
    Plain {
        /// It is open until this time.
        until: Time,
    },
    /// By an operator's order: `TREQ` with [`FORCED_RANDOM`](crate::FORCED_RANDOM), repeated.
    Forced {
        /// It is open until this time.
        until: Time,
        /// It is not sent again before this time.
        resend: Time,
        /// How often it was sent.
        sent: u8,
        /// Its first rejection has been answered (R7).
        insisted: bool,
    },
}

impl Asked {
    fn until(self) -> Time {
        match self {
            Asked::Plain { until } | Asked::Forced { until, .. } => until,
        }
    }
}

impl Step<'_> {
    /// Sends a plain request, unless one is open. A held or frozen node would not take a role that it does not have.
    pub(crate) fn ask(&mut self) {
        let may_ask = !self.starts_nothing() || matches!(self.machine.state, State::Hot { .. });
        if !self.is_asking() && may_ask {
            let time = self.now.since(self.machine.since);
            let random = if self.tells_time() { seconds_hot(time) } else { OUR_RANDOM };
            // What was left out for the limit on messages is asked at the next occasion.
            if self.send_request(random) {
                self.machine.asked = Some(Asked::Plain { until: self.now + self.answer_time() });
            }
        }
    }

    /// Sends a forced request, unless one is open. The order ends an earlier yielding. A held node would not take the
    /// role that the peer yields.
    pub(crate) fn force_request(&mut self) {
        if self.settings.held {
            return self.refuse(Refusal::Held);
        }
        if self.machine.frozen && !self.machine.peer.alive {
            return self.refuse(Refusal::Frozen);
        }
        let is_idle = matches!(
            self.machine.state,
            State::Unknown { claim: None } | State::Standby { .. } | State::ToStandby { .. }
        );
        // A peer that was not heard yet is asked.
        if is_idle && self.machine.peer.lost {
            // It would stop again at once.
            if self.is_isolated() {
                return self.refuse(Refusal::Isolated);
            }
            match (self.is_manual() || !self.is_fenced(), self.takes_from_silent) {
                (true, true) => {
                    self.take_unfenced();
                    return self.go_hot(Grant::No);
                }
                (true, false) => return self.refuse(Refusal::PeerMayServe),
                (false, _) => {}
            }
        }
        if self.is_forcing() {
            return;
        }
        self.stop_yielding();
        self.machine.asked = Some(Asked::Forced {
            until: self.now + self.answer_time().saturating_mul(3),
            resend: self.now,
            sent: 0,
            insisted: false,
        });
        self.send_forced_request();
    }

    /// Repeats the forced request if that is due.
    pub(crate) fn repeat_forced_request(&mut self) {
        if let Some(Asked::Forced { resend, .. }) = self.machine.asked
            && self.now >= resend
        {
            self.send_forced_request();
        }
    }

    /// Sends the open forced request, unless it has been sent often enough.
    pub(crate) fn send_forced_request(&mut self) {
        let (now, spacing) = (self.now, self.answer_time());
        if let Some(Asked::Forced { until, resend, sent, .. }) = &mut self.machine.asked
            && now < *until
            && *sent < FORCED_TRIES
        {
            *sent += 1;
            *resend = now + spacing;
            self.send(Treq);
        }
    }

    /// The peer's TREJ rejects an operator's order, and not because the peer has failed.
    pub(crate) fn is_order_rejected(&self) -> bool {
        self.is_forcing() && self.machine.peer.said != Said::Fail
    }

    /// A legacy node of higher priority rejects even a forced request, but obeys every `TREJ`. So the first
    /// rejection of an order is answered by one (R7, D15, S3).
    pub(crate) fn insist(&mut self) {
        if let Some(Asked::Forced { insisted, .. }) = &mut self.machine.asked
            && !*insisted
        {
            *insisted = true;
            self.send(Trej);
        }
    }

    /// A request of ours is open.
    pub(crate) fn is_asking(&self) -> bool {
        self.machine.asked.is_some_and(|asked| self.now < asked.until())
    }

    /// A request of ours that an operator ordered is open.
    pub(crate) fn is_forcing(&self) -> bool {
        self.is_asking() && matches!(self.machine.asked, Some(Asked::Forced { .. }))
    }

    /// How long a plain request is open.
    pub(crate) fn answer_time(&self) -> Duration {
        self.machine.peer.beat(self.settings).max(ANSWER_TIME)
    }

    /// A plain request is not open for longer than a heartbeat of the peer as it shows it now. One message with a long
    /// heartbeat, forged or from before a reload, would put off the end of two hot nodes.
    pub(crate) fn shorten_request(&mut self) {
        let latest = self.now + self.answer_time();
        if let Some(Asked::Plain { until }) = &mut self.machine.asked {
            *until = latest.min(*until);
        }
    }

    /// Forgets a request whose time is over.
    pub(crate) fn close_overdue_request(&mut self) {
        if !self.is_asking() {
            self.close_request();
        }
    }

    /// Forgets the request. The operator who ordered it is told (S3).
    pub(crate) fn close_request(&mut self) {
        if let Some(Asked::Forced { .. }) = self.machine.asked.take() {
            self.notice(Notice::TakeoverUnanswered);
        }
    }
}
