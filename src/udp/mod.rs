//! The two UDP doors: where datagrams arrive, and who may knock.
//!
//! The peer speaks on `port`, applications on `port` + 1 and, as since version 1.8, on `port` too (D37). The source of a
//! datagram decides which codes it may have (A1, A2). A peer cannot speak for an application, nor an application for the
//! peer. A stranger cannot speak at all.
//!
//! A further path to the peer (`path`) has one socket of its own, for the peer alone.

mod batch;
#[cfg(target_os = "linux")]
mod filter;
mod guard;
mod path;
mod socket;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::RawFd;

use mio::{Interest, Registry};

pub use batch::Batch;
pub use guard::{Arrival, Guard, Origin, Refusal, is_on_this_host, is_own_address};
use path::PathSocket;
use socket::Socket;
pub use socket::is_answer;

use crate::startup::kept_sockets::KeptSockets;
use crate::token::Source;
use schrittmacher_config::{Core, PATHS_MAX, PeerPath};

/// The treatment of strangers' datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strangers {
    /// Their sender is named: while no peer is heard, one of them may be the peer with a wrong address.
    Named,
    /// One in a thousand is named and the rest dropped: a flood costs the daemon nothing.
    Sampled,
}

/// The UDP sockets of the daemon.
#[derive(Debug)]
pub struct Link {
    /// The first one is the peer link: bound to `local-address` and `port`, and used to send (W6).
    sockets: Vec<Socket>,
    /// By the number of the path, from the second one on: their events have the indices behind those of `sockets`.
    paths: [Option<PathSocket>; PATHS_MAX as usize - 1],
    registry: Registry,
    remote: SocketAddr,
    app_address: Vec<IpAddr>,
    strangers: Strangers,
}

/// Why the doors can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another daemon has the address (D21).
    #[error(
        "{address} is in use: another daemon runs with this local-address and port, or an application is bound to it"
    )]
    InUse {
        /// Address and port.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("can't open UDP {address}: {error}")]
    Other {
        /// Address and port.
        address: SocketAddr,
        /// The system's error.
        error: io::Error,
    },
}

/// An address of the peer that is this host's own. One of a link alone may be that of any host on another link.
pub fn peer_that_is_us(core: &Core) -> Option<IpAddr> {
    let more = core.more_paths.iter().filter(|path| path.zone.is_none()).map(|path| path.remote);
    std::iter::once(core.remote_address).chain(more).find(|address| is_own_address(*address))
}

impl Link {
    /// Binds every socket that is not among those `kept`; their events are [`Source::Socket`], those of the peer in `registry`
    /// and those of applications in `app_registry`.
    pub fn open(
        core: &Core,
        kept: &mut KeptSockets,
        registry: &Registry,
        app_registry: &Registry,
    ) -> Result<Link, OpenError> {
        let remote = SocketAddr::new(core.remote_address, core.port);
        let mut sockets = Vec::new();
        for (address, needed) in addresses(core) {
            let admitted = admitted(remote, &core.app_address, address.port());
            let opened = match kept.remove(address) {
                Some(socket) => Socket::adopt(socket, address, &admitted),
                None => Socket::bind(address, &admitted),
            };
            match opened {
                Ok(socket) => sockets.push(socket),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    return Err(OpenError::InUse { address });
                }
                // A machine without IPv6 has no ::1.
                Err(error) if !needed => log::debug!("no socket on {address}: {error}"),
                Err(error) => return Err(OpenError::Other { address, error }),
            }
        }
        for (index, socket) in sockets.iter_mut().enumerate() {
            let address = socket.address();
            // The first one is the peer's.
            let registry = if index == 0 { registry } else { app_registry };
            registry
                .register(socket.source(), Source::Socket(index).into(), Interest::READABLE)
                .map_err(|error| OpenError::Other { address, error })?;
        }
        // The peer link alone sends.
        if let Err(error) = sockets[0].ask_for_answers() {
            log::debug!("a closed port of the peer will not be noticed: {error}");
        }
        let app_address = core.app_address.clone();
        let other = |error| OpenError::Other { address: remote, error };
        let registry = registry.try_clone().map_err(other)?;
        let mut link = Link {
            sockets,
            paths: Default::default(),
            registry,
            remote,
            app_address,
            strangers: Strangers::Named,
        };
        link.set_paths(core, kept)?;
        Ok(link)
    }

    /// Opens the sockets of new paths and closes those of paths that are gone.
    ///
    /// # Errors
    ///
    /// A socket cannot be opened; nothing has changed.
    pub fn set_paths(&mut self, core: &Core, kept: &mut KeptSockets) -> Result<(), OpenError> {
        // One whose path has another number now is kept: its address cannot be bound twice.
        let is_open = |path: &PeerPath| self.paths.iter().flatten().any(|open| open.is_bound_for(path));
        let mut opened = Vec::new();
        for path in core.more_paths.iter().filter(|path| !is_open(path)) {
            let token = self.token_of(path);
            opened.push(PathSocket::open(path, core.port, token, kept, &self.registry)?);
        }
        opened.extend(std::mem::take(&mut self.paths).into_iter().flatten());
        for path in &core.more_paths {
            let Some(at) = opened.iter().position(|open| open.is_bound_for(path)) else { continue };
            let mut open = opened.swap_remove(at);
            open.set_path(path, self.token_of(path), self.strangers, &self.registry);
            self.paths[usize::from(path.number) - 2] = Some(open);
        }
        Ok(())
    }

    fn token_of(&self, path: &PeerPath) -> Source {
        Source::Socket(self.sockets.len() + usize::from(path.number) - 2)
    }

    /// Looks whether the interfaces of paths have come or gone, which is the case once in a year.
    pub fn look_after_paths(&mut self) {
        for path in self.paths.iter_mut().flatten() {
            path.look_after(self.strangers, &self.registry);
        }
    }

    /// Throws away what has arrived of the peer so far. It was said before this daemon's first word, and would be heard
    /// before the answer to that: a standby peer that asks would be taken for one that has just started, too.
    pub fn forget_waiting(&self) {
        self.peer_sockets().for_each(Socket::forget_waiting);
    }

    /// The descriptors of all sockets, to be kept over a restart.
    pub fn descriptors(&self) -> Vec<RawFd> {
        let paths = self.paths.iter().flatten().filter_map(PathSocket::socket);
        self.sockets.iter().chain(paths).map(Socket::descriptor).collect()
    }

    /// The sockets at which the peer is heard.
    fn peer_sockets(&self) -> impl Iterator<Item = &Socket> {
        let paths = self.paths.iter().flatten().filter_map(PathSocket::socket);
        self.sockets.iter().take(1).chain(paths)
    }

    /// How many sockets there can be.
    pub fn len(&self) -> usize {
        self.sockets.len() + self.paths.len()
    }

    /// The socket with this index, if it is open.
    fn socket(&self, index: usize) -> Option<&Socket> {
        match index.checked_sub(self.sockets.len()) {
            None => self.sockets.get(index),
            Some(slot) => self.paths.get(slot)?.as_ref()?.socket(),
        }
    }

    /// The path whose socket has this index, 1 for the first one, and the peer's end of it. `None`: it is for applications alone.
    pub fn path(&self, index: usize) -> Option<(u8, IpAddr)> {
        match index.checked_sub(self.sockets.len()) {
            None => (index == 0).then_some((1, self.remote.ip())),
            Some(slot) => self.paths.get(slot)?.as_ref().map(|open| (open.path().number, open.path().remote)),
        }
    }

    /// The addresses and ports to which applications send.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().map(Socket::address).collect()
    }

    /// The port of the socket with this index.
    pub fn port(&self, index: usize) -> u16 {
        self.socket(index).map_or(self.remote.port(), |socket| socket.address().port())
    }

    /// Whether a datagram with content at the socket with this index comes from this host or an admitted address.
    pub fn is_filtered(&self, index: usize) -> bool {
        self.socket(index).is_some_and(Socket::is_filtered)
    }

    /// Whether the senders of strangers' datagrams are named. Cheap if nothing changes.
    pub fn set_strangers(&mut self, strangers: Strangers) {
        if self.strangers != strangers {
            self.strangers = strangers;
            self.filter();
        }
    }

    /// Admits the addresses of a new configuration.
    pub fn configure(&mut self, core: &Core) {
        if self.app_address != core.app_address {
            self.app_address.clone_from(&core.app_address);
            self.filter();
        }
    }

    fn filter(&mut self) {
        for socket in &mut self.sockets {
            let admitted = admitted(self.remote, &self.app_address, socket.address().port());
            socket.filter(&admitted, self.strangers);
        }
        for path in self.paths.iter_mut().flatten() {
            path.filter(self.strangers);
        }
    }

    /// Takes the datagrams that wait at the socket with this index, as many as `batch` has room for.
    pub fn receive(&self, index: usize, batch: &mut Batch) -> io::Result<()> {
        match self.socket(index) {
            Some(socket) => socket.receive(batch),
            None => {
                batch.clear();
                Ok(())
            }
        }
    }

    /// Sends a datagram to the peer by the path with this number.
    pub fn send_by(&self, path: u8, datagram: &[u8]) -> io::Result<()> {
        match path.checked_sub(2) {
            None => self.sockets[0].send(datagram, self.remote),
            Some(slot) => match self.paths.get(usize::from(slot)).and_then(Option::as_ref) {
                Some(path) => path.send(datagram),
                None => Ok(()),
            },
        }
    }
}

/// Whose datagrams the filter lets through from the wire, at this port of ours.
fn admitted(remote: SocketAddr, app_address: &[IpAddr], port: u16) -> Vec<IpAddr> {
    let peer = (port == remote.port()).then_some(remote.ip());
    peer.into_iter().chain(app_address.iter().copied()).collect()
}

/// Where the daemon listens (A4), the peer link first, and whether it can't do without. When `local-address`
/// is a loopback address, the others are left alone: two daemons can then share a machine.
fn addresses(core: &Core) -> Vec<(SocketAddr, bool)> {
    let app_port = core.port.saturating_add(1);
    let mut list: Vec<(IpAddr, bool)> = vec![(core.local_address, true)];
    if !core.local_address.is_loopback() {
        list.push((Ipv4Addr::LOCALHOST.into(), true));
        list.push((Ipv6Addr::LOCALHOST.into(), false));
    }
    list.iter()
        .flat_map(|(address, needed)| {
            [core.port, app_port].map(|port| (SocketAddr::new(*address, port), *needed))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::Duration;

    use mio::{Events, Poll, Token};

    use super::*;

    /// The paths by number and the end of their addresses.
    fn core(port: u16, paths: &[(u8, u8)]) -> Core {
        let path = |(number, end): &(u8, u8)| PeerPath {
            number: *number,
            local: [127, 0, 9, *end].into(),
            remote: [127, 0, 10, *end].into(),
            zone: None,
        };
        let more_paths = paths.iter().map(path).collect();
        Core {
            local_address: [127, 0, 9, 1].into(),
            port,
            more_paths,
            ..schrittmacher_testkit::config::core()
        }
    }

    /// The sockets at which something has arrived.
    fn readable(poll: &mut Poll) -> Vec<Token> {
        let mut events = Events::with_capacity(8);
        poll.poll(&mut events, Some(Duration::from_secs(5))).unwrap();
        events.iter().map(mio::event::Event::token).collect()
    }

    #[test]
    fn a_path_whose_number_changes_keeps_its_socket() {
        let free = UdpSocket::bind("127.0.9.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let (mut poll, mut kept) = (Poll::new().unwrap(), KeptSockets::default());
        let mut link =
            Link::open(&core(port, &[(2, 2), (3, 3)]), &mut kept, poll.registry(), poll.registry()).unwrap();
        let own = link.sockets.len();
        for (paths, end) in [(&[(2, 3), (3, 2)][..], 3), (&[(2, 2)], 2)] {
            link.set_paths(&core(port, paths), &mut kept).unwrap();
            assert_eq!(link.path(own), Some((2, [127, 0, 10, end].into())));
            let peer = UdpSocket::bind((Ipv4Addr::new(127, 0, 10, end), port)).unwrap();
            peer.send_to(b"{}", (Ipv4Addr::new(127, 0, 9, end), port)).unwrap();
            assert_eq!(readable(&mut poll), [Token::from(Source::Socket(own))]);
            link.forget_waiting();
        }
        assert_eq!(link.path(own + 1), None);
    }
}
