//! The way to the daemon: one UDP socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};

use crate::Error;
use crate::descriptor::Descriptor;
use crate::settings::{AddressFamily, Endpoint};

/// A socket that can send to the daemon.
#[derive(Debug)]
pub(crate) struct Link {
    socket: Descriptor<UdpSocket>,
    daemon: SocketAddr,
    connected: bool,
}

impl Link {
    /// Opens a socket for the daemon at `endpoint`. A name is resolved, which can take the resolver's time.
    pub fn open(endpoint: &Endpoint) -> Result<Link, Error> {
        let daemon = resolve(endpoint)?;
        let any: IpAddr = match daemon {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((any, 0)).map_err(Error::system("open a UDP socket"))?;
        socket.set_nonblocking(true).map_err(Error::system("make the UDP socket non-blocking"))?;
        // On a connected socket the kernel tells us when nobody listens. Elsewhere than on loopback a
        // connected socket would keep a source address that the host may lose.
        let connected = daemon.ip().is_loopback();
        if connected {
            socket.connect(daemon).map_err(Error::system("connect the UDP socket"))?;
        }
        Ok(Link { socket: Descriptor::new(socket), daemon, connected })
    }

    /// The daemon's address and port.
    pub fn daemon(&self) -> SocketAddr {
        self.daemon
    }

    /// Sends one datagram, without waiting.
    pub fn send(&self, datagram: &[u8]) -> Result<(), Error> {
        let sent = match self.try_send(datagram) {
            // That was the answer to an earlier datagram, and this one was not sent.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => self.try_send(datagram),
            other => other,
        };
        sent.map_err(Error::system("send to the daemon"))?;
        match self.connected.then(|| self.socket.take_error()) {
            Some(Ok(Some(error))) if error.kind() == io::ErrorKind::ConnectionRefused => Err(Error::NoDaemon),
            _ => Ok(()),
        }
    }

    fn try_send(&self, datagram: &[u8]) -> io::Result<usize> {
        loop {
            let sent = if self.connected {
                self.socket.send(datagram)
            } else {
                self.socket.send_to(datagram, self.daemon)
            };
            match sent {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}

/// The daemon's address: as given, the first one of a name's that has the wanted family, or loopback.
fn resolve(endpoint: &Endpoint) -> Result<SocketAddr, Error> {
    let loopback: IpAddr = match endpoint.family {
        AddressFamily::V4 => Ipv4Addr::LOCALHOST.into(),
        AddressFamily::V6 => Ipv6Addr::LOCALHOST.into(),
    };
    let Some(text) = endpoint.address.as_deref() else {
        return Ok((loopback, endpoint.port).into());
    };
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok((address, endpoint.port).into());
    }
    let unresolved = || Error::Address(text.to_owned());
    (text, endpoint.port)
        .to_socket_addrs()
        .map_err(|_| unresolved())?
        .find(|address| address.is_ipv4() == loopback.is_ipv4())
        .ok_or_else(unresolved)
}
