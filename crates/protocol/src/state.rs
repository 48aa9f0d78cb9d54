//! The states and what each of them knows.

use serde::{Deserialize, Serialize};

use crate::Time;
use crate::setback::{HoldBack, Unreleased};
use crate::step::Orderer;

/// The state of one resource on one node. Data that exists only in one state lives in its variant.
///
/// Six states are the legacy's. [`State::Releasing`] and [`State::Leaving`] are ours: a planned hand-over
/// first lets go of the service and says so afterwards (P5). Towards the peer a releasing node is still
/// what it was (`HOTT` or `2HOT`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Just started, or lost time: does not know its role.
    Unknown {
        /// The application is hot already. Without an objection of the peer this node is hot at this time (S7).
        claim: Option<Time>,
    },
    /// The other side is hot or may become hot.
    Standby {
        /// Until this time this node yields: it confirms the peer's requests and sends none of its own.
        yielding_until: Option<Time>,
    },
    /// Has decided to be hot; waits for the application's LHOT.
    ToHot {
        /// The application must be hot by this time (`going-hot-timeout`).
        until: Time,
        /// The start command has begun, and `until` counts from there. A repeated order does not begin again.
        began: bool,
        /// The peer yielded. Until this time its older messages may still arrive.
        granted_until: Option<Time>,
        /// The application has failed, and has time until `until` to do better.
        failed: bool,
    },
    /// Hot: this node serves.
    Hot {
        /// The application must say LHOT again by this time (S5).
        until: Time,
        /// See [`State::ToHot`].
        granted_until: Option<Time>,
        /// The peer says that it is hot too, and nothing else. If it does so at this time, it cannot hear us, and
        /// this node yields (`docs/adr/0014-who-is-not-heard.md`).
        reaction_due: Option<Time>,
    },
    /// A hand-over: the commands that stop the service are ordered and not over yet.
    Releasing(Release),
    /// Yielded before the application's state was known; waits for its LSBY.
    ToStandby {
        /// The application must be standby by this time (`going-standby-timeout`).
        until: Time,
        /// See [`State::Standby`].
        yielding_until: Option<Time>,
    },
    /// The application has failed, or this side cannot serve for another reason.
    Failed {
        /// This side is held back.
        hold_back: Option<HoldBack>,
    },
    /// The daemon ends. The service is released; the peer is told until it says that it takes over (S9).
    Leaving {
        /// Without an answer of the peer the role comes back at this time.
        until: Time,
        /// The peer is on its way, and `until` counts from there.
        peer_goes_hot: bool,
        /// The application has failed: the role cannot come back.
        failed: bool,
    },
}

/// A hand-over under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Release {
    /// When it began.
    pub since: Time,
    /// This node was hot, not just on the way to it.
    pub was_hot: bool,
    /// The order behind it.
    pub order: ReleaseOrder,
    /// The application has failed. The hand-over then ends in Failed.
    pub failed: bool,
    /// The application's reports since it was told to stop.
    pub app: Stopping,
    /// The commands are over, and the application is waited for until this time.
    pub waits_until: Option<Time>,
    /// The parts that could not be released.
    pub unreleased: Unreleased,
}

/// How far an application is that was told to stop (`docs/glossary.md`: release).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Stopping {
    /// It has not reported a change.
    Unheard,
    /// It says L2SB.
    OnItsWay,
    /// It says LSBY.
    Done,
}

/// The order behind a hand-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReleaseOrder {
    /// Our operator or our application.
    Failover,
    /// Our operator, by force: the hand-over goes on even if something cannot be released.
    ForcedFailover,
    /// A set that this side cannot serve whole: the hand-over goes on even if the address is left here, but not beside an
    /// application that goes on.
    Set,
    /// The peer, by a takeover request.
    Takeover,
    /// The daemon ends.
    Shutdown,
    /// This side has no majority any more: nothing is undone.
    NoMajority,
    /// This host is isolated (`on-isolation`): nothing is undone.
    Isolated,
}

impl ReleaseOrder {
    pub(crate) fn of_failover(by: Orderer, force: bool) -> ReleaseOrder {
        match (force, by) {
            (false, _) => ReleaseOrder::Failover,
            (true, Orderer::Set) => ReleaseOrder::Set,
            (true, Orderer::Operator | Orderer::App) => ReleaseOrder::ForcedFailover,
        }
    }
}

/// The name of a state, without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the states are documented at `State`")]
pub enum StateName {
    Unknown,
    Standby,
    ToHot,
    Hot,
    Releasing,
    ToStandby,
    Failed,
    Leaving,
}

impl State {
    /// The name of this state.
    pub const fn name(self) -> StateName {
        match self {
            State::Unknown { .. } => StateName::Unknown,
            State::Standby { .. } => StateName::Standby,
            State::ToHot { .. } => StateName::ToHot,
            State::Hot { .. } => StateName::Hot,
            State::Releasing(_) => StateName::Releasing,
            State::ToStandby { .. } => StateName::ToStandby,
            State::Failed { .. } => StateName::Failed,
            State::Leaving { .. } => StateName::Leaving,
        }
    }

    /// The application has failed.
    pub const fn has_failed_app(self) -> bool {
        match self {
            State::Failed { .. } => true,
            State::ToHot { failed, .. } | State::Leaving { failed, .. } => failed,
            State::Releasing(release) => release.failed,
            State::Unknown { .. } | State::Standby { .. } | State::Hot { .. } | State::ToStandby { .. } => {
                false
            }
        }
    }

    /// It could serve later, and does not now.
    pub const fn is_held_back(self) -> bool {
        matches!(self, State::Failed { hold_back: Some(_) })
    }

    /// Until when this node yields.
    pub(crate) const fn yielding_until(self) -> Option<Time> {
        match self {
            State::Standby { yielding_until } | State::ToStandby { yielding_until, .. } => yielding_until,
            State::Unknown { .. }
            | State::ToHot { .. }
            | State::Hot { .. }
            | State::Releasing(_)
            | State::Failed { .. }
            | State::Leaving { .. } => None,
        }
    }

    /// Whether a silent peer is asked here. Leaving asks with each of its messages. In Releasing and in Failed, unless it is
    /// held back, nothing depends on the answer.
    pub(crate) const fn asks_silent_peer(self) -> bool {
        match self {
            State::Unknown { .. }
            | State::Standby { .. }
            | State::ToStandby { .. }
            | State::ToHot { .. }
            | State::Hot { .. }
            | State::Failed { hold_back: Some(_) } => true,
            State::Releasing(_) | State::Failed { hold_back: None } | State::Leaving { .. } => false,
        }
    }

    /// When something happens in this state without an event.
    pub(crate) const fn deadline(self) -> Option<Time> {
        match self {
            State::Unknown { claim } => claim,
            State::ToHot { until, .. }
            | State::Hot { until, .. }
            | State::ToStandby { until, .. }
            | State::Leaving { until, .. }
            | State::Failed { hold_back: Some(HoldBack { until, .. }) } => Some(until),
            State::Releasing(release) => release.waits_until,
            State::Standby { .. } | State::Failed { hold_back: None } => None,
        }
    }
}

impl StateName {
    /// Every state.
    pub const ALL: [StateName; 8] = [
        StateName::Unknown,
        StateName::Standby,
        StateName::ToHot,
        StateName::Hot,
        StateName::Releasing,
        StateName::ToStandby,
        StateName::Failed,
        StateName::Leaving,
    ];

    /// The name in tables and log lines.
    pub const fn as_str(self) -> &'static str {
        match self {
            StateName::Unknown => "Unknown",
            StateName::Standby => "Standby",
            StateName::ToHot => "ToHot",
            StateName::Hot => "Hot",
            StateName::Releasing => "Releasing",
            StateName::ToStandby => "ToStandby",
            StateName::Failed => "Failed",
            StateName::Leaving => "Leaving",
        }
    }

    /// The name as 2.0.0 shows it on its page and in its log. Our two states of a planned hand-over appear
    /// as what they are on the way to.
    pub const fn legacy_str(self) -> &'static str {
        match self {
            StateName::Unknown => "Unknown",
            StateName::Standby => "Standby",
            StateName::ToHot => "transiting_to_hot",
            StateName::Hot => "Hot",
            StateName::Failed => "failed",
            StateName::ToStandby | StateName::Releasing | StateName::Leaving => "transiting_to_standby",
        }
    }
}

impl std::fmt::Display for StateName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
