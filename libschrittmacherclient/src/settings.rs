//! What the application can set, with defaults and ranges.

use std::time::Duration;

use schrittmacher_wire::is_sendable_name;

use crate::Error;

/// Which internet protocol the daemon is reached by, where its address leaves that open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AddressFamily {
    /// IPv4: the default daemon address is 127.0.0.1. The default.
    #[default]
    V4,
    /// IPv6: the default daemon address is `::1`.
    V6,
}

/// Where the daemon listens to applications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// None: the loopback address of `family`.
    pub address: Option<String>,
    pub port: u16,
    pub family: AddressFamily,
}

/// The process that a message names, which the daemon watches and signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pid {
    /// The process that runs the client, asked for anew after a fork. The legacy library asked once, at init,
    /// and so kept on naming a dead parent (decision A3).
    Own,
    Fixed(u32),
    /// Messages carry no pid, as before client 1.16.
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

/// Every setting of a client but its functions.
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
}

impl Default for Settings {
    /// The defaults of client 1.18.0.
    fn default() -> Settings {
        Settings {
            endpoint: Endpoint { address: None, port: 7701, family: AddressFamily::V4 },
            resource_id: None,
            host: None,
            kind: None,
            pid: Pid::Own,
            adminweb_port: 0,
            max_transiting_counter: 30,
            heartbeat_interval: Duration::from_millis(1500),
        }
    }
}

/// The range of the heartbeat interval. Longer than the daemon's shortest patience (10 s) makes no sense.
const INTERVAL: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(10);

/// Accepts a name that fits into a datagram.
pub(crate) fn checked_name(name: Option<&str>) -> Result<Option<String>, Error> {
    match name {
        Some(name) if !is_sendable_name(name) => Err(Error::Invalid("the text is longer than 255 bytes")),
        Some(name) => Ok(Some(name.to_owned())),
        None => Ok(None),
    }
}

/// Accepts a resource id: not empty.
pub(crate) fn checked_resource_id(text: Option<&str>) -> Result<Option<String>, Error> {
    match text {
        Some("") => Err(Error::Invalid("the resource id is empty")),
        other => checked_name(other),
    }
}

/// Accepts a port that can be sent to.
pub(crate) fn checked_port(port: u16) -> Result<u16, Error> {
    if port == 0 { Err(Error::Invalid("the port is not between 1 and 65535")) } else { Ok(port) }
}

/// Accepts an interval within the range.
pub(crate) fn checked_interval(interval: Duration) -> Result<Duration, Error> {
    if INTERVAL.contains(&interval) {
        Ok(interval)
    } else {
        Err(Error::Invalid("the heartbeat interval is not between 10 ms and 10 s"))
    }
}
