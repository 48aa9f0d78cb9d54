//! The commands of one resource as processes.

use std::collections::VecDeque;
use std::io;

use log::{info, warn};
use schrittmacher_protocol::Time;

use super::child::{Process, under_shell};
use super::environment::Environment;
use super::output::one_line;
use super::pipes::Pipes;
use super::queue::{Limits, Queue};
use super::spawner::{Spawner, Ticket};
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
    ticket: Ticket,
    /// `None` until the spawner has begun it.
    process: Option<Process>,
    order: Order,
    began: Time,
    pipe: usize,
    /// Why it was terminated.
    fate: Option<Ending>,
}

/// What became of an attempt to begin a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// The spawner has it.
    Handed,
    /// The system refused; the command has failed.
    Failed,
    /// Nothing is configured; the order is done.
    NoCommand,
}

impl Resource {
    pub(super) fn new(core: &config::Core, resource: &config::Resource) -> Resource {
        Resource {
            name: resource.name.clone(),
            commands: commands(resource),
            environment: Environment::new(core, resource),
            facts: Facts::default(),
            queue: Queue::new(limits(resource)),
            running: [None, None],
            leftovers: VecDeque::new(),
            history: Default::default(),
            deadline: None,
            due: false,
        }
    }

    /// Takes a changed configuration; a command that runs goes on as it began.
    pub(super) fn configure(&mut self, core: &config::Core, resource: &config::Resource) {
        self.commands = commands(resource);
        self.environment = Environment::new(core, resource);
        self.queue.set_limits(limits(resource));
    }

    /// Hands the command for `order` to the spawner; `index` is this resource's.
    pub(super) fn begin(
        &mut self,
        order: Order,
        now: Time,
        pid: Option<u32>,
        index: usize,
        tools: (&mut Pipes, &mut Spawner),
    ) -> Begun {
        let Some(text) = &self.commands[order as usize] else {
            self.queue.ended(order, true, now);
            return Begun::NoCommand;
        };
        match self.hand_over(text, order, pid, index, tools) {
            Ok((ticket, pipe)) => {
                let running = Running { ticket, process: None, order, began: now, pipe, fate: None };
                self.running[order.lane() as usize] = Some(running);
                Begun::Handed
            }
            Err(error) => {
                self.record(order, cant_begin(&error), now, now, (String::new(), 0));
                Begun::Failed
            }
        }
    }

    fn hand_over(
        &self,
        text: &str,
        order: Order,
        pid: Option<u32>,
        index: usize,
        (pipes, spawner): (&mut Pipes, &mut Spawner),
    ) -> io::Result<(Ticket, usize)> {
        let (reader, writer) = io::pipe()?;
        let mut command = under_shell(text, writer)?;
        self.environment.apply(&mut command, order, pid, &self.facts);
        let pipe = pipes.add(reader, index)?;
        let ticket = spawner.give(index, command).inspect_err(|_| pipes.close(pipe))?;
        Ok((ticket, pipe))
    }

    /// Takes what the spawner has begun: the order, and how it ended if it could not be begun.
    ///
    /// # Errors
    ///
    /// Nobody waits for it any more; gives it back.
    pub(super) fn begun(
        &mut self,
        ticket: Ticket,
        process: io::Result<Process>,
        now: Time,
    ) -> Result<(Order, Option<Ending>), io::Result<Process>> {
        let mut running = self.running.iter_mut().flatten();
        let Some(running) = running.find(|running| running.ticket == ticket) else { return Err(process) };
        let order = running.order;
        let mut process = match process {
            Ok(process) => process,
            Err(error) => return Ok((order, Some(cant_begin(&error)))),
        };
        let text = self.commands[order as usize].as_deref().unwrap_or_default();
        info!(target: &self.name, "{order} begins as process {}: {}", process.pid(), one_line(text));
        if running.fate.is_some() {
            process.terminate();
        }
        running.process = Some(process);
        running.began = now;
        self.queue.begun(order, now);
        Ok((order, None))
    }

    pub(super) fn terminate(&mut self, lane: Lane, late: bool) {
        if let Some(running) = &mut self.running[lane as usize] {
            let fate = if late { Ending::TimedOut } else { Ending::Overtaken };
            warn!(target: &self.name, "{} is {fate}", running.order);
            running.fate = Some(fate);
            running.process.iter_mut().for_each(Process::terminate);
        }
    }

    pub(super) fn kill(&mut self, lane: Lane) {
        if let Some(running) = &self.running[lane as usize] {
            warn!(target: &self.name, "{} ignores SIGTERM, killed", running.order);
            running.process.iter().for_each(Process::kill);
        }
    }

    /// Whether the command in `lane` is over, and how.
    pub(super) fn look(&mut self, lane: Lane) -> Option<Ending> {
        match self.running[lane as usize].as_mut()?.process.as_mut()?.try_wait() {
            Ok(status) => status.map(Ending::Exited),
            Err(error) => Some(Ending::System(format!("can't be waited for: {error}"))),
        }
    }

    /// Takes the end of the command in `lane`; gives its order and its process.
    pub(super) fn end(
        &mut self,
        lane: Lane,
        ending: Ending,
        now: Time,
        pipes: &mut Pipes,
    ) -> Option<(Order, Option<Process>)> {
        let Running { ticket: _, process, order, began, pipe, fate } = self.running[lane as usize].take()?;
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

fn cant_begin(error: &io::Error) -> Ending {
    Ending::System(format!("can't begin: {error}"))
}

fn commands(resource: &config::Resource) -> [Option<String>; Order::ALL.len()] {
    let command = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    Order::ALL.map(|order| match order {
        Order::Activate => command(&resource.interface_activate),
        Order::Start => command(&resource.start_action),
        Order::Stop => command(&resource.stop_action),
        Order::Deactivate => command(&resource.interface_deactivate),
    })
}

fn limits(resource: &config::Resource) -> Limits {
    Limits {
        interface_timeout: resource.interface_timeout,
        action_timeout: resource.action_timeout,
        going_hot: resource.going_hot_timeout,
        going_standby: resource.going_standby_timeout,
    }
}
