//! A syslog server (`log-syslog-server`): RFC 5424 over UDP, as RFC 5426 has it.
//!
//! A line that the network loses without a word cannot be counted. An answer of the server's host that the port is closed is
//! as good as a dead local syslogd, and so is having no way to it.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::process;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::gethostname;
use syslog::Logger;

use super::super::line::Entry;
use super::super::retry::Medium;
use super::rfc5424::Rfc5424;
use super::{Datagrams, facility, log};
use schrittmacher_config::Facility;

/// How long the server's host has for saying that nobody listens; it is the log thread that waits, once for
/// each new socket. A server that is dead gets no more new sockets than one in [`super::super::retry::PAUSE`].
const REFUSAL: Duration = Duration::from_millis(100);

/// The sink behind `log-syslog-server`.
pub(in super::super) struct SyslogServer {
    server: SocketAddr,
    facility: Facility,
    logger: Option<Logger<Datagrams<UdpSocket>, Rfc5424>>,
}

impl SyslogServer {
    /// Nothing is opened yet.
    pub fn new(server: SocketAddr, facility: Facility) -> SyslogServer {
        SyslogServer { server, facility, logger: None }
    }

    /// Connected, as only such a socket is told that nobody listens.
    fn connect(&self) -> io::Result<UdpSocket> {
        let any: SocketAddr = match self.server {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        socket.set_nonblocking(true)?;
        socket.connect(self.server)?;
        Ok(socket)
    }
}

impl Medium for SyslogServer {
    /// The refusal of a line comes with the line after it. Behind the first line of a socket it is waited
    /// for, lest a server that stays dead is taken for one that has come back.
    fn write_line(&mut self, entry: &Entry) -> io::Result<()> {
        let host = gethostname().ok().and_then(|host| host.into_string().ok());
        if let Some(logger) = &mut self.logger {
            logger.formatter.host = host;
            return log(logger, entry);
        }
        let format = Rfc5424 { facility: facility(self.facility), host, pid: process::id() };
        let mut logger = Logger::new(Datagrams(self.connect()?), format);
        log(&mut logger, entry)?;
        refusal(&logger.backend.0)?;
        self.logger = Some(logger);
        Ok(())
    }

    fn close(&mut self) {
        self.logger = None;
    }

    fn name(&self) -> String {
        format!("syslog ({})", self.server)
    }
}

/// Some systems show an error only to a wait for something to read, so this waits for that.
fn refusal(socket: &UdpSocket) -> io::Result<()> {
    let mut answer = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    poll(&mut answer, PollTimeout::try_from(REFUSAL).unwrap_or(PollTimeout::ZERO))?;
    socket.take_error()?.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::super::super::retry::{self, Retrying};
    use super::super::super::writer::tests::GUARD;
    use super::super::super::writer::{Sink, Writer};
    use super::super::local::tests::{Complaints, LOCAL3, entry};
    use super::*;

    /// A server at an address of its own, where no other program takes the port while nobody listens.
    fn listen() -> UdpSocket {
        UdpSocket::bind("127.83.84.85:0").unwrap()
    }

    fn receive(server: &UdpSocket) -> String {
        server.set_read_timeout(Some(GUARD)).unwrap();
        let mut buffer = [0; 10_000];
        let length = schrittmacher_testkit::retry(|| server.recv(&mut buffer)).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn a_line_arrives_by_either_family() {
        for server in [listen(), UdpSocket::bind("[::1]:0").unwrap()] {
            let address = server.local_addr().unwrap();
            SyslogServer::new(address, LOCAL3).write_line(&entry("peer\nlost")).unwrap();
            let line = receive(&server);
            assert!(line.starts_with("<156>1 "), "{line}");
            assert!(line.contains(&format!(" schrittmacher {} - [", process::id())), "{line}");
            assert!(line.ends_with("\u{feff}core: peer\\nlost"), "{line}");
        }
    }

    #[test]
    fn without_a_server_lines_are_counted_and_a_new_one_is_told() {
        let first = listen();
        let address = first.local_addr().unwrap();
        drop(first);
        let (told, complaints) = channel();
        let queue = Writer::start("test", 10, Complaints(told)).unwrap();
        let mut sink = Retrying::new(SyslogServer::new(address, LOCAL3), queue.queue(), Duration::ZERO);
        for n in 0..3 {
            sink.write(&entry(&n.to_string()));
        }
        let complaint = complaints.recv_timeout(GUARD).unwrap();
        assert!(complaint.starts_with(&format!("cannot write syslog ({address}), lines")), "{complaint}");

        let second = UdpSocket::bind(address).unwrap();
        sink.write(&entry("kept"));
        assert!(receive(&second).contains("core: 3 log lines lost: "));
        assert!(receive(&second).ends_with("core: kept"));
        let next = complaints.recv_timeout(GUARD).unwrap();
        assert!(next.ends_with("is written again, 3 log lines lost"), "{next}");

        // The first line after the end of a server is lost on its way; the second one is refused.
        drop(second);
        sink.write(&entry("on its way"));
        sink.write(&entry("refused"));
        assert!(complaints.recv_timeout(GUARD).unwrap().starts_with("cannot write syslog ("));
        let third = UdpSocket::bind(address).unwrap();
        sink.write(&entry("kept"));
        assert!(receive(&third).contains("core: 1 log lines lost: "));
        assert!(receive(&third).ends_with("core: kept"));
    }

    /// With the real pauses, and thousands of lines for one that is not there and one that does not read.
    #[test]
    fn no_server_is_waited_for_and_a_dead_one_is_told_once() {
        let (silent, dead) = (listen(), listen().local_addr().unwrap());
        for (address, told_at_all) in [(silent.local_addr().unwrap(), false), (dead, true)] {
            let (told, complaints) = channel();
            let queue = Writer::start("test", 10, Complaints(told)).unwrap();
            let entrance = queue.queue();
            let (done, finished) = channel();
            std::thread::spawn(move || {
                let mut sink = Retrying::new(SyslogServer::new(address, LOCAL3), entrance, retry::PAUSE);
                for _ in 0..2000 {
                    sink.write(&entry(&"x".repeat(1000)));
                }
                done.send(()).unwrap();
            });
            finished.recv_timeout(GUARD).expect("the sink waits for each line");
            assert!(queue.finish(GUARD));
            let complaints: Vec<_> = complaints.try_iter().collect();
            assert_eq!(complaints.len(), usize::from(told_at_all), "{complaints:?}");
        }
    }
}
