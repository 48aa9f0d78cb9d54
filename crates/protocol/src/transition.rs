//! The transition function: what each state does with each cause.
//!
//! Read it beside `docs/protocol.md`. Every `match` names every cause, so that a new cause is a decision in
//! each state. References such as D3 or S8 explain where a row differs from the legacy table;
//! `docs/deviations.md` explains them, and a test compares the differences with the recorded table.
//!
//! The two states of a hand-over, which the legacy table does not have, are in `hand_over.rs`.
//!
//! Upper-case codes that begin with `L` are reports of the application, the others are messages of the peer.

use schrittmacher_wire::PeerCode::{self, Fail, Fovr, Hott, Stby, Tcnf, Trej, Treq, Unk};

use crate::Time;
use crate::event::AppReport::{L2ht, L2sb, Lfai, Lhot, Lsby, Lunk};
use crate::event::{Command, Notice, Refusal};
use crate::machine::Ending;
use crate::moves::{Grant, Yield};
use crate::peer::Said;
use crate::request::Request;
use crate::state::{ReleaseOrder, State};
use crate::step::{Cause, Step};

use Cause::{
    ActivateFailed, App, AppFailed, AppSilent, CutOff, Failover, Isolated, NoMajority, Peer, PeerSilent,
    Reconnected, Released, Resumed, Shutdown, StartBegan, Takeover, Tick,
};
use PeerCode::{ToHot as P2hot, ToStandby as P2sby};

impl Step<'_> {
    /// The protocol. In every state a tick first closes a request whose time is over, and at last repeats a
    /// forced one.
    pub(crate) fn transition(&mut self, cause: Cause) {
        if cause == Tick {
            self.close_overdue_request();
        }
        match self.machine.state {
            State::Hot { .. } | State::ToHot { .. } | State::Unknown { claim: Some(_) }
                if cause == NoMajority =>
            {
                self.release(ReleaseOrder::NoMajority);
            }
            State::Hot { .. } | State::ToHot { .. } | State::Unknown { claim: Some(_) }
                if cause == Isolated =>
            {
                self.release(ReleaseOrder::Isolated);
            }
            _ if self.has_to_give_way(cause) => self.give_way_cut_off(),
            State::Unknown { claim } => self.in_unknown(claim, cause),
            State::Standby { yielding_until } => self.in_standby(yielding_until, cause),
            State::ToHot { until, began, granted_until, failed } => {
                self.in_to_hot(until, began, granted_until, failed, cause);
            }
            State::Hot { until, granted_until, reaction_due } => {
                self.in_hot(until, granted_until, reaction_due, cause);
            }
            State::Releasing(release) => self.in_releasing(release, cause),
            State::ToStandby { until, yielding_until } => self.in_to_standby(until, yielding_until, cause),
            State::Failed { hold_back: Some(hold) } => self.in_hold_back(hold, cause),
            State::Failed { hold_back: None } => self.in_failed(cause),
            State::Leaving { until, peer_goes_hot, failed } => {
                self.in_leaving(until, peer_goes_hot, failed, cause);
            }
        }
        self.leave_standby_cut_off();
        if cause == Tick {
            self.repeat_forced_request();
        }
    }

    fn in_unknown(&mut self, claim: Option<Time>, cause: Cause) {
        let unopposed = claim.is_some_and(|deadline| self.now >= deadline);
        match cause {
            Peer(Hott) => self.become_standby(Stby, Yield::No),
            // It leaves the role to a side that may take it.
            Peer(Stby | P2sby | Tcnf | Fail)
                if claim.is_none() && (self.waits_for_set() || self.settings.held) =>
            {
                self.await_standby(P2sby, Yield::No);
            }
            // The application is hot already: it gets no order to start.
            Peer(Stby | P2sby) | PeerSilent if claim.is_some() => self.serve(Grant::No),
            Peer(Fail | Fovr) if claim.is_some() => self.serve(Grant::Given),
            Peer(Tcnf) if claim.is_some() && self.is_asking() => self.serve(Grant::Given),
            Peer(P2hot) if self.claims_above() => self.answer(Unk),
            Peer(Unk) if claim.is_none() && self.is_claim() => self.await_standby(P2sby, Yield::Short),
            Peer(Unk) => self.ask(),
            PeerSilent if self.stays_on_silence() => {}
            Peer(Stby | P2sby) | PeerSilent => self.go_hot(Grant::No),
            Peer(Fail | Fovr) => self.go_hot(Grant::Given),
            Peer(Treq) => match self.request_by_tie_break() {
                Request::Stale | Request::WeWin => self.answer(Trej),
                Request::TheyWin(how_long) => self.await_standby(Tcnf, how_long),
            },
            Peer(Tcnf) if self.is_asking() => self.go_hot(Grant::Given),
            Peer(Trej) if self.is_order_rejected() => self.insist(),
            // A claim ends for a side that serves as well, and for no other (P9).
            Peer(Trej) if self.claims_above() && !self.is_claim_above() => {}
            Peer(Trej) => self.await_standby(P2sby, Yield::Short),
            Peer(P2hot) => self.await_standby(P2sby, Yield::No),
            App(Lhot) if claim.is_none() => self.claim(),
            App(Lsby) => self.become_standby(Stby, Yield::No),
            App(Lunk) => self.repeat(Unk),
            App(L2ht) => self.ask(),
            App(L2sb) => {
                self.deactivate();
                self.enter_to_standby(Yield::No);
                self.send(P2sby);
            }
            App(Lfai) | AppFailed(_) | AppSilent => self.fail(),
            // A living peer that last said HOTT or 2HOT has not agreed: its answer was lost.
            Tick if unopposed && self.machine.peer.claims() => self.claim(),
            Tick if unopposed && self.may_stay_hot() => self.serve(Grant::No),
            Tick => self.send(Unk),
            Failover { by, force } => match self.failover_refusal(by, force) {
                Some(why) => self.refuse(why),
                None => self.become_standby(Fovr, Yield::Long),
            },
            Takeover { .. } => self.force_request(),
            Shutdown if claim.is_some() && self.follows_majority() => self.release(ReleaseOrder::Shutdown),
            // It hands over as soon as it is hot.
            Shutdown if claim.is_some() && !self.is_ending() => self.machine.ending = Ending::Asked,
            Shutdown => self.say_goodbye(Unk),
            Peer(Tcnf) | App(Lhot) | Released | Resumed | StartBegan | ActivateFailed | CutOff
            | Reconnected | NoMajority | Isolated => {}
        }
    }

    fn in_standby(&mut self, yielding_until: Option<Time>, cause: Cause) {
        let yielding = self.is_ahead(yielding_until);
        match cause {
            Peer(Unk) => self.answer(Stby),
            Peer(code @ (Hott | P2hot)) => {
                // A classic peer says HOTT while its application is still switching: go on yielding (R6).
                if !self.machine.peer.is_classic() {
                    self.stop_yielding();
                }
                if code == Hott && self.may_preempt() {
                    self.preempt();
                }
            }
            Peer(Stby | P2sby) if self.is_forcing() => self.send_forced_request(),
            Peer(Stby | P2sby) if yielding || self.is_asking() => {}
            Peer(Stby | P2sby) => self.ask(),
            Peer(Treq) => match self.request_without_role(yielding) {
                Request::TheyWin(how_long) => {
                    if self.may_answer() {
                        self.confirm(how_long);
                    }
                }
                request @ (Request::Stale | Request::WeWin) => self.reject(request),
            },
            Peer(Tcnf) if self.is_asking() => self.go_hot(Grant::Given),
            Peer(Trej) if self.is_order_rejected() => self.insist(),
            Peer(Trej) => {
                self.machine.asked = None;
                self.go_on_yielding(Yield::Short);
            }
            Peer(Fail | Fovr) => self.go_hot(Grant::Given),
            // A held or frozen node would be hot by now. It stops no application that serves.
            App(Lhot) if self.starts_nothing() && !self.machine.peer.alive => {
                self.enter_unknown();
                self.claim();
            }
            App(Lhot | Lunk) => {
                self.order_standby();
                self.repeat(Stby);
            }
            App(Lsby) => self.repeat(Stby),
            App(L2ht) => self.order_standby(),
            App(L2sb) => self.deactivate(),
            App(Lfai) | AppFailed(_) | AppSilent => self.fail(),
            Tick => self.send(Stby),
            // A forced failover without a peer in sight waits as well (S8). Silence is told again at each beat.
            PeerSilent if yielding || self.stays_on_silence() => {}
            PeerSilent => self.go_hot(Grant::No),
            Failover { by, force } => match self.failover_refusal(by, force) {
                Some(why) => self.refuse(why),
                None => self.offer_role(),
            },
            Takeover { .. } => self.force_request(),
            Shutdown => self.say_goodbye(Stby),
            // Cut off, it becomes Failed (`leave_standby_cut_off`).
            Peer(Tcnf) | Released | Resumed | StartBegan | ActivateFailed | CutOff | Reconnected
            | NoMajority | Isolated => {}
        }
    }

    fn in_to_hot(
        &mut self,
        until: Time,
        began: bool,
        granted_until: Option<Time>,
        failed: bool,
        cause: Cause,
    ) {
        let granted_until = self.still_granted(granted_until);
        match cause {
            // The peer's application serves already, and ours does not yet (P9).
            Peer(Unk) if self.is_claim() && granted_until.is_none() => self.become_standby(Stby, Yield::No),
            Peer(Unk) => self.answer(P2hot),
            // A late message of the side that has just yielded (R3).
            Peer(Hott) if granted_until.is_some() => {}
            Peer(Hott) => self.become_standby(Stby, Yield::No),
            Peer(Treq) => {
                match self.request_for_role(granted_until, self.machine.peer.claims() || self.is_claim()) {
                    Request::Stale | Request::WeWin => self.answer(Trej),
                    Request::TheyWin(how_long)
                        if (self.machine.peer.claims() || self.is_claim()) && !self.follows_majority() =>
                    {
                        self.become_standby(Tcnf, how_long);
                    }
                    Request::TheyWin(_) => self.release(ReleaseOrder::Takeover),
                }
            }
            Peer(Trej) if self.is_order_rejected() => self.insist(),
            Peer(Trej) if granted_until.is_none() && (self.machine.peer.claims() || self.is_asking()) => {
                self.become_standby(Stby, Yield::Short);
            }
            // Only the possible winner asks, or both would stop (D3).
            Peer(P2hot) if self.is_possible_winner() => self.ask(),
            App(Lhot) => {
                self.enter_hot(granted_until);
                self.send(Hott);
            }
            App(Lsby | Lunk | L2sb) => {
                self.note_app_failed(false);
                self.order_hot();
            }
            App(L2ht) => self.note_app_failed(false),
            App(Lfai) | AppSilent if self.now < until => self.note_app_failed(true),
            App(Lfai) | AppFailed(_) | AppSilent => self.fail(),
            ActivateFailed => self.lack_address(),
            Tick if self.now >= until => {
                self.notice(Notice::GoingHotTimeout);
                self.fail();
            }
            Tick => self.send(P2hot),
            StartBegan if !began => {
                let until = self.now + self.settings.going_hot_timeout;
                self.machine.state = State::ToHot { until, began: true, granted_until, failed };
            }
            Failover { by, force } => match self.failover_refusal(by, force) {
                Some(why) => self.refuse(why),
                None => self.release(ReleaseOrder::of_failover(by, force)),
            },
            Takeover { .. } if failed => self.refuse(Refusal::AppFailed),
            Takeover { .. } => self.force_request(),
            Shutdown if self.is_ending() => self.exit(),
            Shutdown if self.may_hand_over_at_end() || self.follows_majority() => {
                self.release(ReleaseOrder::Shutdown);
            }
            // The role is nowhere else: the daemon stays until the application is hot (P10).
            Shutdown => self.machine.ending = Ending::Asked,
            Peer(Stby) if self.is_without_address() => self.fail_without_address(),
            CutOff => self.notice(Notice::CutOffAlone),
            Peer(Stby | P2sby | Fail | Fovr | Tcnf | Trej | P2hot)
            | PeerSilent
            | Released
            | Resumed
            | StartBegan
            | Reconnected
            | NoMajority
            | Isolated => {}
        }
    }

    fn in_hot(&mut self, until: Time, granted_until: Option<Time>, reaction_due: Option<Time>, cause: Cause) {
        let granted_until = self.still_granted(granted_until);
        self.note_reaction(reaction_due, cause);
        match cause {
            // A peer that was silent when the daemon was asked to end is there after all.
            Peer(_) if self.machine.ending == Ending::Asked && self.may_hand_over_after_all() => {
                self.release(ReleaseOrder::Shutdown);
            }
            Peer(Unk) => self.answer(Hott),
            // The peer does not hear us, so only we can end this (P1).
            Peer(Hott) if reaction_due.is_some_and(|deadline| self.now >= deadline) => {
                self.become_standby(Stby, Yield::No);
            }
            Peer(Hott) if self.asks_in_conflict() && !self.is_asking() => {
                if self.machine.peer.is_ours() {
                    // A request counts only for a peer that knows of the conflict: after a silence this may be the first word.
                    self.send(Hott);
                } else {
                    self.repeat(Hott);
                }
                self.ask();
            }
            Peer(Hott) => self.repeat(Hott),
            Peer(Treq) => {
                match self.request_for_role(granted_until, self.machine.peer.said == Said::Hot) {
                    request @ Request::WeWin if self.tells_time() => self.reject(request),
                    Request::Stale | Request::WeWin => self.answer(Trej),
                    // A conflict ends at once; a request of a standby is a hand-over.
                    Request::TheyWin(how_long) if self.machine.peer.claims() => {
                        self.become_standby(Tcnf, how_long);
                    }
                    Request::TheyWin(_) => self.release(ReleaseOrder::Takeover),
                }
            }
            Peer(Trej) if self.settings.priority < self.their_priority() && self.is_conflict_of_two_hot() => {
                self.become_standby(Stby, Yield::Short);
            }
            // 2.0.0 rejects every HOTT without comparing; obeying that would stop both (D5). It is no answer
            // either: the request stays open, or we would ask again at each HOTT of such a peer (S10).
            Peer(Trej) => self.repeat(Hott),
            Peer(P2hot) => {
                if self.is_loud() {
                    self.send(Trej);
                    self.repeat(Hott);
                }
            }
            Peer(P2sby) => self.repeat(Hott),
            App(Lhot) => {
                let until = self.lhot_deadline();
                self.machine.state = State::Hot { until, granted_until, reaction_due };
                self.repeat(Hott);
            }
            App(Lsby | Lunk | L2sb) => self.order_hot(),
            App(L2ht) => self.command(Command::Activate),
            App(Lfai) | AppFailed(_) | AppSilent => self.fail(),
            ActivateFailed => self.lack_address(),
            Tick if self.now >= until => {
                self.notice(Notice::GoingHotTimeout);
                self.fail();
            }
            Tick if self.is_ending() && (self.is_unopposed() || !self.machine.peer.alive) => {
                self.say_goodbye(Hott);
            }
            Tick => self.send(Hott),
            Failover { by, force } => match self.failover_refusal(by, force) {
                Some(why) => self.refuse(why),
                None => self.release(ReleaseOrder::of_failover(by, force)),
            },
            Takeover { .. } => self.refuse(Refusal::AlreadyHot),
            Shutdown if self.is_ending() => self.exit(),
            // Without its daemon it would serve beside the other side.
            Shutdown if self.follows_majority() => self.release(ReleaseOrder::Shutdown),
            Shutdown if self.machine.frozen => self.say_goodbye(Hott),
            Shutdown if self.peer_can_take_over() => self.release(ReleaseOrder::Shutdown),
            // Application and address stay as they are, unless a peer answers after all.
            Shutdown => self.prepare_to_end(),
            Resumed => self.claim_after_pause(),
            // It is ready, and this side is not reached.
            Peer(Stby) if self.is_without_address() => self.fail_without_address(),
            CutOff => self.notice(Notice::CutOffAlone),
            Peer(Stby | Fail | Fovr | Tcnf)
            | PeerSilent
            | Released
            | StartBegan
            | Reconnected
            | NoMajority
            | Isolated => {}
        }
    }

    fn in_to_standby(&mut self, until: Time, yielding_until: Option<Time>, cause: Cause) {
        let yielding = self.is_ahead(yielding_until);
        match cause {
            Peer(Unk) => self.answer(P2sby),
            Peer(Hott | P2hot) if self.machine.peer.is_classic() => {}
            Peer(Hott | P2hot) => self.stop_yielding(),
            Peer(Stby | P2sby) if self.is_forcing() => self.send_forced_request(),
            Peer(Stby | P2sby) if yielding || self.is_asking() => {}
            Peer(Stby | P2sby) => self.ask(),
            Peer(Treq) => match self.request_without_role(yielding) {
                Request::TheyWin(how_long) => {
                    if self.may_answer() {
                        self.order_standby_if_heard();
                        self.confirm(how_long);
                    }
                }
                request @ (Request::Stale | Request::WeWin) => self.reject(request),
            },
            Peer(Tcnf) if self.is_asking() => self.go_hot(Grant::Given),
            Peer(Trej) if self.is_order_rejected() => self.insist(),
            Peer(Trej) if self.machine.app.reported => self.become_standby(Stby, Yield::Short),
            Peer(Trej) => {
                self.machine.asked = None;
                self.go_on_yielding(Yield::Short);
            }
            Peer(Fail | Fovr) => self.go_hot(Grant::Given),
            // It has served since before this daemon started, and nothing has stopped it yet (P9).
            App(Lhot) if self.is_first_report => {
                self.enter_unknown();
                self.claim();
            }
            App(Lhot | Lunk | L2ht) => self.order_standby(),
            App(Lsby) => {
                self.deactivate();
                self.enter_standby();
                self.send(Stby);
            }
            App(Lfai) | AppFailed(_) | AppSilent => self.fail(),
            Tick if self.now >= until => {
                self.notice(Notice::GoingStandbyTimeout);
                self.fail();
            }
            Tick => self.send(P2sby),
            PeerSilent if yielding || self.stays_on_silence() => {}
            PeerSilent => self.go_hot(Grant::No),
            App(L2sb) if self.is_first_report => self.deactivate(),
            Failover { by, force } => match self.failover_refusal(by, force) {
                Some(why) => self.refuse(why),
                None => {
                    // An order may stop an application that has not reported yet.
                    if !self.machine.app.reported {
                        self.order_standby();
                    }
                    self.offer_role();
                }
            },
            Takeover { .. } => self.force_request(),
            Shutdown => {
                self.order_standby();
                self.say_goodbye(P2sby);
            }
            Peer(Tcnf) | App(L2sb) | Released | Resumed | StartBegan | ActivateFailed | CutOff
            | Reconnected | NoMajority | Isolated => {}
        }
    }

    pub(crate) fn in_failed(&mut self, cause: Cause) {
        match cause {
            Peer(Unk | Stby | P2sby | Fovr) => self.answer(Fail),
            Peer(Treq) => {
                if self.may_answer() {
                    self.send(Tcnf);
                    self.send(Fail);
                }
            }
            App(Lhot) if self.may_have_crossed_stop() => self.command(Command::Stop),
            App(Lhot) => {
                self.enter_unknown();
                self.claim();
            }
            App(Lunk | L2ht) => {
                self.enter_unknown();
                self.send(Unk);
            }
            App(Lsby) => {
                self.deactivate();
                self.enter_standby();
                self.send(Stby);
            }
            App(L2sb) => {
                self.order_standby();
                self.enter_to_standby(Yield::No);
                self.send(P2sby);
            }
            Tick => self.send(Fail),
            Takeover { .. } => self.refuse(Refusal::AppFailed),
            Failover { .. } => self.refuse(Refusal::NotHot),
            Shutdown => self.say_goodbye(Fail),
            // No answer to an answer: two failed nodes would go on for ever (D13).
            Peer(Tcnf | Trej | Hott | Fail | P2hot)
            | App(Lfai)
            | AppFailed(_)
            | AppSilent
            | PeerSilent
            | Released
            | Resumed
            | StartBegan
            | ActivateFailed
            | CutOff
            | Reconnected
            | NoMajority
            | Isolated => {}
        }
    }
}
