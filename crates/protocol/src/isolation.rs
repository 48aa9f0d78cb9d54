//! A host that is isolated: it reaches none of its targets (`ping-address`), and does not hear its peer.
//!
//! Its side stops the service, and takes no role, if `on-isolation` says so (`docs/adr/0096-evidence-of-isolation.md`). The other
//! side takes over after its timeout, counted from our last heartbeat. So this side has to decide and stop before that.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::Notice;
use crate::state::State;
use crate::step::{Cause, Step};
use crate::{Machine, Settings, Time};

/// Rounds of echoes in a row without an answer, until the host is isolated.
const ROUNDS: u8 = 3;

/// An isolated side does without the service. Else isolation is told, and changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OnIsolation {
    /// Go on.
    #[default]
    Keep,
    /// Stop, before the other side takes over.
    StepDown,
}

/// The part of a machine that isolation needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Isolation {
    /// No target answers.
    pub isolated: bool,
    /// When one has answered again. The peer's silence counts from then on.
    pub reached_at: Time,
}

/// The answers to echoes. One round is sent each quarter of `ping-timeout`. So a host without an answer for that long is isolated,
/// and one that lost time itself is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    answered: bool,
    missed: u8,
    isolated: bool,
}

impl Default for Evidence {
    /// Before the first round.
    fn default() -> Evidence {
        Evidence { answered: true, missed: 0, isolated: false }
    }
}

impl Evidence {
    /// How often a round is sent.
    pub fn period(ping_timeout: Duration) -> Duration {
        ping_timeout / u32::from(ROUNDS + 1)
    }

    /// A target has answered. `Some(false)`: this is news.
    pub fn answer(&mut self) -> Option<bool> {
        self.answered = true;
        self.missed = 0;
        std::mem::take(&mut self.isolated).then_some(false)
    }

    /// The next round is sent now. `Some(true)`: the host is isolated, and this is news.
    pub fn round(&mut self) -> Option<bool> {
        if !std::mem::take(&mut self.answered) {
            self.missed = self.missed.saturating_add(1).min(ROUNDS);
        }
        let is_news = self.missed == ROUNDS && !self.isolated;
        self.isolated |= is_news;
        is_news.then_some(true)
    }
}

impl Machine {
    /// When a side that serves stops because it is isolated, if it does not hear its peer before. A frozen side stays (P12).
    pub(crate) fn isolation_due(&self, settings: &Settings) -> Option<Time> {
        let serves =
            matches!(self.state, State::Hot { .. } | State::ToHot { .. } | State::Unknown { claim: Some(_) });
        (serves && self.does_without(settings) && !self.frozen).then(|| self.listens_until(settings))
    }

    /// When an isolated side stops listening for its peer.
    fn listens_until(&self, settings: &Settings) -> Time {
        self.peer.heard + self.listens(settings)
    }

    /// Isolated, and a side without the service then.
    pub(crate) fn does_without(&self, settings: &Settings) -> bool {
        self.isolation.isolated && settings.on_isolation == OnIsolation::StepDown
    }

    /// How long an isolated side listens for its peer. That one takes over after `timeout`, less the heartbeat that it may have
    /// heard last; a quarter of this is for stopping.
    fn listens(&self, settings: &Settings) -> Duration {
        let acts = self.peer.timeout(settings).saturating_sub(self.peer.our_period(settings));
        acts - acts / 4
    }
}

impl Step<'_> {
    /// The targets answer again, or none does any more.
    pub(crate) fn note_isolation(&mut self, isolated: bool) {
        let silent = self.machine.peer.heard + self.machine.peer.timeout(self.settings);
        if self.machine.isolation.isolated && !isolated {
            self.begin_fence_anew();
        }
        let isolation = &mut self.machine.isolation;
        let ends = isolation.isolated && !isolated && self.settings.on_isolation == OnIsolation::StepDown;
        // Once in a silence that is older than the timeout: targets that come and go would put off the take-over for ever. An answer
        // before that may be of an isolation that was over when this silence began.
        if ends && isolation.reached_at <= silent {
            isolation.reached_at = self.now;
        }
        isolation.isolated = isolated;
    }

    /// An isolated side does not hear its peer for as long as it may listen.
    pub(crate) fn follow_isolation(&mut self) {
        if self.machine.isolation_due(self.settings).is_some_and(|due| self.now >= due) {
            self.notice(Notice::Isolated);
            self.run(Cause::Isolated);
        }
    }

    /// The peer is silent, and this side leaves its role alone.
    pub(crate) fn tell_that_it_stays(&mut self) {
        let idle = matches!(
            self.machine.state,
            State::Unknown { claim: None } | State::Standby { .. } | State::ToStandby { .. }
        );
        if idle && self.is_isolated() && self.reaction.change().is_none() {
            self.notice(Notice::IsolatedStays);
        }
    }

    /// Silence of the peer is no reason to take the role.
    pub(crate) fn stays_on_silence(&self) -> bool {
        let fences = self.settings.fence.is_some() && !self.machine.fence.has_left;
        self.is_manual() && !fences || self.is_isolated()
    }

    /// The peer has not been heard for as long as an isolated side listens.
    pub(crate) fn has_listened(&self) -> bool {
        self.now >= self.machine.listens_until(self.settings)
    }

    pub(crate) fn is_isolated(&self) -> bool {
        self.machine.does_without(self.settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_rounds_in_a_row_without_an_answer_are_the_evidence() {
        let mut evidence = Evidence::default();
        // The first round has none before it.
        assert_eq!([(); 4].map(|()| evidence.round()), [None, None, None, Some(true)]);
        let mut evidence = Evidence::default();
        assert_eq!([(); 3].map(|()| evidence.round()), [None; 3]);
        assert_eq!(evidence.answer(), None);
        assert_eq!([(); 4].map(|()| evidence.round()), [None, None, None, Some(true)]);
        assert_eq!(evidence.round(), None, "told once");
        assert_eq!([evidence.answer(), evidence.answer()], [Some(false), None]);
    }
}
