//! The settings of a client, with defaults and ranges.

use std::path::{Path, PathBuf};
use std::time::Duration;

use schrittmacher_wire::is_sendable_name;

use crate::Error;

/// The internet protocol to use if the daemon's address is a host name, or is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AddressFamily {
    /// IPv4: the default daemon address is 127.0.0.1. The default.
    #[default]
    V4,
    /// IPv6: the default daemon address is `::1`.
    V6,
}

/// The daemon's address for applications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// None: the loopback address of `family`.
    pub address: Option<String>,
    pub port: u16,
    pub family: AddressFamily,
    /// Where the daemon's Unix sockets are. None: in the daemon's default directory.
    pub run_directory: Option<PathBuf>,
}

/// The process that a message names. The daemon watches and signals it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pid {
    /// The process that runs the client, also after a fork. The legacy library asked for it once, at init, and so went on
    /// naming a dead parent (decision A3).
    Own,
    Fixed(u32),
    /// Messages carry no pid, as those of clients before 1.16.
    Absent,
}

impl Pid {
    /// The number for a message.
    pub fn number(self) -> Option<u32> {
        match self {
            Pid::Own => Some(std::process::id()),
            Pid::Fixed(pid) => Some(pid),
            Pid::Absent => None,
        }
    }
}

/// Every setting of a client except its functions.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub endpoint: Endpoint,
    pub resource_id: Option<String>,
    pub host: Option<String>,
    /// The key `type` on the wire.
    pub kind: Option<String>,
    pub pid: Pid,
    /// 0: not sent.
    pub adminweb_port: u16,
    pub max_transiting_counter: u32,
    pub heartbeat_interval: Duration,
    /// For how long messages must be refused before the daemon counts as lost. None: never.
    pub daemon_lost_after: Option<Duration>,
}

impl Default for Settings {
    /// The defaults of client 1.18.0.
    fn default() -> Settings {
        Settings {
            endpoint: Endpoint { address: None, port: 7701, family: AddressFamily::V4, run_directory: None },
            resource_id: None,
            host: None,
            kind: None,
            pid: Pid::Own,
            adminweb_port: 0,
            max_transiting_counter: 30,
            heartbeat_interval: Duration::from_millis(1500),
            daemon_lost_after: None,
        }
    }
}

/// The range of the heartbeat interval. Its end is the shortest time after which the daemon gives up.
const INTERVAL: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(10);

/// Accepts a name that fits into a datagram, or none.
pub(crate) fn checked_name(name: Option<&str>) -> Result<Option<String>, Error> {
    match name {
        Some(name) if !is_sendable_name(name) => Err(Error::Invalid("the text is longer than 255 bytes")),
        Some(name) => Ok(Some(name.to_owned())),
        None => Ok(None),
    }
}

/// Accepts a resource id that is not empty, or none.
pub(crate) fn checked_resource_id(text: Option<&str>) -> Result<Option<String>, Error> {
    match text {
        Some("") => Err(Error::Invalid("the resource id is empty")),
        other => checked_name(other),
    }
}

/// Accepts an absolute path, or none.
pub(crate) fn checked_run_directory(path: Option<&Path>) -> Result<Option<PathBuf>, Error> {
    match path {
        Some(path) if path.is_relative() => Err(Error::Invalid("the run directory is not an absolute path")),
        other => Ok(other.map(Path::to_owned)),
    }
}

/// Accepts a port other than 0.
pub(crate) fn checked_port(port: u16) -> Result<u16, Error> {
    if port == 0 { Err(Error::Invalid("the port is not between 1 and 65535")) } else { Ok(port) }
}

/// The range of the time after which a daemon that refuses messages is lost.
const LOST_AFTER: std::ops::RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(86_400);

/// Accepts a time after which the daemon is lost.
pub(crate) fn checked_lost_after(after: Duration) -> Result<Duration, Error> {
    if LOST_AFTER.contains(&after) {
        Ok(after)
    } else {
        Err(Error::Invalid("the time until the daemon is lost is not between 1 ms and one day"))
    }
}

/// Accepts an interval within the range.
pub(crate) fn checked_interval(interval: Duration) -> Result<Duration, Error> {
    if INTERVAL.contains(&interval) {
        Ok(interval)
    } else {
        Err(Error::Invalid("the heartbeat interval is not between 10 ms and 10 s"))
    }
}
