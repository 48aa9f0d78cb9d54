//! What comes in and what goes out: the whole border of the protocol.

use std::net::IpAddr;
use std::time::Duration;

use schrittmacher_wire::{AppCode, PeerCode};
use serde::{Deserialize, Serialize};

/// Something that happened to one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Event {
    /// A datagram of the peer; `None` as code is a status we do not know (W3).
    Peer(PeerReport),
    /// A datagram of the application; `None` is a status we do not know.
    App(Option<AppCode>),
    /// The believed process of the application has ended (A3).
    AppDied,
    /// The `start` command has begun, or its signal was sent: `going-hot-timeout` counts from here (T4).
    StartBegan,
    /// Every command ordered before the last [`Action::Barrier`] is over.
    Released,
    /// The operator wants the other side to be hot; `force` overrides the refusals of S8.
    Failover {
        /// Go on even with no peer in sight, or a failed one.
        force: bool,
    },
    /// The operator wants this side to be hot.
    Takeover,
    /// The daemon shall end (SIGTERM, SIGINT): hand over if that is possible (S9).
    Shutdown,
    /// The configuration was read again: tell the peer once more what we are (W4).
    Reloaded,
    /// Nothing happened but time; call when [`Resource::next_deadline`](crate::Resource::next_deadline) is due.
    Tick,
}

/// What a datagram of the peer says, as far as the protocol cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PeerReport {
    /// The status; `None` if it is none we know.
    pub code: Option<PeerCode>,
    /// The sender's priority, signed as the legacy compares it.
    pub priority: i32,
    /// The sender's random, unsigned.
    pub random: u32,
    /// The sender's `host`, if it is there and is an address (last tie-break, S2).
    pub host: Option<IpAddr>,
    /// It has a `type`: the sender is 1.16.1 or later (W5).
    pub has_type: bool,
    /// Our extension: the sender is one of ours and beats with this period (W4, T2).
    pub period: Option<Duration>,
}

/// Something that has to be done, in the order given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    /// Send a datagram to the peer.
    Send {
        /// The status.
        code: PeerCode,
        /// The value of `random`.
        random: u32,
        /// Add our extension (W4).
        extended: bool,
    },
    /// Bring the service's interface up, unless it is.
    Activate,
    /// Order the application to go hot.
    Start,
    /// Order the application to go standby.
    Stop,
    /// Take the service's interface down, unless it is.
    Deactivate {
        /// Do not wait for `start` or `stop` commands: this is a failure, not a planned hand-over (X2).
        urgent: bool,
    },
    /// Report [`Event::Released`] as soon as every command ordered so far is over.
    Barrier,
    /// The order of the operator or the application is not carried out.
    Refuse(Refusal),
    /// Tell the operator.
    Notice(Notice),
    /// The resource has nothing more to do; the daemon may end.
    Exit,
}

/// Why an order is not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Refusal {
    /// Failover: nothing was heard of the peer within its timeout.
    NoPeer,
    /// Failover: the peer says that its application has failed.
    PeerFailed,
    /// Takeover: our own application has failed.
    AppFailed,
    /// Takeover: this side is hot already.
    AlreadyHot,
    /// Failover: this side is not hot and not about to be.
    NotHot,
    /// A planned hand-over to the other side is under way.
    HandingOver,
}

/// Something worth a log line beside the change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Notice {
    /// Nothing was heard of the peer for its timeout.
    PeerLost,
    /// The peer is heard again (or for the first time).
    PeerSeen,
    /// Nothing was heard of the application for `app-timeout`.
    AppSilent,
    /// A forced takeover was asked for three times without an answer (S3).
    TakeoverUnanswered,
    /// The process lost time (S11): asleep, stopped or overloaded for longer than the timeout.
    Paused,
    /// The application did not become hot in `going-hot-timeout`.
    GoingHotTimeout,
    /// The application did not become standby in `going-standby-timeout`.
    GoingStandbyTimeout,
}
