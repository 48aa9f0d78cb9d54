//! The configuration: what the operator wrote, turned into one typed value.
//!
//! [`Config`] is the only thing the rest of the daemon sees. The way to it:
//!
//! | from | to | in |
//! |---|---|---|
//! | bytes | `Document`: groups of keys with their positions | `legacy`, `toml`, `source` |
//! | `Document` | [`Config`]: defaults, ranges, units | `interpret`, `core_group`, `resource_group` |
//! | one value | an address, a number, a time … | `fields`, `address`, `number`, `command` |
//! | [`Loaded`] or [`LoadError`] | what `--check` prints | `report`, `rows`, `notes` |
//!
//! `keys` is the table of all keys; what is wrong is collected as [`Diagnostic`]s. `docs/configuration.md` is
//! the reference for operators.

mod address;
mod command;
mod core_group;
mod diagnostic;
mod document;
mod facility;
mod fields;
mod interpret;
mod keys;
mod legacy;
mod load;
mod notes;
mod number;
mod report;
mod resource_group;
mod rows;
mod source;
#[cfg(test)]
mod tests;
mod toml;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

pub use diagnostic::{Diagnostic, LoadError};
pub use facility::Facility;
pub use load::{Loaded, load, load_text};
pub use report::{failure, failure_json, report, report_json};

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
    /// `shared-address`: the service's address; only handed to commands.
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
    /// The file to log to, `log-dir` and `log-file` already joined; `None` = stderr alone.
    pub log_file: Option<PathBuf>,
    /// `log-syslog`: the facility under which to log to syslog; `None` = not at all.
    pub log_syslog: Option<Facility>,
    /// `log-syslog-server`: where syslog is, default port 514; `None` = the local syslogd. Never without
    /// `log_syslog`.
    pub log_syslog_server: Option<SocketAddr>,
    /// `log-level`: least severe level that is logged. Default: info.
    pub log_level: log::LevelFilter,
    /// `script-addresses`: how addresses look in the environment of commands.
    pub script_addresses: ScriptAddresses,
    /// `on-exit`: what SIGTERM means on a hot node.
    pub on_exit: OnExit,
    /// `extensions`: whether we tell a peer that it is one of ours and believe it when it does.
    pub extensions: bool,
    /// `security`.
    pub security: Security,
}

/// One `resource` group, with the values it inherits from `core`.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// `name`: the resource-id, 1 … 255 bytes without control characters. Mandatory.
    pub name: String,
    /// `priority`: the greater one wins a conflict. Default 0.
    pub priority: i32,
    /// `start-action`: command that makes the application hot.
    pub start_action: Option<String>,
    /// `stop-action`: command that makes the application standby.
    pub stop_action: Option<String>,
    /// `interface-activate`: command that brings the service address up.
    pub interface_activate: Option<String>,
    /// `interface-deactivate`: command that takes the service address down.
    pub interface_deactivate: Option<String>,
    /// `pid-file`: handed to commands; names the process of an application that sends no pid.
    pub pid_file: Option<PathBuf>,
    /// `heartbeat-intervall` (sic), else `heartbeat` of `core`: 10 ms … 20 s, default 2 s.
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
    /// `action-timeout` for `start-action` and `stop-action`, 10 ms … 1 h, default 30 s.
    pub action_timeout: Duration,
    /// `action-timeout` for the interface commands, 10 ms … 1 h, default 5 s.
    pub interface_timeout: Duration,
    /// `preempt`: whether a returning node of higher priority takes a healthy hot peer's place.
    pub preempt: bool,
}

/// How addresses look in the environment of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptAddresses {
    /// `10.2.1.88`, as the manual shows. Default.
    Plain,
    /// `ipv4:10.2.1.88`, as versions 1.7 … 2.0.0 really passed.
    Legacy,
}

/// What SIGTERM and SIGINT mean on a hot node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExit {
    /// Hand over to a healthy peer first. Default.
    Handover,
    /// Leave the application and its address alone.
    Leave,
}

/// How much is demanded of peers, operators and commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// As open as the legacy program; one warning a start names what is open. Default.
    Legacy,
    /// Refused by this version: authentication of the peer does not exist yet.
    Strict,
}
