//! The words the transition function is written in: sending, asking, taking and giving up the role.
//!
//! Whoever gives the role up orders `deactivate` first and speaks last, in every move (P5).

use std::time::Duration;

use schrittmacher_wire::PeerCode::{self, Fail, Fovr, Hott, Stby, Tcnf, Trej, Treq, Unk};

use crate::Time;
use crate::event::{Action, Refusal};
use crate::machine::{Asked, Cause, Step};
use crate::peer::{Generation, Said};
use crate::state::{ReleaseOrder, State};
use crate::tiebreak::{FORCED_RANDOM, OUR_RANDOM, we_win};

/// How long a node that gave way keeps from asking for the role again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Not at all: the peer is hot or on its way.
    None,
    /// A lost conflict: one heartbeat, at most a second. Towards a classic peer as `Long`.
    Short,
    /// Somebody wants the other side to be hot: three heartbeats. A classic peer that is alive gets as long as
    /// an application may take to go hot: until it is, a question or STBY takes the role back (D8).
    Long,
}

/// A hand-over that took no longer than this is answered as a question (`TCNF`); later the asker has
/// stopped waiting and is told to take over instead (`FOVR`).
const PROMPT: Duration = Duration::from_millis(50);

/// Spacing of the messages of a daemon that ends (S9): towards one of ours, and towards a legacy one.
const LEAVING_PERIOD: Duration = Duration::from_millis(100);
const LEAVING_PERIOD_LEGACY: Duration = Duration::from_secs(1);

/// Messages.
impl Step<'_, '_> {
    /// Sends a status, in the words that the peer's generation understands (W5).
    pub(crate) fn send(&mut self, code: PeerCode) {
        let random = if code == Unk { OUR_RANDOM } else { 0 };
        self.push_out(self.in_peers_words(code), random);
        if matches!(code, Hott | Stby) {
            self.hush();
        }
    }

    pub(crate) fn send_request(&mut self, random: u32) {
        self.push_out(Treq, random);
    }

    fn push_out(&mut self, code: PeerCode, random: u32) {
        let extended = self.settings.extensions && self.m.peer.take_extended();
        self.out.push(Action::Send { code, random, extended });
    }

    fn in_peers_words(&self, code: PeerCode) -> PeerCode {
        if !self.m.peer.is_classic() {
            return code;
        }
        let conceding = matches!(self.m.state, State::Standby { conceded: Some(until) } if self.now < until);
        match code {
            PeerCode::ToHot => Hott,
            PeerCode::ToStandby => Stby,
            Fovr => Fail,
            // STBY would clear 1.8's "remote failed", and its slow application would hand the role back (R6, D8).
            Stby if conceding => Fail,
            Unk | Hott | Stby | Treq | Tcnf | Trej | Fail => code,
        }
    }

    /// Answers a question of the peer, within the limits (P6).
    pub(crate) fn answer(&mut self, code: PeerCode) {
        if self.may_answer() {
            self.send(code);
        }
    }

    /// Says the role once more between two heartbeats, but not too often (S10).
    pub(crate) fn repeat(&mut self, code: PeerCode) {
        if self.is_loud() {
            self.send(code);
        }
    }

    pub(crate) fn is_loud(&self) -> bool {
        self.now >= self.m.quiet_until
    }

    pub(crate) fn hush(&mut self) {
        self.m.quiet_until = self.now + Duration::from_secs(1).min(self.settings.heartbeat / 2);
    }

    /// Asks for the role, unless a question is open already.
    pub(crate) fn ask(&mut self) {
        if !self.is_asking() {
            self.m.asked = Some(Asked::Plain { until: self.now + self.answer_time() });
            self.send_request(OUR_RANDOM);
        }
    }

    /// A legacy node of higher priority refuses even a forced request, but obeys every `TREJ`. So the
    /// refusal of an operator's order is answered by one, once an order (R7, D15, S3).
    pub(crate) fn push(&mut self) {
        if self.take_push() {
            self.send(Trej);
        }
    }
}

/// What the peer's message means.
impl Step<'_, '_> {
    pub(crate) fn their_priority(&self) -> i32 {
        self.report.map_or(0, |report| report.priority)
    }

    fn is_forced_request(&self) -> bool {
        self.report.is_some_and(|report| report.random == FORCED_RANDOM)
    }

    /// Whether we win against the request at hand (S2).
    pub(crate) fn wins(&self) -> bool {
        self.report.is_some_and(|theirs| we_win(self.settings, &theirs, self.is_forcing(), self.m.peer.said))
    }

    /// A request that is no conflict: it crossed the sender's own giving way (R3), or its sender is not hot
    /// and only saw an old message of ours (R4, S4). Not so with a classic peer, which asks just like that
    /// when it is hot.
    pub(crate) fn is_stale_request(&self, granted: Option<Time>, not_claiming: bool) -> bool {
        !self.is_forced_request() && (granted.is_some() || (not_claiming && !self.m.peer.is_classic()))
    }

    pub(crate) fn hold_of_request(&self) -> Hold {
        if self.is_forced_request() { Hold::Long } else { Hold::Short }
    }
}

/// Taking the role.
impl Step<'_, '_> {
    /// Goes hot, if the application is fit for it (S5). `granted`: the peer has just given way.
    pub(crate) fn go_hot(&mut self, granted: bool) {
        if self.m.app.failed {
            return self.fail();
        }
        self.m.asked = None;
        // Said before the commands: the peer must not wait for them. The state is entered first, because it
        // decides about the words.
        self.m.state = State::ToHot {
            until: self.now + self.settings.going_hot_timeout,
            began: false,
            granted: granted.then(|| self.now + self.m.peer.beat(self.settings)),
        };
        self.send(PeerCode::ToHot);
        self.out.extend([Action::Activate, Action::Start]);
    }

    /// A grant that goes on, for one heartbeat at most: it was given for one of the peer's, and that may have been a
    /// longer one, or claimed to be.
    pub(crate) fn still_granted(&self, granted: Option<Time>) -> Option<Time> {
        let beat = self.m.peer.beat(self.settings);
        granted.filter(|deadline| self.now < *deadline && *deadline <= self.now + beat)
    }

    pub(crate) fn enter_hot(&mut self, granted: Option<Time>) {
        self.m.asked = None;
        self.m.state = State::Hot { until: self.lhot_deadline(), granted, deaf: None };
    }

    /// While both are hot: whether the peer hears us. Whatever it says but HOTT is a reaction. Three questions can be
    /// asked and answered in that time.
    pub(crate) fn note_reaction(&mut self, deaf: Option<Time>, cause: Cause) {
        let deaf = if cause == Cause::Peer(Hott) {
            deaf.or(Some(self.now + self.answer_time().saturating_mul(3)))
        } else {
            deaf.filter(|_| !matches!(cause, Cause::Peer(_) | Cause::RemoteTimeout))
        };
        if let State::Hot { deaf: slot, .. } = &mut self.m.state {
            *slot = deaf;
        }
    }

    /// When a hot node whose application does not say `LHOT` gives up (S5). Never sooner than an
    /// application's silence would be noticed.
    pub(crate) fn lhot_deadline(&self) -> Time {
        self.now + self.settings.going_hot_timeout.max(self.settings.app_timeout)
    }

    /// The application is hot already: ask the peer before claiming it (S7, D11).
    pub(crate) fn claim(&mut self) {
        self.begin_claim();
        self.send(Unk);
    }

    fn begin_claim(&mut self) {
        self.m.state = State::Unknown { claim: Some(self.now + self.m.peer.beat(self.settings)) };
    }

    /// We were hot and lost time: neither stop nor go on before the peer was asked (S11). The tick that is due
    /// as soon as the sockets are drained asks.
    pub(crate) fn claim_again(&mut self) {
        self.m.asked = None;
        self.begin_claim();
    }

    /// Nobody has answered our claim for a heartbeat. That is no consent from a living peer which last said
    /// that it is hot: its answer was lost. True if we go on asking.
    pub(crate) fn extend_claim(&mut self) -> bool {
        let opposed = self.m.peer.claims();
        if opposed {
            self.begin_claim();
        }
        opposed
    }

    pub(crate) fn enter_unknown(&mut self) {
        self.m.asked = None;
        self.m.state = State::Unknown { claim: None };
    }

    /// An operator, or our application, wants this side.
    pub(crate) fn takeover(&mut self) {
        if self.m.app.failed {
            return self.out.push(Action::Refuse(Refusal::AppFailed));
        }
        self.m.preempt_armed = true;
        if !self.is_forcing() {
            self.begin_forcing();
        }
    }

    /// A standby of higher priority takes a healthy hot peer's place, if the operator chose so (S4): once,
    /// after its application has been fit for as long as a silent one would be noticed.
    pub(crate) fn preempt_if_wanted(&mut self, cause: Cause) {
        let settled = self.settings.timeout.max(self.settings.app_timeout);
        if self.settings.preempt
            && cause == Cause::Peer(Hott)
            && self.m.preempt_armed
            && !self.m.app.failed
            && !self.is_asking()
            && self.their_priority() < self.settings.priority
            && self.now.since(self.m.since) >= settled
        {
            self.m.preempt_armed = false;
            self.begin_forcing();
        }
    }
}

/// Giving the role up.
impl Step<'_, '_> {
    /// Takes the interface down at once; only a planned hand-over waits for `stop` (X2).
    pub(crate) fn deactivate(&mut self) {
        self.out.push(Action::Deactivate { urgent: true });
    }

    pub(crate) fn order_standby(&mut self) {
        self.out.push(Action::Stop);
        self.deactivate();
    }

    /// The application has failed: the other side shall be hot.
    pub(crate) fn fail(&mut self) {
        self.m.app.failed = true;
        self.m.asked = None;
        self.deactivate();
        self.out.push(Action::Stop);
        self.m.state = State::Failed;
        self.send(Fail);
    }

    /// Gives way to Standby with `code`; with a failed application to Failed (D16).
    pub(crate) fn give_way(&mut self, code: PeerCode, hold: Hold) {
        self.order_standby();
        self.end_in_standby(code, hold);
    }

    fn end_in_standby(&mut self, code: PeerCode, hold: Hold) {
        self.m.asked = None;
        self.m.state = self.standby(hold);
        self.send(code);
        if self.m.app.failed {
            self.m.state = State::Failed;
            self.send(Fail);
        }
    }

    /// Gives way to ToStandby: the application's state is not known yet.
    pub(crate) fn give_way_to_standby(&mut self, code: PeerCode, hold: Hold) {
        self.order_standby();
        self.enter_to_standby(hold);
        self.send(code);
    }

    pub(crate) fn enter_to_standby(&mut self, hold: Hold) {
        self.m.asked = None;
        self.m.state = State::ToStandby {
            until: self.now + self.settings.going_standby_timeout,
            conceded: self.conceded(hold),
        };
    }

    pub(crate) fn enter_standby(&mut self) {
        self.m.asked = None;
        self.m.state = self.standby(Hold::None);
    }

    fn standby(&self, hold: Hold) -> State {
        State::Standby { conceded: self.conceded(hold) }
    }

    /// Gives way once more without a change of state.
    pub(crate) fn concede(&mut self, hold: Hold) {
        let conceded = self.conceded(hold);
        if let State::Standby { conceded: slot } | State::ToStandby { conceded: slot, .. } = &mut self.m.state
        {
            *slot = conceded;
        }
    }

    /// Nobody is waited for any longer: the side that we gave way to has died since, or an operator wants this
    /// side now. Otherwise we would confirm the next request of the peer, or tell a classic one FAIL, which
    /// makes it hot at once. A hold-off that began with no peer in sight (a forced failover) outlasts silence.
    pub(crate) fn end_hold(&mut self) {
        if let State::Standby { conceded } | State::ToStandby { conceded, .. } = &mut self.m.state {
            *conceded = None;
        }
    }

    /// A hold-off that is running already is never shortened by another one.
    fn conceded(&self, hold: Hold) -> Option<Time> {
        let running = match self.m.state {
            State::Standby { conceded } | State::ToStandby { conceded, .. } => conceded,
            State::Unknown { .. }
            | State::ToHot { .. }
            | State::Hot { .. }
            | State::Releasing { .. }
            | State::Failed
            | State::Leaving { .. } => None,
        };
        let beat = self.m.peer.beat(self.settings);
        let long = beat.saturating_mul(3);
        let wanted = match hold {
            Hold::None => None,
            Hold::Short | Hold::Long if self.m.peer.is_classic() && self.m.peer.alive => {
                Some(long.max(self.settings.going_hot_timeout))
            }
            Hold::Short if !self.m.peer.is_classic() => Some(beat.min(Duration::from_secs(1))),
            Hold::Short | Hold::Long => Some(long),
        };
        let wanted = wanted.map(|hold| self.now + hold);
        running.max(wanted)
    }

    /// A request that reaches a node that is not hot.
    pub(crate) fn answer_request_unhot(&mut self, conceding: bool) {
        if self.is_forced_request() {
            if self.wins() { self.answer(Trej) } else { self.confirm(Hold::Long) }
        } else if self.m.peer.is_classic() && self.m.peer.claims() {
            // It asks because of a STBY of ours while its application is still on the way; another STBY, and it
            // starts over, for ever (R6, D8).
            self.confirm(Hold::Short);
        } else if conceding || self.m.peer.claims() {
            self.confirm(Hold::None);
        } else if self.wins() {
            self.answer(Trej);
            self.ask();
        } else {
            self.confirm(Hold::Short);
        }
    }

    fn confirm(&mut self, hold: Hold) {
        if !self.may_answer() {
            return;
        }
        if self.is_forced_request() {
            self.m.preempt_armed = false;
        }
        if matches!(self.m.state, State::ToStandby { .. }) {
            self.order_standby();
        }
        // Who confirms asks no more: 2.0.0 confirms every request, and both would go hot (D3).
        self.withdraw_question();
        self.send(Tcnf);
        self.concede(hold);
    }

    /// Unknown and failed, and asked for the role: every request is answered (W5).
    pub(crate) fn confirm_and_fail(&mut self) {
        self.deactivate();
        self.out.push(Action::Stop);
        self.m.asked = None;
        self.m.state = State::Failed;
        self.send(Tcnf);
        self.send(Fail);
    }

    /// A request that takes the role from us. Against a peer that is hot as well this is a conflict and
    /// ends at once; otherwise it is a planned hand-over.
    pub(crate) fn lose_request(&mut self) {
        if self.is_forced_request() {
            self.m.preempt_armed = false;
        }
        if self.m.peer.claims() {
            self.give_way(Tcnf, self.hold_of_request());
        } else {
            self.release(ReleaseOrder::Takeover);
        }
    }

    /// An operator, or our application, wants the other side (S8, D17).
    pub(crate) fn failover(&mut self, force: bool) {
        if !force && !self.m.peer.alive {
            return self.out.push(Action::Refuse(Refusal::NoPeer));
        }
        if !force && self.m.peer.said == Said::Fail {
            return self.out.push(Action::Refuse(Refusal::PeerFailed));
        }
        self.m.preempt_armed = false;
        match self.m.state {
            State::ToHot { .. } | State::Hot { .. } => self.release(ReleaseOrder::Failover),
            State::Unknown { .. } => self.give_way(Fovr, Hold::Long),
            State::Standby { .. } | State::ToStandby { .. } => {
                self.m.asked = None;
                self.send(Fovr);
                self.concede(Hold::Long);
            }
            State::Failed | State::Releasing { .. } | State::Leaving { .. } => {
                self.out.push(Action::Refuse(Refusal::NotHot));
            }
        }
    }

    /// The daemon ends while hot or nearly so (S9).
    pub(crate) fn shut_down(&mut self) {
        if self.peer_can_take_over() {
            self.release(ReleaseOrder::Shutdown);
        } else {
            self.out.push(Action::Exit);
        }
    }

    fn peer_can_take_over(&self) -> bool {
        self.m.peer.alive && self.m.peer.said != Said::Fail
    }

    /// Begins a planned hand-over: first let go, then say so.
    fn release(&mut self, order: ReleaseOrder) {
        let was_hot = matches!(self.m.state, State::Hot { .. });
        self.m.asked = None;
        self.m.state = State::Releasing { since: self.now, was_hot, order };
        self.out.extend([Action::Stop, Action::Deactivate { urgent: false }, Action::Barrier]);
    }

    /// Everything is let go of: now the peer may know.
    pub(crate) fn released(&mut self, since: Time, order: ReleaseOrder) {
        match order {
            ReleaseOrder::Failover => self.end_in_standby(Fovr, Hold::Long),
            ReleaseOrder::Takeover if self.now.since(since) <= PROMPT => {
                self.end_in_standby(Tcnf, Hold::Long);
            }
            ReleaseOrder::Takeover => self.end_in_standby(Fovr, Hold::Long),
            ReleaseOrder::Shutdown if self.peer_can_take_over() => {
                self.m.state = State::Leaving { until: self.now + self.settings.going_standby_timeout };
                self.announce_leaving();
            }
            ReleaseOrder::Shutdown => self.out.push(Action::Exit),
        }
    }

    /// Tells the peer that it shall take over, until it says that it does.
    pub(crate) fn announce_leaving(&mut self) {
        self.send(Fovr);
        let period = match self.m.peer.generation {
            Generation::Ours { .. } => LEAVING_PERIOD,
            Generation::Classic | Generation::Modern => LEAVING_PERIOD_LEGACY,
        };
        self.m.next_tick = self.now + period;
    }
}
