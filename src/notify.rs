//! Tells systemd (or whoever set `NOTIFY_SOCKET`) how far we are; sd_notify(3).
//!
//! By hand, as the protocol is one datagram and the ready-made crates send it blocking: a service manager
//! that does not read must not delay a heartbeat (T5).

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;

/// The line to the service manager; without one every call does nothing.
#[derive(Debug)]
pub struct Notifier(Option<UnixDatagram>);

impl Notifier {
    /// Connects to the socket that `NOTIFY_SOCKET` names: a path, or `@name` for an abstract one.
    ///
    /// # Errors
    ///
    /// The variable is set, but the socket cannot be reached. The daemon can run without.
    pub fn from_env() -> io::Result<Notifier> {
        std::env::var_os("NOTIFY_SOCKET")
            .map_or(Ok(Notifier::none()), |name| Notifier::connect(name.as_bytes()))
    }

    /// Nobody listens.
    pub fn none() -> Notifier {
        Notifier(None)
    }

    fn connect(name: &[u8]) -> io::Result<Notifier> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect_addr(&address(name)?)?;
        Ok(Notifier(Some(socket)))
    }

    /// The start is complete; `status` is one line for people.
    pub fn ready(&self, status: &str) {
        self.send(&format!("READY=1\nSTATUS={}", one_line(status)));
    }

    /// What `systemctl status` shows; one line for people.
    pub fn status(&self, status: &str) {
        self.send(&format!("STATUS={}", one_line(status)));
    }

    /// The end has begun.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// A service manager that is gone or does not read changes nothing for us.
    fn send(&self, message: &str) {
        if let Some(socket) = &self.0
            && let Err(error) = socket.send(message.as_bytes())
        {
            log::debug!("cannot notify the service manager: {error}");
        }
    }
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

/// A line feed would begin another assignment.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
        assert_eq!(receive(&manager), "STATUS=r1 MAINPID=1");
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
