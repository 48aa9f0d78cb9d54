//! The queues of all resources, carried out on real processes.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::ops::Range;
use std::sync::Arc;

use mio::{Registry, Token, Waker};
use schrittmacher_protocol::{Action, Time};

use super::child::Process;
use super::pipes::{Gone, Pipes};
use super::queue::Step;
use super::resource::{Begun, LEFTOVERS, Resource};
use super::spawner::{Spawned, Spawner};
use super::{Ending, Facts, History, Lane, Order};
use crate::config::{self, Config};

/// Processes that SIGKILL did not end and that are still looked after.
const STUCK: usize = 64;

/// Something the event loop has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// `start` has begun or could not be begun, or its turn came and there is no command for it: `Event::StartBegan`.
    StartBegan {
        /// Index in the configuration.
        resource: usize,
    },
    /// Every command ordered before the last barrier is over: `Event::Released`.
    Released {
        /// Index in the configuration.
        resource: usize,
    },
    /// It is the turn of `start` or `stop` and there is no command for it: send SIGUSR1 or SIGUSR2 to the
    /// believed process, if there is one (X4).
    Signal {
        /// Index in the configuration.
        resource: usize,
        /// [`Order::Start`] or [`Order::Stop`].
        order: Order,
    },
    /// A command is over; [`Executor::history`] has its outcome. Already logged.
    Finished {
        /// Index in the configuration.
        resource: usize,
        /// What it was to do.
        order: Order,
    },
}

/// Carries out the orders of all resources.
///
/// Its owner calls [`run`](Executor::run) once in every turn of its loop, after handing over what happened,
/// then takes the reports, and calls again no later than [`next_deadline`](Executor::next_deadline). One call
/// does a bounded amount of work.
#[derive(Debug)]
pub struct Executor {
    resources: Vec<Resource>,
    pipes: Pipes,
    spawner: Spawner,
    first_token: usize,
    /// Resources whose queue may have something to do.
    due: VecDeque<usize>,
    deadlines: BTreeSet<(Time, usize)>,
    /// What to look at when a child has ended.
    running: Vec<(usize, Lane)>,
    stuck: Vec<Process>,
    reports: VecDeque<Report>,
}

impl Executor {
    /// An executor for the resources of a configuration, whose pipes get tokens from `first_token` on. `waker`
    /// is woken when [`Executor::run`] has something to do.
    ///
    /// # Errors
    ///
    /// The thread that begins processes can't be started.
    pub fn new(
        config: &Config,
        registry: Registry,
        first_token: usize,
        waker: Arc<Waker>,
    ) -> io::Result<Executor> {
        let resources: Vec<Resource> =
            config.resources.iter().map(|resource| Resource::new(&config.core, resource)).collect();
        Ok(Executor {
            resources,
            pipes: Pipes::new(registry, first_token),
            spawner: Spawner::start(waker)?,
            first_token,
            due: VecDeque::new(),
            deadlines: BTreeSet::new(),
            running: Vec::new(),
            stuck: Vec::new(),
            reports: VecDeque::new(),
        })
    }

    /// The tokens that belong to this executor: ten for each resource.
    pub fn tokens(&self) -> Range<usize> {
        let pipes = self.resources.len() * (2 + LEFTOVERS);
        self.first_token..self.first_token.saturating_add(pipes)
    }

    /// Takes the changed configuration of a resource, or that of one more resource, whose index is the next one.
    /// Commands that run go on as they began.
    pub fn configure(&mut self, index: usize, core: &config::Core, resource: &config::Resource) {
        match self.resources.get_mut(index) {
            Some(state) => state.configure(core, resource),
            None => self.resources.push(Resource::new(core, resource)),
        }
    }

    /// Takes an order of the protocol; actions that are none for commands are ignored.
    pub fn order(&mut self, resource: usize, action: Action, now: Time) {
        let Some(state) = self.resources.get_mut(resource) else { return };
        match action {
            Action::Activate => state.queue.order(Order::Activate, false, now),
            Action::Start => state.queue.order(Order::Start, false, now),
            Action::Stop => state.queue.order(Order::Stop, false, now),
            Action::Deactivate { urgent } => state.queue.order(Order::Deactivate, urgent, now),
            Action::Barrier => state.queue.barrier(),
            Action::Send { .. } | Action::Refuse(_) | Action::Notice(_) | Action::Exit => return,
        }
        self.touch(resource);
    }

    /// The reasons that the next commands of a resource are told.
    pub fn facts_mut(&mut self, resource: usize) -> Option<&mut Facts> {
        self.resources.get_mut(resource).map(|state| &mut state.facts)
    }

    /// Takes the poll's report on one of [`Executor::tokens`].
    pub fn on_readable(&mut self, token: Token) {
        self.pipes.on_readable(token);
    }

    /// Takes SIGCHLD: looks which commands are over.
    pub fn on_child_signal(&mut self, now: Time) {
        self.stuck.retain_mut(|process| matches!(process.try_wait(), Ok(None)));
        let mut index = 0;
        while let Some(&(resource, lane)) = self.running.get(index) {
            if let Some(ending) = self.resources[resource].look(lane) {
                self.running.swap_remove(index);
                self.finish(resource, lane, ending, now);
            } else {
                index += 1;
            }
        }
    }

    /// Does what is to be done now, a bounded part of it. `pid` gives the believed process of a resource.
    pub fn run(&mut self, now: Time, pid: impl Fn(usize) -> Option<u32>) {
        while let Some(&(deadline, resource)) = self.deadlines.first()
            && deadline <= now
        {
            self.touch(resource);
        }
        while let Some(spawned) = self.spawner.result() {
            self.on_spawned(spawned, now);
        }
        for resource in std::mem::take(&mut self.due) {
            self.carry_out(resource, now, pid(resource));
        }
        for Gone { owner, slot } in self.pipes.read() {
            self.resources[owner].forget(slot);
        }
    }

    /// When [`Executor::run`] has something to do although nothing happens; [`Time::ZERO`] = at once.
    pub fn next_deadline(&self) -> Option<Time> {
        // Without room nothing can be done about those that are due; a result will wake the loop.
        let idle = self.due.is_empty() || !self.spawner.has_room();
        if idle && !self.pipes.has_work() {
            self.deadlines.first().map(|(deadline, _)| *deadline)
        } else {
            Some(Time::ZERO)
        }
    }

    /// The oldest report that was not taken yet.
    pub fn next_report(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    /// What became of the commands of one resource for one order.
    pub fn history(&self, resource: usize, order: Order) -> Option<&History> {
        self.resources.get(resource).map(|state| &state.history[order as usize])
    }

    /// Which command of a resource runs in `lane`.
    pub fn running(&self, resource: usize, lane: Lane) -> Option<Order> {
        self.resources.get(resource)?.queue.running(lane)
    }

    #[cfg(test)]
    pub(super) fn open_pipes(&self) -> usize {
        self.pipes.open()
    }

    #[cfg(test)]
    pub(super) fn has_unread_output(&self) -> bool {
        self.pipes.has_work()
    }

    /// Has the queue of a resource looked at in the next [`Executor::run`].
    fn touch(&mut self, resource: usize) {
        let state = &mut self.resources[resource];
        if let Some(deadline) = state.deadline.take() {
            self.deadlines.remove(&(deadline, resource));
        }
        if !std::mem::replace(&mut state.due, true) {
            self.due.push_back(resource);
        }
    }

    fn carry_out(&mut self, resource: usize, now: Time, pid: Option<u32>) {
        self.resources[resource].due = false;
        while let Some(step) = self.resources[resource].queue.next(now, self.spawner.has_room()) {
            match step {
                Step::Begin(order) => self.begin(resource, order, now, pid),
                Step::Terminate { lane, late } => self.resources[resource].terminate(lane, late),
                Step::Kill(lane) => self.resources[resource].kill(lane),
                Step::Abandon(lane) => {
                    self.running.retain(|running| *running != (resource, lane));
                    self.finish(resource, lane, Ending::Stuck, now);
                }
                Step::Released => self.reports.push_back(Report::Released { resource }),
            }
        }
        self.touch_or_sleep(resource, now);
    }

    /// Leaves the queue of a resource alone until its next deadline, unless it has something to begin.
    fn touch_or_sleep(&mut self, resource: usize, now: Time) {
        let state = &mut self.resources[resource];
        if state.queue.wants_room(now) {
            return self.touch(resource);
        }
        if let Some(deadline) = state.deadline.take() {
            self.deadlines.remove(&(deadline, resource));
        }
        state.deadline = state.queue.next_deadline();
        self.deadlines.extend(state.deadline.map(|deadline| (deadline, resource)));
    }

    fn begin(&mut self, resource: usize, order: Order, now: Time, pid: Option<u32>) {
        let tools = (&mut self.pipes, &mut self.spawner);
        let begun = self.resources[resource].begin(order, now, pid, resource, tools);
        if begun == Begun::Handed {
            return;
        }
        if order == Order::Start {
            self.reports.push_back(Report::StartBegan { resource });
        }
        if begun == Begun::Failed {
            self.reports.push_back(Report::Finished { resource, order });
        } else if order.lane() == Lane::Application {
            self.reports.push_back(Report::Signal { resource, order });
        }
    }

    fn on_spawned(&mut self, Spawned { resource, ticket, process }: Spawned, now: Time) {
        let (order, failed) = match self.resources[resource].begun(ticket, process, now) {
            Ok(begun) => begun,
            // It was given up while the spawner hung.
            Err(process) => {
                self.stuck.extend(process.ok().inspect(Process::kill));
                return;
            }
        };
        if order == Order::Start {
            self.reports.push_back(Report::StartBegan { resource });
        }
        self.touch(resource);
        let lane = order.lane();
        // Its SIGCHLD may have come before anybody knew it.
        match failed.or_else(|| self.resources[resource].look(lane)) {
            Some(ending) => self.finish(resource, lane, ending, now),
            None => self.running.push((resource, lane)),
        }
    }

    /// Takes the end of the command in `lane`.
    fn finish(&mut self, resource: usize, lane: Lane, ending: Ending, now: Time) {
        let stuck = ending == Ending::Stuck;
        let Some((order, process)) = self.resources[resource].end(lane, ending, now, &mut self.pipes) else {
            return;
        };
        if stuck && self.stuck.len() < STUCK {
            self.stuck.extend(process);
        }
        self.reports.push_back(Report::Finished { resource, order });
        self.touch(resource);
    }
}
