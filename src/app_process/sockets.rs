//! Whose UDP socket a datagram came from, by Linux's list of them.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::ifaddrs::getifaddrs;

/// A UDP socket of this network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Socket {
    /// The user who made it.
    pub(super) uid: u32,
    /// What `/proc/PID/fd/N` links to as `socket:[inode]`.
    pub(super) inode: u64,
}

/// Every socket that can have sent a datagram with this source address: more than one if they share it.
///
/// # Errors
///
/// The list can't be read.
pub(super) fn bound_to(source: SocketAddr) -> io::Result<Vec<Socket>> {
    let source = SocketAddr::new(source.ip().to_canonical(), source.port());
    let local = is_local(source.ip());
    let mut found = Vec::new();
    for list in ["/proc/net/udp", "/proc/net/udp6"] {
        match fs::read_to_string(list) {
            Ok(text) => found.extend(text.lines().skip(1).filter_map(|line| sender(line, source, local))),
            // No IPv6 in this kernel.
            Err(error) if error.kind() == io::ErrorKind::NotFound && list.ends_with('6') => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// The kernel drops datagrams that come from outside with a source address of ours, so a source that is ours
/// is really in this network namespace; any other one is not, even if a socket here has the same port.
fn is_local(ip: IpAddr) -> bool {
    let ours = || {
        let addresses = getifaddrs().into_iter().flatten().filter_map(|interface| interface.address);
        let mut ips = addresses.filter_map(|address| {
            let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
        });
        ips.any(|own| own == ip)
    };
    ip.is_loopback() || ours()
}

/// The socket of one line, if it can have sent from `source`: bound to it or, if `local`, to any address.
fn sender(line: &str, source: SocketAddr, local: bool) -> Option<Socket> {
    let mut fields = line.split_ascii_whitespace();
    let (address, port) = fields.nth(1)?.split_once(':')?;
    let address = address_of(address)?;
    let bound = u16::from_str_radix(port, 16).ok()? == source.port()
        && (address == source.ip() || (local && address.is_unspecified()));
    let uid = fields.nth(5)?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
    bound.then_some(Socket { uid, inode })
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
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    use super::*;

    fn only(source: SocketAddr) -> Socket {
        let found = bound_to(source).expect("the list");
        assert_eq!(found.len(), 1, "{found:?}");
        found[0]
    }

    #[test]
    fn own_sockets_are_found() {
        for address in ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0"] {
            let Ok(socket) = UdpSocket::bind(address) else {
                println!("skipped: no address for {address}");
                continue;
            };
            let bound = socket.local_addr().expect("an address");
            let seen = match bound.ip() {
                IpAddr::V4(_) => SocketAddr::from(([127, 0, 0, 1], bound.port())),
                IpAddr::V6(_) => SocketAddr::from((Ipv6Addr::LOCALHOST, bound.port())),
            };
            let inode = nix::sys::stat::fstat(socket.as_fd()).expect("a status").st_ino;
            assert_eq!(only(seen), Socket { uid: nix::unistd::getuid().as_raw(), inode }, "{address}");
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

    #[test]
    fn connected_socket_of_both_families_is_found() {
        let Ok(socket) = UdpSocket::bind("[::]:0") else { return println!("skipped: no IPv6") };
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
