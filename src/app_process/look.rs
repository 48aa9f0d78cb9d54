//! Whether a signal would end a process (door-3), by `/proc` and at the moment of the signal.
//!
//! A thousand processes may be looked at in one turn of the loop, so a look is as short as the kernel allows: `stat` is read instead of
//! `status`, files are kept open, and what answered the last time is asked first. What it answered is not remembered
//! (`docs/adr/0111-orders-of-a-lost-host.md`).

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::{FileExt, MetadataExt};

use nix::sys::resource::{Resource, getrlimit, rlim_t};
use nix::sys::signal::Signal;

/// One process to look at.
#[derive(Debug)]
pub(super) struct Sight {
    /// In `/proc`.
    folder: Box<str>,
    open: Option<Files>,
    /// When it was looked at last, its one thread waited for signals.
    waited: bool,
}

/// Files of a process that are kept open. They are of that process for ever, and never of a later one with its number.
#[derive(Debug)]
struct Files {
    stat: File,
    syscall: File,
    /// The folder of its threads.
    threads: File,
}

impl Files {
    /// `None`: without files, or without descriptors to spare.
    fn open(folder: &str) -> Option<Files> {
        let open = |name: &str| File::open(format!("{folder}/{name}")).ok();
        let files = Files { stat: open("stat")?, syscall: open("syscall")?, threads: open("task")? };
        Some(files).filter(|files| has_room(files.threads.as_raw_fd()))
    }
}

/// Whether there are descriptors to spare: the system gives the lowest one that is free.
fn has_room(last: RawFd) -> bool {
    let last = rlim_t::try_from(last).unwrap_or(rlim_t::MAX);
    getrlimit(Resource::RLIMIT_NOFILE).is_ok_and(|(soft, _)| last < soft / 2)
}

impl Sight {
    /// The process with this number.
    pub(super) fn of(pid: u32) -> Sight {
        Sight { folder: format!("/proc/{pid}").into(), open: None, waited: false }
    }

    /// The same with its files kept open, if there are descriptors to spare. They are of the process whose pidfd is alive afterwards.
    pub(super) fn kept(pid: u32) -> Sight {
        let by_name = Sight::of(pid);
        let mut sight = Sight { open: Files::open(&by_name.folder), ..by_name };
        // The question to begin with is the answer that counts here.
        let _ = sight.is_ended_by(Signal::SIGUSR1);
        sight
    }

    /// Whether a signal would end the process: it neither catches nor ignores it, and some thread neither blocks it nor waits for it.
    /// One that is gone, or hidden, counts as one that takes it; one that cannot be understood as one that is ended.
    ///
    /// A thread that has been woken from sigwait(3), and has not got the processor yet, is one that runs and does not block the signal: a
    /// process that seems not to take it has to be looked at again.
    pub(super) fn is_ended_by(&mut self, signal: Signal) -> bool {
        // The order of the questions is all that an earlier look decides.
        if self.waited {
            self.waited = self.has_one_thread() && self.waits();
            if self.waited {
                return false;
            }
        }
        let mut room = [0; STAT];
        let Some(stat) = self.stat(&mut room) else { return false };
        let Some(stat) = SignalStat::parse(stat) else { return true };
        if is_in(stat.handled, signal) {
            return false;
        }
        if stat.threads != 1 {
            return !is_in(held_off_by_all_threads(&self.folder), signal);
        }
        self.waited = self.waits();
        !self.waited && !is_in(stat.blocked, signal)
    }

    fn stat<'a>(&self, room: &'a mut [u8]) -> Option<&'a [u8]> {
        match &self.open {
            Some(files) => read_again(&files.stat, room),
            None => read_once(&format!("{}/stat", self.folder), room),
        }
    }

    /// Whether its only thread is in sigwait(3) or the like.
    fn waits(&self) -> bool {
        let mut room = [0; CALL];
        is_sigwait(match &self.open {
            Some(files) => read_again(&files.syscall, &mut room),
            None => read_once(&format!("{}/syscall", self.folder), &mut room),
        })
    }

    /// The kernel counts the threads among the links of their folder.
    fn has_one_thread(&self) -> bool {
        let about = match &self.open {
            Some(files) => files.threads.metadata(),
            None => fs::metadata(format!("{}/task", self.folder)),
        };
        about.is_ok_and(|about| about.nlink() == OWN_LINKS + 1)
    }
}

/// The links that any folder has.
const OWN_LINKS: u64 = 2;

/// Far more than 52 numbers and a name take.
const STAT: usize = 2048;

/// More than nine numbers take.
const CALL: usize = 256;

fn is_in(signals: u64, signal: Signal) -> bool {
    signals & (1 << (signal as u32 - 1)) != 0
}

/// What `/proc/PID/stat` says of signals: bit N - 1 for signal N. `/proc/PID/status` says it too, and takes twice as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SignalStat {
    threads: u32,
    /// The signals that this thread blocks.
    blocked: u64,
    /// The signals that the process catches or ignores.
    handled: u64,
}

impl SignalStat {
    fn parse(stat: &[u8]) -> Option<SignalStat> {
        let mut fields = after_name(stat)?.split_ascii_whitespace();
        let threads = fields.nth(17)?.parse().ok()?;
        let mut signals = fields.skip(11).map(str::parse::<u64>);
        let mut next = || signals.next()?.ok();
        let (blocked, ignored, caught) = (next()?, next()?, next()?);
        Some(SignalStat { threads, blocked, handled: ignored | caught })
    }
}

/// The fields of `/proc/PID/stat` after the name of the program, which is in brackets and may contain anything, also what is no
/// UTF-8. The first one is the state; the manual calls it the third.
pub(super) fn after_name(stat: &[u8]) -> Option<&str> {
    let end = stat.windows(2).rposition(|two| two == b") ")?;
    std::str::from_utf8(stat.get(end + 2..)?).ok()
}

/// Whether this is what `/proc/PID/syscall` says of a thread in sigwait(3) and the like. What it waits for is not among what it blocks, and ends it no more
/// than that would. Which signals these are is in its memory; it is an application that takes its orders so.
fn is_sigwait(call: Option<&[u8]>) -> bool {
    let number = call.unwrap_or_default().split(|byte| *byte == b' ').next();
    number.and_then(|number| str::from_utf8(number).ok()?.parse().ok()) == Some(libc::SYS_rt_sigtimedwait)
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

/// The signals that this thread blocks or waits for, by its folder.
fn held_off(thread: &str) -> Option<u64> {
    let mut room = [0; STAT];
    let Some(stat) = SignalStat::parse(read_once(&format!("{thread}/stat"), &mut room)?) else {
        return Some(0);
    };
    let mut room = [0; CALL];
    let waits = is_sigwait(read_once(&format!("{thread}/syscall"), &mut room));
    Some(if waits { u64::MAX } else { stat.blocked })
}

/// A file of `/proc` that one read gives as a whole.
fn read_once<'a>(path: &str, room: &'a mut [u8]) -> Option<&'a [u8]> {
    let length = File::open(path).ok()?.read(room).ok()?;
    room.get(..length)
}

/// The same of one that is open: it says what is so now.
fn read_again<'a>(file: &File, room: &'a mut [u8]) -> Option<&'a [u8]> {
    let length = file.read_at(room, 0).ok()?;
    room.get(..length)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use nix::sys::pthread::{pthread_kill, pthread_self};
    use nix::sys::signal::SigSet;
    use nix::unistd::gettid;

    use super::*;

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
        let place = tempfile::tempdir().expect("a directory");
        let folder = place.path().to_str().expect("a path");
        let mut sight = Sight { folder: folder.into(), open: None, waited: false };
        assert!(!sight.is_ended_by(Signal::SIGUSR1), "it is gone");
        fs::write(place.path().join("stat"), "7 (a) S 1 7").expect("a file");
        assert!(sight.is_ended_by(Signal::SIGUSR1));
        assert_eq!(held_off(folder), Some(0), "the same for one of several threads");
    }

    fn signal_stat(folder: &str) -> SignalStat {
        let mut room = [0; STAT];
        read_once(&format!("{folder}/stat"), &mut room).and_then(SignalStat::parse).expect("a stat")
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
        let stat = signal_stat(&folder);
        assert!(!is_in(stat.blocked, Signal::SIGUSR1), "{stat:?}");
        assert!(held_off(&folder).is_some_and(|signals| is_in(signals, Signal::SIGUSR1)));
        // The kernel would give it to another thread of this process.
        assert!(!is_in(held_off_by_all_threads("/proc/self"), Signal::SIGUSR1));
        let mut own = Sight { folder: "/proc/self".into(), open: None, waited: true };
        assert!(!own.has_one_thread());
        pthread_kill(thread, Signal::SIGUSR1).expect("a thread");
        assert_eq!(waiting.join().expect("a signal"), Signal::SIGUSR1);
        assert!(own.is_ended_by(Signal::SIGUSR1));
    }

    /// An earlier look that was good would be wrong after exec(2): the handlers are gone, and number and time of start are the same.
    #[test]
    fn a_process_that_took_its_signals_is_ended_by_them_once_it_runs_another_program() {
        let usr1 = SigSet::from(Signal::SIGUSR1);
        let (told, tell) = nix::unistd::pipe().expect("a pipe");
        let mut command = Command::new("sleep");
        command.arg("100");
        // SAFETY: nothing here allocates or takes a lock.
        unsafe {
            command.pre_exec(move || {
                usr1.thread_block()?;
                nix::unistd::write(&tell, &std::process::id().to_ne_bytes())?;
                usr1.wait()?;
                Ok(usr1.thread_unblock()?)
            });
        }
        // It comes back when the program runs.
        let starting = std::thread::spawn(move || command.spawn().expect("a program"));
        let mut pid = [0; 4];
        File::from(told).read_exact(&mut pid).expect("a number");
        let pid = u32::from_ne_bytes(pid);
        let (mut kept, mut by_name) = (Sight::kept(pid), Sight::of(pid));
        assert!(kept.open.is_some());
        for sight in [&mut kept, &mut by_name] {
            while sight.is_ended_by(Signal::SIGUSR1) || !sight.waited {
                assert!(!starting.is_finished(), "it waits");
                std::thread::yield_now();
            }
            assert!(!sight.is_ended_by(Signal::SIGUSR1), "by the short way");
        }
        let number = nix::unistd::Pid::from_raw(pid.try_into().expect("a number"));
        nix::sys::signal::kill(number, Signal::SIGUSR1).expect("a process");
        let mut program = starting.join().expect("a program");
        for sight in [&mut kept, &mut by_name] {
            assert!(sight.is_ended_by(Signal::SIGUSR1));
        }
        program.kill().expect("a process");
        program.wait().expect("its end");
        assert!(!kept.is_ended_by(Signal::SIGUSR1), "it is gone");
    }

    #[test]
    fn no_files_are_kept_open_when_descriptors_are_scarce() {
        assert!(has_room(3));
        assert!(!has_room(RawFd::MAX));
    }
}
