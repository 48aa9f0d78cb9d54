//! Real senders, real processes, and a clock that the test moves.

mod files;
mod local;
mod senders;

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use super::*;
use crate::app_process::look::Sight;
use schrittmacher_testkit::config::resource;
use schrittmacher_testkit::{is_root_for, retry, skip};

/// Far more than anything here takes.
const GUARD: Duration = Duration::from_secs(60);
const WAKER: Token = Token(0);
/// The process of the one resource.
const PROCESS: Source = Source::Process(0);

/// The processes of one resource, and the socket their messages come to.
struct Bench {
    poll: Poll,
    processes: AppProcesses,
    door: UdpSocket,
    now: Time,
}

impl Bench {
    fn new() -> Bench {
        Bench::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut schrittmacher_config::Resource)) -> Bench {
        let poll = Poll::new().expect("a poll");
        let waker = Arc::new(Waker::new(poll.registry(), WAKER).expect("a waker"));
        let registry = poll.registry().try_clone().expect("a registry");
        let mut resource = resource("smsc");
        change(&mut resource);
        let processes = AppProcesses::new(&[resource], registry, waker).expect("a worker");
        let door = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        door.set_read_timeout(Some(GUARD)).expect("a socket option");
        Bench { poll, processes, door, now: Time::ZERO }
    }

    /// A bash whose socket `3` leads here; it has told its own number and goes on with `script`.
    fn sender(&self, wrapper: &[&str], script: &str) -> App {
        let port = self.door.local_addr().expect("an address").port();
        let script = format!("exec 3>/dev/udp/127.0.0.1/{port}; echo $$ >&3; {script}");
        let words = wrapper.iter().chain(&["bash", "-c", &script]).copied().collect::<Vec<_>>();
        let mut command = Command::new(words[0]);
        let child = Guarded(command.args(&words[1..]).stdin(Stdio::null()).spawn().expect(words[0]));
        let (pid, source) = self.message();
        App { child, pid: pid.parse().expect("a number"), source }
    }

    fn message(&self) -> (String, SocketAddr) {
        let mut buffer = [0; 100];
        let (length, source) = retry(|| self.door.recv_from(&mut buffer)).expect("a message");
        (String::from_utf8_lossy(&buffer[..length]).trim().to_owned(), source)
    }

    fn heard(&mut self, pid: u32, source: SocketAddr, milliseconds: u64) {
        self.says(pid, AppCode::Lsby, source, milliseconds);
    }

    /// Whether it counts.
    fn says(&mut self, pid: u32, code: AppCode, source: SocketAddr, milliseconds: u64) -> bool {
        self.now = Time::new(Duration::from_millis(milliseconds));
        self.processes.heard(0, Some(code), Some(pid), &Sender::Udp(source), self.now)
    }

    /// Lets `pid` be named twice, one second apart, and waits for what becomes of it.
    fn named_twice(&mut self, pid: u32, source: SocketAddr) {
        let begin = u64::try_from(self.now.since_origin().as_millis()).expect("a small number") + 10_000;
        self.heard(pid, source, begin);
        self.heard(pid, source, begin + 1000);
        self.worker();
    }

    /// Waits for the worker to find something out.
    fn worker(&mut self) {
        self.event(WAKER);
        self.processes.on_worker_result(self.now);
    }

    /// Waits for an event.
    fn event(&mut self, token: impl Into<Token>) {
        assert!(self.has_event(token, GUARD), "no event");
    }

    fn has_event(&mut self, token: impl Into<Token>, patience: Duration) -> bool {
        let token = token.into();
        let end = Instant::now() + patience;
        let mut events = Events::with_capacity(8);
        while Instant::now() < end {
            match self.poll.poll(&mut events, Some(end.saturating_duration_since(Instant::now()))) {
                Err(error) => assert_eq!(error.kind(), ErrorKind::Interrupted),
                Ok(()) if events.iter().any(|event| event.token() == token) => return true,
                Ok(()) => {}
            }
        }
        false
    }

    fn believed(&self) -> Option<u32> {
        self.processes.believed(0)
    }

    fn doubt(&self) -> Option<Doubt> {
        self.processes.resources[0].refused.as_ref().map(|refused| refused.doubt.clone())
    }
}

/// A process that sends messages.
struct App {
    child: Guarded,
    /// The number that it takes for its own.
    pid: u32,
    source: SocketAddr,
}

/// A child that is killed at the end.
struct Guarded(Child);

impl Guarded {
    /// A process that does nothing, for a long time.
    fn sleeper(wrapper: &[&str]) -> Guarded {
        let words = wrapper.iter().chain(&["sleep", "100"]).copied().collect::<Vec<_>>();
        let child = Guarded(Command::new(words[0]).args(&words[1..]).spawn().expect(words[0]));
        // It is what it is to be as soon as it sleeps: as another user, for example.
        let began = Instant::now();
        while !std::fs::read(format!("/proc/{}/comm", child.0.id())).is_ok_and(|name| name == b"sleep\n") {
            assert!(began.elapsed() < GUARD, "no sleep");
            std::thread::yield_now();
        }
        child
    }

    /// A process that ends with status 7 when it gets SIGUSR1.
    fn with_handler() -> Guarded {
        let script = "trap 'exit 7' USR1; while :; do sleep 0.05; done";
        let child = Guarded(Command::new("bash").args(["-c", script]).spawn().expect("bash"));
        let began = Instant::now();
        while Sight::of(child.pid()).is_ended_by(Signal::SIGUSR1) {
            assert!(began.elapsed() < GUARD, "no handler");
            std::thread::yield_now();
        }
        child
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    fn end(&mut self) {
        self.0.kill().expect("a process");
        self.0.wait().expect("its end");
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const NOBODY: [&str; 4] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
