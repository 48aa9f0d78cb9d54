//! The socket of a further path to the peer (`docs/adr/0086-several-paths.md`).

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use mio::{Interest, Registry};
use schrittmacher_config::PeerPath;

use super::socket::Socket;
use super::{OpenError, Strangers};
use crate::startup::kept_sockets::KeptSockets;
use crate::token::Source;

/// It is bound to the path's address and the port of the peer link. A path of an interface that is not there has none.
#[derive(Debug)]
pub(super) struct PathSocket {
    path: PeerPath,
    port: u16,
    token: Source,
    /// The number of its interface when the socket was opened; 0 without `zone`, and while the interface is missing.
    scope: u32,
    socket: Option<Socket>,
    /// It was told that it cannot be opened anew.
    is_told: bool,
}

impl PathSocket {
    /// Binds it, unless it is among those `kept`.
    pub fn open(
        path: &PeerPath,
        port: u16,
        token: Source,
        kept: &mut KeptSockets,
        registry: &Registry,
    ) -> Result<PathSocket, OpenError> {
        let mut open =
            PathSocket { path: path.clone(), port, token, scope: scope(path), socket: None, is_told: false };
        if !open.is_missing() {
            open.bind(kept, Strangers::Named, registry)?;
        }
        Ok(open)
    }

    /// Whether its socket is bound to this host's end of a path.
    pub fn is_bound_for(&self, path: &PeerPath) -> bool {
        (self.path.local, &self.path.zone) == (path.local, &path.zone)
    }

    /// Takes what else may have changed of its path: its number, and the peer's end.
    pub fn set_path(&mut self, path: &PeerPath, token: Source, strangers: Strangers, registry: &Registry) {
        self.path.clone_from(path);
        if let Some(socket) = self.socket.as_mut().filter(|_| self.token != token)
            && let Err(error) = registry.reregister(socket.source(), token.into(), Interest::READABLE)
        {
            log::error!("path {} cannot be heard: {error}", path.number);
        }
        self.token = token;
        self.filter(strangers);
    }

    pub fn path(&self) -> &PeerPath {
        &self.path
    }

    pub fn socket(&self) -> Option<&Socket> {
        self.socket.as_ref()
    }

    /// Exchanges the filter.
    pub fn filter(&mut self, strangers: Strangers) {
        if let Some(socket) = &mut self.socket {
            socket.filter(&[self.path.remote], strangers);
        }
    }

    pub fn send(&self, datagram: &[u8]) -> io::Result<()> {
        match &self.socket {
            Some(socket) => socket.send(datagram, self.address(self.path.remote)),
            None => Err(io::Error::other(format!(
                "there is no interface {}",
                self.path.zone.as_deref().unwrap_or_default()
            ))),
        }
    }

    /// An interface that was removed and made again has another number: the socket of the old one is dead.
    pub fn look_after(&mut self, strangers: Strangers, registry: &Registry) {
        let now = scope(&self.path);
        if now == self.scope {
            return;
        }
        self.scope = now;
        self.socket = None;
        if !self.is_missing()
            && let Err(error) = self.bind(&mut KeptSockets::default(), strangers, registry)
        {
            // The next look tries again.
            self.scope = 0;
            if !std::mem::replace(&mut self.is_told, true) {
                log::warn!("path {}: {error}", self.path.number);
            }
        }
    }

    fn bind(
        &mut self,
        kept: &mut KeptSockets,
        strangers: Strangers,
        registry: &Registry,
    ) -> Result<(), OpenError> {
        let (address, admitted) = (self.address(self.path.local), [self.path.remote]);
        let opened = match kept.remove(address) {
            Some(socket) => Socket::adopt(socket, address, &admitted),
            None => Socket::bind(address, &admitted),
        };
        let other = |error| OpenError::Other { address, error };
        let mut socket = match opened {
            Ok(socket) => socket,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                return Err(OpenError::InUse { address });
            }
            Err(error) => return Err(other(error)),
        };
        registry.register(socket.source(), self.token.into(), Interest::READABLE).map_err(other)?;
        socket.filter(&admitted, strangers);
        self.socket = Some(socket);
        self.is_told = false;
        Ok(())
    }

    fn is_missing(&self) -> bool {
        self.path.zone.is_some() && self.scope == 0
    }

    fn address(&self, ip: IpAddr) -> SocketAddr {
        match ip {
            IpAddr::V4(_) => SocketAddr::new(ip, self.port),
            IpAddr::V6(v6) => SocketAddrV6::new(v6, self.port, 0, self.scope).into(),
        }
    }
}

/// The number of the interface of a path; 0 if it has none.
fn scope(path: &PeerPath) -> u32 {
    path.zone.as_deref().and_then(|zone| nix::net::if_::if_nametoindex(zone).ok()).unwrap_or(0)
}
