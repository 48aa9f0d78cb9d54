//! Who may say what (A1, A2).

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use nix::ifaddrs::getifaddrs;
use schrittmacher_protocol::Time;

use crate::config::Core;

/// How often the host's own addresses are looked up at most, when a source is not among them.
const REFRESH: Duration = Duration::from_secs(1);

/// Who sent a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The other daemon.
    Peer,
    /// An application of this host.
    App,
}

/// Why a datagram is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// From a host that is neither the peer nor allowed to speak for an application.
    Stranger(IpAddr),
    /// From the peer host, at the applications' port.
    PeerAtAppPort(IpAddr),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Stranger(source) => write!(
                f,
                "unexpected datagram from {source}; if an application of this host sends it, \
                 'app-address = {source}' in the core group admits it"
            ),
            Refusal::PeerAtAppPort(source) => write!(
                f,
                "datagram from the peer {source} at the applications' port; a peer can't speak for an application"
            ),
        }
    }
}

/// Tells peers, applications and strangers apart by the source address.
#[derive(Debug)]
pub struct Guard {
    peer: IpAddr,
    peer_port: u16,
    allowed: HashSet<IpAddr>,
    own: HashSet<IpAddr>,
    refreshed: Option<Time>,
}

impl Guard {
    /// A guard for this configuration.
    pub fn new(core: &Core) -> Guard {
        let mut allowed: HashSet<IpAddr> = core.app_address.iter().copied().collect();
        allowed.insert(core.local_address);
        Guard {
            peer: core.remote_address,
            peer_port: core.port,
            allowed,
            own: HashSet::new(),
            refreshed: None,
        }
    }

    /// Who sent what arrived from `source` at our `port`. The peer's address is tested first (A1): on one
    /// machine the peer's loopback address is an own address too.
    pub fn origin(&mut self, source: IpAddr, port: u16, now: Time) -> Result<Origin, Refusal> {
        if source == self.peer {
            return if port == self.peer_port {
                Ok(Origin::Peer)
            } else {
                Err(Refusal::PeerAtAppPort(source))
            };
        }
        if source.is_loopback() || self.allowed.contains(&source) || self.is_own(source, now) {
            Ok(Origin::App)
        } else {
            Err(Refusal::Stranger(source))
        }
    }

    /// Addresses come and go (a service address above all), so a miss looks again, but not for every
    /// datagram of a flood.
    fn is_own(&mut self, source: IpAddr, now: Time) -> bool {
        if self.own.contains(&source) {
            return true;
        }
        if self.refreshed.is_some_and(|last| now.since(last) < REFRESH) {
            return false;
        }
        self.refreshed = Some(now);
        self.own = own_addresses();
        self.own.contains(&source)
    }
}

/// Whether this host has the address now. A loopback address counts for nobody's: two daemons may share a
/// machine on them (A4).
pub fn is_own_address(address: IpAddr) -> bool {
    !address.is_loopback() && own_addresses().contains(&address)
}

/// The addresses of this host's interfaces.
fn own_addresses() -> HashSet<IpAddr> {
    let Ok(interfaces) = getifaddrs() else { return HashSet::new() };
    interfaces
        .filter_map(|interface| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
        })
        .collect()
}
