//! Whether the sender of a message may name a process (A3 (b)).
//!
//! Runs on the worker: it reads a part of `/proc`.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use super::doubt::Doubt;
use super::look::after_name;
use super::sockets::SocketsOnce;
use crate::sender::Sender;

/// Whether the sender of a message may name process `pid`; gives the sender's user.
///
/// # Errors
///
/// The first doubt. The caller must hold a pidfd of the process and see it alive afterwards.
pub(super) fn may_name(sender: Claimant, pid: u32, sockets: &SocketsOnce) -> Result<u32, Doubt> {
    check_proc()?;
    match sender {
        Claimant::Udp(source) => has_socket_at(source, pid, sockets),
        Claimant::Local { user } => {
            let users = Users::of(pid)?;
            let is_user = users.may_be_signalled_by(user) || users.effective == user;
            if is_user { Ok(user) } else { Err(Doubt::OtherUser { process: users.real, sender: user }) }
        }
    }
}

/// Who claims to be a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claimant {
    /// The owner of a socket with this address.
    Udp(SocketAddr),
    /// The process itself. The kernel has said so, and that it had this user. It has to have him still: if its pidfd was made
    /// from the number alone, that may be another process by now.
    Local { user: u32 },
}

impl From<&Sender> for Claimant {
    fn from(sender: &Sender) -> Claimant {
        match sender {
            Sender::Udp(source) => Claimant::Udp(*source),
            Sender::Local(credentials) => Claimant::Local { user: credentials.user },
        }
    }
}

/// Whether the socket behind `source` speaks for process `pid`.
///
/// Every socket that can have sent from `source` is looked up; there must be one. The process must have each of them,
/// and the socket's user must be root or one of the process's users: real, effective or saved. So no process can name
/// another one, and not even root can name a process by a number from another pid namespace.
///
/// Somebody who can forge datagrams on loopback (raw sockets: root here, or in a container with the host's network) is not
/// kept from naming a process. Nor is one who closes his port and waits until the process opens a socket there.
fn has_socket_at(source: SocketAddr, pid: u32, sockets: &SocketsOnce) -> Result<u32, Doubt> {
    let sockets = sockets.as_ref().map_err(|error| unreadable("/proc/net/udp", error))?.bound_to(source);
    if sockets.is_empty() {
        return Err(Doubt::NoSocket);
    }
    let users = Users::of(pid)?;
    // More than one is of more than one user only if root shares a port.
    let owner = sockets.iter().map(|socket| socket.uid).max().unwrap_or_default();
    for socket in sockets {
        if !users.may_be_signalled_by(socket.uid) && users.effective != socket.uid {
            return Err(Doubt::OtherUser { process: users.real, sender: socket.uid });
        }
        if !has_socket(pid, socket.inode) {
            return Err(Doubt::OtherSender);
        }
    }
    Ok(owner)
}

/// Whether `pid` may take the place of `incumbent` while that lives: it is younger, and of the same user or root's.
pub(super) fn is_successor(pid: u32, incumbent: u32) -> bool {
    let (Ok(new), Ok(old)) = (Users::of(pid), Users::of(incumbent)) else { return false };
    let (Some(began), Some(incumbent_began)) = (began(pid), began(incumbent)) else { return false };
    began > incumbent_began && (new.real == old.real || new.real == 0)
}

/// When a living process began: clock ticks since boot. One that has ended and is not waited for yet has ended.
pub fn began(pid: u32) -> Option<u64> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = after_name(&stat)?.split_ascii_whitespace();
    let state = fields.next()?;
    fields.nth(18)?.parse().ok().filter(|_| !matches!(state, "Z" | "X"))
}

/// The user ids of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Users {
    real: u32,
    effective: u32,
    saved: u32,
}

impl Users {
    /// # Errors
    ///
    /// The process is dead or hidden.
    pub(super) fn of(pid: u32) -> Result<Users, Doubt> {
        let path = format!("/proc/{pid}/status");
        let status = fs::read_to_string(&path).map_err(|error| {
            let dead = error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH);
            if dead { Doubt::Dead } else { unreadable(&path, &error) }
        })?;
        Users::parse(&status).ok_or_else(|| Doubt::System(format!("{path} has no user")))
    }

    fn parse(status: &str) -> Option<Users> {
        let mut ids = status
            .lines()
            .find_map(|line| line.strip_prefix("Uid:"))?
            .split_ascii_whitespace()
            .map(str::parse);
        let mut next = || ids.next()?.ok();
        Some(Users { real: next()?, effective: next()?, saved: next()? })
    }

    /// The rule of kill(2).
    pub(super) fn may_be_signalled_by(self, user: u32) -> bool {
        user == 0 || user == self.real || user == self.saved
    }
}

/// `/proc` must be that of our own pid namespace, or its numbers are not those of pidfd_open.
fn check_proc() -> Result<(), Doubt> {
    let own = fs::read_link("/proc/self").map_err(|error| unreadable("/proc/self", &error))?;
    if own == Path::new(&std::process::id().to_string()) {
        Ok(())
    } else {
        Err(Doubt::System("/proc is that of another pid namespace".to_owned()))
    }
}

fn has_socket(pid: u32, inode: u64) -> bool {
    let link = format!("socket:[{inode}]");
    let Ok(fds) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    fds.flatten().any(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == Path::new(&link)))
}

fn unreadable(path: &str, error: &io::Error) -> Doubt {
    Doubt::System(format!("{path} can't be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read_from_the_status() {
        let text = "Name:\tsh\nUmask:\t0022\nUid:\t1000\t0\t7\t0\nGid:\t1\t1\t1\t1\n";
        assert_eq!(Users::parse(text), Some(Users { real: 1000, effective: 0, saved: 7 }));
        assert_eq!(Users::parse("Uid:\t1000\t0\n"), None);
        assert_eq!(Users::parse(""), None);
    }

    #[test]
    fn the_effective_user_alone_may_not_signal() {
        let users = Users { real: 1000, effective: 1001, saved: 1002 };
        let may = [0, 1000, 1001, 1002, 1003].map(|user| users.may_be_signalled_by(user));
        assert_eq!(may, [true, true, false, true, false]);
    }
}
