//! The rules about senders (A1, A2).

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use nix::ifaddrs::getifaddrs;
use schrittmacher_protocol::Time;

use schrittmacher_config::Core;

/// How long the list of the host's own addresses is believed.
const REFRESH: Duration = Duration::from_secs(1);

/// The sender of a datagram.
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
    /// The same, at the peer's port.
    StrangerAtPeerPort {
        /// The sender.
        source: IpAddr,
        /// `remote-address`.
        peer: IpAddr,
    },
    /// From the peer host, at the applications' port.
    PeerAtAppPort(IpAddr),
    /// Not from the peer's end, at the socket of a further path.
    StrangerOnPath {
        /// The sender.
        source: IpAddr,
        /// The number of the path.
        path: u8,
        /// Its `remote-address`.
        peer: IpAddr,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Stranger(source) => write!(
                f,
                "unexpected datagram from {source}; if an application of this host sends it, \
                 'app-address = {source}' in the core group admits it"
            ),
            Refusal::StrangerAtPeerPort { source, peer } => write!(
                f,
                "unexpected datagram from {source} at the peer's port; if that is the peer, `remote-address` is wrong: it \
                 is {peer}. If an application sends it, 'app-address = {source}' in the core group admits it"
            ),
            Refusal::StrangerOnPath { source, path, peer } => write!(
                f,
                "unexpected datagram from {source} on path {path}; if that is the peer, `remote-address-{path}` is wrong: it \
                 is {peer}"
            ),
            Refusal::PeerAtAppPort(source) => write!(
                f,
                "datagram from the peer {source} at the applications' port; a peer can't speak for an application"
            ),
        }
    }
}

/// A datagram as far as it tells where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Its source address.
    pub source: IpAddr,
    /// Our port at which it arrived.
    pub port: u16,
    /// The number of the further path by whose socket it came, and the peer's end of that.
    pub further_path: Option<(u8, IpAddr)>,
    /// The socket filter has looked at it: it came in by the loopback device, or from an admitted address, or its
    /// content was removed.
    pub is_filtered: bool,
    /// It has no content.
    pub is_empty: bool,
}

/// Tells peers, applications and strangers apart.
#[derive(Debug)]
pub struct Guard {
    peer: IpAddr,
    peer_port: u16,
    app_address: HashSet<IpAddr>,
    local_address: IpAddr,
    own: HashSet<IpAddr>,
    refreshed: Option<Time>,
}

impl Guard {
    /// A guard for this configuration.
    pub fn new(core: &Core) -> Guard {
        Guard {
            peer: core.remote_address,
            peer_port: core.port,
            app_address: core.app_address.iter().copied().collect(),
            local_address: core.local_address,
            own: HashSet::new(),
            refreshed: None,
        }
    }

    /// The sender. The peer's address is tested first (A1): on one machine the peer's loopback address is an own address, too.
    pub fn origin(&mut self, arrival: Arrival, now: Time) -> Result<Origin, Refusal> {
        let source = arrival.source;
        if let Some((path, peer)) = arrival.further_path {
            let is_peer = source == peer;
            return is_peer.then_some(Origin::Peer).ok_or(Refusal::StrangerOnPath { source, path, peer });
        }
        if source == self.peer {
            return if arrival.port == self.peer_port {
                Ok(Origin::Peer)
            } else {
                Err(Refusal::PeerAtAppPort(source))
            };
        }
        let is_app = self.app_address.contains(&source)
            || source.is_loopback()
            || if arrival.is_filtered { !arrival.is_empty } else { self.is_own(source, now) };
        if is_app {
            Ok(Origin::App)
        } else if arrival.port == self.peer_port {
            Err(Refusal::StrangerAtPeerPort { source, peer: self.peer })
        } else {
            Err(Refusal::Stranger(source))
        }
    }

    /// Without a filter. Addresses come and go; a service address is the peer's next. So they are looked up again, but not for
    /// every datagram of a flood.
    fn is_own(&mut self, source: IpAddr, now: Time) -> bool {
        if source == self.local_address {
            return true;
        }
        if self.refreshed.is_none_or(|last| now.since(last) >= REFRESH) {
            self.refreshed = Some(now);
            self.own = own_addresses();
        }
        self.own.contains(&source)
    }
}

/// Whether this host has the address now. A loopback address counts for nobody's: two daemons may share a
/// machine on them (A4).
pub fn is_own_address(address: IpAddr) -> bool {
    !address.is_loopback() && own_addresses().contains(&address)
}

/// Whether an interface of this host has the address now. The loopback interface has the whole of its network.
pub fn is_on_this_host(address: IpAddr) -> bool {
    address.is_loopback() || own_addresses().contains(&address)
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

#[cfg(test)]
mod tests {
    use super::*;
    use schrittmacher_testkit::config::core;

    const NOW: Time = Time::ZERO;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    /// Without a filter.
    fn from(source: IpAddr, port: u16) -> Arrival {
        Arrival { source, port, further_path: None, is_filtered: false, is_empty: false }
    }

    /// A guard of 127.0.0.2, whose peer is 127.0.0.3; with the port of the peer link.
    fn guard(app_address: &[&str]) -> (Guard, u16) {
        let core = Core { app_address: app_address.iter().map(|text| ip(text)).collect(), ..core() };
        assert_eq!((core.local_address, core.remote_address), (ip("127.0.0.2"), ip("127.0.0.3")));
        (Guard::new(&core), core.port)
    }

    #[test]
    fn the_peer_speaks_at_its_port_alone_and_only_for_itself() {
        let (mut guard, port) = guard(&["127.0.0.3"]);
        let peer = ip("127.0.0.3");
        assert_eq!(
            guard.origin(from(peer, port), NOW),
            Ok(Origin::Peer),
            "though it is a loopback address (A1)"
        );
        assert_eq!(guard.origin(from(peer, port + 1), NOW), Err(Refusal::PeerAtAppPort(peer)), "D41");
    }

    #[test]
    fn this_host_speaks_for_its_applications_at_both_ports() {
        let (mut guard, port) = guard(&[]);
        for source in ["127.0.0.1", "127.0.0.2", "127.9.9.9", "::1"] {
            assert_eq!(guard.origin(from(ip(source), port), NOW), Ok(Origin::App), "{source}: D37");
            assert_eq!(guard.origin(from(ip(source), port + 1), NOW), Ok(Origin::App), "{source}");
        }
    }

    #[test]
    fn on_a_further_path_the_peer_speaks_alone() {
        let (mut guard, port) = guard(&["127.0.0.3"]);
        let peer = ip("10.9.0.2");
        let by_path = |source| Arrival { further_path: Some((2, peer)), ..from(source, port) };
        assert_eq!(guard.origin(by_path(peer), NOW), Ok(Origin::Peer));
        for source in ["127.0.0.3", "127.0.0.1", "10.9.0.3"].map(ip) {
            let refusal = guard.origin(by_path(source), NOW).expect_err("a refusal");
            assert_eq!(refusal, Refusal::StrangerOnPath { source, path: 2, peer });
            assert!(refusal.to_string().contains("`remote-address-2` is wrong: it is 10.9.0.2"), "{refusal}");
        }
        assert_eq!(
            guard.origin(from(peer, port), NOW),
            Err(Refusal::StrangerAtPeerPort { source: peer, peer: ip("127.0.0.3") })
        );
    }

    #[test]
    fn a_stranger_is_told_what_would_admit_it() {
        let stranger = ip("192.0.2.1");
        let (mut shut, port) = guard(&[]);
        let refusal = shut.origin(from(stranger, port + 1), NOW).expect_err("a refusal (D41)");
        assert_eq!(refusal, Refusal::Stranger(stranger));
        assert!(refusal.to_string().contains("app-address = 192.0.2.1"), "{refusal}");
        let at_peer_port = Refusal::StrangerAtPeerPort { source: stranger, peer: ip("127.0.0.3") };
        assert_eq!(shut.origin(from(stranger, port), NOW), Err(at_peer_port), "D40: nor is it the peer");
        let (mut open, port) = guard(&["192.0.2.1"]);
        assert_eq!(open.origin(from(stranger, port + 1), NOW), Ok(Origin::App));
    }

    #[test]
    fn an_address_that_has_moved_to_the_peer_is_no_longer_ours() {
        let (mut guard, port) = guard(&[]);
        let service = ip("192.0.2.88");
        guard.own = HashSet::from([service]);
        guard.refreshed = Some(NOW);
        assert_eq!(guard.origin(from(service, port + 1), NOW), Ok(Origin::App));
        let later = NOW + REFRESH;
        assert_eq!(guard.origin(from(service, port + 1), later), Err(Refusal::Stranger(service)));
    }

    /// A neighbour can send with any address of ours over IPv6; the filter removes what it says.
    #[test]
    fn an_own_address_proves_nothing_where_the_filter_can_tell() {
        let (mut guard, port) = guard(&[]);
        let service = ip("192.0.2.88");
        guard.own = HashSet::from([service]);
        guard.refreshed = Some(NOW);
        for source in [service, ip("127.0.0.2")] {
            let arrival = Arrival { is_filtered: true, ..from(source, port + 1) };
            assert_eq!(
                guard.origin(arrival, NOW),
                Ok(Origin::App),
                "{source}: it came in by the loopback device"
            );
        }
        let emptied = Arrival { is_filtered: true, is_empty: true, ..from(service, port + 1) };
        assert_eq!(guard.origin(emptied, NOW), Err(Refusal::Stranger(service)));
    }
}
