//! The local syslogd (`log-syslog`), by its datagram socket.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process;

use jiff::tz::TimeZone;
use syslog::Logger;

use super::super::line::Entry;
use super::super::retry::Medium;
use super::rfc3164::Rfc3164;
use super::{Datagrams, facility, log};
use schrittmacher_config::Facility;

/// Where syslogd listens.
pub(in super::super) const SOCKET: &str = if cfg!(target_os = "macos") {
    "/var/run/syslog"
} else if cfg!(target_os = "freebsd") {
    "/var/run/log"
} else {
    "/dev/log"
};

/// The sink behind `log-syslog`.
pub(in super::super) struct LocalSyslog {
    path: PathBuf,
    facility: Facility,
    logger: Option<Logger<Datagrams<UnixDatagram>, Rfc3164>>,
}

impl LocalSyslog {
    /// Nothing is opened yet.
    pub fn new(path: PathBuf, facility: Facility) -> LocalSyslog {
        LocalSyslog { path, facility, logger: None }
    }

    fn open(&self) -> io::Result<Logger<Datagrams<UnixDatagram>, Rfc3164>> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect(&self.path)?;
        let facility = facility(self.facility);
        let format = Rfc3164 { facility, pid: process::id(), zone: TimeZone::system() };
        Ok(Logger::new(Datagrams(socket), format))
    }
}

impl Medium for LocalSyslog {
    fn write_line(&mut self, entry: &Entry) -> io::Result<()> {
        let logger = match self.logger.take() {
            Some(logger) => logger,
            None => self.open()?,
        };
        log(self.logger.insert(logger), entry)
    }

    fn close(&mut self) {
        self.logger = None;
    }

    fn name(&self) -> String {
        format!("syslog ({})", self.path.display())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::super::super::line::Severity;
    use super::super::super::retry::{self, Retrying};
    use super::super::super::writer::tests::GUARD;
    use super::super::super::writer::{Sink, Writer};
    use super::*;

    pub(in super::super) const LOCAL3: Facility = Facility::Local3;

    /// Hands complaints on.
    pub(in super::super) struct Complaints(pub std::sync::mpsc::Sender<String>);

    impl Sink for Complaints {
        fn write(&mut self, entry: &Entry) -> bool {
            self.0.send(entry.message.clone()).is_ok()
        }
    }

    pub(in super::super) fn entry(message: &str) -> Entry {
        Entry::of_core(Severity::Warning, message.to_owned())
    }

    fn receive(syslogd: &UnixDatagram) -> String {
        syslogd.set_read_timeout(Some(GUARD)).unwrap();
        let mut buffer = [0; 10_000];
        let length = schrittmacher_testkit::retry(|| syslogd.recv(&mut buffer)).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn lines_arrive_as_syslogd_wants_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let syslogd = UnixDatagram::bind(&path).unwrap();
        LocalSyslog::new(path, LOCAL3).write_line(&entry("peer\nlost")).unwrap();
        let line = receive(&syslogd);
        assert!(line.starts_with("<156>"), "{line}");
        assert!(line.ends_with(&format!(" schrittmacher[{}]: core: peer\\nlost", process::id())), "{line}");
    }

    #[test]
    fn without_syslogd_lines_are_counted_and_a_new_one_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let (told, complaints) = channel();
        let queue = Writer::start("test", 10, Complaints(told)).unwrap();
        let mut sink = Retrying::new(LocalSyslog::new(path.clone(), LOCAL3), queue.queue(), Duration::ZERO);
        for n in 0..3 {
            sink.write(&entry(&n.to_string()));
        }
        let complaint = complaints.recv_timeout(GUARD).unwrap();
        assert!(complaint.starts_with("cannot write syslog ("), "{complaint}");

        let first = UnixDatagram::bind(&path).unwrap();
        sink.write(&entry("kept"));
        assert!(receive(&first).contains("core: 3 log lines lost: "));
        assert!(receive(&first).ends_with("core: kept"));
        assert!(complaints.recv_timeout(GUARD).unwrap().ends_with("is written again, 3 log lines lost"));

        // A restarted syslogd has a new socket at the old place.
        drop(first);
        std::fs::remove_file(&path).unwrap();
        let second = UnixDatagram::bind(&path).unwrap();
        sink.write(&entry("lost with the old one"));
        sink.write(&entry("kept"));
        assert!(receive(&second).contains("1 log lines lost"));
        assert!(receive(&second).ends_with("core: kept"));
    }

    /// With the real pauses: a thousand lines cost one wait.
    #[test]
    fn a_syslogd_that_does_not_read_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let _syslogd = UnixDatagram::bind(&path).unwrap();
        let (told, complaints) = channel();
        let queue = Writer::start("test", 10, Complaints(told)).unwrap();
        let (done, finished) = channel();
        std::thread::spawn(move || {
            let mut sink = Retrying::new(LocalSyslog::new(path, LOCAL3), queue.queue(), retry::PAUSE);
            for _ in 0..2000 {
                sink.write(&entry(&"x".repeat(1000)));
            }
            done.send(sink).unwrap();
        });
        let _sink = finished.recv_timeout(GUARD).expect("the sink waits for each line");
        assert!(complaints.recv_timeout(GUARD).unwrap().contains("lines get lost"));
    }
}
