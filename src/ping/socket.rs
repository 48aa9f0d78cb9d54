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
/// Packets taken at once. A raw socket hears all answers that come to this host.
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
        self.open_one_of(&[Type::DGRAM, Type::RAW])
    }

    fn open_one_of(&mut self, kinds: &[Type]) -> Result<(), String> {
        if self.open.is_some() {
            return Ok(());
        }
        let (domain, protocol, name) = if self.is_v6 {
            (Domain::IPV6, Protocol::ICMPV6, "IPv6")
        } else {
            (Domain::IPV4, Protocol::ICMPV4, "IPv4")
        };
        let socket = kinds.iter().map(|&kind| {
            let socket = Socket::new(domain, kind, Some(protocol))?;
            socket.set_nonblocking(true)?;
            if kind == Type::RAW {
                take_answers_alone(&socket, self.is_v6)?;
            }
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

/// A raw socket hears every ICMP packet that comes to this host, and each would wake the thread. The kernel keeps all but answers
/// to echoes back. Other systems have another filter, or none.
#[cfg(target_os = "linux")]
fn take_answers_alone(socket: &Socket, is_v6: bool) -> io::Result<()> {
    // A bit that is set keeps a type back (icmp(7), RFC 3542). Of the 32 types that IPv4 has a bit for an answer is 0.
    let (level, option) =
        if is_v6 { (libc::SOL_ICMPV6, ICMPV6_FILTER) } else { (libc::SOL_RAW, ICMP_FILTER) };
    let mut filter = [u32::MAX; 8];
    let answer = usize::from(echo::REPLY[usize::from(is_v6)]);
    filter[answer / 32] &= !(1 << (answer % 32));
    let words = if is_v6 { &filter[..] } else { &filter[..1] };
    let length = libc::socklen_t::try_from(size_of_val(words)).map_err(io::Error::other)?;
    // SAFETY: the kernel reads `length` bytes, which is the length of `words`, and keeps no pointer.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, words.as_ptr().cast(), length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
fn take_answers_alone(_socket: &Socket, _is_v6: bool) -> io::Result<()> {
    Ok(())
}

/// linux/icmp.h and linux/icmpv6.h; libc has neither.
#[cfg(target_os = "linux")]
const ICMP_FILTER: libc::c_int = 1;
#[cfg(target_os = "linux")]
const ICMPV6_FILTER: libc::c_int = 1;

fn ip(from: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = from.as_sockaddr_in().map(|from| from.ip().into());
    v4.or_else(|| from.as_sockaddr_in6().map(|from| from.ip().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Cookie = *b"0123456789abcdef";

    /// This host answers its own echo, so a raw socket without a filter hears the echo and the answer.
    #[test]
    fn a_raw_socket_hears_answers_and_no_other_icmp_packet() {
        const NAME: &str = "a_raw_socket_hears_answers_and_no_other_icmp_packet";
        for (address, is_v6) in [("127.0.0.1", false), ("::1", true)] {
            let mut family = Family::new(is_v6);
            if let Err(why) = family.open_one_of(&[Type::RAW]) {
                println!("SKIPPED: {NAME}: {why}");
                continue;
            }
            let target = PingTarget { address: address.parse().unwrap(), zone: None };
            family.send(&target, &OURS, 7);
            let (socket, _) = family.open.as_ref().unwrap();
            socket.set_nonblocking(false).unwrap();
            socket.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
            let mut first = [0; LONGEST];
            let heard = recvfrom::<SockaddrStorage>(socket.as_raw_fd(), &mut first);
            let Ok((length, _)) = heard else {
                println!("SKIPPED: {NAME}: {address} does not answer: {heard:?}");
                continue;
            };
            assert_eq!(echo::reply(&first[..length], is_v6, true, &OURS), Some(7), "{address}");
        }
    }
}
