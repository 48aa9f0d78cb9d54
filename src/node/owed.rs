//! Orders by signal: a resource without a command for an order has its process told (X4).
//!
//! An order to an application whose process is not known yet is owed to it until it is. The protocol repeats the
//! order anyway, but not before the application's next report. It is owed, too, while it is looked again whether the application
//! takes the signal: one that runs at the moment of the first look may seem to be ended by it.

use log::info;
use nix::sys::signal::Signal;
use schrittmacher_protocol::{StateName, Time};
use schrittmacher_wire::AppCode;

use super::resource::{ManagedResource, Word};
use super::{Node, Warned};
use crate::app_process::SignalError;
use crate::commands::CommandKind;

impl Node {
    /// Tells the application's process to go hot or to go standby.
    pub(super) fn signal(&mut self, index: usize, order: CommandKind, now: Time) {
        // One that is owed goes on to be looked at, however often it is repeated.
        if self.owed.get(&index) != Some(&order) {
            self.processes.look_anew(index);
        }
        self.give_signal(index, order, now);
    }

    fn give_signal(&mut self, index: usize, order: CommandKind, now: Time) {
        let signal = if order == CommandKind::Start { Signal::SIGUSR1 } else { Signal::SIGUSR2 };
        match self.processes.signal(index, signal, now) {
            Ok(()) | Err(SignalError::NoHandler { .. } | SignalError::System { .. }) => {
                self.owed.remove(&index);
                return;
            }
            Err(SignalError::LookAgain { .. }) => {
                self.owed.insert(index, order);
                return;
            }
            Err(SignalError::NoProcess) => {
                let resource = &self.resources[index];
                // Nothing is left that it could stop.
                if resource.protocol.state().name() == StateName::Failed && resource.app_has_died {
                    self.owed.remove(&index);
                } else {
                    self.owed.insert(index, order);
                }
            }
        }
        // Normal in the first seconds of an application; the order is repeated.
        if let Some(suppressed) = self.warned.pass(Warned::NobodyToTell(index), now) {
            let name = &self.resources[index].config.name;
            let key = if order == CommandKind::Start { "start-action" } else { "stop-action" };
            let process = if self.resources[index].app_has_died {
                "its process has ended"
            } else {
                "its process is not known yet"
            };
            info!(
                target: name,
                "{order}: the application is not told: there is no `{key}`, and {process}{suppressed}"
            );
        }
    }

    /// Gives the orders that are owed to applications whose process is known by now, or is to be looked at again.
    pub(super) fn settle_owed(&mut self, now: Time) {
        for index in self.processes.take_ready(now) {
            let Some(order) = self.owed.get(&index).copied() else { continue };
            if is_awaited(&self.resources[index], order) {
                self.give_signal(index, order, now);
            } else {
                self.owed.remove(&index);
            }
        }
    }
}

/// Whether the protocol still waits for what was ordered.
fn is_awaited(resource: &ManagedResource, order: CommandKind) -> bool {
    match resource.protocol.state().name() {
        StateName::ToHot => order == CommandKind::Start,
        // A hand-over waits for it: ordered in the first second of a daemon, it would cost `going-standby-timeout`.
        StateName::ToStandby | StateName::Releasing | StateName::Leaving => order == CommandKind::Stop,
        // A side that has failed is told once to stop, and nobody repeats it.
        StateName::Standby | StateName::Failed => {
            order == CommandKind::Stop && resource.local.word != Word::Said(AppCode::Lsby)
        }
        StateName::Unknown | StateName::Hot => false,
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::UdpSocket;
    use std::process::{Child, Command, Stdio};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use mio::{Poll, Token, Waker};
    use schrittmacher_config::{Config, Core};
    use schrittmacher_protocol::{AppFailure, Event};
    use schrittmacher_testkit::config::{core, resource_with};

    use super::*;
    use crate::app_process::AppProcesses;
    use crate::commands::Executor;
    use crate::node::hold::Memory;
    use crate::node::promises::PromiseMemory;
    use crate::startup::kept_sockets::KeptSockets;
    use crate::udp::Link;

    /// Far more than anything here takes.
    const GUARD: Duration = Duration::from_secs(60);

    /// A node whose one application is a process that has no handlers before it is let go on.
    struct Bench {
        node: Node,
        now: Time,
        app: Child,
        _poll: Poll,
        _folder: tempfile::TempDir,
    }

    impl Bench {
        fn new() -> Bench {
            let folder = tempfile::tempdir().expect("a directory");
            let script = "read; trap 'exit 7' USR2; echo; while :; do sleep 0.05; done";
            let mut app = Command::new("bash");
            let app =
                app.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("bash");
            let pid_file = folder.path().join("pid");
            std::fs::write(&pid_file, app.id().to_string()).expect("a file");
            let resource = resource_with("smsc", |smsc| smsc.pid_file = Some(pid_file));
            let poll = Poll::new().expect("a poll");
            let waker = Arc::new(Waker::new(poll.registry(), Token(0)).expect("a waker"));
            let registry = || poll.registry().try_clone().expect("a registry");
            let (core, link) = link(&poll);
            let config = Config { core, resources: vec![resource] };
            let now = Time::new(Duration::from_secs(1000));
            let executor =
                Executor::new(&config, registry(), Arc::clone(&waker), None, now).expect("a thread");
            let processes = AppProcesses::new(&config.resources, registry(), waker).expect("a thread");
            let promises = PromiseMemory::default();
            let memory = Memory { file_is_broken: false, peer_is_known: true, promises };
            let mut node = Node::new(config, memory, link, executor, processes, None, now).expect("numbers");
            node.processes.look(0, now);
            let began = Instant::now();
            while node.processes.believed(0).is_none() {
                assert!(began.elapsed() < GUARD, "it is not known: {:?}", node.processes.doubt(0));
                node.on_wake(now);
            }
            Bench { node, now, app, _poll: poll, _folder: folder }
        }

        fn state(&self) -> StateName {
            self.node.resources[0].protocol.state().name()
        }

        fn says(&mut self, code: AppCode) {
            self.node.resources[0].heard_app(Some(code), None, self.now);
            self.node.give(0, Event::App(Some(code)), self.now);
        }

        fn pass(&mut self, time: Duration) {
            self.now = self.now + time;
            self.node.on_time(self.now);
        }

        fn become_hot(&mut self) {
            for _ in 0..60 {
                self.says(AppCode::Lhot);
                self.pass(Duration::from_secs(1));
            }
            assert_eq!(self.state(), StateName::Hot);
        }

        /// Until it has its handler.
        fn go_on(&mut self) {
            drop(self.app.stdin.take());
            let mut line = String::new();
            BufReader::new(self.app.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        }
    }

    impl Drop for Bench {
        fn drop(&mut self) {
            // It may have ended by itself.
            let _ = self.app.kill();
            let _ = self.app.wait();
        }
    }

    fn link(poll: &Poll) -> (Core, Link) {
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < GUARD, "no free port");
            let free = UdpSocket::bind("127.0.9.4:0").expect("a socket");
            let port = free.local_addr().expect("an address").port();
            drop(free);
            let (local_address, remote_address) = ([127, 0, 9, 4].into(), [127, 0, 9, 5].into());
            let core = Core { local_address, remote_address, port, ..core() };
            if let Ok(link) = Link::open(&core, &mut KeptSockets::default(), poll.registry(), poll.registry())
            {
                return (core, link);
            }
        }
    }

    /// Its application was just woken from sigwait(3). Nobody told it again, and it served on while the other side took over.
    #[test]
    fn a_failed_side_stops_an_application_that_takes_the_signal_a_moment_later() {
        let mut bench = Bench::new();
        bench.become_hot();
        bench.node.give(0, Event::AppFailed(AppFailure::CheckFailed), bench.now);
        bench.pass(Duration::ZERO);
        assert_eq!(bench.state(), StateName::Failed);
        assert_eq!(bench.node.owed.get(&0), Some(&CommandKind::Stop));
        bench.go_on();
        bench.pass(Duration::from_millis(1));
        assert!(bench.node.owed.is_empty());
        let began = Instant::now();
        let status = loop {
            if let Some(status) = bench.app.try_wait().expect("a child") {
                break status;
            }
            assert!(began.elapsed() < GUARD, "it was not told");
            std::thread::yield_now();
        };
        assert_eq!(status.code(), Some(7));
    }

    #[test]
    fn a_failed_side_does_not_stop_what_is_stopped() {
        for ends in [false, true] {
            let mut bench = Bench::new();
            bench.become_hot();
            bench.node.give(0, Event::AppFailed(AppFailure::CheckFailed), bench.now);
            bench.pass(Duration::ZERO);
            assert_eq!(bench.node.owed.get(&0), Some(&CommandKind::Stop));
            if ends {
                bench.app.kill().expect("a process");
                bench.app.wait().expect("its end");
                bench.node.on_process(0, bench.now);
            } else {
                bench.node.resources[0].heard_app(Some(AppCode::Lsby), None, bench.now);
            }
            bench.pass(Duration::from_millis(1));
            assert!(bench.node.owed.is_empty(), "ends: {ends}");
        }
    }

    #[test]
    fn nobody_is_left_to_be_stopped_if_the_end_of_its_process_is_the_failure() {
        let mut bench = Bench::new();
        bench.become_hot();
        bench.app.kill().expect("a process");
        bench.app.wait().expect("its end");
        bench.node.on_process(0, bench.now);
        bench.pass(Duration::ZERO);
        assert_eq!(bench.state(), StateName::Failed);
        assert!(bench.node.owed.is_empty());
    }

    /// After four orders that were not wanted any more it was said that a signal would end the application.
    #[test]
    fn each_order_has_looks_of_its_own() {
        let mut bench = Bench::new();
        for _ in 0..6 {
            bench.node.signal(0, CommandKind::Stop, bench.now);
            assert_eq!(bench.node.owed.get(&0), Some(&CommandKind::Stop), "looked at again");
            assert_eq!(bench.state(), StateName::Unknown);
            bench.pass(Duration::from_millis(1));
            assert!(bench.node.owed.is_empty(), "it is not awaited");
        }
        // One that is repeated is the same one: the looks come to an end.
        for _ in 0..4 {
            bench.node.signal(0, CommandKind::Stop, bench.now);
            assert!(bench.node.owed.contains_key(&0));
        }
        bench.node.signal(0, CommandKind::Stop, bench.now);
        assert!(bench.node.owed.is_empty());
    }
}
