//! Child processes: started in groups of their own, ended as a whole, reaped one by one.

use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;

/// A child that leads a process group of its own.
#[derive(Debug)]
pub struct Group {
    child: Child,
}

impl Group {
    /// Starts a program. An error means that it was not executed.
    ///
    /// The kernel kills it when this process dies. This system exists to prevent a command that goes on alone while the other
    /// host has taken over.
    pub fn start(mut command: Command) -> io::Result<Group> {
        command.process_group(0);
        die_with_this_process(&mut command);
        Ok(Group { child: command.spawn()? })
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Sends a signal to the whole group. The child has not been reaped, so the number is still its own.
    pub fn signal(&self, signal: Signal) {
        // The only error is that no process of the group is left.
        let _ = killpg(self.pid(), signal);
    }

    /// Reaps the child, which has ended.
    pub fn reap(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }
}

#[cfg(target_os = "linux")]
fn die_with_this_process(command: &mut Command) {
    let parent = Pid::this();
    let prepare = move || {
        nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
        // It may have died before.
        if nix::unistd::getppid() == parent { Ok(()) } else { Err(io::Error::from(Errno::ESRCH)) }
    };
    // SAFETY: between fork and exec only two system calls are made, and nothing is allocated.
    unsafe { command.pre_exec(prepare) };
}

#[cfg(not(target_os = "linux"))]
fn die_with_this_process(_command: &mut Command) {}

/// Has the kernel give us every descendant whose parent has ended, so that a process that went to the background
/// does not escape.
#[cfg(target_os = "linux")]
pub fn adopt_orphans() -> io::Result<()> {
    Ok(nix::sys::prctl::set_child_subreaper(true)?)
}

#[cfg(not(target_os = "linux"))]
pub fn adopt_orphans() -> io::Result<()> {
    Ok(())
}

/// Our children that still exist, orphans among them. None where the system does not tell.
pub fn children() -> Vec<Pid> {
    let list = fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    list.split_ascii_whitespace().filter_map(|number| number.parse().ok()).map(Pid::from_raw).collect()
}

/// A process for a log line: `4711 (nginx)`.
pub fn describe(pid: Pid) -> String {
    match fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => format!("{pid} ({})", name.trim_end().escape_debug()),
        Err(_) => pid.to_string(),
    }
}

/// Kills a process that is our child, and so cannot be another one meanwhile.
pub fn kill_child(pid: Pid) {
    let _ = kill(pid, Signal::SIGKILL);
}

/// A child that has ended and was not reaped.
pub fn ended_child() -> Option<Pid> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // Not by nix, which has no value for the end by a real-time signal.
    // SAFETY: the pointer is valid. A structure of zeros is valid too, and waitid fills it or leaves it alone.
    let pid = unsafe {
        Errno::result(libc::waitid(libc::P_ALL, 0, info.as_mut_ptr(), flags)).ok()?;
        info.assume_init().si_pid()
    };
    (pid != 0).then(|| Pid::from_raw(pid))
}

/// Reaps an orphan. As process 1 of a container we get those of every process.
pub fn reap_orphan(pid: Pid) {
    let _ = waitpid(pid, Some(WaitPidFlag::WNOHANG));
}

/// How something has ended: `the command exited with status 3`.
pub fn describe_end(what: &str, status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(number), _) => match Signal::try_from(number) {
            Ok(signal) => format!("{what} was ended by signal {number} ({signal})"),
            Err(_) => format!("{what} was ended by signal {number}"),
        },
        (None, Some(127)) => format!("{what} exited with status 127 (of a shell: command not found)"),
        (None, Some(126)) => format!("{what} exited with status 126 (of a shell: not executable)"),
        (None, code) => format!("{what} exited with status {}", code.unwrap_or_default()),
    }
}
