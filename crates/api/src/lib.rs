//! The JSON of `/api/v1`, as the daemon writes it and `schrittmacherctl` reads it. `docs/http-api.md` explains
//! it for everyone else.
//!
//! Names carry their unit. A time is how old a fact is when the answer is written, so that a reader needs no
//! clock of its own. Fields may be added; a reader ignores those it does not know.
#![forbid(unsafe_code)]

mod answers;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use answers::{
    HistoryAnswer, HistoryEntry, HistoryKind, LogAnswer, LogPlace, OrderAnswer, OrderWord, Problem,
    ReloadAnswer, Remark,
};

/// `GET`: [`DaemonStatus`].
pub const STATUS: &str = "/api/v1/status";
/// `GET`: [`HistoryAnswer`].
pub const HISTORY: &str = "/api/v1/history";
/// `GET`, and `POST` for another level: [`LogAnswer`].
pub const LOG: &str = "/api/v1/log";
/// `POST`: [`ReloadAnswer`].
pub const RELOAD: &str = "/api/v1/reload";
/// `POST` to `RESOURCES/NAME/failover` and `RESOURCES/NAME/takeover`: [`OrderAnswer`].
pub const RESOURCES: &str = "/api/v1/resources";

/// One daemon, its peer and its resources.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DaemonStatus {
    /// The version of the daemon.
    pub program: String,
    /// The name of its host.
    pub host: String,
    /// The name of the peer's host by the name service of this one; `null` if it is not known, or not yet.
    #[serde(default)]
    pub remote_host: Option<String>,
    /// `local-address`.
    pub local_address: IpAddr,
    /// `remote-address`.
    pub remote_address: IpAddr,
    /// `port`.
    pub port: u16,
    /// `security`.
    pub security: String,
    /// A hash of the configuration in force; `null` of an older daemon.
    #[serde(default)]
    pub config_hash: Option<String>,
    /// Authentication of the peer; absent if it is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Authentication>,
    /// Whether the `witness` answered when it was last asked, ten seconds ago at most; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness_answers: Option<bool>,
    /// The longest time that the `witness` took to answer in the last ten minutes; absent before its first answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness_answer_seconds: Option<f64>,
    /// What the echoes to `ping-address` show; absent without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// Since its start.
    pub uptime_seconds: f64,
    /// The other node.
    pub peer: PeerNode,
    /// How many resources there are, and how many of them are protected.
    pub summary: Summary,
    /// In the order of the configuration.
    pub resources: Vec<ResourceState>,
}

/// Whether a resource waits for the peer's host to be off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Fence {
    /// This side would take over, and waits for that.
    pub waits: bool,
    /// How often it was not confirmed in this silence of the peer.
    pub not_confirmed: u32,
}

/// Whether this host is isolated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Isolation {
    /// No target has answered for `ping-timeout`.
    pub isolated: bool,
    /// In the order of `ping-address`.
    pub targets: Vec<EchoTarget>,
}

/// A host of `ping-address`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct EchoTarget {
    /// As it is written.
    pub address: String,
    /// Whether it answers; `null` before that is known.
    pub answers: Option<bool>,
}

/// Authentication of the peer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Authentication {
    /// `auth-mode`.
    pub mode: String,
    /// The name of the key that signs our messages.
    pub key: Option<String>,
    /// That of the peer's; `null` while it has not signed any.
    pub peer_key: Option<String>,
    /// Datagrams from the peer's address that did not count, since the start.
    pub refused: u64,
    /// Why the last of them did not.
    pub last_refusal: Option<String>,
    /// Its messages arrive, and show that it hears nothing of this host.
    pub peer_hears_nothing: bool,
}

/// The other node, as far as this one hears it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PeerNode {
    /// A message came within the timeout, for at least one resource.
    pub heard: bool,
    /// The age of its last message; `null` before the first one.
    pub heard_seconds_ago: Option<f64>,
    /// Its program, as its messages show it; `null` before the first one.
    pub program: Option<PeerProgram>,
    /// The way to it and back; `null` while it is not heard, and if its program does not tell.
    #[serde(default)]
    pub link: Option<PeerLink>,
    /// Every path to it, if there are several.
    #[serde(default)]
    pub paths: Vec<PeerPath>,
    /// What a message has to have now to be believed.
    #[serde(default)]
    pub proof: PeerProof,
}

/// The way to the peer and back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PeerLink {
    /// The time for it, smoothed; without the time that the peer waits before it speaks. `null` before it is measured.
    pub round_trip_seconds: Option<f64>,
    /// How many messages the peer has sent recently: the last two thousand at most.
    pub recently_sent: u64,
    /// How many of them have not come.
    pub recently_lost: u64,
}

/// `round trip 0.4 ms, loss 0 of 1500`
impl std::fmt::Display for PeerLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(seconds) = self.round_trip_seconds {
            write!(f, "round trip {:.1} ms, ", seconds * 1e3)?;
        }
        write!(f, "loss {} of {}", self.recently_lost, self.recently_sent)
    }
}

/// One of several paths to the peer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PeerPath {
    /// The number in the names of its keys; 1 for `local-address` and `remote-address`.
    pub number: u8,
    /// This host's end.
    pub local_address: String,
    /// The peer's end.
    pub remote_address: String,
    /// Whether messages come and arrive by it.
    pub state: PathHealth,
    /// The age of the last message that came by it; `null` before the first.
    pub heard_seconds_ago: Option<f64>,
    /// `null` before a message has come by it.
    pub link: Option<PeerLink>,
}

/// How well a path to the peer works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PathHealth {
    /// The peer or the path is new, and it is too early to tell.
    #[default]
    Waiting,
    /// Messages come by it, and the peer hears ours.
    Works,
    /// Nothing has come by it for the peer's timeout.
    NotHeard,
    /// Messages come by it, and the peer hears none of ours.
    PeerDoesNotHear,
}

impl PathHealth {
    /// It worked, or should by now, and does not.
    pub fn is_lost(self) -> bool {
        matches!(self, PathHealth::NotHeard | PathHealth::PeerDoesNotHear)
    }

    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            PathHealth::Waiting => "not judged yet",
            PathHealth::Works => "works",
            PathHealth::NotHeard => "NOTHING COMES BY IT",
            PathHealth::PeerDoesNotHear => "THE PEER HEARS NOTHING BY IT",
        }
    }
}

/// What makes a message the peer's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PeerProof {
    /// The peer's address as its source, and nothing else.
    #[default]
    Address,
    /// It also names the run of this daemon, which only those know who can read the link.
    Run,
    /// It is signed with a key of `auth-key-file`.
    Signature,
}

/// The kinds of programs that a peer can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PeerProgram {
    /// Version 3 or later.
    Ours,
    /// 1.15.0 to 2.0.0.
    Modern,
    /// Up to 1.14.1.
    Classic,
}

/// The resources in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Summary {
    /// All of them.
    pub resources: usize,
    /// Those with [`ServiceLevel::Protected`].
    pub protected: usize,
    /// Those with [`ServiceLevel::Unprotected`].
    pub unprotected: usize,
    /// Those with [`ServiceLevel::NobodyHot`].
    pub nobody_hot: usize,
    /// Those with [`ServiceLevel::BothHot`].
    pub both_hot: usize,
}

/// How a resource is served, as far as this node knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ServiceLevel {
    /// One side is hot and the other is standby.
    Protected,
    /// One side is hot or on its way, and the other could not take over.
    Unprotected,
    /// No side is known to be hot or on its way.
    NobodyHot,
    /// Both sides are hot.
    BothHot,
}

/// One resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ResourceState {
    /// The resource-id.
    pub name: String,
    /// How it is served.
    pub service: ServiceLevel,
    /// Why it is not protected, in words; `null` if it is.
    pub explanation: Option<String>,
    /// The state on this node: unknown, standby, going-hot, hot, releasing, going-standby, failed or leaving.
    pub state: String,
    /// How long it has been in this state.
    pub state_seconds: f64,
    /// `priority`.
    pub priority: i32,
    /// `set`: the resources that switch with this one; `null`: it switches alone.
    #[serde(default)]
    pub set: Option<String>,
    /// The `policy` in force; absent if it is `available` and was meant so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// The state of its `fence-action`; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fence: Option<Fence>,
    /// The number of this side's last promotion; absent if none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// `heartbeat`.
    pub heartbeat_seconds: f64,
    /// `timeout`.
    pub timeout_seconds: f64,
    /// No automatic switch; `null` if it is not frozen.
    #[serde(default)]
    pub frozen: Option<Frozen>,
    /// The last change of this node to or from hot; `null` if there was none since the daemon's start.
    pub last_switch: Option<LastSwitch>,
    /// How long the last planned switches took: what to expect of the next one. Absent if there was none since the daemon's start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<PlannedSwitches>,
    /// The address of the service that the daemon brings up; absent if commands do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<ServiceAddress>,
    /// Commands that fail, and other things to look after, in words.
    pub troubles: Vec<String>,
    /// The other node's part.
    pub peer: PeerState,
    /// The application on this node.
    pub application: ApplicationState,
}

/// The address of the service, as the daemon itself brings it up and takes it down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ServiceAddress {
    /// `shared-address`, with prefixes.
    pub addresses: Vec<String>,
    /// `shared-interface`.
    pub interface: String,
    /// Whether it is up on this node; `null` before its first command.
    pub up: Option<bool>,
}

/// A freeze by an operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Frozen {
    /// It ends by itself then.
    pub seconds_left: f64,
    /// The operator's reason; `null` if there is none, or it was ordered on the other side.
    pub reason: Option<String>,
}

/// A change of this node to or from hot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LastSwitch {
    /// To hot, or from it.
    pub direction: SwitchDirection,
    /// Why, in words.
    pub cause: String,
    /// The operator, if it was ordered at this daemon; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// How long no side was hot, as far as this one knows; absent if that is not over, or neither was hot before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_service_seconds: Option<f64>,
    /// When.
    pub seconds_ago: f64,
}

/// How long the last planned switches took: those that were ordered, and those of a daemon that ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlannedSwitches {
    /// From the order until this side had stopped the service and taken its address down; `null` if it never has.
    pub release_seconds: Option<f64>,
    /// How long no side was hot when this one became it; `null` if it never has.
    pub here_seconds: Option<f64>,
    /// The same when the other side did.
    pub away_seconds: Option<f64>,
}

/// Where a switch goes, as seen from the node that tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SwitchDirection {
    /// This node became hot.
    Here,
    /// This node ceased to be hot.
    Away,
}

/// One resource on the other node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PeerState {
    /// A message came within the timeout.
    pub heard: bool,
    /// The age of its last message; `null` before the first one.
    pub heard_seconds_ago: Option<f64>,
    /// The state that it last named; `null` before the first one, and while it is not heard.
    pub state: Option<String>,
    /// How long it has named that state; `null` if `state` is.
    #[serde(default)]
    pub state_seconds: Option<f64>,
    /// The reason that it gave.
    pub reason: Option<String>,
    /// The number of its promotion, if it says that it serves; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
}

/// The application of one resource on this node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ApplicationState {
    /// It reported a failure, ended, or is silent, and has not reported anything better since.
    pub failed: bool,
    /// The age of its last report; `null` before the first one.
    pub heard_seconds_ago: Option<f64>,
    /// The state that it last reported; `null` before the first one.
    pub state: Option<String>,
    /// The reason that it gave.
    pub reason: Option<String>,
}

#[cfg(test)]
mod openapi;
