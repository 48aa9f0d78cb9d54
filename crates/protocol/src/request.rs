//! A takeover request of the peer (TREQ), parsed: what it means for a node in this state.

use std::cmp::Ordering;

use schrittmacher_wire::Note;
use schrittmacher_wire::PeerCode::Trej;

use crate::Time;
use crate::event::PeerReport;
use crate::moves::Yield;
use crate::peer::Said;
use crate::state::State;
use crate::step::Step;
use crate::tiebreak::{FORCED_RANDOM, OUR_RANDOM, address_order, seconds_hot, we_win};

/// The meaning of a request of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// No conflict, so it is rejected. It crossed the sender's own yielding (R3), or its sender is not hot and saw an old message
    /// of ours (R4, S4), or an order outweighs it.
    Stale,
    /// A conflict that we win.
    WeWin,
    /// A conflict that the peer wins, or an order of its operator. We yield for this long.
    TheyWin(Yield),
}

impl Step<'_> {
    /// The peer's message comes with a claim: its application is hot.
    pub(crate) fn is_claim(&self) -> bool {
        self.report.is_some_and(|report| self.machine.peer.note(&report) == Some(Note::Claim))
    }

    /// We claim. A claim stands above a peer of ours that is not hot, and above a legacy peer without the role (P9).
    pub(crate) fn claims_above(&self) -> bool {
        let peer = &self.machine.peer;
        let below = if peer.is_ours() { peer.said != Said::Hot } else { !peer.claims() };
        matches!(self.machine.state, State::Unknown { claim: Some(_) }) && below
    }

    /// This node is hot. A peer of ours is as well only if it says so: one that is still on its way yields (P9).
    pub(crate) fn is_conflict_of_two_hot(&self) -> bool {
        let peer = &self.machine.peer;
        if peer.is_ours() { peer.said == Said::Hot } else { peer.claims() || self.is_asking() }
    }

    /// The peer claims as well, and stands above us. Only a request carries a random, and ours is always the same.
    pub(crate) fn is_claim_above(&self) -> bool {
        let request = self.report.map(|report| PeerReport { random: OUR_RANDOM, ..report });
        self.is_claim()
            && request.is_some_and(|theirs| !we_win(self.settings, &theirs, OUR_RANDOM, Said::Other))
    }

    /// The tie-break alone decides (S2).
    pub(crate) fn request_by_tie_break(&self) -> Request {
        if self.wins() { Request::WeWin } else { Request::TheyWin(self.yield_of_request()) }
    }

    /// A request to a node that has the role. `is_equal`: by what the peer last said, it stands as high as we do.
    /// A classic peer sends the same request when it is hot, so its request always counts.
    pub(crate) fn request_for_role(&mut self, granted_until: Option<Time>, is_equal: bool) -> Request {
        // What was undone is not asked for again at once. Two hot sides part all the same.
        let peer = &self.machine.peer;
        let both_hot = peer.is_ours() && peer.said == Said::Hot;
        if self.now < self.machine.setbacks.reject_until && !both_hot {
            return Request::Stale;
        }
        let counts = granted_until.is_none() && (is_equal || self.machine.peer.is_classic());
        if !self.is_forced_request() && !counts {
            return Request::Stale;
        }
        self.note_forced_request();
        self.request_by_tie_break()
    }

    /// A request to a node that does not have the role.
    pub(crate) fn request_without_role(&mut self, yielding: bool) -> Request {
        let peer = &self.machine.peer;
        if self.is_forced_request() {
            if self.wins() {
                return Request::Stale;
            }
            self.note_forced_request();
            Request::TheyWin(Yield::Long)
        } else if peer.is_classic() && peer.claims() {
            // It asks because of a STBY of ours while its application is still switching. Another STBY, and it
            // starts again, for ever (R6, D8).
            Request::TheyWin(Yield::Short)
        } else if yielding || peer.claims() || self.is_claim() {
            Request::TheyWin(Yield::No)
        } else {
            self.request_by_tie_break()
        }
    }

    /// Rejects the request. If it is a conflict that we win, we ask in turn.
    pub(crate) fn reject(&mut self, request: Request) {
        self.answer(Trej);
        if request == Request::WeWin {
            self.ask();
        }
    }

    /// An operator's order to the peer that we obey: `preempt` must not undo it (S4).
    fn note_forced_request(&mut self) {
        if self.is_forced_request() && !self.wins() {
            self.machine.preempt_armed = false;
        }
    }

    fn is_forced_request(&self) -> bool {
        self.report.is_some_and(|report| report.random == FORCED_RANDOM)
    }

    fn wins(&self) -> bool {
        let Some(theirs) = self.report else { return false };
        let serves = matches!(self.machine.state, State::Hot { .. }) || self.claims_above();
        // A held or frozen node would win a role that it does not take.
        if self.starts_nothing() && !serves && !self.is_forcing() {
            return false;
        }
        let claims = serves.cmp(&self.is_claim());
        match (claims, self.is_forced_request() || self.is_forcing()) {
            (Ordering::Greater, false) if self.claims_above() => true,
            (Ordering::Less, false) => false,
            _ => we_win(self.settings, &theirs, self.random_against(&theirs), self.machine.peer.said),
        }
    }

    /// Our random, to be compared with that of a request. Between two of ours nothing but a time for which the peer has
    /// been hot makes a difference.
    fn random_against(&self, theirs: &PeerReport) -> u32 {
        if self.is_forcing() {
            FORCED_RANDOM
        } else if !self.machine.peer.is_ours() || theirs.random == FORCED_RANDOM {
            OUR_RANDOM
        } else if theirs.random < OUR_RANDOM && self.compares_times() {
            seconds_hot(self.now.since(self.machine.since))
        } else {
            theirs.random
        }
    }

    /// This node decides by the times for which both have been hot. Only one of the two does so, that with the greater
    /// address: time goes on, so two that compare might both win, or both lose (ADR 5). While it asks for the role itself,
    /// it has decided.
    fn compares_times(&self) -> bool {
        self.tells_time() && self.has_greater_address() && !self.is_asking()
    }

    /// This node and a peer of ours of the same priority are hot: its request says for how long this one has been.
    pub(crate) fn tells_time(&self) -> bool {
        matches!(self.machine.state, State::Hot { .. })
            && self.machine.peer.is_ours()
            && self.machine.peer.said == Said::Hot
            && self.settings.priority == self.their_priority()
    }

    fn has_greater_address(&self) -> bool {
        self.report.is_some_and(|report| address_order(self.settings, report.host).is_gt())
    }

    /// Both are hot: whether this node asks. Between two of ours of the same priority the other one decides then.
    pub(crate) fn asks_in_conflict(&self) -> bool {
        self.is_possible_winner() && !(self.tells_time() && self.has_greater_address())
    }

    fn yield_of_request(&self) -> Yield {
        if self.is_forced_request() { Yield::Long } else { Yield::Short }
    }

    pub(crate) fn their_priority(&self) -> i32 {
        self.report.map_or(0, |report| report.priority)
    }

    /// Our priority is not lower: if the two of us conflict, we may win.
    pub(crate) fn is_possible_winner(&self) -> bool {
        self.settings.priority >= self.their_priority()
    }
}
