//! The commands of one resource as processes. `address`: orders that bring the built-in address up or down. `ended`: what becomes of
//! their ends. `unit`: orders to a unit of systemd.

mod address;
mod ended;
mod unit;

use std::collections::VecDeque;
use std::io;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use log::{Level, info, log, warn};
use schrittmacher_config::SharedAddress;
use schrittmacher_protocol::Time;
use schrittmacher_units::JobFailure;

use super::address::AddressTicket;
use super::configured::Commands;
use super::earlier::StartProcess;
use super::output::{Pipes, one_line};
use super::prepared::{Prepared, limit, shell};
use super::process::{ChildProcess, with_posix_signal_names};
use super::queue::{CommandQueue, Verdict};
use super::spawner::{Job, Spawner, Ticket};
use super::unit::UnitTicket;
use super::{CommandKind, CommandOutcome, Ending, Facts, Lane};

/// Pipes kept open for background processes that commands of one resource left behind. Beyond that the oldest
/// is closed, and its process gets SIGPIPE when it prints again.
const LEFTOVERS: usize = 8;

/// How long the start of an application that may be hot waits for the application's first report: the client library
/// reports every 1.5 s.
pub const FIRST_REPORT: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct ResourceCommands {
    name: Arc<str>,
    commands: Arc<Commands>,
    /// The commands that take down the address that was brought up before the configuration changed.
    retired: Option<Arc<Commands>>,
    pub(super) facts: Facts,
    pub(super) queue: CommandQueue,
    /// Most of them never run one.
    running: [Option<Box<RunningCommand>>; Lane::ALL.len()],
    /// Slots of pipes, oldest first.
    leftovers: VecDeque<usize>,
    /// How many commands of each kind have failed in a row.
    failures: [u32; CommandKind::ALL.len()],
    /// The executor will look at the queue.
    pub(super) due: bool,
}

#[derive(Debug)]
struct RunningCommand {
    stage: CommandStage,
    order: CommandKind,
    began: Time,
    /// Why it was terminated.
    fate: Option<Ending>,
}

/// The stage of an order that waits.
#[derive(Debug)]
enum CommandStage {
    /// The end of its command.
    Command {
        ticket: Ticket,
        /// `None` until the spawner has begun it.
        process: Option<ChildProcess>,
        pipe: usize,
    },
    /// The thread that keeps addresses; or room for the command that comes after it, which the queue knows.
    Address {
        /// `None` until it was given the job, and once it has done it.
        ticket: Option<AddressTicket>,
        /// How the command of a `deactivate` has ended, and what it printed.
        command: Option<(Ending, String)>,
    },
    /// The thread that speaks to systemd.
    Unit {
        /// `None` until it was given the job.
        ticket: Option<UnitTicket>,
    },
}

impl RunningCommand {
    fn process(&mut self) -> Option<&mut ChildProcess> {
        match &mut self.stage {
            CommandStage::Command { process, .. } => process.as_mut(),
            CommandStage::Address { .. } | CommandStage::Unit { .. } => None,
        }
    }
}

/// What it takes to begin a command of one resource.
pub(super) struct Beginning<'a> {
    /// The resource's.
    pub(super) index: usize,
    /// The believed process of its application.
    pub(super) pid: Option<u32>,
    pub(super) now: Time,
    pub(super) pipes: &'a mut Pipes,
    pub(super) spawner: &'a mut Spawner,
}

/// How an order is carried out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    /// By a command.
    Process,
    /// By the thread that keeps addresses.
    Address,
    /// By the thread that speaks to systemd.
    Unit,
    /// Nothing is configured; the application may get a signal.
    Nothing,
}

/// The outcome of an attempt to begin a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// The spawner has it.
    Handed,
    /// The thread that keeps addresses has to add those of the resource, or to remove them.
    Address,
    /// The thread that speaks to systemd has to start the unit of the resource, or to stop it.
    Unit,
    /// The system refused; the command has failed.
    Failed(CommandOutcome),
    /// Nothing is configured; the order is done.
    NoCommand,
}

impl ResourceCommands {
    pub(super) fn new(
        core: &schrittmacher_config::Core,
        resource: &schrittmacher_config::Resource,
    ) -> ResourceCommands {
        ResourceCommands {
            name: Arc::clone(&resource.name),
            commands: Commands::of(core, resource),
            retired: None,
            facts: Facts::default(),
            queue: CommandQueue::new(Arc::clone(&resource.values)),
            running: [const { None }; Lane::ALL.len()],
            leftovers: VecDeque::new(),
            failures: Default::default(),
            due: false,
        }
    }

    /// Takes a changed configuration. A command that runs goes on as it began. An address that is up is taken down as
    /// it was brought up, and brought up anew.
    pub(super) fn configure(
        &mut self,
        core: &schrittmacher_config::Core,
        resource: &schrittmacher_config::Resource,
    ) {
        let new = Commands::of(core, resource);
        let old = std::mem::replace(&mut self.commands, new);
        self.queue.set_limits(&resource.values);
        if self.commands.have_same_address(&old) || !self.queue.renew() {
            return;
        }
        info!(target: &self.name, "its interface commands have changed: the address is taken down and brought up anew");
        self.retired.get_or_insert(old);
    }

    /// An earlier daemon has begun a start command that still runs: none is begun beside it (edge-14).
    pub(super) fn wait_for_earlier_start(&mut self, pid: u32) {
        info!(target: &self.name, "process {pid}, a start command of the daemon before this one, still runs: start waits for it");
        self.queue.set_starting(true);
    }

    /// It has ended, or had its time. Its application is given a moment to say that it is hot.
    pub(super) fn earlier_start_is_over(&mut self, process: StartProcess, now: Time) {
        let pid = process.pid;
        if process.runs() {
            warn!(target: &self.name, "the start command of the daemon before this one, process {pid}, does not end");
        } else {
            info!(target: &self.name, "the start command of the daemon before this one, process {pid}, has ended");
        }
        self.queue.set_starting(false);
        self.queue.await_report(now + FIRST_REPORT);
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether both bring up the same address.
    pub(super) fn shares_address(&self, other: &ResourceCommands) -> bool {
        self.commands.address.is_some() && self.commands.address == other.commands.address
    }

    /// Drops the retry that was to begin now.
    pub(super) fn drop_retry(&mut self, other: &str) -> bool {
        let dropped = self.queue.drop_retry();
        if dropped {
            info!(
                target: &self.name,
                "deactivate is not tried again: resource {other} uses the same address and has brought it up"
            );
        }
        dropped
    }

    /// Hands the command for `order` to the spawner, or says who has to carry it out.
    pub(super) fn begin(&mut self, order: CommandKind, with: Beginning<'_>) -> Begun {
        match self.means(order) {
            Means::Address => {
                self.begin_stage(CommandStage::Address { ticket: None, command: None }, order, with.now);
                Begun::Address
            }
            Means::Unit => {
                self.begin_stage(CommandStage::Unit { ticket: None }, order, with.now);
                Begun::Unit
            }
            Means::Process | Means::Nothing => self.begin_command(order, with),
        }
    }

    /// Whether what would begin now takes a process. Everything else needs no room at the spawner.
    pub(super) fn wants_process(&self, now: Time) -> bool {
        self.queue.next_order(now).is_some_and(|order| self.means(order) == Means::Process)
    }

    fn means(&self, order: CommandKind) -> Means {
        let commands = self.commands_for(order);
        let has_command = commands.texts[order as usize].is_some();
        let is_address_first = match order {
            CommandKind::Activate => true,
            CommandKind::Deactivate => !has_command,
            CommandKind::Start | CommandKind::Stop | CommandKind::Check | CommandKind::Announce => false,
        };
        if commands.shared.is_some() && is_address_first {
            Means::Address
        } else if commands.unit.is_some() && order.lane() == Lane::Application {
            Means::Unit
        } else if has_command {
            Means::Process
        } else {
            Means::Nothing
        }
    }

    fn begin_stage(&mut self, stage: CommandStage, order: CommandKind, now: Time) {
        let running = RunningCommand { stage, order, began: now, fate: None };
        self.running[order.lane() as usize] = Some(Box::new(running));
        self.queue.begun(order, now);
    }

    /// The configured commands for an order. An address that was brought up before the configuration changed is taken down as it
    /// was brought up.
    fn commands_for(&self, order: CommandKind) -> &Arc<Commands> {
        let retired = self.retired.as_ref().filter(|_| order == CommandKind::Deactivate);
        retired.unwrap_or(&self.commands)
    }

    /// The built-in address that an order is about.
    pub(super) fn shared(&self, order: CommandKind) -> Option<&SharedAddress> {
        self.commands_for(order).shared.as_ref()
    }

    fn begin_command(&mut self, order: CommandKind, with: Beginning<'_>) -> Begun {
        let now = with.now;
        if self.commands_for(order).texts[order as usize].is_none() {
            self.retired.take_if(|_| order == CommandKind::Deactivate);
            self.queue.ended(order, Verdict::Success, now);
            return Begun::NoCommand;
        }
        match self.hand_over(order, with) {
            Ok((ticket, pipe)) => {
                let stage = CommandStage::Command { ticket, process: None, pipe };
                let running = RunningCommand { stage, order, began: now, fate: None };
                self.running[order.lane() as usize] = Some(Box::new(running));
                Begun::Handed
            }
            Err(error) => self
                .record(order, cant_begin(&error), now, now, String::new())
                .map_or(Begun::NoCommand, Begun::Failed),
        }
    }

    /// `fence-action` with its environment and its limits; not begun yet.
    pub(super) fn fence_command(&self, text: &str) -> Command {
        let mut command = shell(&with_posix_signal_names(text));
        self.commands.environment.apply(&mut command, "fence", None, &self.facts);
        limit(&mut command, self.commands.limits.clone());
        command
    }

    fn hand_over(
        &self,
        order: CommandKind,
        Beginning { index, pid, now, pipes, spawner }: Beginning<'_>,
    ) -> io::Result<(Ticket, usize)> {
        let (reader, output) = io::pipe()?;
        let pipe = pipes.add(reader, index)?;
        let commands = Arc::clone(self.commands_for(order));
        let job = Job {
            resource: index,
            note: (order == CommandKind::Start).then(|| Arc::clone(&self.name)),
            command: Prepared { commands, order, pid, facts: self.facts.clone(), output },
        };
        let ticket = spawner.give(job, now).inspect_err(|_| pipes.close(pipe))?;
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
        process: io::Result<ChildProcess>,
        now: Time,
    ) -> Result<(CommandKind, Option<Ending>), io::Result<ChildProcess>> {
        let mut running = self.running.iter_mut().flatten();
        let is_meant = |running: &&mut Box<RunningCommand>| matches!(&running.stage, CommandStage::Command { ticket: own, .. } if *own == ticket);
        let Some(running) = running.find(is_meant) else { return Err(process) };
        let order = running.order;
        let mut process = match process {
            Ok(process) => process,
            Err(error) => return Ok((order, Some(cant_begin(&error)))),
        };
        let retired = self.retired.as_ref().filter(|_| order == CommandKind::Deactivate);
        let text = retired.unwrap_or(&self.commands).texts[order as usize].as_deref().unwrap_or_default();
        // A repetition is told with its end, if that is told at all.
        let is_first = self.failures[order as usize] == 0 && order != CommandKind::Check;
        let level = if is_first { Level::Info } else { Level::Debug };
        log!(target: &self.name, level, "{order} begins as process {}: {}", process.pid(), one_line(text));
        if running.fate.is_some() {
            process.terminate();
        }
        if let CommandStage::Command { process: slot, .. } = &mut running.stage {
            *slot = Some(process);
        }
        running.began = now;
        self.queue.begun(order, now);
        Ok((order, None))
    }

    pub(super) fn terminate(&mut self, lane: Lane, late: bool) {
        if let Some(running) = &mut self.running[lane as usize] {
            let fate = match (late, &running.stage) {
                (false, _) => Ending::Overtaken,
                (true, CommandStage::Unit { .. }) => Ending::Unit(JobFailure::Failed(format!(
                    "not done by systemd within `action-timeout` ({} s)",
                    self.queue.timeout(lane).as_secs_f64()
                ))),
                (true, CommandStage::Command { .. } | CommandStage::Address { .. }) => {
                    Ending::TimedOut(self.queue.timeout(lane))
                }
            };
            let level = if lane == Lane::Check { Level::Debug } else { Level::Warn };
            if let Ending::TimedOut(limit) = &fate {
                let (key, seconds) = (running.order.timeout_key(), limit.as_secs_f64());
                let order = running.order;
                log!(target: &self.name, level, "{order} has run for its `{key}` of {seconds} s, and is terminated");
            } else {
                log!(target: &self.name, level, "{} is {fate}", running.order);
            }
            running.fate = Some(fate);
            if let Some(process) = running.process() {
                process.terminate();
            }
        }
    }

    pub(super) fn kill(&mut self, lane: Lane) {
        if let Some(running) = &mut self.running[lane as usize] {
            let order = running.order;
            match running.process() {
                Some(process) => {
                    warn!(target: &self.name, "{order} ignores SIGTERM, killed");
                    process.kill();
                }
                None => warn!(target: &self.name, "{order} waits for an answer of the kernel"),
            }
        }
    }

    /// The process of the command in `lane`.
    pub(super) fn pid(&self, lane: Lane) -> Option<u32> {
        match &self.running[lane as usize].as_ref()?.stage {
            CommandStage::Command { process, .. } => process.as_ref().map(ChildProcess::pid),
            CommandStage::Address { .. } | CommandStage::Unit { .. } => None,
        }
    }

    /// Whether the command in `lane` is over, and how.
    pub(super) fn look(&mut self, lane: Lane) -> Option<Ending> {
        match self.running[lane as usize].as_mut()?.process()?.try_wait() {
            Ok(status) => status.map(Ending::Exited),
            Err(error) => Some(Ending::System(format!("can't be waited for: {error}"))),
        }
    }

    /// Takes the end of the command in `lane`; gives its outcome, unless that counts for nothing, and its process.
    pub(super) fn end(
        &mut self,
        lane: Lane,
        ending: Ending,
        now: Time,
        pipes: &mut Pipes,
    ) -> Option<(Option<CommandOutcome>, Option<ChildProcess>)> {
        let RunningCommand { stage, order, began, fate } = *self.running[lane as usize].take()?;
        let ending = if ending == Ending::Stuck { ending } else { fate.unwrap_or(ending) };
        match stage {
            CommandStage::Command { ticket: _, process, pipe } => {
                let (output, leftover) = pipes.orphan(pipe);
                let outcome = self.record(order, ending, began, now, output);
                if leftover {
                    self.keep_leftover(pipe, pipes);
                }
                Some((outcome, process))
            }
            CommandStage::Unit { .. } => Some((self.record(order, ending, began, now, String::new()), None)),
            CommandStage::Address { command, .. } => {
                // The command's failure is the older one, and has more words.
                let (ending, output) = match command {
                    Some((earlier, output)) if !earlier.is_success() || ending.is_success() => {
                        (earlier, output)
                    }
                    Some((_, output)) => (ending, output),
                    None => (ending, String::new()),
                };
                Some((self.record(order, ending, began, now, output), None))
            }
        }
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
}

fn cant_begin(error: &io::Error) -> Ending {
    Ending::System(format!("can't begin: {error}"))
}
