//! One UDP socket.

use std::io;
use std::net::SocketAddr;

use mio::net::UdpSocket;
use socket2::{Domain, Protocol, Type};

/// Receive buffer asked for: a burst of a thousand resources' heartbeats fits while the daemon is busy.
/// The kernel grants less if `net.core.rmem_max` says so.
const RECEIVE_BUFFER: usize = 1 << 20;

/// A bound UDP socket that never blocks.
#[derive(Debug)]
pub struct Socket {
    socket: UdpSocket,
    address: SocketAddr,
}

impl Socket {
    /// Binds to exactly this address, which need not exist on the host yet (A4). Without `SO_REUSEADDR`: a
    /// second daemon on the same address must fail instead of taking the datagrams away (D21).
    pub fn bind(address: SocketAddr) -> io::Result<Socket> {
        let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        bind_before_the_address_exists(&socket, address)?;
        // A smaller buffer is no reason not to run.
        if let Err(error) = socket.set_recv_buffer_size(RECEIVE_BUFFER) {
            log::debug!("{address}: receive buffer stays as it is: {error}");
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        Ok(Socket { socket: UdpSocket::from_std(socket.into()), address })
    }

    /// The address it is bound to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// For registration with the event loop.
    pub fn source(&mut self) -> &mut UdpSocket {
        &mut self.socket
    }

    /// The next datagram, if one waits; what exceeds the buffer is cut off.
    pub fn receive<'a>(&self, buffer: &'a mut [u8]) -> io::Result<Option<(&'a [u8], SocketAddr)>> {
        match self.socket.recv_from(buffer) {
            Ok((length, source)) => Ok(Some((&buffer[..length], canonical(source)))),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Sends a datagram, or loses it: a heartbeat that can't leave now is worthless later.
    pub fn send(&self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        self.socket.send_to(datagram, to).map(drop)
    }
}

fn canonical(source: SocketAddr) -> SocketAddr {
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
