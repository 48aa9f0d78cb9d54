//! The sockets for echoes, one for each family.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{SockaddrStorage, recvfrom};
use schrittmacher_config::PingTarget;
use socket2::{Domain, Protocol, Socket, Type};

use super::echo::{self, Cookie};

/// Longer than an answer to one of ours, with the longest header of IP.
const LONGEST: usize = 128;
/// Packets taken at once. A raw socket hears all that come to this host.
const AT_ONCE: usize = 256;

/// IPv4 or IPv6.
pub struct Family {
    is_v6: bool,
    /// The socket, and whether it is a raw one.
    open: Option<(Socket, bool)>,
}

impl Family {
    pub fn new(is_v6: bool) -> Family {
        Family { is_v6, open: None }
    }

    pub fn is_of(&self, address: IpAddr) -> bool {
        address.is_ipv6() == self.is_v6
    }

    pub fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.open.as_ref().map(|(socket, _)| socket.as_fd())
    }

    /// Opens the socket, if it is not open: one for echoes alone, which needs no privilege where the system allows it; else a raw
    /// one. The error says what is missing.
    pub fn open(&mut self) -> Result<(), String> {
        if self.open.is_some() {
            return Ok(());
        }
        let (domain, protocol, name) = if self.is_v6 {
            (Domain::IPV6, Protocol::ICMPV6, "IPv6")
        } else {
            (Domain::IPV4, Protocol::ICMPV4, "IPv4")
        };
        let socket = [Type::DGRAM, Type::RAW].into_iter().map(|kind| {
            let socket = Socket::new(domain, kind, Some(protocol))?;
            socket.set_nonblocking(true)?;
            Ok((socket, kind == Type::RAW))
        });
        let mut failed: Option<io::Error> = None;
        for one in socket {
            match one {
                Ok(open) => {
                    self.open = Some(open);
                    return Ok(());
                }
                Err(error) => failed = Some(error),
            }
        }
        let error = failed.map_or_else(String::new, |error| format!(": {error}"));
        Err(format!(
            "no echo can leave by {name}{error}. The group of this daemon has to be in net.ipv4.ping_group_range, or the daemon \
             needs CAP_NET_RAW"
        ))
    }

    /// Sends an echo. What cannot be sent is not answered either.
    pub fn send(&self, target: &PingTarget, cookie: &Cookie, number: u16) {
        let Some((socket, _)) = &self.open else { return };
        let zone = target.zone.as_deref().map_or(0, |zone| if_nametoindex(zone).unwrap_or(0));
        let to = match target.address {
            IpAddr::V4(address) => SocketAddr::from((address, 0)),
            IpAddr::V6(address) => SocketAddrV6::new(address, 0, 0, zone).into(),
        };
        let _: io::Result<usize> = socket.send_to(&echo::request(self.is_v6, cookie, number), &to.into());
    }

    /// Hands on the sender and the number of each answer.
    pub fn hear(&mut self, cookie: &Cookie, mut answer: impl FnMut(IpAddr, u16)) {
        let Some((socket, is_raw)) = &self.open else { return };
        let mut buffer = [0; LONGEST];
        for _ in 0..AT_ONCE {
            match recvfrom::<SockaddrStorage>(socket.as_raw_fd(), &mut buffer) {
                Ok((length, from)) => {
                    let number = echo::reply(&buffer[..length], self.is_v6, *is_raw, cookie);
                    if let (Some(from), Some(number)) = (from.as_ref().and_then(ip), number) {
                        answer(from, number);
                    }
                }
                Err(Errno::EAGAIN) => return,
                // An error that the network has reported: the next packet may be there.
                Err(_) => {}
            }
        }
    }
}

fn ip(from: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = from.as_sockaddr_in().map(|from| from.ip().into());
    v4.or_else(|| from.as_sockaddr_in6().map(|from| from.ip().into()))
}
