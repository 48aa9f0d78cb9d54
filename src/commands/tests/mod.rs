//! The executor with real processes.

mod commands;
mod limits;
mod programs;
mod rights;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};
use schrittmacher_config::{Config, Network, Resource, SharedAddress};
use schrittmacher_protocol::{Command, Contest, Time};
use schrittmacher_testkit::config::{core, resource, resource_with};

use super::*;
use crate::kept::StateFolder;
use crate::token::Source;

/// Far more than anything here takes.
const GUARD: Duration = Duration::from_secs(60);
const WAKER: Token = Token(0);

/// An executor and the loop that drives it.
struct Bench {
    poll: Poll,
    executor: Executor,
    origin: Instant,
    /// The longest that one turn's work has taken.
    longest: Duration,
    /// How often commands have ended, and how the last one of each kind did.
    ended: HashMap<(usize, CommandKind), (u64, CommandOutcome)>,
}

impl Bench {
    fn new(resources: Vec<Resource>) -> Bench {
        Bench::after(resources, None)
    }

    /// The same for a daemon that finds this folder.
    fn after(resources: Vec<Resource>, folder: Option<StateFolder>) -> Bench {
        let poll = Poll::new().expect("a poll");
        let registry = poll.registry().try_clone().expect("its registry");
        let waker = Arc::new(Waker::new(poll.registry(), WAKER).expect("a waker"));
        let config = Config { core: core(), resources };
        let executor = Executor::new(&config, registry, waker, folder, Time::ZERO).expect("a spawner");
        Bench { poll, executor, origin: Instant::now(), longest: Duration::ZERO, ended: HashMap::new() }
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

    fn order(&mut self, action: Command) {
        self.executor.order(0, action, false, self.now());
    }

    /// One turn of the loop; gives the reports.
    fn turn(&mut self) -> Vec<CommandReport> {
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
            let Some(Source::Pipe(pipe)) = Source::of(event.token()) else { panic!("not a pipe: {event:?}") };
            self.executor.on_readable(pipe);
        }
        let now = self.now();
        self.executor.on_child_signal(now);
        self.executor.collect(now);
        self.executor.run(now, |_| Some(4711));
        self.longest = self.longest.max(began.elapsed());
        let reports: Vec<CommandReport> = std::iter::from_fn(|| self.executor.next_report()).collect();
        for report in &reports {
            if let CommandReport::Finished { resource, outcome } = report {
                let before = self.times(*resource, outcome.kind);
                self.ended.insert((*resource, outcome.kind), (before + 1, outcome.clone()));
            }
        }
        reports
    }

    /// Goes on until `done` holds; gives the reports of that time.
    fn until(&mut self, mut done: impl FnMut(&Bench, &[CommandReport]) -> bool) -> Vec<CommandReport> {
        let began = Instant::now();
        let mut reports = Vec::new();
        while !done(self, &reports) {
            assert!(began.elapsed() < GUARD, "hangs; reports so far: {reports:?}");
            reports.extend(self.turn());
        }
        reports
    }

    /// Gives an order and the outcome of its command.
    fn outcome(&mut self, action: Command, kind: CommandKind) -> CommandOutcome {
        let before = self.times(0, kind);
        self.order(action);
        self.until(|bench, _| bench.times(0, kind) > before);
        self.last(0, kind)
    }

    /// How many commands of this kind have ended.
    fn times(&self, resource: usize, kind: CommandKind) -> u64 {
        self.ended.get(&(resource, kind)).map_or(0, |(times, _)| *times)
    }

    fn last(&self, resource: usize, kind: CommandKind) -> CommandOutcome {
        self.ended.get(&(resource, kind)).map(|(_, outcome)| outcome.clone()).expect("an outcome")
    }
}

/// Whether a command of this kind has ended.
fn has_finished(reports: &[CommandReport], resource: usize, kind: CommandKind) -> bool {
    reports.iter().any(|report| {
        matches!(report, CommandReport::Finished { resource: index, outcome } if (*index, outcome.kind) == (resource, kind))
    })
}
