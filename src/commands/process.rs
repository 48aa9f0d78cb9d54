//! One command as a process (X1, X3).

use std::io;
use std::process::{Child, Command, ExitStatus};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// A process of ours that has begun and has not been waited for, so that its number can't be reused.
#[derive(Debug)]
pub(super) struct ChildProcess {
    child: Child,
    terminated: bool,
}

/// A child of this process that has ended and has not been waited for, if there is one.
///
/// # Errors
///
/// There is none at all, or this system cannot say so.
#[cfg(any(target_os = "linux", target_os = "freebsd"))]
pub(super) fn ended_child() -> io::Result<Option<u32>> {
    use nix::sys::wait::{Id, WaitPidFlag, waitid};
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    let pid = waitid(Id::All, flags)?.pid();
    Ok(pid.and_then(|pid| u32::try_from(pid.as_raw()).ok()))
}

#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
pub(super) fn ended_child() -> io::Result<Option<u32>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// `text` with the signal names of kill(1) as POSIX has them: `kill -SIGUSR1` becomes `kill -USR1`.
///
/// The program `kill` takes both, and so does bash. The `kill` of dash refuses the first, and dash is the `/bin/sh` of Debian.
/// Files that worked with versions 1.16.1 to 2.0.0, which had no shell, would not work (X6).
pub(super) fn with_posix_signal_names(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("kill") {
        let (before, found) = rest.split_at(at + "kill".len());
        let is_command =
            !before[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
        result.push_str(before);
        let blanks = found.len() - found.trim_start_matches([' ', '\t']).len();
        let (space, option) = found.split_at(blanks);
        result.push_str(space);
        let name = option.strip_prefix("-SIG").filter(|_| is_command && blanks > 0);
        rest = match name {
            Some(name) if name.starts_with(|c: char| c.is_ascii_uppercase()) => {
                result.push('-');
                name
            }
            Some(_) | None => option,
        };
    }
    result.push_str(rest);
    result
}

impl ChildProcess {
    /// Begins a command.
    ///
    /// # Errors
    ///
    /// The system has no process, memory or descriptor left, or there is no such program.
    pub(super) fn spawn(command: &mut Command) -> io::Result<ChildProcess> {
        Ok(ChildProcess { child: command.spawn()?, terminated: false })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM to the whole group.
    pub(super) fn terminate(&mut self) {
        self.terminated = true;
        self.signal_group(Signal::SIGTERM);
    }

    /// Sends SIGKILL to the whole group.
    pub(super) fn kill(&self) {
        self.signal_group(Signal::SIGKILL);
    }

    /// How the command has ended, if it has.
    ///
    /// No process of a terminated command may go on, since it could undo the work of the next command. The rest of its group is
    /// killed when it ends, while its number still names that group.
    ///
    /// # Errors
    ///
    /// It can't be waited for; its end is unknown then and will never be known.
    pub(super) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.terminated && self.has_exited() {
            self.kill();
        }
        self.child.try_wait()
    }

    /// Waits for its end, however long that takes.
    pub(super) fn wait(&mut self) {
        // Its end is unknown otherwise, and nobody wants to know it.
        let _: io::Result<ExitStatus> = self.child.wait();
    }

    fn signal_group(&self, signal: Signal) {
        let Ok(group) = i32::try_from(self.child.id()) else { return };
        // ESRCH is possible on systems that don't count the dead, and nothing is to be done about it.
        let _ = killpg(Pid::from_raw(group), signal);
    }

    /// Whether it has ended, without taking its number away from it.
    #[cfg(any(target_os = "linux", target_os = "freebsd"))]
    fn has_exited(&self) -> bool {
        use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
        let Ok(pid) = i32::try_from(self.child.id()) else { return false };
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        waitid(Id::Pid(Pid::from_raw(pid)), flags).is_ok_and(|status| status != WaitStatus::StillAlive)
    }

    /// Elsewhere a member of the group that survives SIGTERM outlives its leader.
    #[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
    fn has_exited(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signal_names_become_those_of_posix() {
        for (written, run) in [
            ("kill -SIGUSR1 `cat /run/app.pid`", "kill -USR1 `cat /run/app.pid`"),
            ("test -e x && kill  -SIGTERM 1; kill -SIGKILL 2", "test -e x && kill  -TERM 1; kill -KILL 2"),
            ("sh -c '/bin/kill -SIGHUP 7'", "sh -c '/bin/kill -HUP 7'"),
            ("kill -10 5", "kill -10 5"),
            ("pkill -SIGUSR1 app", "pkill -SIGUSR1 app"),
            ("kill -SIG", "kill -SIG"),
            ("/opt/over-kill -SIGUSR1; kill", "/opt/over-kill -SIGUSR1; kill"),
        ] {
            assert_eq!(with_posix_signal_names(written), run);
        }
    }
}
