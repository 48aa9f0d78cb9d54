//! The daemon's Unix socket for applications. The kernel tells the daemon which process and user send there.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Whether the daemon took a message by its Unix socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// It will read the message.
    Taken,
    /// It has a lot to read yet.
    Full,
    /// It has no such socket, or has ended, or wants nothing of this user.
    Absent,
}

/// The way to that socket, and the connection.
#[derive(Debug)]
pub(crate) struct AppSocket {
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux has such sockets"))]
    daemon: SocketAddr,
    path: PathBuf,
    #[cfg(target_os = "linux")]
    connection: Option<linux::Connection>,
}

impl AppSocket {
    /// The socket of the daemon that listens at this address. It need not exist.
    pub fn new(daemon: SocketAddr, run_directory: &Path) -> AppSocket {
        AppSocket {
            daemon,
            path: path(daemon, run_directory),
            #[cfg(target_os = "linux")]
            connection: None,
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The namespace is that of this thread, as for the UDP socket that it opens.
fn path(daemon: SocketAddr, run_directory: &Path) -> PathBuf {
    use std::os::unix::fs::MetadataExt;

    let network = std::fs::metadata("/proc/thread-self/ns/net").map(|file| file.ino()).ok();
    let kind = schrittmacher_wire::SocketKind::App;
    run_directory.join(schrittmacher_wire::socket_name(daemon, network, kind))
}

#[cfg(target_os = "linux")]
mod linux {
    use std::net::{IpAddr, SocketAddr};
    use std::os::fd::{AsRawFd, OwnedFd};

    use nix::errno::Errno;
    use nix::ifaddrs::getifaddrs;
    use nix::sys::socket::{
        AddressFamily, MsgFlags, SockFlag, SockType, SockaddrStorage, UnixAddr, connect, recv, send, socket,
    };
    use schrittmacher_wire::{MAX_ANSWER, Right};

    use super::{AppSocket, Attempt};
    use crate::descriptor::Descriptor;

    /// Messages of another kind that are passed over at a time.
    const ANSWERS: usize = 16;

    pub type Connection = Descriptor<OwnedFd>;

    impl AppSocket {
        /// Sends one message, without waiting. A connection that the daemon has closed is made anew: it may be back.
        pub fn send(&mut self, message: &[u8]) -> Attempt {
            if let Some(connection) = &self.connection {
                let attempt = attempt(connection, message);
                if attempt != Attempt::Absent {
                    return attempt;
                }
            }
            self.connection = self.connect();
            self.connection.as_ref().map_or(Attempt::Absent, |connection| attempt(connection, message))
        }

        /// The next thing that the daemon has said. What cannot be read is left out.
        pub fn hear(&mut self) -> Option<Right> {
            let connection = self.connection.as_ref()?;
            let mut buffer = [0; MAX_ANSWER];
            for _ in 0..ANSWERS {
                let length = recv(connection.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT).ok()?;
                if length == 0 {
                    return None;
                }
                if let Some(right) = Right::parse(&buffer[..length]) {
                    return Some(right);
                }
            }
            None
        }

        /// Costs one system call where there is no such socket, as with a daemon of an older version.
        fn connect(&self) -> Option<Connection> {
            // A daemon may wait for an address that another host has now. Then the application means that one.
            if !self.path.exists() || !is_on_this_host(self.daemon) {
                return None;
            }
            // A queue for each connection: nobody else can fill ours. A datagram socket has one of ten for all.
            let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
            let connection = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).ok()?;
            connect(connection.as_raw_fd(), &UnixAddr::new(&self.path).ok()?).ok()?;
            Some(Descriptor::new(connection))
        }
    }

    fn attempt(connection: &Connection, message: &[u8]) -> Attempt {
        match send(connection.as_raw_fd(), message, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
            Ok(_) => Attempt::Taken,
            Err(Errno::EAGAIN) => Attempt::Full,
            Err(_) => Attempt::Absent,
        }
    }

    fn is_on_this_host(address: SocketAddr) -> bool {
        let ip = address.ip();
        let of_interface = |address: &SockaddrStorage| {
            let v4 = address.as_sockaddr_in().map(|v4| IpAddr::V4(v4.ip()));
            v4.or_else(|| address.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip())))
        };
        ip.is_loopback()
            || getifaddrs().is_ok_and(|mut interfaces| {
                interfaces.any(|interface| interface.address.as_ref().and_then(of_interface) == Some(ip))
            })
    }
}

/// Other systems do not say whose message it is, so daemons have no such socket there.
#[cfg(not(target_os = "linux"))]
impl AppSocket {
    #[expect(clippy::unused_self, reason = "the Linux version needs it")]
    pub fn send(&mut self, _message: &[u8]) -> Attempt {
        Attempt::Absent
    }

    #[expect(clippy::unused_self, reason = "the Linux version needs it")]
    pub fn hear(&mut self) -> Option<schrittmacher_wire::Right> {
        None
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use nix::sys::socket::{
        AddressFamily, Backlog, SockFlag, SockType, UnixAddr, accept, bind, listen, socket,
    };
    use std::os::fd::AsRawFd;

    use super::*;

    /// The daemon here waits for an address that another host has. The application means the daemon there.
    #[test]
    fn a_socket_for_an_address_of_another_host_is_left_alone() {
        let folder = std::env::temp_dir().join(format!("app-socket-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut app_socket = AppSocket::new("192.0.2.1:7701".parse().unwrap(), &folder);
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let listener = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap();
        bind(listener.as_raw_fd(), &UnixAddr::new(app_socket.path()).unwrap()).unwrap();
        listen(&listener, Backlog::new(1).unwrap()).unwrap();
        let attempt = app_socket.send(b"x");
        let accepted = accept(listener.as_raw_fd());
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(attempt, Attempt::Absent);
        assert!(accepted.is_err());
    }
}
