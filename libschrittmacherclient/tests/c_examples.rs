//! The C examples, built with their Makefile and led hot and standby as a daemon would.
#![expect(clippy::unwrap_used, reason = "a test")]

mod library;
mod retry;
mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use library::workshop;
use retry::retry;
use support::{crate_dir, is_there, run};

/// So long nothing hangs that works.
const HANG: Duration = Duration::from_secs(60);

/// A running example, ended with the test.
struct Example {
    process: Child,
    output: Receiver<String>,
    daemon: UdpSocket,
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The library as if it were installed in a folder, with its pkg-config file.
fn install(test: &str) -> PathBuf {
    let folder = workshop(test);
    let template = crate_dir().join("../packaging/schrittmacherclient.pc.in");
    let pc = fs::read_to_string(template)
        .unwrap()
        .replace("@libdir@", &folder.display().to_string())
        .replace("@includedir@", &crate_dir().join("../include").display().to_string())
        .replace("@version@", env!("CARGO_PKG_VERSION"));
    fs::write(folder.join("schrittmacherclient.pc"), pc).unwrap();
    folder
}

/// Builds the examples with the Makefile, as a user would.
fn build(test: &str) -> Option<PathBuf> {
    if !["cc", "make", "pkg-config"].into_iter().all(is_there) {
        return None;
    }
    let folder = install(test);
    let mut make = Command::new("make");
    make.env("PKG_CONFIG_PATH", &folder).args(["--always-make", "CFLAGS=-Wall -Wextra -pedantic -Werror"]);
    make.arg("-C").arg(crate_dir().join("../c-examples")).arg(format!("OUT={}", folder.display()));
    run(make.arg(format!("LDFLAGS=-Wl,-rpath,{}", folder.display())));
    Some(folder)
}

#[test]
fn cmake_builds_them_too() {
    if !["cc", "cmake", "pkg-config"].into_iter().all(is_there) {
        return;
    }
    let folder = install("cmake");
    let build = folder.join("build");
    let mut configure = Command::new("cmake");
    configure.env("PKG_CONFIG_PATH", &folder).arg("-B").arg(&build);
    run(configure.arg("-S").arg(crate_dir().join("../c-examples")));
    run(Command::new("cmake").arg("--build").arg(&build));
    assert!(build.join("schrittmacher-run").exists());
}

impl Example {
    fn start(program: PathBuf, arguments: impl FnOnce(u16) -> Vec<String>) -> Example {
        let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
        daemon.set_read_timeout(Some(HANG)).unwrap();
        let port = daemon.local_addr().unwrap().port();
        let mut process = Command::new(program).args(arguments(port)).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let (lines, output) = channel();
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
        Example { process, output, daemon }
    }

    /// Waits for a message with this status, past others.
    fn hear_status(&self, status: &str) -> String {
        let status = format!("\"status\": \"{status}\"");
        let mut datagram = [0; 2000];
        loop {
            let length = retry(|| self.daemon.recv(&mut datagram)).unwrap();
            let message = String::from_utf8_lossy(&datagram[..length]);
            if message.contains(&status) {
                return message.into_owned();
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.process.id().try_into().unwrap()), signal).unwrap();
    }

    /// The next line on its standard output.
    fn line(&self) -> String {
        self.output.recv_timeout(HANG).unwrap()
    }

    /// Ends it, and gives what it has said since the last line read.
    fn end(&self) -> Vec<String> {
        self.signal(Signal::SIGTERM);
        let mut said = Vec::new();
        loop {
            match self.output.recv_timeout(HANG) {
                Ok(line) => said.push(line),
                Err(end) => {
                    assert_eq!(end, RecvTimeoutError::Disconnected, "it does not end");
                    return said;
                }
            }
        }
    }

    fn goes_hot_and_standby(&self) {
        self.hear_status("LUNK");
        self.signal(Signal::SIGUSR1);
        self.hear_status("LHOT");
        self.signal(Signal::SIGUSR2);
        self.hear_status("LSBY");
        self.signal(Signal::SIGUSR1);
        self.hear_status("LHOT");
    }
}

#[test]
fn minimal_and_own_signals_go_hot_and_standby() {
    let Some(folder) = build("examples") else { return };
    for name in ["minimal", "own-signals"] {
        let example = Example::start(folder.join(name), |port| vec!["r1".to_owned(), port.to_string()]);
        example.goes_hot_and_standby();
        let said = example.end();
        assert!(said[0].starts_with("hot") && said[1].starts_with("standby"), "{name}: {said:?}");
    }
}

#[test]
fn demo_app_takes_its_time_and_says_what_it_does() {
    let Some(folder) = build("demo_app") else { return };
    let example = Example::start(folder.join("demo-app"), |port| {
        let arguments = format!("--resource r1 --daemon 127.0.0.1 --port {port} --switch-time 20 --name A");
        arguments.split(' ').map(str::to_owned).collect()
    });
    example.hear_status("LUNK");
    example.signal(Signal::SIGUSR1);
    // On the way, without waiting for the heartbeat, and then there.
    example.hear_status("L2HT");
    example.hear_status("LHOT");
    example.signal(Signal::SIGUSR2);
    example.hear_status("L2SB");
    example.hear_status("LSBY");
    let said: Vec<String> = example.end();
    let texts: Vec<&str> = said.iter().map(|line| line.split_once(" A: ").unwrap().1).collect();
    assert!(texts[0].starts_with("started as unknown, pid "), "{texts:?}");
    assert_eq!(texts[1..], ["going hot", "HOT", "going standby", "STANDBY", "ended"]);
}

/// The command that `schrittmacher-run` starts says so, and lives until it is told to end.
const COMMAND: &str = "trap 'echo ended; exit 0' TERM; echo begun; while :; do sleep 0.01; done";

fn start_run(options: &[&str], command: &str) -> Option<Example> {
    let folder = build(&format!("run_{}", options.len()))?;
    Some(Example::start(folder.join("schrittmacher-run"), |port| {
        let port = port.to_string();
        let fixed = ["--resource", "r1", "--port", &port];
        let command = ["--", "/bin/sh", "-c", command];
        let all = fixed.iter().chain(options).chain(&command);
        all.map(|argument| (*argument).to_owned()).collect()
    }))
}

#[test]
fn any_command_is_started_and_stopped_as_ordered() {
    let Some(example) = start_run(&[], COMMAND) else { return };
    example.hear_status("LUNK");
    for _ in 0..2 {
        example.signal(Signal::SIGUSR1);
        example.hear_status("LHOT");
        assert_eq!(example.line(), "begun");
        example.signal(Signal::SIGUSR2);
        example.hear_status("LSBY");
        assert_eq!(example.line(), "ended");
    }
    example.signal(Signal::SIGUSR1);
    assert_eq!(example.line(), "begun");
    // Our own end is that of the command, too, and is reported.
    assert_eq!(example.end(), ["ended"]);
    example.hear_status("LFAI");
}

#[test]
fn a_command_that_ends_by_itself_is_a_failure_for_a_while() {
    let Some(example) = start_run(&["--recover-after", "1"], "echo begun; exit 3") else { return };
    example.hear_status("LUNK");
    example.signal(Signal::SIGUSR1);
    assert!(example.hear_status("LFAI").contains("\"reason\": \"the command exited with status 3\""));
    // The daemon's answer to a failure is the order to stop; that mends nothing.
    example.signal(Signal::SIGUSR2);
    example.hear_status("LFAI");
    example.hear_status("LSBY");
    assert_eq!(example.end(), ["begun"]);
}

#[test]
fn a_command_that_does_not_pass_its_check_is_a_failure() {
    let health = std::env::temp_dir().join(format!("schrittmacher-run-{}", std::process::id()));
    let check = format!("test -e {}", health.display());
    let options = ["--check", &check, "--check-interval", "1", "--recover-after", "0"];
    let Some(example) = start_run(&options, COMMAND) else { return };
    example.hear_status("LUNK");
    example.signal(Signal::SIGUSR1);
    // Not hot before the first check is passed.
    example.hear_status("L2HT");
    fs::write(&health, "").unwrap();
    example.hear_status("LHOT");
    fs::remove_file(&health).unwrap();
    assert_eq!(example.line(), "begun");
    assert!(example.hear_status("LFAI").contains("\"reason\": \"the check exited with status 1\""));
    assert_eq!(example.line(), "ended");
    assert!(example.end().is_empty());
}
