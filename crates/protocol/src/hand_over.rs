//! The transition function of the two states of a hand-over, Releasing and Leaving. The others are in `transition.rs`.

use schrittmacher_wire::PeerCode::{
    Fail, Fovr, Hott, Stby, Tcnf, ToHot as P2hot, ToStandby as P2sby, Trej, Treq, Unk,
};

use crate::Time;
use crate::event::AppReport::{L2ht, L2sb, Lfai, Lhot, Lsby, Lunk};
use crate::event::{Notice, Refusal};
use crate::machine::Ending;
use crate::moves::Yield;
use crate::state::{Release, ReleaseOrder, State, Stopping};
use crate::step::Cause::{
    self, ActivateFailed, App, AppFailed, AppSilent, CutOff, Failover, Isolated, NoMajority, Peer,
    PeerSilent, Reconnected, Released, Resumed, Shutdown, StartBegan, Takeover, Tick,
};
use crate::step::Step;

/// A hand-over that took no longer than this is answered as a request (`TCNF`). Later the requester has stopped
/// waiting, and is told to take over instead (`FOVR`).
const PROMPT: std::time::Duration = std::time::Duration::from_millis(50);

impl Step<'_> {
    /// The commands that stop the service run. Nothing that the peer says changes that. It goes on hearing what
    /// this node was, because it must not take over before the commands are over (P5).
    pub(crate) fn in_releasing(&mut self, release: Release, cause: Cause) {
        let role = if release.was_hot { Hott } else { P2hot };
        match cause {
            Peer(Unk) => self.answer(role),
            Tick if release.waits_until.is_some_and(|until| self.now >= until) => self.released(release),
            Tick => self.send(role),
            // A report of the application may be on its way still.
            Released if release.app == Stopping::Unheard && self.machine.app.reported && !release.failed => {
                self.set_release(Release { waits_until: Some(self.now + PROMPT), ..release });
            }
            Released if release.app == Stopping::OnItsWay && !release.failed => {
                let until = release.since + self.settings.going_standby_timeout;
                self.set_release(Release { waits_until: Some(until), ..release });
            }
            Released => self.released(release),
            App(Lsby | Lunk) if release.waits_until.is_some() => self.released(release),
            App(Lsby | Lunk) => {
                self.set_release(Release { app: Stopping::Done, failed: false, ..release });
                self.note_stopped();
            }
            App(L2sb) => {
                let until = release.since + self.settings.going_standby_timeout;
                let waits_until = release.waits_until.map(|_| until);
                self.set_release(Release { app: Stopping::OnItsWay, failed: false, waits_until, ..release });
            }
            App(Lhot | L2ht) => self.set_release(Release { failed: false, ..release }),
            // The application may end, fail or fall silent while it is stopped. The hand-over then ends in Failed.
            App(Lfai) | AppFailed(_) | AppSilent if release.waits_until.is_some() => {
                self.released(Release { failed: true, ..release });
            }
            App(Lfai) | AppFailed(_) | AppSilent => self.set_release(Release { failed: true, ..release }),
            Shutdown if self.is_ending() => self.exit(),
            Shutdown => {
                self.machine.ending = Ending::Asked;
                self.set_release(Release { order: ReleaseOrder::Shutdown, ..release });
            }
            Failover { .. } | Takeover { .. } => self.refuse(Refusal::HandingOver),
            Peer(Hott | Stby | Treq | Tcnf | Trej | Fail | Fovr | P2hot | P2sby)
            | PeerSilent
            | Resumed
            | StartBegan
            | ActivateFailed
            | CutOff
            | Reconnected
            | NoMajority
            | Isolated => {}
        }
    }

    /// The commands are over, and the application is stopped as far as it can be known.
    fn released(&mut self, release: Release) {
        self.set_release(release);
        let Release { since, order, failed, unreleased, .. } = release;
        let may_undo = match order {
            ReleaseOrder::Failover | ReleaseOrder::Takeover => unreleased.is_any(),
            ReleaseOrder::Set => unreleased.application,
            ReleaseOrder::ForcedFailover
            | ReleaseOrder::Shutdown
            | ReleaseOrder::NoMajority
            | ReleaseOrder::Isolated => false,
        };
        let undo = may_undo && !failed;
        if unreleased.is_any() && !undo {
            self.notice(Notice::NotReleased);
        }
        match order {
            ReleaseOrder::NoMajority | ReleaseOrder::Isolated => self.end_in_standby(Stby, Yield::No),
            // Something is still here, and the peer must not take over beside it.
            ReleaseOrder::Failover | ReleaseOrder::Takeover | ReleaseOrder::Set
                if undo && !self.may_stay_hot() =>
            {
                self.notice(Notice::NotReleased);
                self.end_in_standby(Stby, Yield::Long);
            }
            ReleaseOrder::Failover | ReleaseOrder::Set if undo => self.undo_release(),
            ReleaseOrder::Takeover if undo => {
                self.answer(Trej);
                self.undo_release();
            }
            ReleaseOrder::Takeover if self.now.since(since) <= PROMPT => {
                self.end_in_standby(Tcnf, Yield::Long);
            }
            ReleaseOrder::Takeover
            | ReleaseOrder::Failover
            | ReleaseOrder::ForcedFailover
            | ReleaseOrder::Set => self.end_in_standby(Fovr, Yield::Long),
            ReleaseOrder::Shutdown if self.peer_can_take_over() && !unreleased.application => {
                self.leave(failed);
            }
            // Something may run still: it is not started again.
            ReleaseOrder::Shutdown if unreleased.application => self.exit(),
            ReleaseOrder::Shutdown if failed => self.say_goodbye(Fail),
            ReleaseOrder::Shutdown => self.come_back(),
        }
    }

    /// The service is released; the peer is told until it serves (S9). The role comes back if the peer cannot have it,
    /// is silent, or has not become hot in time.
    pub(crate) fn in_leaving(&mut self, until: Time, peer_goes_hot: bool, failed: bool, cause: Cause) {
        match cause {
            Peer(Hott) => self.exit(),
            Peer(P2hot) if !peer_goes_hot => {
                let until = self.now + self.settings.going_hot_timeout;
                self.machine.state = State::Leaving { until, peer_goes_hot: true, failed };
            }
            Peer(P2hot) => {}
            Peer(Treq) => self.answer(Tcnf),
            Peer(_) if self.peer_can_take_over() => {}
            Peer(Fail | Unk | Stby | Tcnf | Trej | Fovr | P2sby) | PeerSilent if failed => {
                self.say_goodbye(Fail);
            }
            Peer(Fail | Unk | Stby | Tcnf | Trej | Fovr | P2sby) | PeerSilent => self.come_back(),
            Tick if self.now >= until && failed => self.say_goodbye(Fail),
            Tick if self.now >= until => self.come_back(),
            Tick => self.announce_leaving(),
            Shutdown => self.exit(),
            Failover { .. } | Takeover { .. } => self.refuse(Refusal::HandingOver),
            App(Lfai) | AppFailed(_) | AppSilent => {
                self.machine.state = State::Leaving { until, peer_goes_hot, failed: true };
            }
            App(Lhot | Lsby | Lunk | L2ht | L2sb)
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
