//! The operator's settings of one resource.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fence::FenceRule;
use crate::isolation::OnIsolation;

/// The settings of one resource, as far as the protocol needs them. Ranges and defaults are the
/// configuration's business; the protocol is safe with any value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Settings {
    /// Period of our own messages (T1).
    pub heartbeat: Duration,
    /// Silence after which the peer counts as dead; longer towards a peer that is not ours (T2).
    pub timeout: Duration,
    /// Silence after which the application counts as failed (T3).
    pub app_timeout: Duration,
    /// How long the application may take to become hot, from the beginning of the start command (T4).
    pub going_hot_timeout: Duration,
    /// How long the application may take to become standby.
    pub going_standby_timeout: Duration,
    /// How long after the start silence of application and peer counts for nothing (T4).
    pub startup_delay: Duration,
    /// How long a side that fails a second time soon is held back; doubled with each further failure. Zero: never.
    pub hold_back: Duration,
    /// The longest time for which a side is held back.
    pub hold_back_max: Duration,
    /// The greater priority wins a conflict (S2).
    pub priority: i32,
    /// Take a healthy hot peer's place if our priority is higher (S4).
    pub preempt: bool,
    /// Our end of the peer link, the last tie-break.
    pub local: IpAddr,
    /// The peer's end of the peer link.
    pub remote: IpAddr,
    /// Go hot only for an application that is hot already: nothing is started (edge-11, edge-13).
    pub held: bool,
    /// Use our extension to the wire format (W4).
    pub extensions: bool,
    /// When a side may be hot.
    #[serde(default)]
    pub policy: Policy,
    /// Whether an isolated side does without the service.
    #[serde(default)]
    pub on_isolation: OnIsolation,
    /// The peer's host has to be off before this side takes the role from a silent peer. `None`: it need not.
    #[serde(default)]
    pub fence: Option<FenceRule>,
}

/// When a side may be hot (`docs/adr/0080-a-third-vote.md`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Policy {
    /// It takes over on silence. Both sides are hot while the link is cut (P8).
    #[default]
    Available,
    /// It has the word of the peer or of the witness.
    Consistent {
        /// How long a promise and a lease last; three heartbeats at least.
        promise: Duration,
    },
    /// It does not take over on silence: only by an order, or after a word of the peer.
    Manual,
}

impl Policy {
    /// The promise, if there are any.
    pub fn promise(self) -> Option<Duration> {
        match self {
            Policy::Consistent { promise } => Some(promise),
            Policy::Available | Policy::Manual => None,
        }
    }
}
