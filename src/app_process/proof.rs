//! Whether the sender of a message may name a process (A3 (b)).
//!
//! Runs on the worker: it reads a part of `/proc`.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use nix::sys::signal::Signal;

use super::doubt::Doubt;
use super::sockets;
use crate::sender::Sender;

/// Whether the sender of a message may name process `pid`; gives the sender's user.
///
/// # Errors
///
/// The first doubt. The caller must hold a pidfd of the process and see it alive afterwards.
pub(super) fn may_name(sender: Claimant, pid: u32) -> Result<u32, Doubt> {
    check_proc()?;
    match sender {
        Claimant::Udp(source) => has_socket_at(source, pid),
        Claimant::Local { user } => {
            let users = ProcessStatus::of(pid)?.users;
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
fn has_socket_at(source: SocketAddr, pid: u32) -> Result<u32, Doubt> {
    let sockets = sockets::bound_to(source).map_err(|error| unreadable("/proc/net/udp", &error))?;
    if sockets.is_empty() {
        return Err(Doubt::NoSocket);
    }
    let users = ProcessStatus::of(pid)?.users;
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
    let (Ok(new), Ok(old)) = (ProcessStatus::of(pid), ProcessStatus::of(incumbent)) else { return false };
    let (Some(began), Some(incumbent_began)) = (began(pid), began(incumbent)) else { return false };
    began > incumbent_began && (new.users.real == old.users.real || new.users.real == 0)
}

/// When a living process began: clock ticks since boot. One that has ended and is not waited for yet has ended.
pub fn began(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program is in brackets and may contain anything. Its state follows, and 19 fields later the start.
    let mut fields = stat.rsplit_once(") ")?.1.split_ascii_whitespace();
    let state = fields.next()?;
    fields.nth(18)?.parse().ok().filter(|_| !matches!(state, "Z" | "X"))
}

/// The entry of a process in `/proc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProcessStatus {
    pub(super) users: Users,
    /// The signals that it catches, ignores or blocks: bit N - 1 for signal N.
    handled: u64,
}

impl ProcessStatus {
    /// # Errors
    ///
    /// The process is dead or hidden.
    pub(super) fn of(pid: u32) -> Result<ProcessStatus, Doubt> {
        let path = format!("/proc/{pid}/status");
        let status = fs::read_to_string(&path).map_err(|error| {
            let dead = error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH);
            if dead { Doubt::Dead } else { unreadable(&path, &error) }
        })?;
        ProcessStatus::parse(&status).ok_or_else(|| Doubt::System(format!("{path} has no user")))
    }

    fn parse(status: &str) -> Option<ProcessStatus> {
        let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        let mut ids = value("Uid:")?.split_ascii_whitespace().map(str::parse);
        let mut next = || ids.next()?.ok();
        let users = Users { real: next()?, effective: next()?, saved: next()? };
        let mask = |name| value(name).and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        let handled =
            ["SigBlk:", "SigIgn:", "SigCgt:"].into_iter().filter_map(mask).fold(0, |all, one| all | one);
        Some(ProcessStatus { users, handled })
    }

    /// Whether SIGUSR1 or SIGUSR2 would end it: it neither catches nor ignores nor blocks the signal.
    pub(super) fn is_ended_by(&self, signal: Signal) -> bool {
        self.handled & (1 << (signal as u32 - 1)) == 0
    }
}

/// The user ids of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Users {
    real: u32,
    effective: u32,
    saved: u32,
}

impl Users {
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
        let users = Users { real: 1000, effective: 0, saved: 7 };
        assert_eq!(ProcessStatus::parse(text), Some(ProcessStatus { users, handled: 0 }));
        assert_eq!(ProcessStatus::parse("Uid:\t1000\t0\n"), None);
        assert_eq!(ProcessStatus::parse(""), None);
    }

    #[test]
    fn a_signal_ends_only_a_process_that_neither_catches_nor_ignores_nor_blocks_it() {
        let (usr1, usr2) = (Signal::SIGUSR1, Signal::SIGUSR2);
        for line in ["SigBlk", "SigIgn", "SigCgt"] {
            let text = format!("Uid:\t0\t0\t0\t0\n{line}:\t0000000000000200\n");
            let status = ProcessStatus::parse(&text).expect("a status");
            assert!(!status.is_ended_by(usr1) && status.is_ended_by(usr2), "{line}");
        }
    }

    #[test]
    fn the_effective_user_alone_may_not_signal() {
        let users = Users { real: 1000, effective: 1001, saved: 1002 };
        let may = [0, 1000, 1001, 1002, 1003].map(|user| users.may_be_signalled_by(user));
        assert_eq!(may, [true, true, false, true, false]);
    }
}
