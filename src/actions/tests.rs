//! The executor with real processes.

mod commands;
mod limits;

use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};
use schrittmacher_protocol::{Action, Time};

use super::*;
use crate::config::{Config, Core, OnExit, Resource, ScriptAddresses, Security};

pub(crate) fn core() -> Core {
    Core {
        local_address: [127, 0, 0, 2].into(),
        remote_address: [127, 0, 0, 3].into(),
        shared_address: None,
        netmask: None,
        port: 7700,
        http_port: None,
        http_address: Vec::new(),
        http_host: Vec::new(),
        app_address: Vec::new(),
        log_file: None,
        log_syslog: None,
        log_syslog_server: None,
        log_level: log::LevelFilter::Info,
        script_addresses: ScriptAddresses::Plain,
        on_exit: OnExit::Handover,
        extensions: true,
        security: Security::Legacy,
    }
}

pub(crate) fn resource(name: &str) -> Resource {
    Resource {
        name: name.to_owned(),
        priority: 0,
        start_action: None,
        stop_action: None,
        interface_activate: None,
        interface_deactivate: None,
        pid_file: None,
        heartbeat: Duration::from_secs(2),
        timeout: Duration::from_secs(6),
        app_timeout: Duration::from_secs(10),
        going_hot_timeout: Duration::from_secs(20),
        going_standby_timeout: Duration::from_secs(6),
        startup_delay: Duration::ZERO,
        action_timeout: Duration::from_secs(30),
        interface_timeout: Duration::from_secs(5),
        preempt: false,
    }
}

/// Far more than anything here takes.
const GUARD: Duration = Duration::from_secs(60);
const WAKER: Token = Token(7);

/// An executor and the loop that drives it.
struct Bench {
    poll: Poll,
    executor: Executor,
    origin: Instant,
    /// The longest that one turn's work has taken.
    longest: Duration,
}

impl Bench {
    fn new(resources: Vec<Resource>) -> Bench {
        let poll = Poll::new().expect("a poll");
        let registry = poll.registry().try_clone().expect("its registry");
        let waker = Arc::new(Waker::new(poll.registry(), WAKER).expect("a waker"));
        let config = Config { core: core(), resources };
        let executor = Executor::new(&config, registry, 100, waker).expect("a spawner");
        Bench { poll, executor, origin: Instant::now(), longest: Duration::ZERO }
    }

    /// A bench whose one resource is as `change` makes it.
    fn with(change: impl FnOnce(&mut Resource)) -> Bench {
        let mut resource = resource("smsc");
        change(&mut resource);
        Bench::new(vec![resource])
    }

    fn now(&self) -> Time {
        Time::new(self.origin.elapsed())
    }

    fn order(&mut self, action: Action) {
        self.executor.order(0, action, self.now());
    }

    /// One turn of the loop; gives the reports.
    fn turn(&mut self) -> Vec<Report> {
        let mut events = Events::with_capacity(64);
        // SIGCHLD is not caught here: that would be one handler for all tests at once.
        let patience = match self.executor.next_deadline() {
            Some(Time::ZERO) => Duration::ZERO,
            _ => Duration::from_millis(2),
        };
        if let Err(error) = self.poll.poll(&mut events, Some(patience)) {
            assert_eq!(error.kind(), std::io::ErrorKind::Interrupted);
        }
        let began = Instant::now();
        for event in events.iter().filter(|event| event.token() != WAKER) {
            assert!(self.executor.tokens().contains(&event.token().0));
            self.executor.on_readable(event.token());
        }
        let now = self.now();
        self.executor.on_child_signal(now);
        self.executor.run(now, |_| Some(4711));
        self.longest = self.longest.max(began.elapsed());
        std::iter::from_fn(|| self.executor.next_report()).collect()
    }

    /// Goes on until `done` holds; gives the reports of that time.
    fn until(&mut self, mut done: impl FnMut(&Bench, &[Report]) -> bool) -> Vec<Report> {
        let began = Instant::now();
        let mut reports = Vec::new();
        while !done(self, &reports) {
            assert!(began.elapsed() < GUARD, "hangs; reports so far: {reports:?}");
            reports.extend(self.turn());
        }
        reports
    }

    /// Gives an order and the outcome of its command.
    fn outcome(&mut self, action: Action, order: Order) -> Outcome {
        self.order(action);
        self.until(|_, reports| reports.contains(&Report::Finished { resource: 0, order }));
        self.last(order)
    }

    fn last(&self, order: Order) -> Outcome {
        self.executor.history(0, order).and_then(|history| history.last.clone()).expect("an outcome")
    }
}
