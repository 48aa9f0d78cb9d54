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

    /// How many applications were told something since this was asked last.
    pub fn take_told(&mut self) -> u32 {
        std::mem::take(&mut self.told)
    }

    fn give_signal(&mut self, index: usize, order: CommandKind, now: Time) {
        let signal = if order == CommandKind::Start { Signal::SIGUSR1 } else { Signal::SIGUSR2 };
        match self.processes.signal(index, signal, now) {
            Ok(()) => {
                self.told += 1;
                self.owed.remove(&index);
                return;
            }
            Err(SignalError::NoHandler { .. } | SignalError::System { .. }) => {
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
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use schrittmacher_protocol::{AppFailure, Event};
    use schrittmacher_testkit::config::resource_with;

    use super::*;
    use crate::node::bench::{Bench, GUARD};

    /// An application that has no handlers before it is let go on.
    struct App(Child);

    impl App {
        /// Until it has its handler.
        fn go_on(&mut self) {
            drop(self.0.stdin.take());
            let mut line = String::new();
            BufReader::new(self.0.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        }

        fn end(&mut self) {
            self.0.kill().expect("a process");
            self.0.wait().expect("its end");
        }
    }

    impl Drop for App {
        fn drop(&mut self) {
            // It may have ended by itself.
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// A node that knows its one application.
    fn with_app() -> (Bench, App) {
        let folder = tempfile::tempdir().expect("a directory");
        let script = "read; trap 'exit 7' USR2; echo; while :; do sleep 0.05; done";
        let mut app = Command::new("bash");
        let app = app.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let app = App(app.expect("bash"));
        let pid_file = folder.path().join("pid");
        std::fs::write(&pid_file, app.0.id().to_string()).expect("a file");
        let mut bench = Bench::new(&[resource_with("smsc", |smsc| smsc.pid_file = Some(pid_file))]);
        bench.node.processes.look(0, bench.now);
        let began = Instant::now();
        while bench.node.processes.believed(0).is_none() {
            assert!(began.elapsed() < GUARD, "it is not known: {:?}", bench.node.processes.doubt(0));
            bench.node.on_wake(bench.now);
        }
        (bench, app)
    }

    fn become_hot(bench: &mut Bench) {
        for _ in 0..60 {
            bench.says(0, AppCode::Lhot);
            bench.pass(Duration::from_secs(1));
        }
        assert_eq!(bench.state(0), StateName::Hot);
    }

    /// Its application was just woken from sigwait(3). Nobody told it again, and it served on while the other side took over.
    #[test]
    fn a_failed_side_stops_an_application_that_takes_the_signal_a_moment_later() {
        let (mut bench, mut app) = with_app();
        become_hot(&mut bench);
        bench.node.give(0, Event::AppFailed(AppFailure::CheckFailed), bench.now);
        bench.pass(Duration::ZERO);
        assert_eq!(bench.state(0), StateName::Failed);
        assert_eq!(bench.node.owed.get(&0), Some(&CommandKind::Stop));
        app.go_on();
        bench.pass(Duration::from_millis(1));
        assert!(bench.node.owed.is_empty());
        let began = Instant::now();
        let status = loop {
            if let Some(status) = app.0.try_wait().expect("a child") {
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
            let (mut bench, mut app) = with_app();
            become_hot(&mut bench);
            bench.node.give(0, Event::AppFailed(AppFailure::CheckFailed), bench.now);
            bench.pass(Duration::ZERO);
            assert_eq!(bench.node.owed.get(&0), Some(&CommandKind::Stop));
            if ends {
                app.end();
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
        let (mut bench, mut app) = with_app();
        become_hot(&mut bench);
        app.end();
        bench.node.on_process(0, bench.now);
        bench.pass(Duration::ZERO);
        assert_eq!(bench.state(0), StateName::Failed);
        assert!(bench.node.owed.is_empty());
    }

    /// After four orders that were not wanted any more it was said that a signal would end the application.
    #[test]
    fn each_order_has_looks_of_its_own() {
        let (mut bench, _app) = with_app();
        for _ in 0..6 {
            bench.node.signal(0, CommandKind::Stop, bench.now);
            assert_eq!(bench.node.owed.get(&0), Some(&CommandKind::Stop), "looked at again");
            assert_eq!(bench.state(0), StateName::Unknown);
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
