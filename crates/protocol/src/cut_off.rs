//! A host that is cut off from the service's clients: its interface is missing, or has no carrier (`track-interface`).
//!
//! Such a side does not serve as long as the other one could, or is not heard. A peer that is heard and cannot serve
//! either leaves it as it is. Without the role it is in Failed, held back until the interface is back, and says FAIL.

use schrittmacher_wire::PeerCode::{Fail, Hott, Stby, ToHot, ToStandby, Unk};

use crate::event::{AppReport, Notice};
use crate::setback::HoldBack;
use crate::state::State;
use crate::step::{Cause, Step};

impl Step<'_> {
    /// Whether this side has the role, or seeks it, and the other one shall serve.
    pub(crate) fn has_to_give_way(&self, cause: Cause) -> bool {
        // Other messages do not say whether the peer could serve.
        let news = matches!(
            cause,
            Cause::CutOff | Cause::Peer(Stby | ToStandby | Hott | ToHot | Unk) | Cause::PeerSilent
        );
        let role =
            matches!(self.machine.state, State::Unknown { .. } | State::ToHot { .. } | State::Hot { .. });
        let peer = &self.machine.peer;
        let peer_may_serve = peer.lost || (self.peer_can_take_over() && !peer.cut_off);
        // A frozen side stays where it is (P12), and so does a set that the other side does not have whole.
        let stays = self.machine.frozen || self.set_stays_here();
        self.machine.cut_off && !stays && news && role && peer_may_serve
    }

    /// Ends in Failed, held back.
    pub(crate) fn give_way_cut_off(&mut self) {
        let fit = (!self.machine.state.has_failed_app()).then_some(AppReport::Lsby);
        // An interface that comes and goes counts as any other failure.
        let held_until = self.count_failure().map_or(self.now, |hold| hold.until);
        let until = held_until.max(self.now + self.machine.peer.beat(self.settings));
        self.notice(Notice::CutOff);
        self.stop_and_fail(Some(HoldBack { until, fit }));
    }

    /// A side without the role is no standby as long as it is cut off.
    pub(crate) fn leave_standby_cut_off(&mut self) {
        if !self.machine.cut_off {
            return;
        }
        if matches!(self.machine.state, State::Standby { .. }) {
            self.hold_cut_off(Some(AppReport::Lsby));
        } else if matches!(self.machine.state, State::ToStandby { .. }) {
            // It may serve since before this daemon started. It stops because of the cut, and that is told.
            if !self.machine.app.reported {
                self.notice(Notice::CutOff);
                self.order_standby();
            }
            self.hold_cut_off(None);
        }
    }

    fn hold_cut_off(&mut self, fit: Option<AppReport>) {
        self.machine.asked = None;
        self.machine.state = State::Failed { hold_back: Some(HoldBack { until: self.now, fit }) };
        self.send(Fail);
    }
}
