//! One command as a process (X1, X3).

use std::io::{self, PipeWriter};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// A process of ours that has begun and has not been waited for, so that its number can't be reused.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    terminated: bool,
}

/// `text` as a command for `/bin/sh -c`, whose stdout and stderr go to `output`.
///
/// It gets its own process group and no descriptor but 0, 1 and 2: everything that the daemon opens is
/// close-on-exec.
///
/// # Errors
///
/// There is no descriptor left.
pub(super) fn under_shell(text: &str, output: PipeWriter) -> io::Result<Command> {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(text);
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);
    Ok(command)
}

impl Process {
    /// Begins a command that [`under_shell`] has made.
    ///
    /// # Errors
    ///
    /// The system has no process, memory or descriptor left, or no `/bin/sh`.
    pub(super) fn spawn(command: &mut Command) -> io::Result<Process> {
        Ok(Process { child: command.spawn()?, terminated: false })
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
    /// Of a command that was terminated nothing may go on, since it could undo what the next command does:
    /// what is left of its group when it ends is killed, while its number still names that group.
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
