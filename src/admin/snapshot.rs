//! What the protocol thread tells the page: plain values, copied out of its state.

use std::time::SystemTime;

use schrittmacher_protocol::StateName;
use schrittmacher_wire::{AppCode, PeerCode};

/// Everything the page shows, at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The resources in the order of the configuration.
    pub resources: Vec<ResourceStatus>,
    /// The sockets for applications.
    pub local: DoorStatus,
    /// The socket for the peer.
    pub peer: DoorStatus,
}

/// One resource, one row of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceStatus {
    /// The resource-id.
    pub name: String,
    /// Its state on this node.
    pub state: StateName,
    /// The application's last message, or its absence; `None` before the first.
    pub last_local: Option<Heard>,
    /// The same of the peer.
    pub last_remote: Option<Heard>,
    /// A failover can be ordered: this side is hot.
    pub may_failover: bool,
    /// A takeover can be ordered: this side is standby.
    pub may_takeover: bool,
}

/// The last thing known of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The legacy word: [`peer_word`], [`app_word`], [`PEER_TIMEOUT`] or [`APP_TIMEOUT`].
    pub word: &'static str,
    /// The reason that came with it; empty if there was none. May hold anything.
    pub reason: String,
    /// When the message came (D33: not when the state changed).
    pub at: SystemTime,
}

/// One of the two UDP doors, one row of the second table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DoorStatus {
    /// The last error of its socket.
    pub last_error: Option<String>,
    /// The last message that could be read, as `RESOURCE: STATUS`, for example `smsc-1: LHOT`.
    pub last_message: Option<String>,
}

/// The word when the peer's silence has made it count as dead.
pub const PEER_TIMEOUT: &str = "event-remote-timeout";
/// The word when the application's silence has made it count as failed.
pub const APP_TIMEOUT: &str = "event-local-timeout";

/// How 2.0.0 calls a message of the peer on its page.
pub const fn peer_word(code: PeerCode) -> &'static str {
    match code {
        PeerCode::Unk => "unknown",
        PeerCode::Hott => "hot",
        PeerCode::Stby => "standby",
        PeerCode::Treq => "takeover-request",
        PeerCode::Tcnf => "takeover-confirmed",
        PeerCode::Trej => "takeover-reject",
        PeerCode::Fail => "failed",
        PeerCode::Fovr => "failover",
        PeerCode::ToHot => "transiting-to-hot",
        PeerCode::ToStandby => "transiting-to-standby",
    }
}

/// How 2.0.0 calls a message of the application on its page.
pub const fn app_word(code: AppCode) -> &'static str {
    match code {
        AppCode::Lhot => "hot",
        AppCode::Lsby => "standby",
        AppCode::Lunk => "unknown",
        AppCode::Lfai => "fail",
        AppCode::L2ht => "transiting-to-hot",
        AppCode::L2sb => "transiting-to-standby",
        AppCode::Lrfo => "local-request-failover",
        AppCode::Lrto => "local-request-takeover",
    }
}
