//! Whose UDP socket a datagram came from, by Linux's list of them.

use std::cell::LazyCell;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::udp::is_on_this_host;

/// A UDP socket of this network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KernelSocket {
    /// The user who made it.
    pub(super) uid: u32,
    /// The number in `socket:[inode]`, which `/proc/PID/fd/N` links to.
    pub(super) inode: u64,
}

/// The UDP sockets of this network namespace at one moment. The kernel makes the list for each reader, which takes milliseconds: one
/// is enough for all questions that came before it.
#[derive(Debug)]
pub(super) struct Sockets {
    v4: Vec<(SocketAddr, KernelSocket)>,
    v6: Vec<(SocketAddr, KernelSocket)>,
}

/// Read when it is looked at first.
pub(super) type SocketsOnce = LazyCell<io::Result<Sockets>>;

impl Sockets {
    /// # Errors
    ///
    /// The list can't be read.
    fn read() -> io::Result<Sockets> {
        let list = |path: &str| -> io::Result<Vec<(SocketAddr, KernelSocket)>> {
            Ok(fs::read_to_string(path)?.lines().skip(1).filter_map(socket_of).collect())
        };
        let v6 = match list("/proc/net/udp6") {
            // No IPv6 in this kernel.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            v6 => v6?,
        };
        Ok(Sockets { v4: list("/proc/net/udp")?, v6 })
    }

    pub(super) fn once() -> SocketsOnce {
        LazyCell::new(Sockets::read)
    }

    /// Every socket that can have sent a datagram with this source address: more than one if they share it.
    pub(super) fn bound_to(&self, source: SocketAddr) -> Vec<KernelSocket> {
        let source = SocketAddr::new(source.ip().to_canonical(), source.port());
        // The kernel drops datagrams that come from outside with a source address of ours. So a source that is ours is really
        // in this network namespace. Any other one is not, even if a socket here has the same port.
        let local = is_on_this_host(source.ip());
        let senders = |list: &[(SocketAddr, KernelSocket)]| -> Vec<KernelSocket> {
            let senders = list.iter().filter(|(bound, _)| can_send(*bound, source, local));
            senders.map(|(_, socket)| *socket).collect()
        };
        let (mut found, in_v6) = (senders(&self.v4), senders(&self.v6));
        // An IPv6 socket can send IPv4 only if it is not for IPv6 alone, which the list does not say (door-2).
        if source.is_ipv6() || (!in_v6.is_empty() && is_taken_in_v4(source.port())) {
            found.extend(in_v6);
        }
        found
    }
}

/// Whether some socket has this port of IPv4. One that is for IPv6 alone leaves it free.
fn is_taken_in_v4(port: u16) -> bool {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_err()
}

/// Whether a socket can have sent from `source`: it is bound to it or, if `local`, to any address.
fn can_send(bound: SocketAddr, source: SocketAddr, local: bool) -> bool {
    let (address, is_any) = (bound.ip(), bound.ip().is_unspecified());
    bound.port() == source.port()
        && (address == source.ip() || (local && is_any && (address.is_ipv6() || source.is_ipv4())))
}

/// The socket of one line, and what it is bound to.
fn socket_of(line: &str) -> Option<(SocketAddr, KernelSocket)> {
    let mut fields = line.split_ascii_whitespace();
    let (address, port) = fields.nth(1)?.split_once(':')?;
    let bound = SocketAddr::new(address_of(address)?, u16::from_str_radix(port, 16).ok()?);
    let uid = fields.nth(5)?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
    Some((bound, KernelSocket { uid, inode }))
}

/// The kernel prints an address as words in the machine's byte order.
fn address_of(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            Some(IpAddr::from(Ipv6Addr::from(bytes)).to_canonical())
        }
        _ => None,
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::fd::{AsFd, AsRawFd};

    use nix::sys::socket::{
        AddressFamily, SockFlag, SockType, SockaddrIn6, bind, getsockname, setsockopt, socket, sockopt,
    };
    use schrittmacher_testkit::skip;

    use super::*;

    fn bound_to(source: SocketAddr) -> Vec<KernelSocket> {
        Sockets::read().expect("the list").bound_to(source)
    }

    fn only(source: SocketAddr) -> KernelSocket {
        let found = bound_to(source);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0]
    }

    #[test]
    fn own_sockets_are_found() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
            let Ok(socket) = UdpSocket::bind(address) else {
                skip("own_sockets_are_found", &format!("no address for {address}"));
                continue;
            };
            let bound = socket.local_addr().expect("an address");
            let seen = match bound.ip() {
                IpAddr::V4(_) => SocketAddr::from(([127, 0, 0, 1], bound.port())),
                IpAddr::V6(_) => SocketAddr::from((Ipv6Addr::LOCALHOST, bound.port())),
            };
            let inode = nix::sys::stat::fstat(socket.as_fd()).expect("a status").st_ino;
            assert_eq!(only(seen), KernelSocket { uid: nix::unistd::getuid().as_raw(), inode }, "{address}");
            drop(socket);
            assert_eq!(bound_to(seen), [], "{address}");
        }
    }

    #[test]
    fn socket_bound_to_any_address_is_no_sender_from_elsewhere() {
        let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
        let port = socket.local_addr().expect("an address").port();
        let elsewhere = SocketAddr::from(([192, 0, 2, 1], port));
        assert_eq!(bound_to(elsewhere), []);
    }

    /// door-2: root's socket for IPv6 alone vouched for a datagram of somebody else from the same port of IPv4.
    #[test]
    fn socket_for_v6_alone_is_no_sender_of_v4() {
        let Ok(fd) = socket(AddressFamily::Inet6, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None) else {
            return skip("socket_for_v6_alone_is_no_sender_of_v4", "no IPv6");
        };
        setsockopt(&fd, sockopt::Ipv6V6Only, &true).expect("an option");
        bind(fd.as_raw_fd(), &SockaddrIn6::from(std::net::SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0)))
            .expect("a port");
        let port = getsockname::<SockaddrIn6>(fd.as_raw_fd()).expect("an address").port();
        assert_eq!(bound_to(SocketAddr::from(([127, 0, 0, 1], port))), []);
        only(SocketAddr::from((Ipv6Addr::LOCALHOST, port)));
    }

    #[test]
    fn connected_socket_of_both_families_is_found() {
        let Ok(socket) = UdpSocket::bind("[::]:0") else {
            return skip("connected_socket_of_both_families_is_found", "no IPv6");
        };
        socket.connect("[::ffff:127.0.0.1]:9").expect("a route");
        let port = socket.local_addr().expect("an address").port();
        only(SocketAddr::from(([127, 0, 0, 1], port)));
    }

    #[test]
    fn strange_lines_are_skipped() {
        for line in
            ["", "1:", "1: 0100007F", "1: 0100007F:1E14", "1: 0100007F:1E14 x 07 0 0 0 u 0 1", "a é:é é"]
        {
            assert_eq!(socket_of(line), None, "{line}");
        }
    }
}
