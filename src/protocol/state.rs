//! The states and what each of them knows.

use crate::Time;

/// The state of one resource on one node. Data that exists only in one state lives in its variant.
///
/// Six states are the legacy's. [`State::Releasing`] and [`State::Leaving`] are ours: a planned hand-over
/// first lets go of the service and says so afterwards (P5). Towards the peer a releasing node is still
/// what it was (`HOTT` or `2HOT`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Just started, or lost time: does not know its role.
    Unknown {
        /// The application says that it is hot; if the peer does not object until then we are hot (S7).
        claim: Option<Time>,
    },
    /// The other side is hot or may become hot.
    Standby {
        /// Until then we gave way: we confirm, and do not ask for the role.
        conceded: Option<Time>,
    },
    /// Decided to be hot; the application has not confirmed it yet.
    ToHot {
        /// The application must be hot until then (`going-hot-timeout`).
        until: Time,
        /// The start command has begun, and `until` counts from there; not again when the order is repeated.
        began: bool,
        /// Until then the peer that gave way may have crossing packets on the wire.
        granted: Option<Time>,
    },
    /// Hot: this node runs the service.
    Hot {
        /// The application must say LHOT again until then (S5).
        until: Time,
        /// See [`State::ToHot`].
        granted: Option<Time>,
        /// The peer says that it is hot too and has not reacted to anything of ours; if it says so again then, it
        /// cannot hear us and we give way (`docs/adr/0014-who-is-not-heard.md`).
        deaf: Option<Time>,
    },
    /// A planned hand-over: the commands that stop the service have been ordered and are not over yet.
    Releasing {
        /// When the hand-over began.
        since: Time,
        /// We were hot, not just on the way to it.
        was_hot: bool,
        /// Who wanted it.
        order: ReleaseOrder,
    },
    /// Deciding to be standby; the application has not confirmed it yet.
    ToStandby {
        /// The application must be standby until then (`going-standby-timeout`).
        until: Time,
        /// See [`State::Standby`].
        conceded: Option<Time>,
    },
    /// The application has failed.
    Failed,
    /// The daemon ends: everything is released, the peer is told until it says that it takes over (S9).
    Leaving {
        /// Then we end, answer or not.
        until: Time,
    },
}

/// Who wanted a planned hand-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReleaseOrder {
    /// Our operator or our application.
    Failover,
    /// The peer, by a takeover request.
    Takeover,
    /// The daemon ends.
    Shutdown,
}

/// The name of a state, without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
            State::Releasing { .. } => StateName::Releasing,
            State::ToStandby { .. } => StateName::ToStandby,
            State::Failed => StateName::Failed,
            State::Leaving { .. } => StateName::Leaving,
        }
    }

    /// When this state needs a tick of its own, earlier than the next heartbeat.
    pub(crate) const fn deadline(self) -> Option<Time> {
        match self {
            State::Unknown { claim } => claim,
            State::ToHot { until, .. }
            | State::Hot { until, .. }
            | State::ToStandby { until, .. }
            | State::Leaving { until } => Some(until),
            State::Standby { .. } | State::Releasing { .. } | State::Failed => None,
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
