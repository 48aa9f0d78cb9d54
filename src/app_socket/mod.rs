//! The Unix socket on which applications of this host report: the kernel vouches for their process and user.
//!
//! It carries the same messages as UDP. Each connection has a queue of its own in the kernel, so that no sender can take the
//! place of another one. A connection that has said too much in a second is not read until the next one: its queue fills, and
//! nobody else notices.
//!
//! * `connection`: one connection, and who speaks there
//! * `places`: how many connections each user may have

mod connection;
mod places;
#[cfg(test)]
#[cfg(target_os = "linux")]
pub(crate) mod tests;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry};
use schrittmacher_config::{Core, Resource, network};
use schrittmacher_protocol::Time;
use schrittmacher_wire::{SocketKind, socket_name};
use socket2::Type;

use self::connection::{Connection, Received};
pub use self::connection::{Credentials, Impostor, Listener};
use self::places::Places;
use crate::socket_file::{Access, SocketError, SocketFile};
use crate::token::Source;

/// What a connection may say in a second: twice the heartbeats that the shortest interval makes, 10 ms.
const PER_SECOND: u32 = 200;
const SECOND: Duration = Duration::from_secs(1);
/// Connections accepted in one turn.
const ACCEPTED: usize = 64;

/// The socket and its connections.
#[derive(Debug)]
pub struct AppSocket {
    file: SocketFile,
    registry: Registry,
    places: Places,
    /// By the index in [`Source::AppConnection`].
    connections: Vec<Option<Connection>>,
    /// Those that may have something to read, each at most once.
    ready: VecDeque<usize>,
    /// Those that have said enough in this second.
    silenced: Vec<usize>,
    second: Time,
    has_callers: bool,
    /// The system refused a connection: tried again in the next second.
    is_exhausted: bool,
}

/// What came next.
#[derive(Debug)]
pub enum Next<'a> {
    /// A message, and who sent it.
    Message(&'a [u8], Credentials),
    /// A message by the connection of another process.
    Impostor(Impostor),
}

impl AppSocket {
    /// Makes the socket. Its names are those of all addresses and ports to which applications send datagrams.
    pub fn open(
        core: &Core,
        resources: &[Resource],
        addresses: &[SocketAddr],
        registry: Registry,
    ) -> Result<AppSocket, SocketError> {
        let name = |address: &SocketAddr| socket_name(*address, network(), SocketKind::App);
        let names: Vec<PathBuf> =
            addresses.iter().map(|address| core.run_directory.join(name(address))).collect();
        let file = SocketFile::open(&names, Type::SEQPACKET, Access::All)?;
        let told = |error| SocketError::System { path: core.run_directory.clone(), error };
        connection::prepare(file.socket()).map_err(told)?;
        registry
            .register(&mut SourceFd(&file.socket().as_raw_fd()), Source::AppSocket.into(), Interest::READABLE)
            .map_err(told)?;
        Ok(AppSocket {
            file,
            registry,
            places: Places::new(resources),
            connections: Vec::new(),
            ready: VecDeque::new(),
            silenced: Vec::new(),
            second: Time::ZERO,
            has_callers: true,
            is_exhausted: false,
        })
    }

    /// One of its names.
    pub fn path(&self) -> &Path {
        // No daemon is without an address.
        &self.file.names()[0]
    }

    /// Takes the users and the number of resources of a new configuration.
    pub fn configure<'a>(&mut self, resources: impl IntoIterator<Item = &'a Resource>) {
        self.places.configure(resources);
    }

    /// The poll has reported a connection that waits to be accepted.
    pub fn note_caller(&mut self) {
        self.has_callers = true;
    }

    /// The poll has reported a connection.
    pub fn note(&mut self, index: usize) {
        if let Some(Some(connection)) = self.connections.get_mut(index)
            && !std::mem::replace(&mut connection.is_ready, true)
        {
            self.ready.push_back(index);
        }
    }

    /// Looks at every connection: the poll of a process that was stopped may have said nothing.
    pub fn note_all(&mut self) {
        self.has_callers = true;
        (0..self.connections.len()).for_each(|index| self.note(index));
    }

    /// Whether there may be more to read now.
    pub fn has_more(&self) -> bool {
        self.has_callers || !self.ready.is_empty()
    }

    /// When those are read again that have said too much.
    pub fn next_deadline(&self) -> Option<Time> {
        (self.is_exhausted || !self.silenced.is_empty()).then(|| self.second + SECOND)
    }

    /// The next message. Connections take turns. `None`: nothing more for now.
    pub fn receive<'a>(&mut self, buffer: &'a mut [u8], now: Time) -> Option<Next<'a>> {
        self.begin_second(now);
        self.accept();
        // Each turn of the loop takes one index away.
        while let Some(index) = self.ready.pop_front() {
            let Some(connection) = self.connections.get_mut(index).and_then(Option::as_mut) else { continue };
            if connection.said >= PER_SECOND {
                self.silenced.push(index);
                continue;
            }
            match connection.receive(buffer) {
                Received::Message(length, credentials) => {
                    connection.said += 1;
                    self.ready.push_back(index);
                    return Some(Next::Message(&buffer[..length], credentials));
                }
                Received::Impostor(impostor) => {
                    self.close(index);
                    return Some(Next::Impostor(impostor));
                }
                Received::Nothing if connection.is_guest => self.close(index),
                Received::Nothing => connection.is_ready = false,
                Received::End => self.close(index),
            }
        }
        None
    }

    fn begin_second(&mut self, now: Time) {
        if now.since(self.second) < SECOND {
            return;
        }
        self.second = now;
        for connection in self.connections.iter_mut().flatten() {
            connection.said = 0;
        }
        self.ready.extend(self.silenced.drain(..));
        self.has_callers |= std::mem::take(&mut self.is_exhausted);
    }

    /// A user who has too many connections is a guest: what he has said is heard, and then the connection is closed. So his
    /// program can try again, or use UDP, and loses no report.
    fn accept(&mut self) {
        if !std::mem::take(&mut self.has_callers) {
            return;
        }
        for _ in 0..ACCEPTED {
            if self.places.are_full() {
                self.is_exhausted = true;
                return;
            }
            match Connection::accept(self.file.socket()) {
                Ok(Some(connection)) => {
                    if let Err(error) = self.admit(connection) {
                        log::debug!("an application's connection can't be watched: {error}");
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    log::debug!("an application's connection can't be accepted: {error}");
                    self.is_exhausted = true;
                    return;
                }
            }
        }
        self.has_callers = true;
    }

    fn admit(&mut self, mut connection: Connection) -> io::Result<()> {
        let free = self.connections.iter().position(Option::is_none);
        let index = free.unwrap_or(self.connections.len());
        let source = Source::AppConnection(index).into();
        self.registry.register(&mut SourceFd(&connection.as_raw_fd()), source, Interest::READABLE)?;
        connection.is_guest = !self.places.take(connection.user());
        connection.is_ready = true;
        self.ready.push_back(index);
        match self.connections.get_mut(index) {
            Some(place) => *place = Some(connection),
            None => self.connections.push(Some(connection)),
        }
        Ok(())
    }

    fn close(&mut self, index: usize) {
        let Some(connection) = self.connections.get_mut(index).and_then(Option::take) else { return };
        self.places.leave(connection.user());
        // Can only fail if the kernel has forgotten the descriptor already.
        let _: io::Result<()> = self.registry.deregister(&mut SourceFd(&connection.as_raw_fd()));
    }
}
