//! The shared address of a service: added to an interface, announced to the neighbours, watched, and removed.
//!
//! | module | what it does | with the system? |
//! |---|---|---|
//! | `schedule` | when an address is announced | no |
//! | `frame` | gratuitous ARP, neighbour advertisements and probes as bytes | no |
//! | `kernel` | addresses and links by netlink, frames by packet sockets | yes |
//! | `keeper` | the thread that keeps every shared address as it is wanted | yes |
//!
//! A netlink request can wait for a lock of the kernel, so everything here runs on a thread of its own
//! ([`AddressKeeper`]). It needs CAP_NET_ADMIN and CAP_NET_RAW, and Linux; on other systems
//! [`AddressKeeper::start`] fails.

#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "nothing is announced there"))]
mod frame;
mod keeper;
#[cfg(target_os = "linux")]
mod kernel;
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "nothing is announced there"))]
mod schedule;
mod trouble;

use std::fmt;
use std::net::IpAddr;

pub use keeper::{AddressJob, AddressKeeper, AddressReport, KeeperSettings};
pub use schedule::AnnounceSchedule;
pub use trouble::{LinkState, Loss, Trouble};

/// An address with the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// 0 to 32, or to 128.
    pub prefix: u8,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

/// The need of one service: addresses that are on the interface of the hot side, and there alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SharedPlace {
    /// The name of the interface.
    pub interface: String,
    /// At least one.
    pub addresses: Vec<Address>,
}
