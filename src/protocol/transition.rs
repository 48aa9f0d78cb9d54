//! The transition function: what each state does with each cause.
//!
//! Read it beside `docs/protocol.md`. Every `match` names every cause, so that a new cause is a decision in
//! each state. References such as D3 or S8 explain where a row differs from the legacy table;
//! `docs/deviations.md` lists them all, and a test holds that list against the recorded table.

use schrittmacher_wire::AppCode::{L2ht, L2sb, Lfai, Lhot, Lrfo, Lrto, Lsby, Lunk};
use schrittmacher_wire::PeerCode::{self, Fail, Fovr, Hott, Stby, Tcnf, Trej, Treq, Unk};

use crate::Time;
use crate::event::{Action, Notice, Refusal};
use crate::machine::{Cause, Step};
use crate::moves::Hold;
use crate::peer::Said;
use crate::state::{ReleaseOrder, State};

use Cause::{
    Alive, App, AppDied, Failover, LocalTimeout, Peer, Released, Reloaded, RemoteTimeout, Resumed, Shutdown,
    StartBegan, Takeover, Tick,
};
use PeerCode::{ToHot as P2hot, ToStandby as P2sby};

impl Step<'_, '_> {
    /// The protocol.
    pub(crate) fn transition(&mut self, cause: Cause) {
        match self.m.state {
            State::Unknown { claim } => self.in_unknown(claim, cause),
            State::Standby { conceded } => self.in_standby(conceded, cause),
            State::ToHot { until, began, granted } => self.in_to_hot(until, began, granted, cause),
            State::Hot { until, granted, deaf } => self.in_hot(until, granted, deaf, cause),
            State::Releasing { since, was_hot, order } => self.in_releasing(since, was_hot, order, cause),
            State::ToStandby { until, conceded } => self.in_to_standby(until, conceded, cause),
            State::Failed => self.in_failed(cause),
            State::Leaving { until } => self.in_leaving(until, cause),
        }
    }

    // ----- the states -----------------------------------------------------------------------------

    fn in_unknown(&mut self, claim: Option<Time>, cause: Cause) {
        let failed = self.m.app.failed;
        match cause {
            Peer(Unk) if failed => self.fail(),
            Peer(Unk) => self.ask(),
            Peer(Hott) => self.give_way(Stby, Hold::None),
            Peer(Stby | P2sby) | RemoteTimeout => self.go_hot(false),
            Peer(Fail | Fovr) => self.go_hot(true),
            Peer(Treq) if failed => self.confirm_and_fail(),
            Peer(Treq) if self.wins() => self.answer(Trej),
            Peer(Treq) => self.give_way_to_standby(Tcnf, self.hold_of_request()),
            Peer(Tcnf) if self.is_asking() => self.go_hot(true),
            Peer(Trej) if self.is_forcing() && self.m.peer.said != Said::Fail => self.push(),
            Peer(Trej | P2hot) if failed => self.fail(),
            Peer(Trej) => self.give_way_to_standby(P2sby, Hold::Short),
            Peer(P2hot) => self.give_way_to_standby(P2sby, Hold::None),
            App(Lhot) if claim.is_none() => self.claim(),
            App(Lsby) => self.give_way(Stby, Hold::None),
            App(Lunk) => {
                if self.is_loud() {
                    self.hush();
                    self.send(Unk);
                }
            }
            App(L2ht) => self.ask(),
            App(L2sb) => {
                self.deactivate();
                self.enter_to_standby(Hold::None);
                self.send(P2sby);
            }
            App(Lfai) | AppDied | LocalTimeout => self.fail(),
            Tick => {
                self.expire_question();
                if claim.is_some_and(|deadline| self.now >= deadline) && !self.extend_claim() {
                    self.out.extend([Action::Activate, Action::Start]);
                    self.enter_hot(None);
                    self.send(Hott);
                } else {
                    self.send(Unk);
                    self.force_again(false);
                }
            }
            App(Lrfo) => self.failover(false),
            Failover { force } => self.failover(force),
            App(Lrto) | Takeover => self.takeover(),
            Shutdown => self.out.push(Action::Exit),
            Peer(Tcnf) | App(Lhot) | Alive | Released | Resumed | StartBegan | Reloaded => {}
        }
    }

    fn in_standby(&mut self, conceded: Option<Time>, cause: Cause) {
        let conceding = conceded.is_some_and(|until| self.now < until);
        match cause {
            Peer(Unk) => self.answer(Stby),
            Peer(Hott | P2hot) => {
                // A classic peer says HOTT while its application is still switching: keep giving way (R6).
                if !self.m.peer.is_classic() {
                    self.m.state = State::Standby { conceded: None };
                }
                self.preempt_if_wanted(cause);
            }
            Peer(Stby | P2sby) if self.is_forcing() => self.force_again(true),
            Peer(Stby | P2sby) if conceding || self.is_asking() => {}
            Peer(Stby | P2sby) if self.m.app.failed => self.fail(),
            Peer(Stby | P2sby) => self.ask(),
            Peer(Treq) => self.answer_request_unhot(conceding),
            Peer(Tcnf) if self.is_asking() => self.go_hot(true),
            Peer(Trej) if self.is_forcing() && self.m.peer.said != Said::Fail => self.push(),
            Peer(Trej) => {
                self.m.asked = None;
                self.concede(Hold::Short);
            }
            Peer(Fail | Fovr) => self.go_hot(true),
            App(Lhot | Lunk) => {
                self.order_standby();
                self.repeat(Stby);
            }
            App(Lsby) => self.repeat(Stby),
            App(L2ht) => self.order_standby(),
            App(L2sb) => self.deactivate(),
            App(Lfai) | AppDied | LocalTimeout => self.fail(),
            Tick => {
                self.expire_question();
                self.send(Stby);
                self.force_again(false);
            }
            // A forced failover with no peer in sight waits all the same (S8); the timeout comes again.
            RemoteTimeout if conceding => {}
            RemoteTimeout => self.go_hot(false),
            App(Lrfo) => self.failover(false),
            Failover { force } => self.failover(force),
            App(Lrto) | Takeover => self.takeover(),
            Shutdown => self.out.push(Action::Exit),
            Peer(Tcnf) | Alive | Released | Resumed | StartBegan | Reloaded => {}
        }
    }

    fn in_to_hot(&mut self, until: Time, began: bool, granted: Option<Time>, cause: Cause) {
        let granted = self.still_granted(granted);
        match cause {
            Peer(Unk) => self.answer(P2hot),
            // A late packet of the side that has just given way (R3).
            Peer(Hott) if granted.is_some() => {}
            Peer(Hott) => self.give_way(Stby, Hold::None),
            Peer(Treq) if self.is_stale_request(granted, !self.m.peer.claims()) => self.answer(Trej),
            Peer(Treq) if self.wins() => self.answer(Trej),
            Peer(Treq) => self.lose_request(),
            Peer(Trej) if self.is_forcing() && self.m.peer.said != Said::Fail => self.push(),
            Peer(Trej) if granted.is_none() && (self.m.peer.claims() || self.is_asking()) => {
                self.give_way(Stby, Hold::Short);
            }
            Peer(P2hot) => {
                // Only the possible winner asks, or both would stop (D3).
                if self.settings.priority >= self.their_priority() {
                    self.ask();
                }
            }
            App(Lhot) => {
                self.enter_hot(granted);
                self.send(Hott);
            }
            App(Lsby | Lunk | L2sb) => self.out.extend([Action::Activate, Action::Start]),
            AppDied => self.fail(),
            App(Lfai) | LocalTimeout => {
                if self.now >= until {
                    self.fail();
                }
            }
            Tick => {
                self.expire_question();
                if self.now >= until {
                    self.out.push(Action::Notice(Notice::GoingHotTimeout));
                    self.fail();
                } else {
                    self.send(P2hot);
                    self.force_again(false);
                }
            }
            StartBegan if !began => {
                let until = self.now + self.settings.going_hot_timeout;
                self.m.state = State::ToHot { until, began: true, granted };
            }
            App(Lrfo) => self.failover(false),
            Failover { force } => self.failover(force),
            App(Lrto) | Takeover => self.takeover(),
            Shutdown => self.shut_down(),
            Peer(Stby | P2sby | Fail | Fovr | Tcnf | Trej)
            | App(L2ht)
            | Alive
            | RemoteTimeout
            | Released
            | Resumed
            | StartBegan
            | Reloaded => {}
        }
    }

    fn in_hot(&mut self, until: Time, granted: Option<Time>, deaf: Option<Time>, cause: Cause) {
        let granted = self.still_granted(granted);
        self.note_reaction(deaf, cause);
        match cause {
            Peer(Unk) => self.answer(Hott),
            // It can be asked for ever; nobody but us can end this (P1).
            Peer(Hott) if deaf.is_some_and(|deadline| self.now >= deadline) => {
                self.give_way(Stby, Hold::None);
            }
            Peer(Hott) => {
                self.repeat(Hott);
                if self.settings.priority >= self.their_priority() {
                    self.ask();
                }
            }
            Peer(Treq) if self.is_stale_request(granted, self.m.peer.said != Said::Hot) => self.answer(Trej),
            Peer(Treq) if self.wins() => self.answer(Trej),
            Peer(Treq) => self.lose_request(),
            Peer(Trej)
                if self.settings.priority < self.their_priority()
                    && (self.m.peer.claims() || self.is_asking()) =>
            {
                self.give_way(Stby, Hold::Short);
            }
            Peer(Trej) => {
                // 2.0.0 rejects every HOTT without comparing; obeying that would stop both (D5). Nor is it an
                // answer: the question stays open, or each HOTT of such a peer would be asked anew (S10).
                self.repeat(Hott);
            }
            Peer(P2hot) => {
                if self.is_loud() {
                    self.send(Trej);
                    self.repeat(Hott);
                }
            }
            Peer(P2sby) => self.repeat(Hott),
            App(Lhot) => {
                self.m.state = State::Hot { until: self.lhot_deadline(), granted, deaf };
                self.repeat(Hott);
            }
            App(Lsby | Lunk | L2sb) => self.out.extend([Action::Activate, Action::Start]),
            App(L2ht) => self.out.push(Action::Activate),
            App(Lfai) | AppDied | LocalTimeout => self.fail(),
            Tick => {
                self.expire_question();
                if self.now >= until {
                    self.out.push(Action::Notice(Notice::GoingHotTimeout));
                    self.fail();
                } else {
                    self.send(Hott);
                }
            }
            App(Lrfo) => self.failover(false),
            Failover { force } => self.failover(force),
            Takeover => self.out.push(Action::Refuse(Refusal::AlreadyHot)),
            Shutdown => self.shut_down(),
            Resumed => self.claim_again(),
            Peer(Stby | Fail | Fovr | Tcnf)
            | App(Lrto)
            | Alive
            | RemoteTimeout
            | Released
            | StartBegan
            | Reloaded => {}
        }
    }

    /// The service is being let go of on purpose. Nothing that the peer says changes that; the peer goes on
    /// hearing what we were, for it must not take over before the commands are over (P5).
    fn in_releasing(&mut self, since: Time, was_hot: bool, order: ReleaseOrder, cause: Cause) {
        let role = if was_hot { Hott } else { P2hot };
        match cause {
            Peer(Unk) => self.answer(role),
            Tick => self.send(role),
            Released => self.released(since, order),
            Shutdown if order == ReleaseOrder::Shutdown => self.out.push(Action::Exit),
            Shutdown => {
                self.m.state = State::Releasing { since, was_hot, order: ReleaseOrder::Shutdown };
            }
            Failover { .. } | Takeover | App(Lrto) => {
                self.out.push(Action::Refuse(Refusal::HandingOver));
            }
            // The application may well end, fail or fall silent while it is being stopped: noted in
            // `app.failed`, and the hand-over then ends in Failed.
            Peer(Hott | Stby | Treq | Tcnf | Trej | Fail | Fovr | P2hot | P2sby)
            | App(Lhot | Lsby | Lunk | Lfai | L2ht | L2sb | Lrfo)
            | Alive
            | AppDied
            | LocalTimeout
            | RemoteTimeout
            | Resumed
            | StartBegan
            | Reloaded => {}
        }
    }

    fn in_to_standby(&mut self, until: Time, conceded: Option<Time>, cause: Cause) {
        let conceding = conceded.is_some_and(|deadline| self.now < deadline);
        match cause {
            Peer(Unk) => self.answer(P2sby),
            Peer(Hott | P2hot) => {
                if !self.m.peer.is_classic() {
                    self.m.state = State::ToStandby { until, conceded: None };
                }
            }
            Peer(Stby | P2sby) if self.is_forcing() => self.force_again(true),
            Peer(Stby | P2sby) if conceding || self.is_asking() => {}
            Peer(Stby | P2sby) => self.ask(),
            Peer(Treq) => self.answer_request_unhot(conceding),
            Peer(Tcnf) if self.is_asking() => self.go_hot(true),
            Peer(Trej) if self.is_forcing() && self.m.peer.said != Said::Fail => self.push(),
            Peer(Trej) => self.give_way(Stby, Hold::Short),
            Peer(Fail | Fovr) => self.go_hot(true),
            App(Lhot | Lunk | L2ht) => self.order_standby(),
            App(Lsby) => {
                self.deactivate();
                self.enter_standby();
                self.send(Stby);
            }
            App(Lfai) | AppDied | LocalTimeout => self.fail(),
            Tick => {
                self.expire_question();
                if self.now >= until {
                    self.out.push(Action::Notice(Notice::GoingStandbyTimeout));
                    self.fail();
                } else {
                    self.send(P2sby);
                    self.force_again(false);
                }
            }
            RemoteTimeout if conceding => {}
            RemoteTimeout => self.go_hot(false),
            App(Lrfo) => self.failover(false),
            Failover { force } => self.failover(force),
            App(Lrto) | Takeover => self.takeover(),
            Shutdown => self.out.push(Action::Exit),
            Peer(Tcnf) | App(L2sb) | Alive | Released | Resumed | StartBegan | Reloaded => {}
        }
    }

    fn in_failed(&mut self, cause: Cause) {
        match cause {
            Peer(Unk | Stby | P2sby | Fovr) => self.answer(Fail),
            Peer(Treq) => {
                if self.may_answer() {
                    self.send(Tcnf);
                    self.send(Fail);
                }
            }
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
                self.out.push(Action::Stop);
                self.deactivate();
                self.enter_to_standby(Hold::None);
                self.send(P2sby);
            }
            Tick => self.send(Fail),
            App(Lrto) | Takeover => self.out.push(Action::Refuse(Refusal::AppFailed)),
            App(Lrfo) | Failover { .. } => self.out.push(Action::Refuse(Refusal::NotHot)),
            Shutdown => self.out.push(Action::Exit),
            // No answer to an answer: two failed nodes would go on for ever (D13).
            Peer(Tcnf | Trej | Hott | Fail | P2hot)
            | App(Lfai)
            | Alive
            | AppDied
            | LocalTimeout
            | RemoteTimeout
            | Released
            | Resumed
            | StartBegan
            | Reloaded => {}
        }
    }

    /// Everything is released; the peer is told until it says that it takes over (S9).
    fn in_leaving(&mut self, until: Time, cause: Cause) {
        match cause {
            Peer(Hott | P2hot) => self.out.push(Action::Exit),
            Peer(Treq) => self.answer(Tcnf),
            Tick if self.now >= until => self.out.push(Action::Exit),
            Tick => self.announce_leaving(),
            Shutdown => self.out.push(Action::Exit),
            Failover { .. } | Takeover | App(Lrto) => {
                self.out.push(Action::Refuse(Refusal::HandingOver));
            }
            Peer(Unk | Stby | Tcnf | Trej | Fail | Fovr | P2sby)
            | App(Lhot | Lsby | Lunk | Lfai | L2ht | L2sb | Lrfo)
            | Alive
            | AppDied
            | LocalTimeout
            | RemoteTimeout
            | Released
            | Resumed
            | StartBegan
            | Reloaded => {}
        }
    }
}
