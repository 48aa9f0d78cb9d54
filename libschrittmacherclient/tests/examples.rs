//! The C examples, built with their Makefile and led hot and standby as a daemon would.
#![expect(clippy::unwrap_used, reason = "a test")]

mod library;
mod support;

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use library::workshop;
use support::{crate_dir, is_there, run};

/// A running example, ended with the test.
struct Example {
    process: Child,
    daemon: UdpSocket,
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn build(test: &str) -> Option<PathBuf> {
    if !is_there("cc") || !is_there("make") {
        return None;
    }
    let folder = workshop(test);
    let libs = format!("-L{0} -lschrittmacherclient -Wl,-rpath,{0}", folder.display());
    let mut make = Command::new("make");
    make.arg("--always-make").arg("-C").arg(crate_dir().join("../c-examples"));
    make.arg(format!("CPPFLAGS=-I{}", crate_dir().join("../include").display()));
    make.args(["CFLAGS=-Wall -Wextra -pedantic -Werror".to_owned(), format!("LIBS={libs}")]);
    run(make.arg(format!("OUT={}", folder.display())));
    Some(folder)
}

impl Example {
    fn start(program: PathBuf, arguments: impl FnOnce(u16) -> Vec<String>) -> Example {
        let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
        daemon.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let port = daemon.local_addr().unwrap().port();
        let process = Command::new(program).args(arguments(port)).stdout(Stdio::piped()).spawn().unwrap();
        Example { process, daemon }
    }

    fn hear_status(&self, status: &str) {
        let status = format!("\"status\": \"{status}\"");
        let mut datagram = [0; 2000];
        loop {
            let length = self.daemon.recv(&mut datagram).unwrap();
            if String::from_utf8_lossy(&datagram[..length]).contains(&status) {
                return;
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.process.id().try_into().unwrap()), signal).unwrap();
    }

    /// Ends it, and gives what it has said.
    fn end(&mut self) -> Vec<String> {
        self.signal(Signal::SIGTERM);
        let output = BufReader::new(self.process.stdout.take().unwrap());
        output.lines().map(Result::unwrap).collect()
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
        let mut example = Example::start(folder.join(name), |port| vec!["r1".to_owned(), port.to_string()]);
        example.goes_hot_and_standby();
        let said = example.end();
        assert!(said[0].starts_with("hot") && said[1].starts_with("standby"), "{name}: {said:?}");
    }
}

#[test]
fn demo_app_takes_its_time_and_says_what_it_does() {
    let Some(folder) = build("demo_app") else { return };
    let mut example = Example::start(folder.join("demo-app"), |port| {
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
