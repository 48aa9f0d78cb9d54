//! The commands of one resource as processes.

use std::collections::VecDeque;
use std::io;

use log::{info, warn};
use schrittmacher_protocol::Time;

use super::child::Process;
use super::environment::Environment;
use super::output::one_line;
use super::pipes::Pipes;
use super::queue::{Limits, Queue};
use super::{Ending, Facts, History, Lane, Order, Outcome};
use crate::config;

/// Pipes kept open for background processes that commands of one resource left behind. Beyond that the oldest
/// is closed, and its process gets SIGPIPE when it prints again.
pub(super) const LEFTOVERS: usize = 8;

#[derive(Debug)]
pub(super) struct Resource {
    name: String,
    commands: [Option<String>; Order::ALL.len()],
    environment: Environment,
    pub(super) facts: Facts,
    pub(super) queue: Queue,
    running: [Option<Running>; 2],
    /// Slots of pipes, oldest first.
    leftovers: VecDeque<usize>,
    pub(super) history: [History; Order::ALL.len()],
    /// What the executor has noted as the queue's deadline.
    pub(super) deadline: Option<Time>,
    /// The executor will look at the queue.
    pub(super) due: bool,
}

#[derive(Debug)]
struct Running {
    process: Process,
    order: Order,
    began: Time,
    pipe: usize,
    /// Why it was terminated.
    fate: Option<Ending>,
}

/// What became of an attempt to begin a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    Process,
    /// The system refused; the command has failed.
    Failed,
    /// Nothing is configured; the order is done.
    NoCommand,
}

impl Resource {
    pub(super) fn new(core: &config::Core, resource: &config::Resource) -> Resource {
        let command = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let commands = Order::ALL.map(|order| match order {
            Order::Activate => command(&resource.interface_activate),
            Order::Start => command(&resource.start_action),
            Order::Stop => command(&resource.stop_action),
            Order::Deactivate => command(&resource.interface_deactivate),
        });
        let limits = Limits {
            interface_timeout: resource.interface_timeout,
            action_timeout: resource.action_timeout,
            going_hot: resource.going_hot_timeout,
            going_standby: resource.going_standby_timeout,
        };
        Resource {
            name: resource.name.clone(),
            commands,
            environment: Environment::new(core, resource),
            facts: Facts::default(),
            queue: Queue::new(limits),
            running: [None, None],
            leftovers: VecDeque::new(),
            history: Default::default(),
            deadline: None,
            due: false,
        }
    }

    /// Begins the command for `order`; `index` is this resource's in `pipes`.
    pub(super) fn begin(
        &mut self,
        order: Order,
        now: Time,
        pid: Option<u32>,
        index: usize,
        pipes: &mut Pipes,
    ) -> Begun {
        let Some(command) = &self.commands[order as usize] else {
            self.queue.ended(order, true, now);
            return Begun::NoCommand;
        };
        match self.spawn(command, order, pid, index, pipes) {
            Ok((process, pipe)) => {
                info!(target: &self.name, "{order} begins as process {}: {command}", process.pid());
                self.running[order.lane() as usize] =
                    Some(Running { process, order, began: now, pipe, fate: None });
                Begun::Process
            }
            Err(error) => {
                self.record(
                    order,
                    Ending::System(format!("can't begin: {error}")),
                    now,
                    now,
                    (String::new(), 0),
                );
                Begun::Failed
            }
        }
    }

    fn spawn(
        &self,
        command: &str,
        order: Order,
        pid: Option<u32>,
        index: usize,
        pipes: &mut Pipes,
    ) -> io::Result<(Process, usize)> {
        let (reader, writer) = io::pipe()?;
        let pipe = pipes.add(reader, index)?;
        let prepare = |command: &mut _| self.environment.apply(command, order, pid, &self.facts);
        let process = Process::spawn(command, writer, prepare).inspect_err(|_| pipes.close(pipe))?;
        Ok((process, pipe))
    }

    pub(super) fn terminate(&mut self, lane: Lane, late: bool) {
        if let Some(running) = &mut self.running[lane as usize] {
            let fate = if late { Ending::TimedOut } else { Ending::Overtaken };
            warn!(target: &self.name, "{} (process {}) is {fate}", running.order, running.process.pid());
            running.fate = Some(fate);
            running.process.terminate();
        }
    }

    pub(super) fn kill(&mut self, lane: Lane) {
        if let Some(running) = &self.running[lane as usize] {
            warn!(target: &self.name, "{} (process {}) ignores SIGTERM, killed", running.order, running.process.pid());
            running.process.kill();
        }
    }

    /// Whether the command in `lane` is over, and how.
    pub(super) fn look(&mut self, lane: Lane) -> Option<Ending> {
        match self.running[lane as usize].as_mut()?.process.try_wait() {
            Ok(status) => status.map(Ending::Exited),
            Err(error) => Some(Ending::System(format!("can't be waited for: {error}"))),
        }
    }

    /// Takes the end of the command in `lane`; gives its order and what is left of it.
    pub(super) fn end(
        &mut self,
        lane: Lane,
        ending: Ending,
        now: Time,
        pipes: &mut Pipes,
    ) -> Option<(Order, Process)> {
        let Running { process, order, began, pipe, fate } = self.running[lane as usize].take()?;
        let (output, printed, leftover) = pipes.orphan(pipe);
        let ending = if ending == Ending::Stuck { ending } else { fate.unwrap_or(ending) };
        self.record(order, ending, began, now, (output, printed));
        if leftover {
            self.keep_leftover(pipe, pipes);
        }
        Some((order, process))
    }

    /// Forgets the pipe of a background process that has closed it.
    pub(super) fn forget(&mut self, pipe: usize) {
        self.leftovers.retain(|leftover| *leftover != pipe);
    }

    fn keep_leftover(&mut self, pipe: usize, pipes: &mut Pipes) {
        if self.leftovers.len() >= LEFTOVERS
            && let Some(oldest) = self.leftovers.pop_front()
        {
            warn!(
                target: &self.name,
                "more than {LEFTOVERS} background processes of commands keep their output open: the oldest gets \
                 SIGPIPE when it prints; redirect its output, as in \"program > /dev/null 2>&1 &\""
            );
            pipes.close(oldest);
        }
        self.leftovers.push_back(pipe);
    }

    fn record(
        &mut self,
        order: Order,
        ending: Ending,
        began: Time,
        now: Time,
        (output, printed): (String, u64),
    ) {
        let duration = now.since(began);
        let success = ending.is_success();
        let told = match one_line(&output) {
            line if line.is_empty() => line,
            line => format!(": {line}"),
        };
        if success {
            info!(target: &self.name, "{order} has ended after {:.3} s{told}", duration.as_secs_f64());
        } else {
            warn!(target: &self.name, "{order} has failed after {:.3} s, {ending}{told}", duration.as_secs_f64());
        }
        self.queue.ended(order, success, now);
        self.history[order as usize].add(Outcome { order, ending, began, duration, output, printed });
    }
}
