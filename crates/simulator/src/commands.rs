//! The commands of a resource: what is ordered, what runs, what it does.
//!
//! A simpler form of the daemon's queue (`src/commands/queue/mod.rs`). Commands run one after the other, in order.
//! An urgent `deactivate` does not wait. Opposite orders cancel each other as long as they have not begun. A
//! command has its effect when it ends, and none if it fails. An interface command that has failed is tried again.

use std::collections::VecDeque;
use std::time::Duration;

use schrittmacher_protocol::Command as Order;

/// How long each command takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    pub activate: Duration,
    pub start: Duration,
    pub stop: Duration,
    pub deactivate: Duration,
}

/// The disorder of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disorder {
    /// Nothing.
    #[default]
    None,
    /// It fails.
    Fails,
    /// It runs until it is terminated, and has failed.
    Hangs,
}

/// The disorder of each command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the commands")]
pub struct Disorders {
    pub activate: Disorder,
    pub stop: Disorder,
    pub deactivate: Disorder,
}

/// A command that hangs is terminated after this time.
const TERMINATED: Duration = Duration::from_secs(5);

/// The pause before an interface command is tried again; it doubles with each failure.
const RETRY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];

/// A command, or a barrier that waits for all commands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Activate,
    Start,
    Stop,
    Deactivate,
    Barrier,
}

/// An effect of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A command waits for those of other resources.
    Waits,
    /// The start command has begun.
    StartBegan,
    /// The application is ordered hot.
    Start,
    /// It is ordered standby.
    Stop,
    /// All commands before a barrier are over.
    Released,
    ActivateFailed,
    /// The interface is up, after attempts that failed.
    Activated,
    StopFailed,
    DeactivateFailed,
}

/// The commands of one resource.
#[derive(Clone, Debug)]
pub struct Commands {
    durations: Durations,
    disorders: Disorders,
    waiting: VecDeque<Command>,
    running: Option<(Command, Duration)>,
    interface: bool,
    wanted: bool,
    /// Failed attempts in a row to do what is wanted with the interface.
    failures: u32,
    /// When it is tried again.
    retry: Option<Duration>,
    /// The commands of other resources come first until this time.
    turn: Duration,
    /// When it is told next that a command waits for them.
    told: Duration,
}

/// How often that is told.
const TOLD_AGAIN: Duration = Duration::from_secs(1);

impl Commands {
    /// Nothing is ordered; the interface is up or not.
    pub fn new(durations: Durations, interface: bool) -> Commands {
        Commands {
            durations,
            disorders: Disorders::default(),
            waiting: VecDeque::new(),
            running: None,
            interface,
            wanted: interface,
            failures: 0,
            retry: None,
            turn: Duration::ZERO,
            told: Duration::ZERO,
        }
    }
    /// The disorders of the commands.
    pub fn disorders(&self) -> Disorders {
        self.disorders
    }

    /// Sets the disorders of commands that end from now on.
    pub fn set_disorders(&mut self, disorders: Disorders) {
        self.disorders = disorders;
    }

    /// Sets how long commands take that begin from now on.
    pub fn set_durations(&mut self, durations: Durations) {
        self.durations = durations;
    }

    /// The commands of other resources come first until this time.
    pub fn set_turn(&mut self, at: Duration) {
        self.turn = at;
    }

    /// The interface is up.
    pub fn interface_is_up(&self) -> bool {
        self.interface
    }

    /// The last order was to bring the interface up.
    pub fn interface_is_wanted(&self) -> bool {
        self.wanted
    }

    /// Commands run or wait.
    pub fn are_pending(&self) -> bool {
        self.running.is_some() || !self.waiting.is_empty()
    }

    /// Takes an order of the daemon.
    pub(crate) fn order(&mut self, order: Order) {
        match order {
            Order::Activate => {
                self.want(true);
                self.enqueue(Command::Activate, Command::Deactivate);
            }
            Order::Deactivate { urgent } => {
                self.want(false);
                if urgent {
                    self.deactivate_at_once();
                } else {
                    self.enqueue(Command::Deactivate, Command::Activate);
                }
            }
            Order::Start => self.enqueue(Command::Start, Command::Stop),
            Order::Stop => self.enqueue(Command::Stop, Command::Start),
            Order::Barrier => self.waiting.push_back(Command::Barrier),
        }
    }

    /// The daemon is gone, and what it had ordered with it.
    pub(crate) fn forget(&mut self) {
        self.waiting.clear();
        self.running = None;
        self.retry = None;
    }

    /// The host is gone.
    pub(crate) fn power_off(&mut self) {
        self.forget();
        (self.interface, self.wanted) = (false, false);
    }

    /// When [`Commands::next`] has something new.
    pub(crate) fn next_deadline(&self) -> Duration {
        let running = self.running.map(|(_, until)| until);
        let waits = (running.is_none() && !self.waiting.is_empty()).then(|| self.turn.min(self.told));
        running.into_iter().chain(self.retry).chain(waits).min().unwrap_or(Duration::MAX)
    }

    /// The next effect of commands up to `now`. Call it again until there is none.
    pub(crate) fn next(&mut self, now: Duration) -> Option<Effect> {
        loop {
            if self.retry.take_if(|at| *at <= now).is_some()
                && let Some(effect) = self.end_interface(self.wanted, now)
            {
                return Some(effect);
            }
            if let Some((command, until)) = self.running {
                if now < until {
                    return None;
                }
                self.running = None;
                if let Some(effect) = self.end(command, now) {
                    return Some(effect);
                }
            }
            if now < self.turn && !self.waiting.is_empty() {
                if now < self.told {
                    return None;
                }
                self.told = now + TOLD_AGAIN;
                return Some(Effect::Waits);
            }
            let command = self.waiting.pop_front()?;
            let Disorders { activate, stop, deactivate } = self.disorders;
            let (takes, disorder) = match command {
                Command::Activate => (self.durations.activate, activate),
                Command::Start => (self.durations.start, Disorder::None),
                Command::Stop => (self.durations.stop, stop),
                Command::Deactivate => (self.durations.deactivate, deactivate),
                Command::Barrier => (Duration::ZERO, Disorder::None),
            };
            let takes = if disorder == Disorder::Hangs { TERMINATED } else { takes };
            self.running = Some((command, now + takes));
            if command == Command::Start {
                return Some(Effect::StartBegan);
            }
        }
    }

    fn want(&mut self, up: bool) {
        if self.wanted != up {
            (self.wanted, self.failures, self.retry) = (up, 0, None);
        }
    }

    fn end(&mut self, command: Command, now: Duration) -> Option<Effect> {
        match command {
            Command::Activate => self.end_interface(true, now),
            Command::Deactivate => self.end_interface(false, now),
            Command::Start => Some(Effect::Start),
            Command::Stop if self.disorders.stop != Disorder::None => Some(Effect::StopFailed),
            Command::Stop => Some(Effect::Stop),
            Command::Barrier => Some(Effect::Released),
        }
    }

    /// An attempt to bring the interface up or to take it down is over.
    fn end_interface(&mut self, up: bool, now: Duration) -> Option<Effect> {
        let Disorders { activate, deactivate, .. } = self.disorders;
        if self.interface == up && self.failures == 0 {
            return None;
        }
        if (if up { activate } else { deactivate }) == Disorder::None {
            self.interface = up;
            let tried = std::mem::take(&mut self.failures) > 0;
            return (up && tried).then_some(Effect::Activated);
        }
        let pause = RETRY[0].saturating_mul(2_u32.saturating_pow(self.failures)).min(RETRY[1]);
        self.failures += 1;
        if self.wanted == up {
            self.retry = Some(now + pause);
        }
        Some(if up { Effect::ActivateFailed } else { Effect::DeactivateFailed })
    }

    fn enqueue(&mut self, command: Command, opposite: Command) {
        self.waiting.retain(|waiting| *waiting != opposite);
        let runs_last = self.running.is_some_and(|(running, _)| running == command);
        if !self.waiting.contains(&command) && !runs_last {
            self.waiting.push_back(command);
        }
    }

    fn deactivate_at_once(&mut self) {
        let interface = |command: &Command| matches!(command, Command::Activate | Command::Deactivate);
        self.waiting.retain(|waiting| !interface(waiting));
        self.running.take_if(|(running, _)| interface(running));
        if self.disorders.deactivate == Disorder::None {
            self.interface = false;
        } else if self.interface {
            self.retry = Some(Duration::ZERO);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn all(commands: &mut Commands, now: Duration) -> Vec<Effect> {
        std::iter::from_fn(|| commands.next(now)).collect()
    }

    #[test]
    fn run_one_after_the_other_and_release_at_the_end() {
        let durations = Durations { stop: S(2), deactivate: S(1), ..Durations::default() };
        let mut commands = Commands::new(durations, true);
        for action in [Order::Stop, Order::Deactivate { urgent: false }, Order::Barrier] {
            commands.order(action);
        }
        assert_eq!(all(&mut commands, S(0)), []);
        assert_eq!((all(&mut commands, S(2)), commands.interface_is_up()), (vec![Effect::Stop], true));
        assert_eq!((all(&mut commands, S(3)), commands.interface_is_up()), (vec![Effect::Released], false));
        assert!(!commands.are_pending());
    }

    #[test]
    fn an_urgent_deactivate_waits_for_nobody() {
        let durations = Durations { activate: S(9), ..Durations::default() };
        let mut commands = Commands::new(durations, true);
        commands.order(Order::Activate);
        commands.order(Order::Start);
        assert_eq!(all(&mut commands, S(0)), []);
        commands.order(Order::Deactivate { urgent: true });
        assert_eq!(all(&mut commands, S(1)), [Effect::StartBegan, Effect::Start]);
        assert!(!commands.interface_is_up() && !commands.interface_is_wanted());
    }

    #[test]
    fn what_has_not_begun_is_cancelled_by_its_opposite() {
        let durations = Durations { activate: S(1), ..Durations::default() };
        let mut commands = Commands::new(durations, false);
        commands.order(Order::Activate);
        assert_eq!(all(&mut commands, S(0)), []);
        commands.order(Order::Start);
        commands.order(Order::Start);
        commands.order(Order::Stop);
        assert_eq!(all(&mut commands, S(1)), [Effect::Stop]);
    }
}
