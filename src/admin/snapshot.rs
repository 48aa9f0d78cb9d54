//! The state of the daemon for the page: plain values, copied by the protocol thread.

use std::time::{Duration, SystemTime};

use schrittmacher_api::{PathHealth, PeerProof, SwitchDirection};
use schrittmacher_auth::{KeyId, Why};
use schrittmacher_config::{AuthMode, PolicyWord, SharedAddress};
use schrittmacher_protocol::{Generation, StateName, Time};
use schrittmacher_wire::{AppCode, PeerCode};

use crate::figures::{NodeFigures, ResourceFigures};
use crate::witness::pace::Pace;

/// Everything the page and the API show, at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusSnapshot {
    /// That instant by the daemon's clock.
    pub clock: Time,
    /// A hash of the configuration in force.
    pub configuration: String,
    /// `security = strict` is in force.
    pub is_strict: bool,
    /// The resources in the order of the configuration.
    pub resources: Vec<ResourceStatus>,
    /// The sockets for applications.
    pub local: DoorStatus,
    /// The socket for the peer.
    pub peer: DoorStatus,
    /// Authentication of the peer; `None` if it is off.
    pub auth: Option<AuthFacts>,
    /// The way to the peer and back; `None` if the peer tells nothing of it.
    pub link: Option<LinkFacts>,
    /// Every path to the peer, if there are several.
    pub paths: Vec<PathFacts>,
    /// Whether the host would be reset if the daemon stood still now; `None` without `watchdog`.
    pub watchdog_armed: Option<bool>,
    /// The third vote; `None` without `witness`.
    pub witness: Option<WitnessFacts>,
    /// What the echoes to `ping-address` show; `None` without it.
    pub echoes: Option<EchoFacts>,
    /// What makes a message the peer's now.
    pub proof: PeerProof,
}

/// The way to the peer and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkFacts {
    /// The time for it, without the time that the peer waits before it speaks; smoothed.
    pub round_trip: Option<Duration>,
    /// How many messages the peer has sent since the first one that was heard, as their numbers tell.
    pub sent: u64,
    /// How many of them have come.
    pub came: u64,
    /// The same of the last ones: at least a thousand, if there were as many.
    pub recently_sent: u64,
    pub recently_lost: u64,
}

/// How the witness answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WitnessFacts {
    /// Whether it answered when it was last asked; `None` before the first time.
    pub answers: Option<bool>,
    /// Whether it told of an alarm when it was last looked at.
    pub alarm: bool,
    /// How long that takes; `None` before the first answer.
    pub pace: Option<Pace>,
    /// The questions for a lease, by their outcome.
    pub granted: u64,
    pub refused: u64,
    pub unreachable: u64,
}

/// The state of a `fence-action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FenceFacts {
    /// This side would take over, and waits for the peer's host to be off.
    pub waits: bool,
    /// How often it was not confirmed in this silence of the peer.
    pub not_confirmed: u32,
}

/// What the echoes to `ping-address` show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EchoFacts {
    /// No target answers.
    pub isolated: bool,
    pub targets: Vec<TargetFacts>,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetFacts {
    pub address: String,
    /// `None`: it is not known yet.
    pub answers: Option<bool>,
}

/// One of several paths to the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathFacts {
    /// 1 for the first one.
    pub number: u8,
    /// The ends of it, as they are written.
    pub local: String,
    pub remote: String,
    /// Whether messages come and arrive by it.
    pub health: PathHealth,
    /// When the last one has come by it.
    pub heard: Option<Time>,
    /// The way by it; `None` before one has come.
    pub link: Option<LinkFacts>,
    /// How often it was lost.
    pub losses: u64,
}

/// Everything that `/metrics` shows, at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FiguresSnapshot {
    /// The state of everything.
    pub status: StatusSnapshot,
    /// The figures of the node.
    pub node: NodeFigures,
    /// Those of the resources, in the same order as their states.
    pub resources: Vec<ResourceFigures>,
}

/// The facts about the authentication of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthFacts {
    /// `auth-mode`.
    pub mode: AuthMode,
    /// The key that signs.
    pub own_key: Option<KeyId>,
    /// The key that the peer signs with; `None` while it has not signed.
    pub peer_key: Option<KeyId>,
    /// How many datagrams did not count.
    pub refused: u64,
    /// Why the last one did not.
    pub last_refusal: Option<Why>,
    /// The peer is heard, and does not hear us.
    pub is_deaf: bool,
}

/// One resource, one row of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceStatus {
    /// The resource-id.
    pub name: String,
    /// Its state on this node.
    pub state: StateName,
    /// When it was entered.
    pub since: Time,
    /// `priority`.
    pub priority: i32,
    /// `set`.
    pub set: Option<String>,
    /// The `policy` in force; `None` if it is `available` and was meant so.
    pub policy: Option<PolicyWord>,
    /// `None` without a `fence-action`.
    pub fence: Option<FenceFacts>,
    /// The number of this side's last promotion.
    pub epoch: Option<u64>,
    /// `heartbeat`.
    pub heartbeat: Duration,
    /// `timeout`.
    pub timeout: Duration,
    /// How long it is still frozen, and why.
    pub frozen: Option<(Duration, String)>,
    /// The last change to or from hot.
    pub last_switch: Option<Switch>,
    /// How long the last planned switches took.
    pub planned: PlannedTimes,
    /// The address that the daemon brings up, and whether it is up here.
    pub address: Option<(SharedAddress, Option<bool>)>,
    /// The application of this node.
    pub app: AppFacts,
    /// The other node.
    pub peer: PeerFacts,
    /// The application's last message, or its absence; `None` before the first.
    pub last_local: Option<Heard>,
    /// The same of the peer.
    pub last_remote: Option<Heard>,
    /// Troubles of its commands and of its application's process, a sentence each. May hold any text.
    pub troubles: Vec<String>,
    /// Somebody else has its address on this host, and this side has no role: which, and where.
    pub foreign: Option<String>,
    /// A failover can be ordered: this side is hot.
    pub may_failover: bool,
    /// A takeover can be ordered: this side is standby.
    pub may_takeover: bool,
}

/// A change of this node to or from hot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// When.
    pub at: Time,
    /// To hot, or from it.
    pub direction: SwitchDirection,
    /// Why, in words.
    pub cause: String,
    /// The operator who ordered it here.
    pub by: Option<String>,
    /// It was no failure.
    pub is_planned: bool,
    /// How long no side was hot, once that is over.
    pub outage: Option<Duration>,
}

/// How long the last planned switches took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlannedTimes {
    /// Until this side had stopped the service.
    pub release: Option<Duration>,
    /// How long no side was hot, when this one became it.
    pub here: Option<Duration>,
    /// The same of the other one.
    pub away: Option<Duration>,
}

/// The facts about the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppFacts {
    /// It reported a failure, ended, or is silent.
    pub failed: bool,
    /// The reason beside its last report is this daemon's own: the address or the interface.
    pub is_out_of_order: bool,
    /// When it was last heard; `None` before the first time.
    pub heard: Option<Time>,
    /// Its last report.
    pub said: Option<AppCode>,
}

/// The facts about the other node's part in a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerFacts {
    /// It was heard within its timeout.
    pub alive: bool,
    /// Its daemon is heard for other resources, and has been silent about this one for its timeout.
    pub lacks_resource: bool,
    /// When it was last heard; `None` before the first time.
    pub heard: Option<Time>,
    /// Its last message that names its state.
    pub said: Option<StateName>,
    /// When it first named that state, or fell silent.
    pub since: Time,
    /// The generation of its program.
    pub generation: Generation,
    /// The number of its promotion, if it says that it serves.
    pub epoch: Option<u64>,
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

#[cfg(test)]
impl ResourceStatus {
    /// A resource of which nothing is known but this.
    pub(super) fn example(name: &str, state: StateName) -> ResourceStatus {
        ResourceStatus {
            name: name.into(),
            state,
            since: Time::ZERO,
            priority: 0,
            set: None,
            policy: None,
            fence: None,
            epoch: None,
            heartbeat: Duration::from_secs(2),
            timeout: Duration::from_secs(8),
            frozen: None,
            last_switch: None,
            planned: PlannedTimes::default(),
            address: None,
            app: AppFacts {
                failed: state == StateName::Failed,
                is_out_of_order: false,
                heard: None,
                said: None,
            },
            peer: PeerFacts {
                alive: false,
                lacks_resource: false,
                heard: None,
                said: None,
                since: Time::ZERO,
                generation: Generation::Classic,
                epoch: None,
            },
            last_local: None,
            last_remote: None,
            troubles: Vec::new(),
            foreign: None,
            may_failover: state == StateName::Hot,
            may_takeover: state == StateName::Standby,
        }
    }
}
