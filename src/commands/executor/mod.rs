//! The queues of all resources, carried out on real processes.

mod address;
mod questions;
mod report;
mod unit;
mod waiting;

pub use report::CommandReport;

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use log::warn;
use mio::{Registry, Waker};
use schrittmacher_protocol::{Command, Time};

use crate::deadlines::Deadlines;
use crate::kept::StateFolder;

use super::address::{AddressNews, Addresses};
use super::earlier::{StartCommands, StartProcess};
use super::output::{Gone, Pipes};
use super::process::{ChildProcess, ended_child};
use super::queue::QueueStep;
use super::resource::{Beginning, Begun, ResourceCommands};
use super::spawner::{Spawned, Spawner};
use super::tracking::Tracking;
use super::unit::Units;
use super::{CommandKind, CommandOutcome, Ending, Facts, Lane};
use schrittmacher_config::Config;

use self::waiting::Waiting;

/// Processes that SIGKILL did not end and that are still looked after.
const STUCK: usize = 64;

/// Carries out the orders of all resources.
///
/// In every turn of its loop, or more often, its owner hands over the events, calls [`collect`](Executor::collect), and takes the
/// reports. It then calls [`run`](Executor::run) and takes the reports again. The next turn is no later than
/// [`next_deadline`](Executor::next_deadline). One call does a bounded amount of work.
#[derive(Debug)]
pub struct Executor {
    resources: Vec<ResourceCommands>,
    pipes: Pipes,
    spawner: Spawner,
    /// When a command has begun last, or could not be begun.
    begun_at: Time,
    /// Resources whose queue may have something to do.
    due: Vec<usize>,
    /// Resources whose next command waits for room at the spawner. They are not looked at in each turn: there may be thousands.
    waiting: Waiting,
    deadlines: Deadlines,
    /// The commands to look at when a child has ended.
    running: Vec<(usize, Lane)>,
    stuck: Vec<ChildProcess>,
    reports: VecDeque<CommandReport>,
    addresses: Addresses,
    units: Units,
    tracking: Tracking,
    /// The resources whose address was lost, and could not be put back.
    missing: BTreeSet<usize>,
    /// Start commands of an earlier daemon that still run, and how long they are waited for.
    earlier: Vec<Earlier>,
    /// When they were looked at last.
    looked_at: Time,
}

#[derive(Debug)]
struct Earlier {
    resource: usize,
    process: StartProcess,
    until: Time,
}

/// Whether a resource may take the room that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Its,
    /// Only what needs no process.
    Others,
}

/// Without a command that begins for this long, those that wait are not waiting for others.
const TURN: Duration = Duration::from_secs(5);

/// How often it is looked whether one has ended: they are no children, so nothing tells.
const LOOK: Duration = Duration::from_millis(100);

impl Executor {
    /// An executor for the resources of a configuration. `waker` is woken when [`Executor::run`] has something to do. Start
    /// commands are noted in `folder`; one that an earlier daemon began and that still runs is waited for.
    ///
    /// # Errors
    ///
    /// The thread that begins processes can't be started.
    pub fn new(
        config: &Config,
        registry: Registry,
        waker: Arc<Waker>,
        folder: Option<StateFolder>,
        now: Time,
    ) -> io::Result<Executor> {
        let notes = folder.as_ref().map(StartCommands::read).unwrap_or_default();
        let mut resources: Vec<ResourceCommands> =
            config.resources.iter().map(|resource| ResourceCommands::new(&config.core, resource)).collect();
        let running = config.resources.iter().enumerate();
        let running =
            running.filter_map(|(index, resource)| Some((index, resource, notes.running(&resource.name)?)));
        let earlier: Vec<Earlier> = running
            .map(|(resource, config, process)| Earlier {
                resource,
                process,
                until: now + config.action_timeout,
            })
            .collect();
        for Earlier { resource, process, .. } in &earlier {
            resources[*resource].wait_for_earlier_start(process.pid);
        }
        let mut executor = Executor {
            resources,
            pipes: Pipes::new(registry),
            spawner: Spawner::start(Arc::clone(&waker), folder.map(|folder| (folder, notes)))?,
            begun_at: now,
            due: Vec::new(),
            waiting: Waiting::default(),
            deadlines: Deadlines::default(),
            running: Vec::new(),
            stuck: Vec::new(),
            reports: VecDeque::new(),
            addresses: Addresses::new(config, Arc::clone(&waker)),
            units: Units::new(waker),
            tracking: Tracking::default(),
            missing: BTreeSet::new(),
            earlier,
            looked_at: now,
        };
        for (index, resource) in config.resources.iter().enumerate() {
            executor.track(index, resource.shared.as_ref(), now);
            executor.watch_unit(index);
            // The first check waits for no order.
            executor.touch(index);
        }
        Ok(executor)
    }

    /// Takes the changed configuration of a resource, or that of one more resource, whose index is the next one.
    /// Commands that run go on as they began.
    pub fn configure(
        &mut self,
        index: usize,
        core: &schrittmacher_config::Core,
        resource: &schrittmacher_config::Resource,
        now: Time,
    ) {
        match self.resources.get_mut(index) {
            Some(state) => {
                state.configure(core, resource);
                if let Some(shared) = state.shared(CommandKind::Activate) {
                    self.addresses.set_refresh(index, shared.refresh);
                }
                self.touch(index);
            }
            None => {
                self.resources.push(ResourceCommands::new(core, resource));
                self.touch(index);
            }
        }
        self.addresses.set_ends(core);
        self.track(index, resource.shared.as_ref(), now);
        self.watch_unit(index);
    }

    /// The resource is gone: nothing of it is watched, kept or checked any more. What was left to it stays as it is.
    pub fn forget(&mut self, index: usize) {
        self.units.forget(index);
        self.addresses.forget(index);
        self.tracking.forget(index);
        self.missing.remove(&index);
        if let Some(state) = self.resources.get_mut(index) {
            state.queue.end_checks();
        }
        self.touch(index);
    }

    /// Takes an order of the protocol. `app_is_hot`: the application reports that it is. It is not started again then.
    pub fn order(&mut self, resource: usize, command: Command, app_is_hot: bool, now: Time) {
        let Some(state) = self.resources.get_mut(resource) else { return };
        match command {
            Command::Start if app_is_hot && state.queue.start_of_hot() => {
                self.reports.push_back(CommandReport::StartBegan { resource });
            }
            Command::Activate => state.queue.order(CommandKind::Activate, false, now),
            Command::Start => state.queue.order(CommandKind::Start, false, now),
            Command::Stop => {
                state.queue.order(CommandKind::Stop, false, now);
                if state.awaits_a_unit() {
                    // It replaces the job: nothing is to be waited for.
                    state.queue.overtake_start(now);
                }
            }
            Command::Deactivate { urgent } => {
                self.missing.remove(&resource);
                state.queue.order(CommandKind::Deactivate, urgent, now);
                if state.shared(CommandKind::Activate).is_none() {
                    let all = self.resources.iter().filter_map(|state| state.shared(CommandKind::Activate));
                    self.addresses.sweep(all);
                }
            }
            Command::Barrier => state.queue.barrier(),
        }
        self.touch(resource);
    }

    /// Nothing is known of the application of a resource: its start waits for the first report, at most until this time.
    pub fn await_report(&mut self, resource: usize, until: Time) {
        if let Some(state) = self.resources.get_mut(resource) {
            state.queue.await_report(until);
        }
    }

    /// The application has reported. If it is hot, a start that has not begun is not needed any more.
    pub fn heard_app(&mut self, resource: usize, is_hot: bool) {
        let Some(state) = self.resources.get_mut(resource) else { return };
        let waits = state.queue.is_start_waiting();
        if state.queue.heard(is_hot) {
            self.reports.push_back(CommandReport::StartBegan { resource });
        }
        if waits {
            self.touch(resource);
        }
    }

    /// The `fence-action` of a resource; not begun yet.
    pub fn fence_command(&self, resource: usize, text: &str) -> Option<std::process::Command> {
        self.resources.get(resource).map(|state| state.fence_command(text))
    }

    /// The reasons that the next commands of a resource are told.
    pub fn facts_mut(&mut self, resource: usize) -> Option<&mut Facts> {
        self.resources.get_mut(resource).map(|state| &mut state.facts)
    }

    /// Takes the poll's report on a pipe.
    pub fn on_readable(&mut self, pipe: usize) {
        self.pipes.on_readable(pipe);
    }

    /// Takes SIGCHLD: looks which commands are over. The system names a child that has ended, so that an end costs a call or two
    /// and not one for each command that runs.
    pub fn on_child_signal(&mut self, now: Time) {
        self.stuck.retain_mut(|process| matches!(process.try_wait(), Ok(None)));
        loop {
            let ended = match ended_child() {
                Ok(Some(pid)) => pid,
                Ok(None) => return,
                Err(_) => return self.look_at_all(now),
            };
            let is_meant =
                |&(resource, lane): &(usize, Lane)| self.resources[resource].pid(lane) == Some(ended);
            let Some(index) = self.running.iter().position(is_meant) else {
                // Another thread's, which hides those after it until that thread has waited for it.
                return self.look_at_all(now);
            };
            let (resource, lane) = self.running[index];
            let Some(ending) = self.resources[resource].look(lane) else { return self.look_at_all(now) };
            self.running.swap_remove(index);
            self.finish(resource, lane, ending, now);
        }
    }

    fn look_at_all(&mut self, now: Time) {
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

    /// Takes what has begun. The reports are to be taken before [`Executor::run`]: they may make an order needless.
    pub fn collect(&mut self, now: Time) {
        while let Some(spawned) = self.spawner.result(now) {
            self.begun_at = now;
            self.on_spawned(spawned, now);
        }
    }

    /// Lets go on what waits for a start command of an earlier daemon that has ended.
    fn look_at_earlier(&mut self, now: Time) {
        if now < self.looked_at + LOOK {
            return;
        }
        self.looked_at = now;
        let over: Vec<Earlier> =
            self.earlier.extract_if(.., |earlier| now >= earlier.until || !earlier.process.runs()).collect();
        for Earlier { resource, process, .. } in over {
            self.resources[resource].earlier_start_is_over(process, now);
            self.touch(resource);
        }
    }

    /// Does what is to be done now, a bounded part of it. `pid` gives the believed process of a resource.
    pub fn run(&mut self, now: Time, pid: impl Fn(usize) -> Option<u32>) {
        self.look_at_earlier(now);
        if let Some(resource) = self.spawner.relieve(now) {
            let name = self.resources[resource].name();
            warn!(
                target: name,
                "its program does not begin, perhaps for a file server that does not answer; the commands of others do"
            );
        }
        for resource in self.deadlines.due(now) {
            self.touch(resource);
        }
        let (addresses, resources) = (&self.addresses, &self.resources);
        let news: Vec<AddressNews> =
            std::iter::from_fn(|| addresses.news(|index| resources[index].name())).collect();
        for news in news {
            match news {
                AddressNews::End(end) => self.address_is_done(end, now),
                AddressNews::Holder { resource, ticket, holder } => {
                    self.reports.push_back(CommandReport::AddressHolder { resource, ticket, holder });
                }
                AddressNews::Missing { resource, why } => self.address_is_missing(resource, why),
                AddressNews::PutBack { resource } => {
                    self.reports.push_back(CommandReport::AddressPutBack { resource });
                    self.address_is_back(resource);
                }
                AddressNews::Foreign { resource, holder } => {
                    self.reports.push_back(CommandReport::AddressForeign { resource, holder });
                }
                AddressNews::Link(interface, state, ways) => {
                    let changes = self.tracking.link(&interface, state, &ways, now);
                    self.report_tracked(changes);
                }
            }
        }
        while let Some(news) = self.units.news() {
            self.take_unit_news(news, now);
        }
        let changes = self.tracking.due(now);
        self.report_tracked(changes);
        for resource in std::mem::take(&mut self.due) {
            self.carry_out(resource, Turn::Others, now, pid(resource));
        }
        // Each at most once.
        for _ in 0..self.waiting.len() {
            let Some(resource) = self.waiting.first().filter(|_| self.spawner.has_room()) else { break };
            self.waiting.remove(resource);
            self.carry_out(resource, Turn::Its, now, pid(resource));
        }
        for Gone { owner, slot } in self.pipes.read() {
            self.resources[owner].forget(slot);
        }
    }

    /// Has the queue of a resource looked at in the next [`Executor::run`].
    fn touch(&mut self, resource: usize) {
        self.deadlines.set(resource, None);
        let state = &mut self.resources[resource];
        if !std::mem::replace(&mut state.due, true) {
            self.due.push(resource);
        }
    }

    fn carry_out(&mut self, resource: usize, turn: Turn, now: Time, pid: Option<u32>) {
        self.resources[resource].due = false;
        if turn == Turn::Its && self.resources[resource].queue.is_interface_pausing() {
            self.go_on_after_address(resource, now, pid);
        }
        loop {
            let state = &mut self.resources[resource];
            let room = (turn == Turn::Its && self.spawner.has_room()) || !state.wants_process(now);
            let Some(step) = state.queue.next(now, room) else { break };
            match step {
                QueueStep::Begin(order) => self.begin(resource, order, now, pid),
                QueueStep::Terminate { lane, late } => self.terminate(resource, lane, late, now),
                QueueStep::Kill(lane) => self.resources[resource].kill(lane),
                QueueStep::Abandon(lane) => {
                    self.running.retain(|running| *running != (resource, lane));
                    self.finish(resource, lane, Ending::Stuck, now);
                }
                QueueStep::Released => self.reports.push_back(CommandReport::Released { resource }),
            }
        }
        self.leave(resource, now);
    }

    /// Leaves the queue of a resource alone until its next deadline, or until there is room for what it has to begin.
    fn leave(&mut self, resource: usize, now: Time) {
        let queue = &self.resources[resource].queue;
        let next = if queue.wants_room(now) {
            self.waiting.put(resource, queue.is_under_way());
            queue.next_deadline_after(now)
        } else {
            self.waiting.remove(resource);
            queue.next_deadline()
        };
        self.deadlines.set(resource, next);
    }

    fn begin(&mut self, resource: usize, order: CommandKind, now: Time, pid: Option<u32>) {
        if order == CommandKind::Deactivate && self.drop_retry(resource) {
            return;
        }
        let (pipes, spawner) = (&mut self.pipes, &mut self.spawner);
        let with = Beginning { index: resource, pid, now, pipes, spawner };
        let begun = self.resources[resource].begin(order, with);
        if order == CommandKind::Start && begun != Begun::Handed {
            self.reports.push_back(CommandReport::StartBegan { resource });
        }
        match begun {
            Begun::Handed => {}
            Begun::Address => self.move_address(resource, order, now),
            Begun::Unit => self.order_unit(resource, order, now),
            Begun::Failed(outcome) => self.report_end(resource, outcome),
            Begun::NoCommand if order.lane() == Lane::Application => {
                self.reports.push_back(CommandReport::Signal { resource, order });
            }
            Begun::NoCommand => {}
        }
    }

    fn on_spawned(&mut self, Spawned { resource, ticket, process }: Spawned, now: Time) {
        let (order, failed) = match self.resources[resource].begun(ticket, process, now) {
            Ok(begun) => begun,
            // It was given up while the spawner hung.
            Err(process) => {
                self.stuck.extend(process.ok().inspect(ChildProcess::kill));
                return;
            }
        };
        if order == CommandKind::Start {
            self.reports.push_back(CommandReport::StartBegan { resource });
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
        if self.resources[resource].goes_on_with_address(lane, &ending, &mut self.pipes) {
            return self.move_address(resource, CommandKind::Deactivate, now);
        }
        let stuck = ending == Ending::Stuck;
        let Some((outcome, process)) = self.resources[resource].end(lane, ending, now, &mut self.pipes)
        else {
            return;
        };
        if stuck && self.stuck.len() < STUCK {
            self.stuck.extend(process);
        }
        if let Some(outcome) = outcome {
            self.report_end(resource, outcome);
        }
        self.touch(resource);
    }

    /// The address is up while it is announced, so an announcement that fails is no failure.
    fn report_end(&mut self, resource: usize, outcome: CommandOutcome) {
        if outcome.kind != CommandKind::Announce {
            self.reports.push_back(CommandReport::Finished { resource, outcome });
        }
    }
}
