//! Sockets that outlive the daemon, so that no other program takes their ports while it restarts (door-12).
//!
//! The service manager keeps them: a daemon that is to be restarted hands them over by sd_notify(3), and the next one gets
//! them by sd_listen_fds(3). Those of a `.socket` unit come in the same way (`docs/adr/0026-sockets-kept-over-a-restart.md`).

use std::net::SocketAddr;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use schrittmacher_text::exit_code;
use socket2::{SockRef, Type};

use super::console::complain;

/// The first descriptor that is passed on (`SD_LISTEN_FDS_START`).
const FIRST: RawFd = 3;
/// A daemon has six. More are not ours.
const MOST: i32 = 64;

/// UDP sockets that are bound already.
#[derive(Debug, Default)]
pub struct KeptSockets(Vec<(SocketAddr, OwnedFd)>);

impl KeptSockets {
    /// Takes over what the service manager has passed on. To be called once, before this process opens anything that
    /// lasts: the descriptors have no other owner.
    pub fn take() -> KeptSockets {
        let number = |name| std::env::var(name).ok()?.parse::<i32>().ok();
        let is_for_us =
            number("LISTEN_PID").is_some_and(|pid| i64::from(pid) == i64::from(std::process::id()));
        let count = number("LISTEN_FDS").filter(|count| is_for_us && (1..=MOST).contains(count)).unwrap_or(0);
        let mut kept = Vec::new();
        for fd in FIRST..FIRST + count {
            // SAFETY: F_GETFD takes no pointer; it only asks whether there is such a descriptor.
            if unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
                continue;
            }
            // SAFETY: the descriptor is open, and by the protocol of the service manager it was made for this process, in which
            // nothing else knows its number.
            kept.push(unsafe { OwnedFd::from_raw_fd(fd) });
        }
        KeptSockets(kept.into_iter().filter_map(|fd| Some((udp_address(&fd)?, fd))).collect())
    }

    /// The socket that is bound to this address.
    pub fn remove(&mut self, address: SocketAddr) -> Option<OwnedFd> {
        let index = self.0.iter().position(|(own, _)| *own == address)?;
        Some(self.0.swap_remove(index).1)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The address of a UDP socket; `None`, and a warning, if it is something else.
fn udp_address(fd: &OwnedFd) -> Option<SocketAddr> {
    let socket = SockRef::from(fd);
    let is_datagram = socket.r#type().is_ok_and(|kind| kind == Type::DGRAM);
    let address = socket.local_addr().ok().filter(|_| is_datagram).and_then(|address| address.as_socket());
    if address.is_none() {
        // There is no log yet.
        let text = format!("descriptor {} of the service manager is no UDP socket: closed", fd.as_raw_fd());
        complain(&text, exit_code::OK);
    }
    address
}
