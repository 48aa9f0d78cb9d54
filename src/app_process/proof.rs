//! Whether the sender of a message may name a process (A3 (b)).
//!
//! Runs on the worker: it reads a part of `/proc`.

use std::fs;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::Path;

use nix::sys::signal::Signal;

use super::doubt::Doubt;
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
    let mut room = [0; STAT];
    let stat = read_once(&format!("/proc/{pid}/stat"), &mut room)?;
    let mut fields = after_name(stat)?.split_ascii_whitespace();
    let state = fields.next()?;
    fields.nth(18)?.parse().ok().filter(|_| !matches!(state, "Z" | "X"))
}

/// The fields of `/proc/PID/stat` after the name of the program, which is in brackets and may contain anything, also what is no
/// UTF-8. The first one is the state; the manual calls it the third.
fn after_name(stat: &[u8]) -> Option<&str> {
    let end = stat.windows(2).rposition(|two| two == b") ")?;
    std::str::from_utf8(stat.get(end + 2..)?).ok()
}

/// Whether a signal would end a process: it neither catches nor ignores it, and some thread neither blocks it nor waits for it.
/// One that is gone, or hidden, counts as one that takes it; one that cannot be understood as one that is ended.
///
/// A thread that has been woken from sigwait(3), and has not got the processor yet, is one that runs and does not block the signal: a
/// process that seems not to take it has to be looked at again.
pub(super) fn is_ended_by(pid: u32, signal: Signal) -> bool {
    would_end(&format!("/proc/{pid}"), signal)
}

fn would_end(process: &str, signal: Signal) -> bool {
    let mut room = [0; STAT];
    let Some(stat) = read_stat(process, &mut room) else { return false };
    let Some(stat) = SignalStat::parse(stat) else { return true };
    let is_in = |signals: u64| signals & (1 << (signal as u32 - 1)) != 0;
    if is_in(stat.handled) {
        return false;
    }
    !is_in(match stat.threads {
        1 => stat.held_off(process),
        _ => held_off_by_all_threads(process),
    })
}

/// What `/proc/PID/stat` says of signals: bit N - 1 for signal N. `/proc/PID/status` says it too, and takes twice as long. There may
/// be thousands to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SignalStat {
    threads: u32,
    /// The signals that this thread blocks.
    blocked: u64,
    /// The signals that the process catches or ignores.
    handled: u64,
}

/// Far more than 52 numbers and a name take.
const STAT: usize = 2048;

impl SignalStat {
    fn parse(stat: &[u8]) -> Option<SignalStat> {
        let mut fields = after_name(stat)?.split_ascii_whitespace();
        let threads = fields.nth(17)?.parse().ok()?;
        let mut signals = fields.skip(11).map(str::parse::<u64>);
        let mut next = || signals.next()?.ok();
        let (blocked, ignored, caught) = (next()?, next()?, next()?);
        Some(SignalStat { threads, blocked, handled: ignored | caught })
    }

    /// The signals that this thread blocks or waits for. As long as it is in sigwait(3) and the like, what it waits for is not among
    /// what it blocks, and ends it no more than that would. Which signals these are is in its memory; it is an application that
    /// takes its orders so.
    fn held_off(&self, folder: &str) -> u64 {
        let mut room = [0; STAT];
        let call = read_once(&format!("{folder}/syscall"), &mut room).unwrap_or_default();
        let number = call
            .split(|byte| *byte == b' ')
            .next()
            .and_then(|number| str::from_utf8(number).ok()?.parse().ok());
        if number == Some(libc::SYS_rt_sigtimedwait) { u64::MAX } else { self.blocked }
    }
}

/// The signals that would end no thread of this process: each blocks them, or waits for signals. The kernel gives a signal to
/// any thread that does not block it, and that ends the whole process.
fn held_off_by_all_threads(process: &str) -> u64 {
    let Ok(threads) = fs::read_dir(format!("{process}/task")) else { return 0 };
    // One that ends meanwhile gets no signal.
    threads
        .flatten()
        .map(|thread| held_off(&thread.path().display().to_string()).unwrap_or(u64::MAX))
        .fold(u64::MAX, |all, one| all & one)
}

fn held_off(thread: &str) -> Option<u64> {
    let mut room = [0; STAT];
    let stat = SignalStat::parse(read_stat(thread, &mut room)?);
    Some(stat.map_or(0, |stat| stat.held_off(thread)))
}

/// The stat of a process, or of a thread, by its folder in `/proc`.
fn read_stat<'a>(folder: &str, room: &'a mut [u8]) -> Option<&'a [u8]> {
    read_once(&format!("{folder}/stat"), room)
}

/// A file of `/proc` that one read gives as a whole.
fn read_once<'a>(path: &str, room: &'a mut [u8]) -> Option<&'a [u8]> {
    let length = fs::File::open(path).ok()?.read(room).ok()?;
    room.get(..length)
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
    use nix::sys::pthread::{pthread_kill, pthread_self};
    use nix::sys::signal::SigSet;
    use nix::unistd::gettid;

    use super::*;

    #[test]
    fn users_are_read_from_the_status() {
        let text = "Name:\tsh\nUmask:\t0022\nUid:\t1000\t0\t7\t0\nGid:\t1\t1\t1\t1\n";
        assert_eq!(Users::parse(text), Some(Users { real: 1000, effective: 0, saved: 7 }));
        assert_eq!(Users::parse("Uid:\t1000\t0\n"), None);
        assert_eq!(Users::parse(""), None);
    }

    #[test]
    fn signals_are_read_from_the_stat() {
        let text = b"7 (a) b \xff(c) S 1 7 7 0 -1 4194368 19 0 0 0 0 0 0 0 20 0 3 0 42091 2420736 99 18446744073709551615 1 2 3 0 0 0 512 4096 \
                    2048 0 0 0 17 0 0 0 0 0 0 1 2 3 4 5 6 7 0";
        let stat = SignalStat { threads: 3, blocked: 512, handled: 4096 | 2048 };
        assert_eq!(SignalStat::parse(text), Some(stat));
        assert_eq!(SignalStat::parse(b"7 (a) S 1 7"), None);
    }

    /// It was sent the signal, which ended it.
    #[test]
    fn a_process_that_cannot_be_understood_counts_as_one_that_is_ended() {
        let folder = tempfile::tempdir().expect("a directory");
        let process = folder.path().to_str().expect("a path");
        assert!(!would_end(process, Signal::SIGUSR1), "it is gone");
        fs::write(folder.path().join("stat"), "7 (a) S 1 7").expect("a file");
        assert!(would_end(process, Signal::SIGUSR1));
        assert_eq!(held_off(process), Some(0), "the same for one of several threads");
    }

    fn signal_stat(folder: &str) -> SignalStat {
        let mut room = [0; STAT];
        read_stat(folder, &mut room).and_then(SignalStat::parse).expect("a stat")
    }

    /// What the kernel says in the two files is the same, also of a process whose signals are all caught but one.
    #[test]
    fn the_stat_says_what_the_status_does() {
        let own = "/proc/thread-self";
        SigSet::from(Signal::SIGUSR2).thread_block().expect("a mask");
        let status = fs::read_to_string(format!("{own}/status")).expect("a status");
        let signals = |name: &str| {
            let mask = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
            u64::from_str_radix(mask.trim(), 16).expect("a mask") & 0x7fff_ffff
        };
        let stat = signal_stat(own);
        let told = (signals("SigBlk:"), signals("SigIgn:") | signals("SigCgt:"));
        assert_eq!((stat.blocked, stat.handled), told, "{status}");
        assert!(stat.blocked & (1 << (Signal::SIGUSR2 as u32 - 1)) != 0);
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
        let folder = format!("/proc/self/task/{number}");
        let waits = || {
            fs::read_to_string(format!("{folder}/wchan")).is_ok_and(|place| place.contains("sigtimedwait"))
        };
        while !waits() {
            assert!(!waiting.is_finished(), "it waits");
            std::thread::yield_now();
        }
        let has = |signals: u64| signals & (1 << (Signal::SIGUSR1 as u32 - 1)) != 0;
        let stat = signal_stat(&folder);
        assert!(!has(stat.blocked), "{stat:?}");
        assert!(held_off(&folder).is_some_and(has));
        // The kernel would give it to another thread of this process.
        assert!(!has(held_off_by_all_threads("/proc/self")));
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
