//! Whether the sender of a message may name a process (A3 (b)).
//!
//! Runs on the worker: it reads a good part of `/proc`.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use super::doubt::Doubt;
use super::sockets;

/// Whether the socket behind `source` may speak for process `pid`.
///
/// 1. Every socket that can have sent from `source` is looked up; there must be one.
/// 2. If the process has that socket, the socket's user must be root or one of the process's users: real,
///    effective or saved.
/// 3. If it has not, the socket's user must be root or allowed to signal the process himself: its real or
///    saved user, as kill(2) has it. And all processes that have the socket must live in our own pid
///    namespace, since a number from another one means another process here, even when root says it.
///
/// Somebody who can forge datagrams on loopback (raw sockets: root here, or in a container with the host's
/// network) is not kept from naming a process.
///
/// # Errors
///
/// The first doubt. The caller must hold a pidfd of the process and see it alive afterwards.
pub(super) fn may_name(source: SocketAddr, pid: u32) -> Result<(), Doubt> {
    check_proc()?;
    let sockets = sockets::bound_to(source).map_err(|error| unreadable("/proc/net/udp", &error))?;
    if sockets.is_empty() {
        return Err(Doubt::NoSocket);
    }
    let users = Users::of(pid)?;
    for socket in sockets {
        let holds = has_socket(pid, socket.inode);
        let allowed = users.may_be_signalled_by(socket.uid) || (holds && users.effective == socket.uid);
        if !allowed {
            return Err(Doubt::OtherUser { process: users.real, sender: socket.uid });
        }
        if !holds {
            check_owners(socket.inode)?;
        }
    }
    Ok(())
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
        let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
        let mut ids = line.split_ascii_whitespace().map(str::parse);
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

/// Everybody who has the socket must be in our pid namespace, and somebody must have it.
fn check_owners(inode: u64) -> Result<(), Doubt> {
    let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/pid"));
    let ours = namespace("self").map_err(|error| unreadable("/proc/self/ns/pid", &error))?;
    let processes = fs::read_dir("/proc").map_err(|error| unreadable("/proc", &error))?;
    let mut owned = false;
    for process in processes.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if !has_socket(pid, inode) {
            continue;
        }
        if !namespace(&pid.to_string()).is_ok_and(|theirs| theirs == ours) {
            return Err(Doubt::OtherNamespace);
        }
        owned = true;
    }
    if owned { Ok(()) } else { Err(Doubt::NoOwner) }
}

fn unreadable(path: &str, error: &io::Error) -> Doubt {
    Doubt::System(format!("{path} can't be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read_from_the_status() {
        let users = Users::parse("Name:\tsh\nUmask:\t0022\nUid:\t1000\t0\t7\t0\nGid:\t1\t1\t1\t1\n");
        assert_eq!(users, Some(Users { real: 1000, effective: 0, saved: 7 }));
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
