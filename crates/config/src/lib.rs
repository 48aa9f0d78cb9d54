//! The configuration: the operator's file, turned into one typed value.
//!
//! [`Config`] is the only thing the rest of the daemon sees. The way to it:
//!
//! | from | to | in |
//! |---|---|---|
//! | bytes | `Document`: groups of keys with their positions | `legacy`, `toml`, `source` |
//! | `Document` | [`Config`]: defaults, ranges, units | `interpret`, `core_group`, `resource_group`, `command_pairs` |
//! | [`PeerPath`] | a further path to the peer | `paths` |
//! | [`Auth`] | the key file, which is part of it | `auth` |
//! | one value | an address, a number, a time … | `fields`, `address`, `number`, `command` |
//! | [`Loaded`] or [`LoadError`] | what `--check` prints | `report`, `rows`, `notes`, `host_notes` |
//! | [`Loaded`] | the other format; one word | `convert`, `fingerprint` |
//!
//! `keys` is the table of all keys. Mistakes are collected as [`Diagnostic`]s. `docs/configuration.md` is
//! the reference for operators.

mod address;
mod auth;
pub mod caller;
mod command;
mod command_pairs;
mod control_socket;
mod convert;
mod core_group;
mod diagnostic;
mod document;
mod exposure;
mod fence;
mod fields;
mod find;
mod fingerprint;
mod host_notes;
mod interpret;
mod isolation;
mod kept;
mod keys;
mod legacy;
mod load;
mod notes;
mod number;
mod page;
mod paths;
mod peek;
mod report;
mod resource_group;
mod restart;
mod rights;
mod rows;
mod sets;
mod settings;
mod shared;
mod source;
mod state;
#[cfg(test)]
mod tests;
mod toml;
mod unit;
mod user;
mod witness;
mod words;

use std::net::{IpAddr, SocketAddr};
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use auth::{Auth, FileText, OrderTokens, token_to_show};
pub use control_socket::{ControlSocket, SOCKET_PATH_MAX, network};
pub use diagnostic::{Diagnostic, LoadError};
pub use exposure::exposure;
pub use fence::FenceAction;
pub use find::{NoConfigFile, find, unread_sibling};
pub use fingerprint::fingerprint;
pub use isolation::PingTarget;
pub use kept::restore;
pub use keys::DEFAULT_STATE_DIRECTORY;
pub use load::{Loaded, load, load_text};
pub use page::Page;
pub use paths::{PATHS_MAX, PeerPath};
pub use peek::{Peek, peek};
pub use report::{failure, failure_json, findings, report, report_json};
pub use restart::needs_restart;
pub use rights::{ActionLimit, LimitKind};
pub use rows::{core_differences, resource_differences};
pub use settings::settings;
pub use shared::{Network, SharedAddress, Track};
pub use unit::UnitNote;
pub use user::AppUser;
pub use witness::{Witness, WitnessFile, WitnessLogin, WitnessNote, WitnessTls};
pub use words::{
    Alone, AuthMode, Facility, HttpControl, LogTime, OnExit, OnIsolationWord, PolicyWord, Realtime,
    ScriptAddresses, Security,
};

/// A whole configuration, checked and with every default filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The `core` group.
    pub core: Core,
    /// The `resource` groups in the order of the file; at least one, names unique.
    pub resources: Vec<Resource>,
}

/// The `core` group: this host, its peer, and what holds for all resources.
#[derive(Clone, Debug, PartialEq)]
pub struct Core {
    /// `local-address`: our end of the peer link; sockets are bound to it. Mandatory.
    pub local_address: IpAddr,
    /// `remote-address`: the peer's end; never equal to `local_address`. Mandatory.
    pub remote_address: IpAddr,
    /// `local-address-2`, `remote-address-2` …: further paths to the same peer, by number; no address is in two paths.
    pub more_paths: Vec<PeerPath>,
    /// `shared-address`: the first address of the service, for commands.
    pub shared_address: Option<IpAddr>,
    /// `netmask`: only handed to commands, as written.
    pub netmask: Option<String>,
    /// `port`: UDP port of the peer link, 1 … 65534; applications use `port` + 1. Mandatory.
    pub port: u16,
    /// `http-port`: TCP port of the admin page; `None` (absent or ≤ 0) = no page.
    pub http_port: Option<u16>,
    /// `http-address`: addresses the page listens on. Empty = the default: all addresses, or only
    /// `local_address` if that is a loopback address.
    pub http_address: Vec<IpAddr>,
    /// `http-host`: further `Host` names that requests may carry.
    pub http_host: Vec<String>,
    /// `app-address`: further sources that may send application messages.
    pub app_address: Vec<IpAddr>,
    /// `http-control`: whose orders the page takes without a token.
    pub http_control: HttpControl,
    /// `order-token-file`: the tokens with which the page takes anybody's.
    pub order_tokens: Option<OrderTokens>,
    /// `run-directory`: an absolute path.
    pub run_directory: PathBuf,
    /// `control-group`: a name or a number.
    pub control_group: Option<String>,
    /// The file to log to, `log-dir` and `log-file` already joined; `None` = stderr alone.
    pub log_file: Option<PathBuf>,
    /// `log-syslog`: the facility under which to log to syslog; `None` = not at all.
    pub log_syslog: Option<Facility>,
    /// `log-syslog-server`: where syslog is, default port 514; `None` = the local syslogd. Never without
    /// `log_syslog`.
    pub log_syslog_server: Option<SocketAddr>,
    /// `log-level`: least severe level that is logged. Default: info.
    pub log_level: log::LevelFilter,
    /// `log-time`: how fine the times in the log file are.
    pub log_time: LogTime,
    /// `notify`: the command that runs for each event.
    pub notify: Option<String>,
    /// `script-addresses`: how addresses look in the environment of commands.
    pub script_addresses: ScriptAddresses,
    /// `on-exit`: what SIGTERM means on a hot node.
    pub on_exit: OnExit,
    /// `extensions`: whether we send our own keys to a peer, and believe the peer's.
    pub extensions: bool,
    /// `state-directory`: an absolute path.
    pub state_directory: PathBuf,
    /// `alone`: what a node does that has never heard its peer.
    pub alone: Alone,
    /// `witness`: the third vote.
    pub witness: Option<Witness>,
    /// `ping-address`: hosts that answer as long as this one is not isolated; eight at most.
    pub ping: Vec<PingTarget>,
    /// `ping-timeout`, 20 ms … 1 h; see [`Config::ping_timeout`].
    pub ping_timeout: Option<Duration>,
    /// `realtime`: whether the heartbeats go before everything else on the host.
    pub realtime: Realtime,
    /// `watchdog`: the device, an absolute path.
    pub watchdog: Option<PathBuf>,
    /// `security`.
    pub security: Security,
    /// `auth-key-file` and `auth-mode`.
    pub auth: Option<Auth>,
}

impl Core {
    /// Authentication, if it is not off.
    pub fn auth_in_use(&self) -> Option<&Auth> {
        self.auth.as_ref().filter(|auth| auth.mode != AuthMode::Off)
    }

    /// Whether only a peer that signs is believed.
    pub fn peer_has_to_sign(&self) -> bool {
        self.auth.as_ref().is_some_and(|auth| auth.mode == AuthMode::Enforce)
    }

    /// Whether everything is refused that is not proved (`security = strict`).
    pub fn is_strict(&self) -> bool {
        self.security == Security::Strict
    }
}

/// A command that says whether the application runs: the daemon reports for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// `check-command`: exit status 0 = the application runs. The resource has a `start-action` and a `stop-action`.
    pub command: String,
    /// `check-interval`: from the end of one check to the beginning of the next, 0.1 s … 1 h, default 2 s.
    pub interval: Duration,
    /// `check-timeout`, 10 ms … 1 h, default 5 s.
    pub timeout: Duration,
    /// `check-rise`: successes in a row before the application is hot, 1 … 100, default 1.
    pub rise: u32,
    /// `check-fall`: failures in a row before a hot application has failed, 1 … 100, default 2.
    pub fall: u32,
}

/// One `resource` group, with the values it inherits from `core`. It reads as its values do.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// `name`: the resource-id, 1 … 255 bytes without control characters. Mandatory.
    pub name: Arc<str>,
    /// All the rest. Those of thousands of resources are the same, and in memory once ([`Resource::share_values`]).
    pub values: Arc<ResourceValues>,
}

impl Resource {
    /// Uses the other resource's copy of the values if they are the same.
    pub fn share_values(&mut self, other: &Resource) {
        if self.values == other.values {
            self.values = Arc::clone(&other.values);
        }
    }
}

impl Deref for Resource {
    type Target = ResourceValues;

    fn deref(&self) -> &ResourceValues {
        &self.values
    }
}

/// A change is one of this resource alone.
impl DerefMut for Resource {
    fn deref_mut(&mut self) -> &mut ResourceValues {
        Arc::make_mut(&mut self.values)
    }
}

/// The values of a `resource` group, apart from its name.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceValues {
    /// `priority`: the greater one wins a conflict. Default 0.
    pub priority: i32,
    /// `set`: the resources that share fate with this one; `None`: it is alone.
    pub set: Option<String>,
    /// `start-action`: command that makes the application hot.
    pub start_action: Option<String>,
    /// `stop-action`: command that makes the application standby.
    pub stop_action: Option<String>,
    /// `check-command` and what belongs to it; `None` = the application reports by itself.
    pub check: Option<Check>,
    /// `unit`: the full name of the unit of systemd that is the application.
    pub unit: Option<String>,
    /// `interface-activate`: command that brings the service address up.
    pub interface_activate: Option<String>,
    /// `interface-announce`: command that makes the service address, which is up, known again.
    pub interface_announce: Option<String>,
    /// `interface-deactivate`: command that takes the service address down.
    pub interface_deactivate: Option<String>,
    /// `shared-address` with `shared-interface`: what the daemon itself adds to an interface; `None`: commands do.
    pub shared: Option<SharedAddress>,
    /// `pid-file`: handed to commands; names the process of an application that sends no pid.
    pub pid_file: Option<PathBuf>,
    /// `app-user`: whose processes may report, beside root's and our own user's. `None`: everybody's in legacy mode, nobody
    /// else's in strict mode.
    pub app_user: Option<AppUser>,
    /// `heartbeat-intervall` (sic), else `heartbeat` of `core`: 3 ms … 20 s, default 2 s.
    pub heartbeat: Duration,
    /// `timeout` of `core`, 3 × heartbeat (the default) … 1 h: silence after which the peer is dead.
    pub timeout: Duration,
    /// `app-timeout`, 10 ms … 1 h, default 10 s or 5 × heartbeat if that is more: silence after which the
    /// application has failed.
    pub app_timeout: Duration,
    /// `going-hot-timeout`, 10 ms … 1 h, default 20 s, from the beginning of the start command.
    pub going_hot_timeout: Duration,
    /// `going-standby-timeout`, 10 ms … 1 h, default 6 s.
    pub going_standby_timeout: Duration,
    /// `startup-delay`, 0 … 1 h, default 0: how long after the daemon's start silence counts for nothing.
    pub startup_delay: Duration,
    /// `hold-back`, 0 … 1 h, default 5 s: how long a side that fails a second time soon is held back.
    pub hold_back: Duration,
    /// `hold-back-max`, `hold-back` … 1 h, default 300 s.
    pub hold_back_max: Duration,
    /// `action-user`: the user that runs start, stop and check commands; `None` = the daemon's own.
    pub action_user: Option<String>,
    /// `action-limits`: of all commands.
    pub action_limits: Vec<ActionLimit>,
    /// `action-timeout` for `start-action` and `stop-action`, 10 ms … 1 h, default 30 s.
    pub action_timeout: Duration,
    /// `action-timeout` for the interface commands, 10 ms … 1 h, default 5 s.
    pub interface_timeout: Duration,
    /// `preempt`: whether a returning node of higher priority takes a healthy hot peer's place.
    pub preempt: bool,
    /// `policy`: when a side takes over.
    pub policy: PolicyWord,
    /// `on-isolation`: what a side does whose host is isolated.
    pub on_isolation: OnIsolationWord,
    /// `fence-action` and what belongs to it; `None` = silence of the peer is enough.
    pub fence: Option<FenceAction>,
    /// `promise`: how long the word of the peer or of the witness lasts; at least `timeout`, at most an hour.
    pub promise: Duration,
}
