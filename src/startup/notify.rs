//! Tells systemd (or the program that set `NOTIFY_SOCKET`) how far we are; sd_notify(3).
//!
//! By hand, as the protocol is one datagram and the ready-made crates send it blocking. A service manager that does not read
//! must not delay a heartbeat (T5).

use std::io;
#[cfg(target_os = "linux")]
use std::io::IoSlice;
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::time::Duration;

#[cfg(target_os = "linux")]
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use schrittmacher_text::one_line;

/// The name of our sockets in the service manager's store.
const KEPT_NAME: &str = "udp";

/// The line to the service manager; without one every call does nothing.
#[derive(Debug)]
pub struct Notifier {
    socket: Option<UnixDatagram>,
    /// How often it wants to hear that the event loop turns: half of its patience.
    pub watchdog: Option<Duration>,
}

impl Notifier {
    /// Connects to the socket that `NOTIFY_SOCKET` names: a path, or `@name` for an abstract one.
    ///
    /// # Errors
    ///
    /// The variable is set, but the socket cannot be reached. The daemon can run without.
    pub fn from_env() -> io::Result<Notifier> {
        let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return Ok(Notifier::none()) };
        let variable = |name| std::env::var(name).ok();
        let watchdog = watchdog(variable("WATCHDOG_USEC"), variable("WATCHDOG_PID"), std::process::id());
        Ok(Notifier { watchdog, ..Notifier::connect(name.as_bytes())? })
    }

    /// Nobody listens.
    pub fn none() -> Notifier {
        Notifier { socket: None, watchdog: None }
    }

    fn connect(name: &[u8]) -> io::Result<Notifier> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect_addr(&address(name)?)?;
        Ok(Notifier { socket: Some(socket), watchdog: None })
    }

    /// Whether somebody wants to know.
    pub fn is_heard(&self) -> bool {
        self.socket.is_some()
    }

    /// The start is complete; `status` is one line for people.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={}", one_line(status)));
    }

    /// The text of `systemctl status`; one line for people.
    pub fn status(&self, status: &str) {
        self.send(&format!("STATUS={}", one_line(status)));
    }

    /// The event loop turns.
    pub fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    /// The end has begun.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// The sockets that the service manager has kept are taken over: it shall close its own descriptors of them.
    pub fn take_over(&self) {
        self.send(&format!("FDSTOREREMOVE=1\nFDNAME={KEPT_NAME}"));
    }

    /// Has the service manager keep these sockets for the daemon after this one (door-12).
    #[cfg(target_os = "linux")]
    pub fn keep(&self, sockets: &[RawFd]) {
        let Some(socket) = &self.socket else { return };
        // An answer of the network to a datagram is no reason to close the socket, hence FDPOLL.
        let message = format!("FDSTORE=1\nFDNAME={KEPT_NAME}\nFDPOLL=0");
        let (parts, passed) = ([IoSlice::new(message.as_bytes())], [ControlMessage::ScmRights(sockets)]);
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        if let Err(error) = sendmsg::<()>(socket.as_raw_fd(), &parts, &passed, flags, None) {
            log::debug!("the service manager does not keep the sockets: {error}");
        }
    }

    /// Elsewhere there is no such service manager.
    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "the Linux version needs it")]
    pub fn keep(&self, _sockets: &[RawFd]) {}

    /// A service manager that is gone or does not read changes nothing for us.
    fn send(&self, message: &str) {
        if let Some(socket) = &self.socket
            && let Err(error) = socket.send(message.as_bytes())
        {
            log::debug!("cannot notify the service manager: {error}");
        }
    }
}

/// The pause between two signs of life, if they are wanted of this process; sd_watchdog_enabled(3).
fn watchdog(microseconds: Option<String>, pid: Option<String>, ours: u32) -> Option<Duration> {
    let is_meant = pid.is_none_or(|pid| pid.parse() == Ok(ours));
    let patience = Duration::from_micros(microseconds?.parse().ok()?);
    // Not so often that it is all that the loop does.
    is_meant.then(|| (patience / 2).max(Duration::from_millis(1))).filter(|_| !patience.is_zero())
}

fn address(name: &[u8]) -> io::Result<SocketAddr> {
    match name {
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => {
            use std::os::linux::net::SocketAddrExt;
            SocketAddr::from_abstract_name(name)
        }
        [b'/', ..] => SocketAddr::from_pathname(Path::new(std::ffi::OsStr::from_bytes(name))),
        _ => Err(io::Error::new(io::ErrorKind::Unsupported, "NOTIFY_SOCKET is neither a path nor @name")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(socket: &UnixDatagram) -> String {
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn a_path_gets_the_three_messages() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::connect(path.as_os_str().as_bytes()).unwrap();
        notifier.ready("1 resource");
        assert_eq!(receive(&manager), "READY=1\nSTATUS=1 resource");
        notifier.status("r1\nMAINPID=1");
        assert_eq!(receive(&manager), "STATUS=r1\u{fffd}MAINPID=1");
        notifier.stopping();
        assert_eq!(receive(&manager), "STOPPING=1");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_abstract_socket_works_too() {
        let name = format!("schrittmacher-test-{}", std::process::id());
        let manager = UnixDatagram::bind_addr(&address(format!("@{name}").as_bytes()).unwrap()).unwrap();
        let notifier = Notifier::connect(format!("@{name}").as_bytes()).unwrap();
        notifier.stopping();
        assert_eq!(receive(&manager), "STOPPING=1");
    }

    #[test]
    fn the_watchdog_is_fed_twice_in_its_time_by_the_process_that_is_meant() {
        let text = |text: &str| Some(text.to_owned());
        let half = Some(Duration::from_secs(15));
        assert_eq!(watchdog(text("30000000"), text("42"), 42), half);
        assert_eq!(watchdog(text("30000000"), None, 42), half);
        for (time, pid) in
            [(text("30000000"), text("41")), (None, None), (text("x"), None), (text("0"), None)]
        {
            assert_eq!(watchdog(time, pid, 42), None);
        }
    }

    #[test]
    fn a_manager_that_does_not_read_or_is_gone_blocks_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::connect(path.as_os_str().as_bytes()).unwrap();
        // On a thread of its own, so that blocking fails the test instead of hanging it.
        let (done, finished) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            (0..10_000).for_each(|_| notifier.stopping());
            done.send(notifier).unwrap();
        });
        let notifier = finished.recv_timeout(Duration::from_secs(10)).expect("it blocks");
        drop(manager);
        notifier.stopping();
    }

    #[test]
    fn nonsense_is_an_error_and_not_a_relative_path() {
        for name in ["", "relative", "vsock:2:1"] {
            assert_eq!(
                Notifier::connect(name.as_bytes()).unwrap_err().kind(),
                io::ErrorKind::Unsupported,
                "{name}"
            );
        }
    }
}
