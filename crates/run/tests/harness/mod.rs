//! A daemon that only listens, and the program with what it prints.

use std::fs::{self, File};
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use schrittmacher_testkit::retry;
use serde_json::Value;
use tempfile::TempDir;

/// The guard against hanging.
const HANG: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(5);

/// Looks until there is an answer.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = look() {
            return answer;
        }
        assert!(began.elapsed() < HANG, "waited in vain for {what}");
        thread::sleep(LOOK);
    }
}

/// Sends a signal to a process that the test has started.
pub fn signal(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).unwrap();
}

pub fn is_gone(pid: i32) -> bool {
    kill(Pid::from_raw(pid), None).is_err()
}

/// Hears what is reported.
pub struct Daemon {
    socket: UdpSocket,
    folder: TempDir,
}

impl Daemon {
    pub fn new() -> Daemon {
        Daemon::at("127.0.0.1:0")
    }

    pub fn at(address: &str) -> Daemon {
        let socket = UdpSocket::bind(address).unwrap();
        socket.set_read_timeout(Some(HANG)).unwrap();
        Daemon { socket, folder: tempfile::tempdir().unwrap() }
    }

    pub fn address(&self) -> String {
        self.socket.local_addr().unwrap().to_string()
    }

    pub fn port(&self) -> u16 {
        self.socket.local_addr().unwrap().port()
    }

    /// A file that goes away with the daemon.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A configuration with this address, and one resource.
    pub fn config(&self, resource: &str) -> String {
        let address = self.socket.local_addr().unwrap();
        let (local, port) = (address.ip(), address.port() - 1);
        format!(
            "group = core\nlocal-address = {local}\nremote-address = 127.0.0.8\nport = {port}\n\
             group = resource\nname = {resource}\n"
        )
    }

    /// Waits for a message with this status, past others.
    pub fn hear(&self, status: &str) -> Value {
        self.hear_first_of(&[status])
    }

    pub fn hear_first_of(&self, statuses: &[&str]) -> Value {
        let mut datagram = [0; 2000];
        wait_for(&format!("{statuses:?}"), || {
            let length = retry(|| self.socket.recv(&mut datagram)).unwrap();
            let message: Value = serde_json::from_slice(&datagram[..length]).unwrap();
            statuses.iter().any(|status| message["status"] == *status).then_some(message)
        })
    }
}

/// The program; ended with the test.
pub struct Run {
    pid: Pid,
    folder: TempDir,
}

impl Run {
    /// For the resource `r1`, with a command for the shell.
    pub fn start(daemon: &Daemon, options: &[&str], command: &str) -> Run {
        let port = daemon.port().to_string();
        Run::start_with(&[&["--resource", "r1", "--port", &port], options].concat(), command)
    }

    /// With these options alone.
    pub fn start_with(options: &[&str], command: &str) -> Run {
        Run::spawn(&[&[env!("CARGO_BIN_EXE_schrittmacher-run")], options].concat(), command, None)
    }

    /// With another standard error.
    pub fn start_logging_to(stderr: Stdio, options: &[&str], command: &str) -> Run {
        Run::spawn(&[&[env!("CARGO_BIN_EXE_schrittmacher-run")], options].concat(), command, Some(stderr))
    }

    /// By another program.
    pub fn start_by(starter: &[&str], daemon: &Daemon, command: &str) -> Run {
        let port = daemon.port().to_string();
        let run = [env!("CARGO_BIN_EXE_schrittmacher-run"), "--resource", "r1", "--port", &port];
        Run::spawn(&[starter, &run].concat(), command, None)
    }

    fn spawn(words: &[&str], command: &str, stderr: Option<Stdio>) -> Run {
        let folder = tempfile::tempdir().unwrap();
        let file = |name| File::create(folder.path().join(name)).unwrap();
        let mut run = Command::new(words[0]);
        run.args(&words[1..]).stdin(Stdio::null()).stdout(file("stdout"));
        run.stderr(stderr.unwrap_or_else(|| file("stderr").into()));
        if !words.contains(&"--") {
            run.args(["--", "/bin/sh", "-c", command]);
        }
        let pid = Pid::from_raw(run.spawn().unwrap().id().cast_signed());
        Run { pid, folder }
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.pid, signal).unwrap();
    }

    fn wait_line(&self, name: &str, text: &str, take: bool) -> String {
        let path = self.folder.path().join(name);
        let taken = self.folder.path().join(format!("{name}.taken"));
        wait_for(&format!("{text:?} in {}", fs::read_to_string(&path).unwrap()), || {
            let skip = fs::read_to_string(&taken).map_or(0, |count| count.parse().unwrap());
            let all = fs::read_to_string(&path).unwrap();
            let (at, line) = all.lines().enumerate().skip(skip).find(|(_, line)| line.contains(text))?;
            if take {
                fs::write(&taken, (at + 1).to_string()).unwrap();
            }
            Some(line.to_owned())
        })
    }

    /// Waits for a line of the command, after the last one that was waited for.
    pub fn wait_output(&self, text: &str) -> String {
        self.wait_line("stdout", text, true)
    }

    /// All output of the command so far.
    pub fn output(&self) -> String {
        fs::read_to_string(self.folder.path().join("stdout")).unwrap()
    }

    /// Waits for a line of the program itself.
    pub fn wait_said(&self, text: &str) {
        self.wait_line("stderr", text, false);
    }

    /// The children that it has, by number.
    pub fn children(&self) -> Vec<String> {
        let list = fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.pid)).unwrap();
        list.split_whitespace().map(str::to_owned).collect()
    }

    /// Waits until it has none.
    pub fn wait_gone(&self) {
        wait_for("the end of what the command has started", || self.children().is_empty().then_some(()));
    }

    /// Waits until it ends by itself.
    pub fn wait_code(&self) -> i32 {
        wait_for("its end with an exit status", || match waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, code)) => Some(code),
            _ => None,
        })
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Not after the end: the number may be that of another process.
        if waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive) {
            let _ = kill(self.pid, Signal::SIGTERM);
            let began = Instant::now();
            while waitpid(self.pid, Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive) {
                if began.elapsed() > HANG {
                    let _ = kill(self.pid, Signal::SIGKILL);
                }
                thread::sleep(LOOK);
            }
        }
    }
}
