//! The two UDP doors: where datagrams arrive, and who may knock.
//!
//! The peer speaks on `port`, applications on `port` + 1 and, since version 1.8 did, on `port` too (D37).
//! What a datagram may say follows from where it comes from (A1, A2): a peer can't speak for an application,
//! an application not for the peer, and anybody else for nobody.

mod guard;
mod socket;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use mio::{Interest, Registry, Token};

pub use guard::{Guard, Origin, Refusal, is_own_address};
use socket::Socket;

use crate::config::Core;

/// The UDP sockets of the daemon.
#[derive(Debug)]
pub struct Link {
    /// The first one is the peer link: bound to `local-address` and `port`, and used to send (W6).
    sockets: Vec<Socket>,
    remote: SocketAddr,
    first_token: usize,
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
        /// What the system says.
        error: io::Error,
    },
}

impl Link {
    /// Binds every socket; their events get the tokens from `first_token` on.
    pub fn open(core: &Core, registry: &Registry, first_token: usize) -> Result<Link, OpenError> {
        let remote = SocketAddr::new(core.remote_address, core.port);
        let mut sockets = Vec::new();
        for (address, needed) in addresses(core) {
            match Socket::bind(address) {
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
            registry
                .register(socket.source(), Token(first_token + index), Interest::READABLE)
                .map_err(|error| OpenError::Other { address, error })?;
        }
        Ok(Link { sockets, remote, first_token })
    }

    /// Whether `token` belongs to one of the sockets.
    pub fn owns(&self, token: Token) -> bool {
        (self.first_token..self.first_token + self.sockets.len()).contains(&token.0)
    }

    /// How many sockets there are.
    pub fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Whether there is no socket; never true of an open link.
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// The port of the socket with this index.
    pub fn port(&self, index: usize) -> u16 {
        self.sockets[index].address().port()
    }

    /// The next datagram waiting at the socket with this index.
    pub fn receive<'a>(
        &self,
        index: usize,
        buffer: &'a mut [u8],
    ) -> io::Result<Option<(&'a [u8], SocketAddr)>> {
        self.sockets[index].receive(buffer)
    }

    /// Sends a datagram to the peer.
    pub fn send_to_peer(&self, datagram: &[u8]) -> io::Result<()> {
        self.sockets[0].send(datagram, self.remote)
    }
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
