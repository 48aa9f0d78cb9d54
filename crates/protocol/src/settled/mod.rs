//! The short way through a settled machine.
//!
//! Of thousands of settled resources each one beats, hears its peer and hears its application all the time. All say what they
//! have said before, and only times change. The long way ([`Step`](crate::step::Step)) has each rule
//! look at them. Here one condition has a line for each of these rules: if none has anything to do, what is left is done. The
//! long way does the same, which a test compares (`tests`).

use std::time::Duration;

use smallvec::smallvec;

use schrittmacher_wire::{AppCode, PeerCode};

use crate::event::{Action, AppReport, Event, PeerReport, Reaction, Transition};
use crate::fence::Fence;
use crate::machine::{Ending, Machine, heartbeat_after};
use crate::messages::ANNOUNCEMENTS;
use crate::peer::{Generation, Said};
use crate::state::State;
use crate::step::Cause;
use crate::{Settings, Time};

/// All that follows from an event: the state stays, and one word is said at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usual {
    pub step: Transition,
    pub action: Option<Action>,
}

impl Usual {
    /// `None`: more has followed.
    pub fn of(reaction: &Reaction) -> Option<Usual> {
        match (&reaction.transitions[..], &reaction.actions[..]) {
            (&[step], &[]) => Some(Usual { step, action: None }),
            (&[step], &[action]) => Some(Usual { step, action: Some(action) }),
            (_, _) => None,
        }
    }

    pub fn reaction(self, event: Event) -> Reaction {
        Reaction { event, transitions: smallvec![self.step], actions: self.action.into_iter().collect() }
    }
}

/// The times by which usual events go on being usual: what took the short way takes it again as long as nothing else happens.
///
/// A caller that keeps this up to date may give them to the resource later, in their order and with their times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calm {
    /// The first time limit that no usual event moves.
    until: Time,
    heard: Time,
    /// The peer counts as silent after this.
    patience: Duration,
    next_beat: Time,
    period: Duration,
}

impl Calm {
    /// Whether it is usual that the peer is heard now, and the next deadline stays.
    pub fn hears(&self, now: Time) -> bool {
        now <= self.next_beat + self.period && self.next_beat <= self.heard + self.patience
    }

    /// It was.
    pub fn heard(&mut self, now: Time) {
        self.heard = now;
    }

    /// Whether no more than the heartbeat is due.
    pub fn beats(&self, now: Time) -> bool {
        self.next_beat <= now
            && now <= self.next_beat + self.period
            && now < self.until.min(self.heard + self.patience)
    }

    /// It has left.
    pub fn beat(&mut self, now: Time) {
        self.next_beat = heartbeat_after(self.next_beat, now, self.period);
    }

    /// When the next heartbeat is due.
    pub fn next_beat(&self) -> Time {
        self.next_beat
    }

    /// From one heartbeat to the next.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// The earliest time at which something happens without an event.
    pub fn deadline(&self) -> Time {
        self.next_beat.min(self.until).min(self.heard + self.patience)
    }
}

impl Machine {
    /// Takes the event in if that is all it takes. `None`: nothing was done.
    pub(crate) fn handle_settled(&mut self, settings: &Settings, now: Time, event: &Event) -> Option<Usual> {
        if let Event::Peer(report) = event {
            self.hear_again(settings, now, report)
        } else if let Event::App(Some(code)) = event {
            self.report_again(settings, now, *code)
        } else if *event == Event::Tick {
            self.beat_again(settings, now)
        } else {
            None
        }
    }

    /// The peer says the one word that fits this side's, and has said it before.
    fn hear_again(&mut self, settings: &Settings, now: Time, report: &PeerReport) -> Option<Usual> {
        let (code, said) = if matches!(self.state, State::Hot { reaction_due: None, .. }) {
            (PeerCode::Stby, Said::Standby)
        } else if self.state == (State::Standby { yielding_until: None }) && !settings.preempt {
            (PeerCode::Hott, Said::Hot)
        } else {
            return None;
        };
        let peer = &self.peer;
        let is_known = report.code == Some(code)
            && report.note.is_none()
            && report.period.is_some_and(|period| peer.generation == Generation::Ours { period })
            && report.epoch.is_none_or(|epoch| epoch <= self.epochs.greatest);
        let is_as_before = peer.said == said
            && (peer.reacted || code == PeerCode::Hott)
            && !(peer.held_back || peer.leaving || peer.cut_off || peer.hands_over || peer.held)
            && (peer.unanswered, peer.contradictions) == (0, 0);
        let has_no_effect = self.setbacks.activate == 0
            && self.epochs.own <= self.epochs.greatest
            && self.fence == Fence::default()
            && self.next_tick <= now + settings.heartbeat;
        if !(is_known && is_as_before && has_no_effect && self.is_settled(settings, now)) {
            return None;
        }
        self.peer.heard = now;
        Some(self.stays(Cause::Peer(code), None))
    }

    /// The heartbeat, which says the state.
    fn beat_again(&mut self, settings: &Settings, now: Time) -> Option<Usual> {
        let code = self.usual_word(settings)?;
        let is_only_beat = now >= self.next_tick
            && !self.app.silent
            && now < self.app_due(settings)
            && self.peer_due(settings).is_some_and(|due| now < due)
            && self.isolation_due(settings).is_none_or(|due| now < due);
        let goes_on = !matches!(self.state, State::Hot { until, .. } if now >= until);
        if !(is_only_beat && goes_on && self.is_settled(settings, now)) {
            return None;
        }
        self.schedule_heartbeat(now, settings.heartbeat);
        self.hush(settings, now);
        Some(self.stays(Cause::Tick, Some(code)))
    }

    /// The application says that it does what it shall. That is told on, but not too often.
    fn report_again(&mut self, settings: &Settings, now: Time, report: AppCode) -> Option<Usual> {
        let code = self.usual_word(settings)?;
        let cause = match (code, report) {
            (PeerCode::Hott, AppCode::Lhot) => AppReport::Lhot,
            (PeerCode::Stby, AppCode::Lsby) => AppReport::Lsby,
            (_, _) => return None,
        };
        let is_granted = matches!(self.state, State::Hot { granted_until: Some(_), .. });
        if !self.app.reported || is_granted || !self.is_settled(settings, now) {
            return None;
        }
        (self.app.heard, self.app.silent) = (now, false);
        if report == AppCode::Lsby {
            self.majority.stopping_until = Time::ZERO;
        }
        let next = self.lhot_deadline(settings, now);
        if let State::Hot { until, .. } = &mut self.state {
            *until = next;
        }
        let mut told = None;
        if now >= self.quiet_until {
            self.hush(settings, now);
            let spacing = self.spacing(settings);
            told = self.announcements.take(now, spacing, ANNOUNCEMENTS).then_some(code);
        }
        Some(self.stays(Cause::App(cause), told))
    }

    /// What a side says all the time that serves, or is ready.
    fn usual_word(&self, settings: &Settings) -> Option<PeerCode> {
        if matches!(self.state, State::Hot { .. }) {
            Some(PeerCode::Hott)
        } else {
            (matches!(self.state, State::Standby { .. }) && !settings.held).then_some(PeerCode::Stby)
        }
    }

    /// Nothing is under way that any event could go on with, and no time was lost.
    fn is_settled(&self, settings: &Settings, now: Time) -> bool {
        self.is_undisturbed(settings) && now <= self.next_tick + settings.timeout
    }

    fn is_undisturbed(&self, settings: &Settings) -> bool {
        settings.extensions
            && settings.policy.promise().is_none()
            && !self.catching_up
            && self.peer.alive
            && self.peer.is_ours()
            && !self.peer.lost
            && !self.cut_off
            && self.asked.is_none()
            && self.owed.is_none()
            && self.ending == Ending::No
    }

    /// Until when heartbeats of either side take the short way again that have taken it last. `None`: another event comes first,
    /// perhaps at once.
    pub(crate) fn calm(&self, settings: &Settings) -> Option<Calm> {
        self.usual_word(settings).filter(|_| self.is_undisturbed(settings) && !self.app.silent)?;
        let ends = if let State::Hot { until, .. } = self.state { Some(until) } else { None };
        let limits = [Some(self.app_due(settings)), ends, self.isolation_due(settings)];
        let until = limits.into_iter().flatten().min()?;
        let (heard, patience) = (self.peer_counts_from(), self.peer.timeout(settings));
        Some(Calm { until, heard, patience, next_beat: self.next_tick, period: settings.heartbeat })
    }

    fn stays(&self, cause: Cause, says: Option<PeerCode>) -> Usual {
        let state = self.state.name();
        let epoch = Some(self.told_epoch()).filter(|epoch| *epoch > 0);
        let send = |code| Action::Send { code, random: 0, extended: true, note: None, promise: None, epoch };
        Usual { step: Transition { cause, from: state, to: state }, action: says.map(send) }
    }
}

#[cfg(test)]
mod tests;
