//! One command as a process (X1, X3).

use std::io::{self, PipeWriter};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::signal::{SigSet, SigmaskHow, Signal, killpg, pthread_sigmask};
use nix::unistd::Pid;

/// A process of ours that has begun and has not been waited for, so that its number can't be reused.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    terminated: bool,
}

impl Process {
    /// Begins `text` under `/bin/sh -c`, after `prepare` has set its environment; `output` becomes its stdout
    /// and stderr.
    ///
    /// It gets its own process group and no descriptor but 0, 1 and 2: everything that the daemon opens is
    /// close-on-exec.
    ///
    /// # Errors
    ///
    /// The system has no process, memory or descriptor left, or no `/bin/sh`.
    pub(super) fn spawn(
        text: &str,
        output: PipeWriter,
        prepare: impl FnOnce(&mut Command),
    ) -> io::Result<Process> {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(text);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);
        prepare(&mut command);
        let child = with_no_signal_blocked(|| command.spawn())?;
        Ok(Process { child, terminated: false })
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

/// A command inherits the signal mask of the thread that spawns it, and not every shell clears it. The mask is opened around the spawn rather
/// than in the child, because a hook between fork and exec would cost the fast way to spawn (vfork). Handlers
/// become the default by exec, and std resets SIGPIPE, the one signal that a Rust program ignores.
fn with_no_signal_blocked<T>(spawn: impl FnOnce() -> T) -> T {
    let mut before = SigSet::empty();
    let changed = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), Some(&mut before));
    let result = spawn();
    if changed.is_ok() {
        // Can't fail: it is the mask that was there.
        let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&before), None);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_signal_is_blocked_or_ignored() {
        let mut blocked = SigSet::empty();
        blocked.add(Signal::SIGTERM);
        blocked.thread_block().expect("a mask");
        let mut grep = Command::new("grep");
        grep.args(["-E", "Sig(Blk|Ign)", "/proc/self/status"]);
        let output = with_no_signal_blocked(|| grep.output()).expect("grep");
        let text = String::from_utf8(output.stdout).expect("a text");
        let words: Vec<&str> = text.split_whitespace().collect();
        assert_eq!(words[..2], ["SigBlk:", "0000000000000000"]);
        let ignored = u64::from_str_radix(words[3], 16).expect("a mask");
        assert_eq!(ignored & 1 << (Signal::SIGPIPE as u32 - 1), 0, "{text}");
        assert!(SigSet::thread_get_mask().expect("a mask").contains(Signal::SIGTERM), "our own mask is back");
    }
}
