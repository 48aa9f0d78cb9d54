//! Never two: the rule of the majority (`policy = consistent`, `docs/adr/0080-a-third-vote.md`).
//!
//! A side may be hot only as long as it has the word of one of the two others:
//!
//! * the peer's *promise* not to take the role before a time. It comes with the messages of a side that does not serve, and
//!   counts from our own sending of the message that it acknowledges;
//! * the witness's *lease*, which counts from our sending of the request.
//!
//! A side is bound by its own promise, and a daemon that starts by the longest one that an earlier run can have given. A promise
//! of the peer ends ours: it does not serve. So that this is safe, a side counts no promise that acknowledges a message in which it
//! has promised, or an earlier one.
//!
//! The witness is a pair of an action and an event: [`WitnessOrder`] and [`Answer`]. Each question gets one answer.

use std::time::Duration;

use schrittmacher_wire::{AppCode, PeerCode};
use serde::{Deserialize, Serialize};

use crate::event::{Action, Event, Notice, PeerReport};
use crate::settings::Policy;
use crate::state::State;
use crate::step::{Cause, Step};
use crate::{Machine, Settings, Time};

/// The clocks of two hosts differ by less than this part of a time: 500 ppm on either side.
const CLOCK_ERROR: u32 = 1000;
/// This part of a promise is kept for stopping the application.
const STOPPING: u32 = 4;
/// This part of a promise passes before the witness is asked again.
const RETRY: u32 = 8;
/// The lease is renewed when this part of it is over.
const RENEWAL: u32 = 3;
/// Messages in a row without the rule, until the peer counts as one that does not follow it.
const VERDICT: u8 = 3;

/// The longest promise that is believed.
pub const LONGEST_PROMISE: Duration = Duration::from_secs(3600);

/// What a message of the peer promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Promise {
    /// When we sent the newest message that the peer had heard. `None`: it had heard none of this run.
    pub acknowledged: Option<Time>,
    /// The peer does not take the role for this long after it has heard that message. Zero: it promises nothing.
    pub lasts: Duration,
}

/// Something that the witness is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WitnessOrder {
    /// The lease, or more time of it. The answer is an [`Answer`].
    Ask,
    /// The lease is not needed any more. There is no answer. It must have no effect if it comes after a later question.
    GiveBack,
}

/// An answer of the witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Answer {
    /// The lease is ours, from the sending of the question on, which was then.
    Granted(Time),
    /// The other side has it, or had it a moment ago.
    Refused,
    /// It cannot be reached, or cannot answer.
    Unreachable,
}

/// The part of a machine that the rule needs. Without the rule it never changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Majority {
    /// This side has promised not to take the role before this time.
    pub promised_until: Time,
    /// When the last message with a promise has left.
    pub promised_at: Option<Time>,
    /// When a heartbeat of the peer was answered last.
    #[serde(default)]
    pub answered_at: Option<Time>,
    /// The peer does not take the role before this time.
    pub word_until: Time,
    /// The lease of the witness ends.
    pub lease_until: Time,
    /// A question to the witness is open, asked then.
    pub asked: Option<Time>,
    /// The witness is not asked before this time.
    pub ask_at: Time,
    /// The lease was granted, and not given back.
    pub has_lease: bool,
    /// Before this time the application may still be serving, though this side has given the role up: nothing is promised.
    pub stopping_until: Time,
    /// Messages of the peer in a row that know nothing of the rule.
    pub contradictions: u8,
}

impl Majority {
    /// Of a daemon that starts: an earlier run may have promised a moment ago.
    pub(crate) fn new(settings: &Settings, now: Time) -> Majority {
        let promised_until = settings.policy.promise().map_or(Time::ZERO, |promise| now + promise);
        Majority { promised_until, ..Majority::default() }
    }

    /// How long this side may be hot.
    pub fn right_until(&self) -> Time {
        self.word_until.max(self.lease_until)
    }
}

impl Machine {
    /// The promise in force, if the role follows the majority here. Beside a peer that does not follow it there is none.
    pub fn rule(&self, settings: &Settings) -> Option<Duration> {
        settings.policy.promise().filter(|_| self.majority.contradictions < VERDICT)
    }

    /// By when the application has to be stopped if nothing more is heard, and when that begins. `None`: there is no such time.
    pub fn right(&self, settings: &Settings) -> Option<(Time, Time)> {
        let promise = self.rule(settings)?;
        let end = self.majority.right_until();
        self.serves().then(|| (end, end - promise / STOPPING))
    }

    /// The application serves, or may.
    pub fn serves(&self) -> bool {
        matches!(
            self.state,
            State::Hot { .. } | State::ToHot { .. } | State::Unknown { claim: Some(_) } | State::Releasing(_)
        )
    }

    /// When the rule has something to do without an event.
    pub(crate) fn majority_due(&self, settings: &Settings) -> Option<Time> {
        let promise = self.rule(settings)?;
        let votes = &self.majority;
        let asks = |at: Time| votes.asked.is_none().then(|| at.max(votes.ask_at));
        match self.state {
            State::Hot { .. } | State::ToHot { .. } | State::Unknown { claim: Some(_) } => {
                let ends = self.ends_at(promise);
                Some(asks(self.late_at(settings, promise)).map_or(ends, |asks| asks.min(ends)))
            }
            State::Standby { .. } | State::ToStandby { .. } | State::Unknown { claim: None } => {
                asks(votes.promised_until).filter(|_| self.peer.lost)
            }
            State::Releasing(_) | State::Failed { .. } | State::Leaving { .. } => None,
        }
    }

    /// When this side has to begin to stop the service. An application that was hot before this daemon has the time of its claim.
    fn ends_at(&self, promise: Duration) -> Time {
        let end = self.majority.right_until();
        if let State::Unknown { claim: Some(until) } = self.state
            && end == Time::ZERO
        {
            return until;
        }
        end - promise / STOPPING
    }

    /// When the witness is asked for the sake of a side that serves: the promise is late, and a lease is to be renewed.
    fn late_at(&self, settings: &Settings, promise: Duration) -> Time {
        // One that did not answer our heartbeat comes a quarter of a heartbeat after it, and travels.
        let beat = self.peer.beat(settings);
        let late = beat.saturating_mul(2).min(promise / 2).max(beat.saturating_add(beat / 2));
        let word = self.majority.word_until + late - promise;
        let lease = self.majority.lease_until + promise / RENEWAL - promise;
        word.max(lease)
    }
}

/// By the clock of the other side a time may be over earlier.
fn by_our_clock(time: Duration) -> Duration {
    time - time / CLOCK_ERROR
}

/// What the peer says.
impl Step<'_> {
    /// Takes note of a promise, or of its absence.
    pub(crate) fn hear_promise(&mut self, report: &PeerReport) {
        if self.settings.policy.promise().is_none() {
            return;
        }
        let is_ours = self.machine.peer.is_ours();
        let votes = &mut self.machine.majority;
        let followed = votes.contradictions < VERDICT;
        let Some(Promise { acknowledged, lasts }) = report.promise.filter(|_| is_ours) else {
            votes.contradictions = votes.contradictions.saturating_add(1).min(VERDICT);
            if followed && votes.contradictions == VERDICT {
                self.notice(Notice::NoMajorityRule);
            }
            return;
        };
        votes.contradictions = 0;
        let Some(acknowledged) = acknowledged.filter(|_| !lasts.is_zero()) else { return };
        let until = acknowledged + by_our_clock(lasts.min(LONGEST_PROMISE));
        if votes.promised_at.is_none_or(|promised| acknowledged > promised) {
            votes.word_until = votes.word_until.max(until);
        }
        // It does not serve, and does not count ours any more.
        if until > self.now {
            votes.promised_until = Time::ZERO;
        }
    }

    /// A standby answers each heartbeat of a side that serves, so that its promise is never older than a heartbeat.
    pub(crate) fn answer_by_promise(&mut self, report: &PeerReport) {
        let serves = matches!(report.code, Some(PeerCode::Hott | PeerCode::ToHot));
        if !serves || !self.may_promise() {
            return;
        }
        let spacing = self.machine.peer.our_period(self.settings) / 2;
        let votes = &mut self.machine.majority;
        if votes.answered_at.is_none_or(|at| self.now >= at + spacing) {
            votes.answered_at = Some(self.now);
            self.machine.next_tick = self.now;
        }
    }

    /// What a message promises that leaves now: until when this side takes no role. `None`: it follows no such rule.
    pub(crate) fn promise(&mut self, code: PeerCode) -> Option<Time> {
        let promise = self.settings.policy.promise()?;
        let until = self.machine.peer.heard + promise;
        // A side that rejects asks in the same moment, and an answer to that may not count beside a promise (`hear_promise`).
        let asks = matches!(
            code,
            PeerCode::Treq | PeerCode::Trej | PeerCode::ToHot | PeerCode::Hott | PeerCode::Unk
        );
        if asks || !self.may_promise() || until <= self.now {
            return Some(Time::ZERO);
        }
        let votes = &mut self.machine.majority;
        votes.promised_until = votes.promised_until.max(until);
        votes.promised_at = Some(self.now);
        // The peer counts on it that we do not use what it has promised before.
        votes.word_until = Time::ZERO;
        self.give_back();
        Some(until)
    }

    fn may_promise(&self) -> bool {
        let idle = matches!(
            self.machine.state,
            State::Standby { .. } | State::ToStandby { .. } | State::Failed { .. } | State::Leaving { .. }
        );
        let stopped = self.now >= self.machine.majority.stopping_until;
        self.settings.policy.promise().is_some()
            && idle
            && stopped
            && !self.is_asking()
            && self.machine.peer.alive
    }

    /// The role is given up. Until the application can be stopped, if it serves still, nothing is promised.
    pub(crate) fn note_stopping(&mut self) {
        let has_failed = matches!(self.reaction.event, Event::AppFailed(_) | Event::App(Some(AppCode::Lfai)));
        if let Some(promise) = self.settings.policy.promise().filter(|_| self.machine.serves() && !has_failed)
        {
            self.machine.majority.stopping_until = self.now + promise / STOPPING;
        }
    }

    /// The next message of a side that answers each heartbeat by a promise, if there is none to answer: a little later than that.
    pub(crate) fn spaced_by_promise(&self, period: Duration) -> Duration {
        if self.machine.rule(self.settings).is_some() && self.may_promise() && self.machine.peer.claims() {
            period.saturating_add(period / 4)
        } else {
            period
        }
    }

    /// For how long an application may serve that was found hot: the question to the witness has to be answered.
    pub(crate) fn time_of_claim(&self, beat: Duration) -> Duration {
        self.machine.rule(self.settings).map_or(beat, |promise| beat.max(promise / STOPPING))
    }

    /// The application says that it does not serve, or has ended.
    pub(crate) fn note_app_stopped(&mut self) {
        self.machine.majority.stopping_until = Time::ZERO;
    }
}

/// The right to be hot.
impl Step<'_> {
    /// Whether this side may go hot now.
    pub(crate) fn has_right(&self) -> bool {
        self.machine
            .rule(self.settings)
            .is_none_or(|promise| self.now >= self.machine.majority.promised_until && self.has_word(promise))
    }

    /// Whether an application that is hot already may stay so. Its being hot shows that this side has promised nothing.
    pub(crate) fn may_stay_hot(&self) -> bool {
        self.machine.rule(self.settings).is_none_or(|promise| self.has_word(promise))
    }

    fn has_word(&self, promise: Duration) -> bool {
        self.now < self.machine.majority.right_until() - promise / STOPPING
    }

    /// The role is free, and this side has no right to it yet. A peer that is heard is asked for its promise, in place of a
    /// silent one the witness.
    pub(crate) fn seek_right(&mut self) {
        if self.machine.peer.alive {
            self.ask();
        } else if self.now >= self.machine.majority.promised_until {
            self.ask_witness();
        }
    }

    pub(crate) fn ask_witness(&mut self) {
        let votes = &mut self.machine.majority;
        if votes.asked.is_none() && self.now >= votes.ask_at {
            votes.asked = Some(self.now);
            self.act(Action::Witness(WitnessOrder::Ask));
        }
    }

    /// The lease is of use to the other side now.
    pub(crate) fn give_back(&mut self) {
        let votes = &mut self.machine.majority;
        votes.lease_until = Time::ZERO;
        votes.asked = None;
        if std::mem::take(&mut votes.has_lease) {
            self.act(Action::Witness(WitnessOrder::GiveBack));
        }
    }

    /// The witness has answered the open question.
    pub(crate) fn hear_witness(&mut self, answer: Answer) {
        let Some(promise) = self.settings.policy.promise() else { return };
        let votes = &mut self.machine.majority;
        match answer {
            // The answer to a question that is of no interest any more: what came of it is given back.
            Answer::Granted(asked) if votes.asked != Some(asked) => {
                votes.has_lease = true;
                if votes.asked.is_none() && !self.machine.serves() {
                    self.give_back();
                }
            }
            Answer::Granted(asked) => {
                votes.asked = None;
                votes.has_lease = true;
                votes.lease_until = votes.lease_until.max(asked + by_our_clock(promise));
                if self.machine.serves() {
                    return;
                }
                if self.machine.peer.lost {
                    self.run(Cause::PeerSilent);
                } else {
                    self.give_back();
                }
            }
            Answer::Refused | Answer::Unreachable => {
                votes.asked = None;
                votes.ask_at = self.now + promise / RETRY;
            }
        }
    }

    /// What the rule demands now, before anything else happens.
    pub(crate) fn follow_majority(&mut self) {
        let Some(promise) = self.machine.rule(self.settings) else { return };
        let role = matches!(
            self.machine.state,
            State::Hot { .. } | State::ToHot { .. } | State::Unknown { claim: Some(_) }
        );
        if !role {
            return;
        }
        if self.now >= self.machine.ends_at(promise) {
            self.notice(Notice::MajorityLost);
            self.run(Cause::NoMajority);
        } else if self.now >= self.machine.late_at(self.settings, promise) {
            self.ask_witness();
        } else if self.machine.majority.has_lease && self.machine.majority.word_until > self.now + promise / 2
        {
            self.give_back();
        }
    }

    /// A side without the role tries again to get it from the witness.
    pub(crate) fn is_due_to_seek(&self) -> bool {
        let seeks = matches!(
            self.machine.state,
            State::Standby { .. } | State::ToStandby { .. } | State::Unknown { claim: None }
        );
        seeks && self.machine.majority_due(self.settings).is_some_and(|due| self.now >= due)
    }

    /// After such a try: the next one is not before this.
    pub(crate) fn delay_next_try(&mut self) {
        if let Some(promise) = self.machine.rule(self.settings) {
            self.machine.majority.ask_at = self.now + promise / RETRY;
        }
    }

    /// The rule is in force.
    pub(crate) fn follows_majority(&self) -> bool {
        self.machine.rule(self.settings).is_some()
    }

    /// Takes no role because the peer is silent, unless its host is known to be off.
    pub(crate) fn is_manual(&self) -> bool {
        self.settings.policy == Policy::Manual
    }
}
