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
    /// The signals that it catches or ignores, or that all its threads block or wait for: bit N - 1 for signal N.
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
        let mut status =
            ProcessStatus::parse(&status).ok_or_else(|| Doubt::System(format!("{path} has no user")))?;
        if [Signal::SIGUSR1, Signal::SIGUSR2].iter().any(|signal| status.is_ended_by(*signal)) {
            status.handled |= held_off_by_all_threads(pid);
        }
        Ok(status)
    }

    fn parse(status: &str) -> Option<ProcessStatus> {
        let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        let mut ids = value("Uid:")?.split_ascii_whitespace().map(str::parse);
        let mut next = || ids.next()?.ok();
        let users = Users { real: next()?, effective: next()?, saved: next()? };
        let handled = signals(status, "SigIgn:") | signals(status, "SigCgt:");
        Some(ProcessStatus { users, handled })
    }

    /// Whether SIGUSR1 or SIGUSR2 would end it: it does not catch or ignore it, and some thread neither blocks it nor waits for it.
    pub(super) fn is_ended_by(&self, signal: Signal) -> bool {
        self.handled & (1 << (signal as u32 - 1)) == 0
    }
}

/// A line of a status in `/proc`: bit N - 1 for signal N.
fn signals(status: &str, name: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix(name));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

/// The signals that would end no thread of this process: each blocks them, or waits for signals. The kernel gives a signal to
/// any thread that does not block it, and that ends the whole process.
fn held_off_by_all_threads(pid: u32) -> u64 {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return 0 };
    // One that ends meanwhile gets no signal.
    threads
        .flatten()
        .map(|thread| held_off(&thread.path()).unwrap_or(u64::MAX))
        .fold(u64::MAX, |all, one| all & one)
}

/// As long as a thread is in sigwait(3) and the like, what it waits for is not among what it blocks, and ends it no more than that
/// would. Which signals these are is in its memory; it is an application that takes its orders so.
fn held_off(thread: &Path) -> Option<u64> {
    let status = fs::read_to_string(thread.join("status")).ok()?;
    let call = fs::read_to_string(thread.join("syscall")).unwrap_or_default();
    let waits = call.split(' ').next() == Some(&libc::SYS_rt_sigtimedwait.to_string());
    Some(if waits { u64::MAX } else { signals(&status, "SigBlk:") })
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
    use nix::sys::pthread::{pthread_kill, pthread_self};
    use nix::sys::signal::SigSet;
    use nix::unistd::gettid;

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
    fn a_signal_ends_only_a_process_that_neither_catches_nor_ignores_it() {
        let (usr1, usr2) = (Signal::SIGUSR1, Signal::SIGUSR2);
        for line in ["SigIgn", "SigCgt"] {
            let text = format!("Uid:\t0\t0\t0\t0\n{line}:\t0000000000000200\n");
            let status = ProcessStatus::parse(&text).expect("a status");
            assert!(!status.is_ended_by(usr1) && status.is_ended_by(usr2), "{line}");
        }
    }

    /// Such an application was never started: the kernel shows what it waits for as not blocked.
    #[test]
    fn a_thread_that_waits_for_a_signal_is_not_ended_by_it() {
        let usr1 = SigSet::from(Signal::SIGUSR1);
        let (tell, told) = std::sync::mpsc::channel();
        let waiting = std::thread::spawn(move || {
            usr1.thread_block().expect("a mask");
            tell.send((gettid(), pthread_self())).expect("a receiver");
            usr1.wait().expect("a signal")
        });
        let (number, thread) = told.recv().expect("a thread");
        let path = Path::new("/proc/self/task").join(number.to_string());
        let waits =
            || fs::read_to_string(path.join("wchan")).is_ok_and(|place| place.contains("sigtimedwait"));
        while !waits() {
            assert!(!waiting.is_finished(), "it waits");
            std::thread::yield_now();
        }
        let has = |signals: u64| signals & (1 << (Signal::SIGUSR1 as u32 - 1)) != 0;
        let status = fs::read_to_string(path.join("status")).expect("a status");
        assert!(!has(signals(&status, "SigBlk:")), "{status}");
        assert!(held_off(&path).is_some_and(has));
        // The kernel would give it to another thread of this process.
        assert!(!has(held_off_by_all_threads(std::process::id())));
        pthread_kill(thread, Signal::SIGUSR1).expect("a thread");
        assert_eq!(waiting.join().expect("a signal"), Signal::SIGUSR1);
    }

    #[test]
    fn the_effective_user_alone_may_not_signal() {
        let users = Users { real: 1000, effective: 1001, saved: 1002 };
        let may = [0, 1000, 1001, 1002, 1003].map(|user| users.may_be_signalled_by(user));
        assert_eq!(may, [true, true, false, true, false]);
    }
}
