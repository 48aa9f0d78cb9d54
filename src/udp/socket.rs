//! One UDP socket.

use std::io;
use std::net::{IpAddr, SocketAddr};
#[cfg(target_os = "linux")]
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use mio::net::UdpSocket;
#[cfg(target_os = "linux")]
use nix::sys::socket::{
    MsgFlags, SockaddrStorage, recvmsg, setsockopt,
    sockopt::{Ipv4RecvErr, Ipv6RecvErr, RcvBufForce},
};
use socket2::{Domain, Protocol, SockRef, Type};

use super::{Batch, Strangers};

/// Receive buffer asked for: the first words of ten thousand resources come at once, while the daemon is busy with its own. The
/// kernel doubles this for its own needs. Without CAP_NET_ADMIN it grants less if `net.core.rmem_max` says so.
const RECEIVE_BUFFER: usize = 4 << 20;

/// The hop limit of what we send.
const HOPS: u32 = 255;

/// More datagrams than a receive buffer holds.
const WAITING: usize = 1 << 14;

/// More answers than come between two looks at the socket.
#[cfg(target_os = "linux")]
const ANSWERS: usize = 64;

/// A bound UDP socket that never blocks.
#[derive(Debug)]
pub struct Socket {
    socket: UdpSocket,
    address: SocketAddr,
    has_filter: bool,
    /// The filter is the one that was asked for last.
    is_filtered: bool,
}

impl Socket {
    /// Binds to exactly this address, which need not exist on the host yet (A4). Without `SO_REUSEADDR`: a
    /// second daemon on the same address must fail instead of taking the datagrams away (D21).
    ///
    /// The socket filter is in force before the first datagram can arrive.
    pub fn bind(address: SocketAddr, admitted: &[IpAddr]) -> io::Result<Socket> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        bind_before_the_address_exists(&socket, address)?;
        let filtered = prepare(&socket, address, admitted)?;
        socket.bind(&address.into())?;
        Ok(Socket::new(socket, address, &filtered))
    }

    /// Takes over a socket that is bound already, from a daemon before this one or from the service manager. What waits
    /// there was said to nobody and is old: it is thrown away.
    pub fn adopt(socket: OwnedFd, address: SocketAddr, admitted: &[IpAddr]) -> io::Result<Socket> {
        let socket = socket2::Socket::from(socket);
        let filtered = prepare(&socket, address, admitted)?;
        let socket = Socket::new(socket, address, &filtered);
        socket.forget_waiting();
        Ok(socket)
    }

    /// Throws away what has arrived so far.
    pub fn forget_waiting(&self) {
        // A bound, since a flood never ends.
        for _ in 0..WAITING {
            match self.socket.recv_from(&mut [0]) {
                Ok(_) => {}
                Err(error) if is_answer(&error) => self.forget_answers(),
                Err(_) => break,
            }
        }
    }

    fn new(socket: socket2::Socket, address: SocketAddr, filtered: &io::Result<()>) -> Socket {
        if let Err(error) = filtered {
            log::warn!(
                "{address}: no socket filter ({error}); applications are told from strangers by source address alone, \
                 which a neighbour can forge over IPv6"
            );
        }
        let has_filter = filtered.is_ok();
        let socket = UdpSocket::from_std(socket.into());
        Socket { socket, address, has_filter, is_filtered: has_filter }
    }

    /// Its number, while it is open.
    pub fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Exchanges the filter, if there is one; the kernel does so between two datagrams. One that cannot be exchanged stays.
    /// It may admit too few, and an address that was admitted before: the source address decides, too.
    pub fn filter(&mut self, admitted: &[IpAddr], strangers: Strangers) {
        if !self.has_filter {
            return;
        }
        let filtered = attach_filter(&SockRef::from(&self.socket), self.address, admitted, strangers);
        let had = std::mem::replace(&mut self.is_filtered, filtered.is_ok());
        if let Err(error) = filtered
            && had
        {
            log::warn!(
                "{}: the socket filter cannot be exchanged ({error}): the one before stays, and what a new `app-address` says \
                 is lost",
                self.address
            );
        }
    }

    /// Whether a datagram with content is sure to come from this host or an admitted address.
    pub fn is_filtered(&self) -> bool {
        self.is_filtered
    }

    /// The address it is bound to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// With the port that the system has chosen.
    #[cfg(test)]
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// For registration with the event loop.
    pub fn source(&mut self) -> &mut UdpSocket {
        &mut self.socket
    }

    /// Takes the datagrams that wait, as many as `batch` has room for: none, perhaps.
    pub fn receive(&self, batch: &mut Batch) -> io::Result<()> {
        match batch.take(&self.socket, self.address.is_ipv6()) {
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Ok(())
            }
            Err(error) => {
                if is_answer(&error) {
                    self.forget_answers();
                }
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    /// Sends a datagram, or loses it: a heartbeat that can't leave now is worthless later. An answer to an earlier
    /// datagram ([`Socket::ask_for_answers`]) comes as an error of this one, which then has not been sent.
    pub fn send(&self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        let mut result = self.socket.send_to(datagram, to);
        if result.as_ref().is_err_and(is_answer) {
            self.forget_answers();
            result = self.socket.send_to(datagram, to);
        }
        result.map(drop)
    }

    /// From now on [`Socket::receive`] reports that a datagram was not wanted: ICMP "port unreachable", for example.
    #[cfg(target_os = "linux")]
    pub fn ask_for_answers(&self) -> io::Result<()> {
        if self.address.is_ipv6() {
            setsockopt(&self.socket, Ipv6RecvErr, &true)?;
        } else {
            setsockopt(&self.socket, Ipv4RecvErr, &true)?;
        }
        Ok(())
    }

    /// Elsewhere only a connected socket is told.
    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "the Linux version can fail")]
    pub fn ask_for_answers(&self) -> io::Result<()> {
        Ok(())
    }

    /// The kernel keeps the answers in the receive buffer until they are read.
    #[cfg(target_os = "linux")]
    fn forget_answers(&self) {
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        for _ in 0..ANSWERS {
            if recvmsg::<SockaddrStorage>(self.socket.as_raw_fd(), &mut [], None, flags).is_err() {
                return;
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "the Linux version needs it")]
    fn forget_answers(&self) {}
}

/// Whether an error is an answer to a datagram that was sent before, rather than something wrong with the socket.
pub fn is_answer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable)
}

/// Sets what a socket of ours has, bound or not; says whether it has a filter.
fn prepare(socket: &socket2::Socket, address: SocketAddr, admitted: &[IpAddr]) -> io::Result<io::Result<()>> {
    // A smaller buffer is no reason not to run.
    if let Err(error) = set_receive_buffer(socket, RECEIVE_BUFFER) {
        log::debug!("{address}: receive buffer stays as it is: {error}");
    }
    // No router on the way has lowered that of a neighbour: a later version may demand it.
    if let Err(error) =
        if address.is_ipv6() { socket.set_unicast_hops_v6(HOPS) } else { socket.set_ttl_v4(HOPS) }
    {
        log::debug!("{address}: the hop limit stays as it is: {error}");
    }
    socket.set_nonblocking(true)?;
    Ok(attach_filter(&SockRef::from(socket), address, admitted, Strangers::Named))
}

#[cfg(target_os = "linux")]
fn set_receive_buffer(socket: &socket2::Socket, bytes: usize) -> io::Result<()> {
    let forced = setsockopt(socket, RcvBufForce, &bytes);
    forced.or_else(|_| socket.set_recv_buffer_size(bytes))
}

#[cfg(not(target_os = "linux"))]
fn set_receive_buffer(socket: &socket2::Socket, bytes: usize) -> io::Result<()> {
    socket.set_recv_buffer_size(bytes)
}

pub(super) fn canonical(source: SocketAddr) -> SocketAddr {
    SocketAddr::new(source.ip().to_canonical(), source.port())
}

#[cfg(target_os = "linux")]
fn bind_before_the_address_exists(socket: &socket2::Socket, address: SocketAddr) -> io::Result<()> {
    if address.is_ipv6() { socket.set_freebind_v6(true) } else { socket.set_freebind_v4(true) }
}

/// Elsewhere the address has to exist when the daemon starts; the service manager retries.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "the Linux version can fail")]
fn bind_before_the_address_exists(_socket: &socket2::Socket, _address: SocketAddr) -> io::Result<()> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn attach_filter(
    socket: &SockRef<'_>,
    address: SocketAddr,
    admitted: &[IpAddr],
    strangers: Strangers,
) -> io::Result<()> {
    socket.attach_filter(&super::filter::program(address.is_ipv6(), admitted, strangers))
}

/// No other system has such filters: the source address decides there, and IPv6 neighbours can forge it.
#[cfg(not(target_os = "linux"))]
fn attach_filter(
    _socket: &SockRef<'_>,
    _address: SocketAddr,
    _admitted: &[IpAddr],
    _strangers: Strangers,
) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn what_we_send_has_the_greatest_hop_limit() {
        let v4 = Socket::bind(SocketAddr::from(([127, 0, 0, 1], 0)), &[]).unwrap();
        assert_eq!(SockRef::from(&v4.socket).ttl_v4().unwrap(), HOPS);
        match Socket::bind(SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 0)), &[]) {
            Ok(v6) => assert_eq!(SockRef::from(&v6.socket).unicast_hops_v6().unwrap(), HOPS),
            Err(_) => println!("SKIPPED: what_we_send_has_the_greatest_hop_limit: no IPv6"),
        }
    }

    /// Two daemons with 10,000 resources that started at once lost 82,000 of 560,000 datagrams with 1 MiB.
    #[test]
    fn a_burst_of_thousands_fits_in_if_we_may() {
        let bare = || socket2::Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        if setsockopt(&bare(), RcvBufForce, &RECEIVE_BUFFER).is_err() {
            return println!("SKIPPED: a_burst_of_thousands_fits_in_if_we_may: no CAP_NET_ADMIN");
        }
        // The kernel doubles what it is asked for.
        let socket = Socket::bind(SocketAddr::from(([127, 0, 0, 1], 0)), &[]).unwrap();
        assert_eq!(SockRef::from(&socket.socket).recv_buffer_size().unwrap(), 2 * RECEIVE_BUFFER);
        // Some systems grant that much to everybody. More than they do tells whether it was forced.
        let limit: usize =
            std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap().trim().parse().unwrap();
        let socket = bare();
        set_receive_buffer(&socket, 2 * limit).unwrap();
        assert_eq!(socket.recv_buffer_size().unwrap(), 4 * limit);
    }

    /// More than a filter has room for (`BPF_MAXINSNS`).
    #[test]
    fn a_filter_that_cannot_be_exchanged_stays_and_is_not_relied_on() {
        let mut socket = Socket::bind(SocketAddr::from(([127, 0, 0, 1], 0)), &[]).unwrap();
        assert!(socket.is_filtered());
        let many: Vec<IpAddr> = (0..2000_u32).map(|number| IpAddr::V4(number.into())).collect();
        socket.filter(&many, Strangers::Named);
        assert!(!socket.is_filtered());
        socket.filter(&many[..1], Strangers::Sampled);
        assert!(socket.is_filtered());
    }
}
