//! The double on real sockets.
#![expect(clippy::unwrap_used, reason = "clippy spares tests, but not their helpers")]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Ten times what anything here takes.
const HANG: Duration = Duration::from_secs(120);

struct Double {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Double {
    fn start(local: &str, remote: &str, arguments: &[&str]) -> Double {
        let mut child = Command::new(env!("CARGO_BIN_EXE_schrittmacher-legacy-double"))
            .args(["--local", local, "--remote", remote, "--port", "17700", "--lifetime", "300"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let stdin = child.stdin.take();
        Double { child, stdin, lines }
    }

    /// Waits for this line; what came before.
    fn wait_for(&self, wanted: &str) -> Vec<String> {
        let mut before = Vec::new();
        loop {
            match self.lines.recv_timeout(HANG) {
                Ok(line) if line == wanted => return before,
                Ok(line) => before.push(line),
                Err(problem) => panic!("{problem} while waiting for {wanted}; so far {before:?}"),
            }
        }
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn two_generations_find_their_roles_and_move_the_service() {
    let new = ["--app", "hot", "--switching", "0.2"];
    let old = ["--app", "standby", "--switching", "0.2", "--generation", "1.8.2"];
    let mut first = Double::start("127.88.1.1", "127.88.1.2", &new);
    first.wait_for("STATE Hot");
    let mut second = Double::start("127.88.1.2", "127.88.1.1", &old);
    second.wait_for("STATE Standby");

    first.tell("failover");
    let orders = second.wait_for("STATE Hot");
    assert_eq!(orders, ["ORDER activate", "ORDER start"]);
    second.wait_for("APP hot");
    first.wait_for("STATE Failed");
    first.wait_for("STATE Standby");

    second.tell("app kill");
    first.wait_for("STATE Hot");
}

#[test]
fn it_hears_whom_2_0_0_hears_and_says_its_bytes() {
    let _double = Double::start("127.88.2.1", "127.88.2.2", &["--priority", "10"]);
    let peer = UdpSocket::bind("127.88.2.2:17700").unwrap();
    peer.set_read_timeout(Some(HANG)).unwrap();
    let mut buffer = [0; 2000];
    let mut heard = || {
        let (length, from) = retry(|| peer.recv_from(&mut buffer)).unwrap();
        (String::from_utf8(buffer[..length].to_vec()).unwrap(), from)
    };
    // It may have said its first word before the peer was there; each tick says it again.
    let (unk, from) = heard();
    let random = unk.lines().find_map(|line| line.strip_prefix("  \"random\": ")).unwrap();
    let expected = format!(
        "{{\n  \"status\": \"UNK\",\n  \"random\": {random}\n  \"resource\": \"r1\",\n  \"reason\": \"\",\n  \
         \"host\": \"ipv4:127.88.2.1\",\n  \"priority\": 10,\n  \"type\": \"schrittmacher\"\n}}"
    );
    assert_eq!(unk, expected);
    assert!(from.port() != 17_700 && from.port() != 17_701, "a port of the system's choice");

    let peer_door: SocketAddr = "127.88.2.1:17700".parse().unwrap();
    let app_door: SocketAddr = "127.88.2.1:17701".parse().unwrap();
    let stranger = UdpSocket::bind("127.88.2.3:0").unwrap();
    stranger.send_to(br#"{"resource":"r1","status":"HOTT"}"#, peer_door).unwrap();
    stranger.send_to(br#"{"resource":"r1","status":"LSBY","reason":"at port + 1"}"#, app_door).unwrap();
    let said = loop {
        let (text, _) = heard();
        if !text.contains("UNK") {
            break text;
        }
    };
    assert!(said.contains("STBY") && said.contains("at port + 1"), "not the answer to HOTT: {said}");
}

#[test]
fn commands_run_as_the_generation_runs_them() {
    let directory = std::env::temp_dir().join(format!("legacy-double-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let trace = directory.join("trace");
    let command = format!("echo $ACTION-$RESOURCE_NAME-`echo $LOCAL_ADDRESS` >> {}", trace.display());
    let options = ["--generation", "1.8.2", "--app", "hot", "--interface-activate", &command];
    let old = Double::start("127.88.3.1", "127.88.3.2", &options);
    old.wait_for("ORDER activate");
    assert_eq!(
        std::fs::read_to_string(&trace).unwrap(),
        "activate-r1-ipv4:127.88.3.1\n",
        "by a shell, waited for"
    );
    drop(old);

    // Split at blanks and run without a shell: the tick is an argument like any other.
    let pipe = directory.join("pipe`");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let command = format!("cp /dev/null {}", pipe.display());
    let new = Double::start("127.88.3.1", "127.88.3.2", &["--app", "hot", "--start-action", &command]);
    new.wait_for("ORDER start");
    let (sender, opened) = mpsc::channel();
    std::thread::spawn(move || sender.send(std::fs::read(pipe)));
    opened.recv_timeout(HANG).unwrap().unwrap();
    drop(new);
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn it_ends_with_its_input_and_by_sigterm() {
    let mut double = Double::start("127.88.4.1", "127.88.4.2", &[]);
    double.wait_for("STATE Unknown");
    drop(double.stdin.take());
    assert!(double.child.wait().unwrap().success());

    let mut double = Double::start("127.88.4.1", "127.88.4.2", &[]);
    double.wait_for("STATE Unknown");
    kill(Pid::from_raw(i32::try_from(double.child.id()).unwrap()), Signal::SIGTERM).unwrap();
    assert!(!double.child.wait().unwrap().success());
}

/// Repeats a call that a signal has interrupted: a wait with a time limit is not taken up again by the system.
fn retry<T>(mut call: impl FnMut() -> std::io::Result<T>) -> std::io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
