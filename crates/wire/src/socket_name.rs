//! The names of a daemon's Unix sockets. The daemon and its clients find each other by them.

use std::net::SocketAddr;

/// Where the sockets are, unless `run-directory` says otherwise: where systemd and FHS 3.0 want them.
pub const RUN_DIRECTORY: &str = "/run/schrittmacher";

/// The purpose of a Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketKind {
    /// `schrittmacherctl` gives orders.
    Control,
    /// Applications report.
    App,
}

/// `ADDRESS:PORT.netNUMBER.ENDING`: the name of the socket of the daemon with this address and port, in the network namespace
/// of this number. The control socket has the peer link's address and port. The application socket has those that an
/// application would send a datagram to.
///
/// Address and port tell the daemons of one host apart. The number tells apart daemons in containers that share a file
/// system: each may have the same address and port.
pub fn socket_name(daemon: SocketAddr, network: Option<u64>, kind: SocketKind) -> String {
    format!("{daemon}{}", socket_name_end(network, kind))
}

/// What the names of all daemons in a network namespace end with.
pub fn socket_name_end(network: Option<u64>, kind: SocketKind) -> String {
    let ending = match kind {
        SocketKind::Control => "sock",
        SocketKind::App => "app",
    };
    match network {
        Some(number) => format!(".net{number}.{ending}"),
        // On a system that has no network namespaces.
        None => format!(".{ending}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_daemon_has_a_name_of_its_own() {
        let name = |address: &str, network| {
            socket_name(address.parse().expect("an address"), network, SocketKind::App)
        };
        assert_eq!(name("127.0.0.1:7701", Some(4_026_531_840)), "127.0.0.1:7701.net4026531840.app");
        assert_eq!(name("[::1]:7701", None), "[::1]:7701.app");
    }
}
