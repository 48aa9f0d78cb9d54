//! The words that the transition function is written in: taking the role, keeping it, giving it up.
//!
//! Each move that gives the role up orders `deactivate` first and speaks last (P5).

use std::time::Duration;

use schrittmacher_wire::PeerCode::{self, Fail, Fovr, Hott, Unk};

use crate::Time;
use crate::event::{Action, Command, Notice, Refusal};
use crate::fence::Unfenced;
use crate::machine::{Bucket, Ending};
use crate::peer::Said;
use crate::question::ANSWER_TIME;
use crate::setback::{HoldBack, Unreleased};
use crate::state::{Release, ReleaseOrder, State, Stopping};
use crate::step::{Cause, Orderer, Step};

/// A link that comes back may need this long to work in both directions: each host has to find the other's MAC address.
const LINK_TIME: Duration = Duration::from_secs(1);

/// How long a node yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Yield {
    /// Not at all: the peer is hot or on its way.
    No,
    /// After a lost conflict: one heartbeat, at most a second. Towards a classic peer as `Long`.
    Short,
    /// An operator wants the other side to be hot: three heartbeats. A classic peer that is alive gets as long as an application
    /// may take to go hot. Before that, a request or a STBY takes the role back (D8).
    Long,
}

/// Whether the peer has just yielded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    No,
    /// It has: for one heartbeat its older messages are ignored.
    Given,
}

/// The actions.
impl Step<'_> {
    pub(crate) fn act(&mut self, action: Action) {
        self.reaction.actions.push(action);
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.act(Action::Command(command));
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        self.act(Action::Notice(notice));
    }

    pub(crate) fn refuse(&mut self, why: Refusal) {
        self.act(Action::Refuse(why));
    }

    pub(crate) fn exit(&mut self) {
        self.act(Action::Exit);
    }

    /// A hot daemon is asked to end, and no peer can take over. A peer that only seems silent gets the time of an
    /// answer; one that leaves its own hand-over gets its timeout to hear that we are hot.
    pub(crate) fn prepare_to_end(&mut self) {
        self.machine.ending = Ending::Asked;
        if !self.machine.peer.alive {
            self.send(Unk);
            self.machine.next_tick = self.now + ANSWER_TIME;
        } else if !self.machine.peer.leaving || self.is_unopposed() {
            self.say_goodbye(Hott);
        }
    }

    /// The role did not come back from the peer just now, and the peer could take it.
    pub(crate) fn may_hand_over_after_all(&self) -> bool {
        self.may_hand_over_at_end() && self.report.is_some_and(|report| report.code == Some(PeerCode::Stby))
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.machine.is_ending()
    }

    /// The peer does not take over: the role comes back, for good.
    pub(crate) fn come_back(&mut self) {
        // Without its daemon it would serve beside the other side.
        if self.follows_majority() || self.is_isolated() && self.has_listened() {
            return self.say_goodbye(PeerCode::Stby);
        }
        match self.come_back_fenced() {
            Some(Unfenced::Waits) => return,
            Some(Unfenced::Leaves) => return self.say_goodbye(PeerCode::Stby),
            None => {}
        }
        self.machine.ending = Ending::CameBack;
        self.take_role(Grant::No);
    }

    /// The daemon ends, and tells a peer of ours that it is no longer there to take over.
    pub(crate) fn say_goodbye(&mut self, code: PeerCode) {
        if !self.is_ending() {
            self.machine.ending = Ending::Asked;
        }
        // Nothing follows the last word, so no limit leaves it out.
        self.machine.announcements = Bucket::default();
        self.machine.owed = None;
        if self.machine.peer.is_ours() {
            self.send(code);
        }
        self.exit();
    }

    pub(crate) fn order_hot(&mut self) {
        self.command(Command::Activate);
        self.command(Command::Start);
    }

    pub(crate) fn order_standby(&mut self) {
        self.command(Command::Stop);
        self.deactivate();
    }

    /// As long as the application has not reported, it may serve since before this daemon started. Its first report
    /// says what to do (P9).
    pub(crate) fn order_standby_if_heard(&mut self) {
        if self.machine.app.reported {
            self.order_standby();
        }
    }

    /// Takes the interface down at once. Only a hand-over waits for `stop` (X2).
    pub(crate) fn deactivate(&mut self) {
        self.machine.setbacks.activate = 0;
        self.command(Command::Deactivate { urgent: true });
    }
}

/// Taking the role, and keeping it.
impl Step<'_> {
    /// The role is free. A held node starts nothing and stays what it is. So does one that is frozen, or waits for its set, without
    /// consent.
    pub(crate) fn go_hot(&mut self, grant: Grant) {
        let waits = self.machine.frozen || self.waits_for_set();
        if !self.settings.held && (!waits || self.is_consented()) {
            if self.rests_from_fence() {
                return;
            }
            if !self.has_right() {
                self.seek_right();
            } else if self.is_fenced() {
                self.take_role(grant);
            } else {
                self.ask_for_fence();
            }
        }
    }

    /// The peer hands over, or confirms an operator's order of ours: this is no switch by itself (P12).
    pub(crate) fn is_consented(&self) -> bool {
        match self.report.and_then(|report| report.code) {
            Some(Fovr) => true,
            Some(PeerCode::Tcnf) => self.is_forcing(),
            Some(_) | None => false,
        }
    }

    /// This side takes no role by itself.
    pub(crate) fn starts_nothing(&self) -> bool {
        self.settings.held || self.machine.frozen || self.waits_for_set()
    }

    /// The other side serves members of its set, and this side lacks one.
    pub(crate) fn waits_for_set(&self) -> bool {
        self.machine.bond.is_some_and(|bond| bond.waits)
    }

    /// The other side lacks a member of its set.
    pub(crate) fn set_stays_here(&self) -> bool {
        self.machine.bond.is_some_and(|bond| bond.other_side_lacks)
    }

    /// Ends in ToHot. The peer is told before the commands run, and after the state is entered, which decides
    /// about the words. The role may come back: a held node, too, starts again what it stopped for a hand-over.
    pub(crate) fn take_role(&mut self, grant: Grant) {
        self.machine.asked = None;
        self.use_up_fence();
        self.begin_epoch();
        self.machine.state = State::ToHot {
            until: self.now + self.settings.going_hot_timeout,
            began: false,
            granted_until: (grant == Grant::Given).then(|| self.now + self.machine.peer.beat(self.settings)),
            failed: false,
        };
        self.send(PeerCode::ToHot);
        self.order_hot();
    }

    /// A claim that nobody opposes: the application is hot already, and only the interface may be missing. Ends in
    /// Hot, and hands over if the daemon has been asked to end.
    pub(crate) fn serve(&mut self, grant: Grant) {
        if !self.may_stay_hot() {
            return self.ask_witness();
        }
        let granted_until = (grant == Grant::Given).then(|| self.now + self.machine.peer.beat(self.settings));
        self.go_on_in_epoch();
        self.command(Command::Activate);
        self.enter_hot(granted_until);
        self.send(Hott);
        if self.is_ending() && self.may_hand_over_at_end() {
            self.release(ReleaseOrder::Shutdown);
        }
    }

    /// While the daemon ends: the peer had its timeout to object to our being hot.
    pub(crate) fn is_unopposed(&self) -> bool {
        self.now.since(self.machine.since) >= self.machine.peer.timeout(self.settings)
    }

    /// The grant, if it has not expired. Capped at one heartbeat of the peer as it beats now, because it was
    /// computed from an earlier and possibly forged period.
    pub(crate) fn still_granted(&self, granted_until: Option<Time>) -> Option<Time> {
        let beat = self.machine.peer.beat(self.settings);
        granted_until.filter(|deadline| self.now < *deadline && *deadline <= self.now + beat)
    }

    pub(crate) fn enter_hot(&mut self, granted_until: Option<Time>) {
        self.machine.asked = None;
        self.machine.state = State::Hot { until: self.lhot_deadline(), granted_until, reaction_due: None };
    }

    /// While both are hot: whether the peer hears us. All that it says but HOTT is a reaction. In the time that it
    /// has, three requests can be sent and answered. A link that has just come back may work in one direction first.
    pub(crate) fn note_reaction(&mut self, reaction_due: Option<Time>, cause: Cause) {
        let due = if cause == Cause::Peer(Hott) {
            let link = if self.machine.peer.reacted { Duration::ZERO } else { LINK_TIME };
            reaction_due.or(Some(self.now + link + self.answer_time().saturating_mul(3)))
        } else {
            reaction_due.filter(|_| !matches!(cause, Cause::Peer(_) | Cause::PeerSilent))
        };
        if let State::Hot { reaction_due, .. } = &mut self.machine.state {
            *reaction_due = due;
        }
    }

    pub(crate) fn lhot_deadline(&self) -> Time {
        self.machine.lhot_deadline(self.settings, self.now)
    }

    pub(crate) fn enter_unknown(&mut self) {
        self.machine.asked = None;
        self.machine.state = State::Unknown { claim: None };
    }

    /// The application is hot already: asks the peer before this node is hot, too (S7, D11).
    pub(crate) fn claim(&mut self) {
        self.begin_claim();
        self.send(Unk);
    }

    /// This node was hot and lost time: it neither stops nor goes on before the peer was asked (S11). The tick that
    /// is due when the sockets are drained asks.
    pub(crate) fn claim_after_pause(&mut self) {
        self.machine.asked = None;
        self.begin_claim();
    }

    pub(crate) fn begin_claim(&mut self) {
        let beat = self.machine.peer.beat(self.settings);
        self.machine.state = State::Unknown { claim: Some(self.now + self.time_of_claim(beat)) };
    }

    /// Notes in ToHot whether the application has failed.
    pub(crate) fn note_app_failed(&mut self, now: bool) {
        if let State::ToHot { failed, .. } = &mut self.machine.state {
            *failed = now;
        }
    }

    /// A standby of higher priority may take a healthy hot peer's place, if the operator chose so (S4). It does so once, after
    /// its application has been fit for as long as a silent one would be noticed.
    pub(crate) fn may_preempt(&self) -> bool {
        let settled = self.settings.timeout.max(self.settings.app_timeout);
        self.settings.preempt
            && !self.starts_nothing()
            && self.machine.preempt_armed
            && !self.is_asking()
            && !self.was_held_back()
            && self.their_priority() < self.settings.priority
            && self.now.since(self.machine.since) >= settled
    }

    pub(crate) fn preempt(&mut self) {
        self.machine.preempt_armed = false;
        self.force_request();
    }
}

/// Giving the role up.
impl Step<'_> {
    /// The application has failed: stops it. Ends in Failed.
    pub(crate) fn fail(&mut self) {
        let hold = self.count_failure();
        self.stop_and_fail(hold);
    }

    /// A report may have been made before the order to stop, which was given a moment ago. A side that claimed for it would take the
    /// role with an application that serves no more.
    pub(crate) fn may_have_crossed_stop(&self) -> bool {
        self.now < self.machine.since + self.settings.heartbeat
    }

    pub(crate) fn stop_and_fail(&mut self, hold: Option<HoldBack>) {
        self.machine.asked = None;
        self.note_stopping();
        self.deactivate();
        self.command(Command::Stop);
        self.machine.state = State::Failed { hold_back: hold };
        self.machine.since = self.now;
        self.send(Fail);
    }

    /// Stops the service. Ends in Standby, with a failed application in Failed (D16).
    pub(crate) fn become_standby(&mut self, code: PeerCode, how_long: Yield) {
        self.note_stopping();
        self.order_standby();
        self.end_in_standby(code, how_long);
    }

    /// The service is stopped. Ends in Standby, with a failed application in Failed (D16).
    pub(crate) fn end_in_standby(&mut self, code: PeerCode, how_long: Yield) {
        let failed = self.machine.state.has_failed_app();
        self.machine.asked = None;
        self.machine.state = State::Standby { yielding_until: self.yielding_until(how_long) };
        self.send(code);
        if failed {
            self.machine.state = State::Failed { hold_back: None };
            self.send(Fail);
        }
    }

    /// Stops the service; the application's state is not known yet. Ends in ToStandby.
    pub(crate) fn await_standby(&mut self, code: PeerCode, how_long: Yield) {
        self.order_standby_if_heard();
        self.enter_to_standby(how_long);
        self.send(code);
    }

    pub(crate) fn enter_to_standby(&mut self, how_long: Yield) {
        self.machine.asked = None;
        self.machine.state = State::ToStandby {
            until: self.now + self.settings.going_standby_timeout,
            yielding_until: self.yielding_until(how_long),
        };
    }

    pub(crate) fn enter_standby(&mut self) {
        self.machine.asked = None;
        self.machine.state = State::Standby { yielding_until: self.yielding_until(Yield::No) };
    }

    /// Confirms the peer's request and yields. A node that confirms asks no more: 2.0.0 confirms every request, and
    /// both would go hot (D3).
    pub(crate) fn confirm(&mut self, how_long: Yield) {
        self.close_request();
        self.send(PeerCode::Tcnf);
        self.go_on_yielding(how_long);
    }

    /// A failover ordered at a node without the role: the peer shall have it (S8).
    pub(crate) fn offer_role(&mut self) {
        self.machine.asked = None;
        self.send(Fovr);
        self.go_on_yielding(Yield::Long);
    }

    /// Yields without a change of state.
    pub(crate) fn go_on_yielding(&mut self, how_long: Yield) {
        let until = self.yielding_until(how_long);
        if let State::Standby { yielding_until } | State::ToStandby { yielding_until, .. } =
            &mut self.machine.state
        {
            *yielding_until = until;
        }
    }

    /// Yields no longer: the peer has died since, is hot, or an operator wants this side now. Otherwise we would
    /// confirm the peer's next request, or tell a classic one FAIL, which makes it hot at once.
    pub(crate) fn stop_yielding(&mut self) {
        if let State::Standby { yielding_until } | State::ToStandby { yielding_until, .. } =
            &mut self.machine.state
        {
            *yielding_until = None;
        }
    }

    /// Until when this node yields. A new reason never shortens the time.
    fn yielding_until(&self, how_long: Yield) -> Option<Time> {
        let running = self.machine.state.yielding_until();
        let peer = &self.machine.peer;
        let beat = peer.beat(self.settings);
        let long = beat.saturating_mul(3);
        let wanted = match how_long {
            Yield::No => None,
            Yield::Short | Yield::Long if peer.is_classic() && peer.alive => {
                Some(long.max(self.settings.going_hot_timeout))
            }
            Yield::Short if !peer.is_classic() => Some(beat.min(Duration::from_secs(1))),
            Yield::Short | Yield::Long => Some(long),
        };
        running.max(wanted.map(|time| self.now + time))
    }

    pub(crate) fn is_ahead(&self, deadline: Option<Time>) -> bool {
        deadline.is_some_and(|deadline| self.now < deadline)
    }

    /// Why a failover is not carried out (S8, D17). A set knows what it does.
    pub(crate) fn failover_refusal(&self, by: Orderer, force: bool) -> Option<Refusal> {
        let peer = &self.machine.peer;
        match (force || by == Orderer::Set, peer.alive && !peer.leaving, peer.said) {
            (true, _, _) => None,
            (false, false, _) => Some(Refusal::NoPeer),
            (false, true, Said::Fail) => Some(Refusal::PeerFailed),
            (false, true, _) if peer.held => Some(Refusal::PeerHeld),
            (false, true, Said::Nothing | Said::Hot | Said::ToHot | Said::Standby | Said::Other) => None,
        }
    }

    /// The peer could serve at once. One that is held back may do so when this side ends.
    pub(crate) fn peer_can_take_over(&self) -> bool {
        let peer = &self.machine.peer;
        peer.alive && !peer.leaving && !peer.held && (peer.said != Said::Fail || peer.held_back)
    }

    /// At the end of this daemon the service goes to the peer. A frozen one is left alone.
    pub(crate) fn may_hand_over_at_end(&self) -> bool {
        self.peer_can_take_over() && !self.machine.frozen
    }

    /// Begins a hand-over: stops the service first, tells the peer afterwards. Ends in Releasing.
    pub(crate) fn release(&mut self, order: ReleaseOrder) {
        self.machine.asked = None;
        let steps_down = matches!(order, ReleaseOrder::NoMajority | ReleaseOrder::Isolated);
        let ends = self.is_ending() && !steps_down;
        let order = if ends { ReleaseOrder::Shutdown } else { order };
        if order == ReleaseOrder::Shutdown {
            self.machine.ending = Ending::Asked;
        }
        self.machine.state = State::Releasing(Release {
            since: self.now,
            was_hot: matches!(self.machine.state, State::Hot { .. }),
            order,
            failed: self.machine.state.has_failed_app(),
            app: Stopping::Unheard,
            waits_until: None,
            unreleased: Unreleased::default(),
        });
        self.machine.setbacks.activate = 0;
        for command in [Command::Stop, Command::Deactivate { urgent: steps_down }, Command::Barrier] {
            self.command(command);
        }
    }

    pub(crate) fn set_release(&mut self, release: Release) {
        self.machine.state = State::Releasing(release);
    }

    /// The service is stopped and the daemon ends. Ends in Leaving.
    pub(crate) fn leave(&mut self, failed: bool) {
        let patience = self.settings.going_standby_timeout.max(self.machine.peer.timeout(self.settings));
        self.machine.state = State::Leaving { until: self.now + patience, peer_goes_hot: false, failed };
        self.announce_leaving();
    }
}
