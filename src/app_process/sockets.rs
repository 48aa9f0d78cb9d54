//! Whose UDP socket a datagram came from, by Linux's list of them.

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

/// Every socket that can have sent a datagram with this source address: more than one if they share it.
///
/// # Errors
///
/// The list can't be read.
pub(super) fn bound_to(source: SocketAddr) -> io::Result<Vec<KernelSocket>> {
    let source = SocketAddr::new(source.ip().to_canonical(), source.port());
    // The kernel drops datagrams that come from outside with a source address of ours. So a source that is ours is really
    // in this network namespace. Any other one is not, even if a socket here has the same port.
    let local = is_on_this_host(source.ip());
    let senders = |list: &str| -> io::Result<Vec<KernelSocket>> {
        let text = fs::read_to_string(list)?;
        Ok(text.lines().skip(1).filter_map(|line| sender(line, source, local)).collect())
    };
    let mut found = senders("/proc/net/udp")?;
    let in_v6 = match senders("/proc/net/udp6") {
        // No IPv6 in this kernel.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        senders => senders?,
    };
    // An IPv6 socket can send IPv4 only if it is not for IPv6 alone, which the list does not say (door-2).
    if source.is_ipv6() || (!in_v6.is_empty() && is_taken_in_v4(source.port())) {
        found.extend(in_v6);
    }
    Ok(found)
}

/// Whether some socket has this port of IPv4. One that is for IPv6 alone leaves it free.
fn is_taken_in_v4(port: u16) -> bool {
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_err()
}

/// The socket of one line, if it can have sent from `source`: bound to it or, if `local`, to any address.
fn sender(line: &str, source: SocketAddr, local: bool) -> Option<KernelSocket> {
    let mut fields = line.split_ascii_whitespace();
    let (address, port) = fields.nth(1)?.split_once(':')?;
    let address = address_of(address)?;
    let bound = u16::from_str_radix(port, 16).ok()? == source.port()
        && (address == source.ip()
            || (local && address.is_unspecified() && (address.is_ipv6() || source.is_ipv4())));
    let uid = fields.nth(5)?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
    bound.then_some(KernelSocket { uid, inode })
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

    fn only(source: SocketAddr) -> KernelSocket {
        let found = bound_to(source).expect("the list");
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
            assert_eq!(bound_to(seen).expect("the list"), [], "{address}");
        }
    }

    #[test]
    fn socket_bound_to_any_address_is_no_sender_from_elsewhere() {
        let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
        let port = socket.local_addr().expect("an address").port();
        let elsewhere = SocketAddr::from(([192, 0, 2, 1], port));
        assert_eq!(bound_to(elsewhere).expect("the list"), []);
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
        assert_eq!(bound_to(SocketAddr::from(([127, 0, 0, 1], port))).expect("the list"), []);
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
        let source = SocketAddr::from(([127, 0, 0, 1], 0x1E14));
        for line in
            ["", "1:", "1: 0100007F", "1: 0100007F:1E14", "1: 0100007F:1E14 x 07 0 0 0 u 0 1", "a é:é é"]
        {
            assert_eq!(sender(line, source, true), None, "{line}");
        }
    }
}
