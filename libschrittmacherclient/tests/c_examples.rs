//! The C examples, built with their Makefile and led hot and standby as a daemon would.
#![expect(clippy::unwrap_used, reason = "a test")]

mod library;
mod retry;
mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use library::workshop;
use retry::retry;
use support::{crate_dir, is_there, run, skip};

/// Nothing that works takes as long.
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
    assert!(build.join("minimal").exists());
}

impl Example {
    fn start(program: PathBuf, arguments: impl FnOnce(u16) -> Vec<String>) -> Example {
        Example::run(Command::new(program), arguments)
    }

    fn run(mut command: Command, arguments: impl FnOnce(u16) -> Vec<String>) -> Example {
        let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
        daemon.set_read_timeout(Some(HANG)).unwrap();
        let port = daemon.local_addr().unwrap().port();
        let mut process = command.args(arguments(port)).stdout(Stdio::piped()).spawn().unwrap();
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

    /// Ends it, and gives what it has said.
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
fn the_examples_go_hot_and_standby() {
    let Some(folder) = build("examples") else { return };
    let cplusplus = is_there("c++").then_some("raii");
    for name in ["minimal", "own-signals"].into_iter().chain(cplusplus) {
        let example = Example::start(folder.join(name), |port| vec!["r1".to_owned(), port.to_string()]);
        example.goes_hot_and_standby();
        let said = example.end();
        assert!(said[0].starts_with("hot") && said[1].starts_with("standby"), "{name}: {said:?}");
    }
}

/// The program at the top of the header is whole, its command compiles it, and it does what it says.
#[test]
fn the_example_in_the_header_goes_hot_and_standby() {
    if !["cc", "pkg-config"].into_iter().all(is_there) {
        return;
    }
    let folder = install("header_example");
    let header = crate_dir().join("../include/schrittmacherclient/schrittmacherclient.h");
    let header = fs::read_to_string(header).unwrap();
    let (begin, end) = (header.find(" *     #include").unwrap(), header.find(" *     cc ").unwrap());
    let lines = header[begin..end].lines().map(|line| line.strip_prefix(" *     ").unwrap_or_default());
    let source = lines.collect::<Vec<_>>().join("\n");
    // The test's daemon listens elsewhere, and the test reads a pipe.
    let start = "check(schrittmacher_client_start(client));";
    assert!(source.contains(start), "{source}");
    let before =
        "setvbuf(stdout, NULL, _IOLBF, 0); schrittmacher_client_set_port(client, atoi(getenv(\"PORT\")));";
    fs::write(folder.join("app.c"), source.replace(start, &format!("{before} {start}"))).unwrap();
    let command = header[end..].lines().next().unwrap().trim_start_matches(" *     ");
    let compile = format!("{command} -Wall -Wextra -Werror -Wl,-rpath,{} -o app", folder.display());
    run(Command::new("sh").args(["-ec", &compile]).current_dir(&folder).env("PKG_CONFIG_PATH", &folder));
    let mut program = Command::new("sh");
    program.args(["-ec", "PORT=$1 exec ./app", "sh"]).current_dir(&folder);
    let example = Example::run(program, |port| vec![port.to_string()]);
    example.goes_hot_and_standby();
    let said = example.end();
    assert!(said[0] == "the work begins here" && said[1] == "the work ends here", "{said:?}");
}

/// Leads a program in another language, which finds the library in `folder`.
fn lead(mut command: Command, folder: &Path) {
    command.env("LD_LIBRARY_PATH", folder);
    let example = Example::run(command, |port| vec!["r1".to_owned(), port.to_string()]);
    example.goes_hot_and_standby();
    let said = example.end();
    assert!(said[0].starts_with("hot") && said[1].starts_with("standby"), "{said:?}");
}

#[test]
fn python_goes_hot_and_standby_with_ctypes() {
    if !is_there("python3") {
        return;
    }
    let mut command = Command::new("python3");
    command.arg(crate_dir().join("../c-examples/minimal.py"));
    lead(command, &workshop("ctypes"));
}

/// Shows too that cffi takes the header.
#[test]
fn python_goes_hot_and_standby_with_cffi() {
    let has_cffi = |python: &&str| {
        Command::new(python).args(["-c", "import cffi"]).output().is_ok_and(|output| output.status.success())
    };
    let Some(python) = ["python3", "/usr/bin/python3"].into_iter().find(has_cffi) else {
        skip("python3 with cffi: it is not installed");
        return;
    };
    let mut command = Command::new(python);
    command.arg(crate_dir().join("../c-examples/minimal_cffi.py"));
    command.arg(crate_dir().join("../include/schrittmacherclient/schrittmacherclient.h"));
    lead(command, &workshop("cffi"));
}

/// With the library's handlers beside those of the Go runtime, whose handlers they call.
#[test]
fn go_goes_hot_and_standby() {
    if !Command::new("go").arg("version").output().is_ok_and(|output| output.status.success()) {
        skip("Go: it is not installed");
        return;
    }
    let folder = workshop("go");
    let program = folder.join("minimal-go");
    let mut build = Command::new("go");
    build.arg("build").arg("-o").arg(&program).arg(crate_dir().join("../c-examples/minimal.go"));
    build.env("CGO_CFLAGS", format!("-I{}", crate_dir().join("../include").display()));
    build.env("CGO_LDFLAGS", format!("-L{}", folder.display())).env("GOFLAGS", "-mod=mod");
    build.env("GOCACHE", folder.join("go-cache")).env("HOME", &folder);
    run(&mut build);
    lead(Command::new(program), &folder);
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
