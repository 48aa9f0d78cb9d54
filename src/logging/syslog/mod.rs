//! Syslog, by the `syslog` crate's `Logger`: here are its backend and its formats (`docs/adr/0017-syslog-crate.md`).
//!
//! * `local`: the local syslogd
//! * `server`: a server in the network
//! * `rfc3164`, `rfc5424`: their formats

mod local;
mod rfc3164;
mod rfc5424;
mod server;

use std::io::{self, Write};
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use syslog::{Error, LogFormat, Logger};

use super::line::{Entry, Severity};
use schrittmacher_config::Facility;

pub(super) use self::local::{LocalSyslog, SOCKET};
pub(super) use self::server::SyslogServer;

/// How long a reader that is busy may take for one line; it is the log thread that waits. A dead one gets that once in
/// [`super::retry::PAUSE`].
const BUSY: Duration = Duration::from_millis(100);

/// A datagram socket that is connected and does not block.
trait DatagramSocket: AsFd {
    fn send(&self, datagram: &[u8]) -> io::Result<usize>;
}

impl DatagramSocket for UnixDatagram {
    fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        UnixDatagram::send(self, datagram)
    }
}

impl DatagramSocket for UdpSocket {
    fn send(&self, datagram: &[u8]) -> io::Result<usize> {
        UdpSocket::send(self, datagram)
    }
}

/// The backend of the logger: each write is one datagram. If the socket is full, it waits a moment and tries once more.
struct Datagrams<S>(S);

impl<S: DatagramSocket> Write for Datagrams<S> {
    fn write(&mut self, datagram: &[u8]) -> io::Result<usize> {
        match self.0.send(datagram) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let mut ready = [PollFd::new(self.0.as_fd(), PollFlags::POLLOUT)];
                poll(&mut ready, PollTimeout::try_from(BUSY).unwrap_or(PollTimeout::ZERO))?;
                self.0.send(datagram)
            }
            result => result,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Logs one line with its severity.
fn log<W: Write, F>(logger: &mut Logger<W, F>, entry: &Entry) -> io::Result<()>
where
    F: for<'a> LogFormat<&'a Entry>,
{
    let result = match entry.severity {
        Severity::Debug => logger.debug(entry),
        Severity::Info => logger.info(entry),
        Severity::Warning => logger.warning(entry),
        Severity::Major => logger.err(entry),
        Severity::Panic => logger.crit(entry),
    };
    result.map_err(|error| match error {
        Error::Write(error) | Error::Io(error) => error,
        Error::Initialization(error) => io::Error::other(error),
    })
}

/// The crate's value for a facility of the configuration.
fn facility(facility: Facility) -> syslog::Facility {
    match facility {
        Facility::Daemon => syslog::Facility::LOG_DAEMON,
        Facility::User => syslog::Facility::LOG_USER,
        Facility::Auth => syslog::Facility::LOG_AUTH,
        Facility::AuthPriv => syslog::Facility::LOG_AUTHPRIV,
        Facility::Local0 => syslog::Facility::LOG_LOCAL0,
        Facility::Local1 => syslog::Facility::LOG_LOCAL1,
        Facility::Local2 => syslog::Facility::LOG_LOCAL2,
        Facility::Local3 => syslog::Facility::LOG_LOCAL3,
        Facility::Local4 => syslog::Facility::LOG_LOCAL4,
        Facility::Local5 => syslog::Facility::LOG_LOCAL5,
        Facility::Local6 => syslog::Facility::LOG_LOCAL6,
        Facility::Local7 => syslog::Facility::LOG_LOCAL7,
    }
}

/// PRI: the crate's own sum of both is private.
fn priority(facility: syslog::Facility, severity: syslog::Severity) -> u8 {
    facility as u8 | severity as u8
}
