//! A child process that can't outlive its test.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use crate::namespace::Namespace;
use crate::wait_for;

/// One of our programs. They lie beside each other in the target directory, one folder above the test.
///
/// # Panics
///
/// If it has not been built.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).expect("target/PROFILE/deps/TEST");
    let path = folder.join(name);
    assert!(path.exists(), "{} is missing; run: cargo build --workspace", path.display());
    path
}

/// A process of its own group. It ends with the test: by [`Drop`], also when the test panics, or by the kernel if
/// the test program is killed.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts it, in a network namespace if one is named.
    pub fn spawn(mut command: Command, namespace: Option<&Namespace>) -> Process {
        let namespace = namespace.map(Namespace::descriptor);
        let parent = nix::unistd::getpid();
        let prepare = move || {
            set_pdeathsig(Signal::SIGKILL)?;
            if nix::unistd::getppid() != parent {
                return Err(io::Error::from(Errno::ESRCH));
            }
            match &namespace {
                Some(namespace) => Ok(setns(namespace.as_fd(), CloneFlags::CLONE_NEWNET)?),
                None => Ok(()),
            }
        };
        command.process_group(0);
        // SAFETY: between fork and exec only system calls are made, which are async-signal-safe.
        unsafe { command.pre_exec(prepare) };
        let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Process { child }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn raw_pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Sends a signal to it alone. It has not been waited for, so its number is still its own.
    pub fn signal(&self, signal: Signal) {
        kill(self.raw_pid(), signal).unwrap();
    }

    /// Sends a signal to it and to all that it has started.
    pub fn signal_group(&self, signal: Signal) {
        killpg(self.raw_pid(), signal).unwrap();
    }

    /// Ends it as a power failure would.
    pub fn kill(&self) {
        self.signal(Signal::SIGKILL);
        self.wait_exit(Duration::ZERO);
    }

    /// How it ended, if it has. Does not take its number away from it: the group is ended later.
    pub fn exited(&self) -> Option<WaitStatus> {
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        let status = waitid(Id::Pid(self.raw_pid()), flags).unwrap();
        (status != WaitStatus::StillAlive).then_some(status)
    }

    /// Waits until it has ended.
    pub fn wait_exit(&self, expected: Duration) -> WaitStatus {
        wait_for(&format!("the end of process {}", self.pid()), expected, || self.exited())
    }

    /// Waits until it has ended, and takes the exit code.
    pub fn wait_code(&self, expected: Duration) -> i32 {
        let status = self.wait_exit(expected);
        let WaitStatus::Exited(_, code) = status else {
            panic!("process {} did not end by itself: {status:?}", self.pid());
        };
        code
    }

    /// Writes a line to its standard input.
    pub fn tell(&mut self, line: &str) {
        let mut input = self.child.stdin.as_ref().unwrap();
        writeln!(input, "{line}").unwrap();
    }

    /// Ends its standard input.
    pub fn close_input(&mut self) {
        drop(self.child.stdin.take());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Before `wait`: as long as the leader has not been waited for, no other process can get its number.
        let _ = killpg(self.raw_pid(), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}
