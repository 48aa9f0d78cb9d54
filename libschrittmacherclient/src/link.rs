//! The way to the daemon: its Unix socket for applications if it has one, else UDP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::path::Path;

use schrittmacher_wire::{RUN_DIRECTORY, Right};

use crate::Error;
use crate::app_socket::{AppSocket, Attempt};
use crate::descriptor::Descriptor;
use crate::settings::{AddressFamily, Endpoint};

/// The sockets that can send to the daemon. Both carry the same bytes.
#[derive(Debug)]
pub(crate) struct Link {
    app_socket: AppSocket,
    /// The Unix socket took a message. If it is gone, then so is the daemon.
    had_app_socket: bool,
    last: Attempt,
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
        // On a connected socket the kernel reports that no daemon is listening. With an address that is not loopback, a
        // connected socket would keep a source address that the host may lose.
        let connected = daemon.ip().is_loopback();
        if connected {
            socket.connect(daemon).map_err(Error::system("connect the UDP socket"))?;
        }
        let run_directory = endpoint.run_directory.as_deref().unwrap_or(Path::new(RUN_DIRECTORY));
        let app_socket = AppSocket::new(daemon, run_directory);
        Ok(Link {
            app_socket,
            had_app_socket: false,
            last: Attempt::Absent,
            socket: Descriptor::new(socket),
            daemon,
            connected,
        })
    }

    /// The daemon's address and port.
    pub fn daemon(&self) -> SocketAddr {
        self.daemon
    }

    /// The Unix socket by which the last message went; `None` if it went by UDP.
    pub fn app_socket(&self) -> Option<&Path> {
        (self.last == Attempt::Taken).then(|| self.app_socket.path())
    }

    /// Sends one datagram, without waiting. Each one tries the Unix socket first: the daemon may have one by now.
    pub fn send(&mut self, datagram: &[u8]) -> Result<(), Error> {
        self.last = self.app_socket.send(datagram);
        match self.last {
            Attempt::Taken => {
                self.had_app_socket = true;
                Ok(())
            }
            Attempt::Full => self.send_by_udp(datagram),
            Attempt::Absent => {
                self.send_by_udp(datagram)?;
                // UDP has noticed nothing if it is not connected.
                if self.had_app_socket && !self.connected { Err(Error::NoDaemon) } else { Ok(()) }
            }
        }
    }

    /// The next thing that the daemon has said by the Unix socket; it never waits.
    pub fn hear(&mut self) -> Option<Right> {
        self.app_socket.hear()
    }

    fn send_by_udp(&self, datagram: &[u8]) -> Result<(), Error> {
        let sent = match self.try_send(datagram) {
            // The refusal of an earlier datagram. This one was not sent.
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

/// The daemon's address: the given one, the first one of a name with the wanted family, or loopback.
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
