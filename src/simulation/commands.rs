//! The commands of a resource: what is ordered, what runs, what it does.
//!
//! As the daemon's queue (`src/actions/queue.rs`), but simpler: one after the other, in order; an urgent
//! `deactivate` waits for nobody; opposite orders cancel each other until they begin. A command has its effect
//! when it ends. None fails.

use std::collections::VecDeque;
use std::time::Duration;

use schrittmacher_protocol::Action;

/// How long each command takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the four commands")]
pub struct Durations {
    pub activate: Duration,
    pub start: Duration,
    pub stop: Duration,
    pub deactivate: Duration,
}

/// A command, or what waits for all before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Activate,
    Start,
    Stop,
    Deactivate,
    Barrier,
}

/// What comes of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The start command has begun.
    StartBegan,
    /// The application is ordered hot.
    Start,
    /// It is ordered standby.
    Stop,
    /// All commands before a barrier are over.
    Released,
}

/// The commands of one resource.
#[derive(Clone, Debug)]
pub struct Commands {
    durations: Durations,
    waiting: VecDeque<Command>,
    running: Option<(Command, Duration)>,
    interface: bool,
    wanted: bool,
}

impl Commands {
    /// Nothing is ordered; the interface is up or not.
    pub fn new(durations: Durations, interface: bool) -> Commands {
        Commands { durations, waiting: VecDeque::new(), running: None, interface, wanted: interface }
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
    pub(crate) fn order(&mut self, action: Action) {
        match action {
            Action::Activate => {
                self.wanted = true;
                self.enqueue(Command::Activate, Command::Deactivate);
            }
            Action::Deactivate { urgent } => {
                self.wanted = false;
                if urgent {
                    self.deactivate_at_once();
                } else {
                    self.enqueue(Command::Deactivate, Command::Activate);
                }
            }
            Action::Start => self.enqueue(Command::Start, Command::Stop),
            Action::Stop => self.enqueue(Command::Stop, Command::Start),
            Action::Barrier => self.waiting.push_back(Command::Barrier),
            // None of them is a command.
            Action::Send { .. } | Action::Refuse(_) | Action::Notice(_) | Action::Exit => {}
        }
    }

    /// The daemon is gone, and what it had ordered with it.
    pub(crate) fn forget(&mut self) {
        self.waiting.clear();
        self.running = None;
    }

    /// The host is gone.
    pub(crate) fn power_off(&mut self) {
        self.forget();
        (self.interface, self.wanted) = (false, false);
    }

    /// When [`Commands::next`] has something new.
    pub(crate) fn next_deadline(&self) -> Duration {
        self.running.map_or(Duration::MAX, |(_, until)| until)
    }

    /// What has come of commands until now; call until there is nothing.
    pub(crate) fn next(&mut self, now: Duration) -> Option<Effect> {
        loop {
            if let Some((command, until)) = self.running {
                if now < until {
                    return None;
                }
                self.running = None;
                if let Some(effect) = self.end(command) {
                    return Some(effect);
                }
            }
            let command = self.waiting.pop_front()?;
            let takes = match command {
                Command::Activate => self.durations.activate,
                Command::Start => self.durations.start,
                Command::Stop => self.durations.stop,
                Command::Deactivate => self.durations.deactivate,
                Command::Barrier => Duration::ZERO,
            };
            self.running = Some((command, now + takes));
            if command == Command::Start {
                return Some(Effect::StartBegan);
            }
        }
    }

    fn end(&mut self, command: Command) -> Option<Effect> {
        match command {
            Command::Activate => self.interface = true,
            Command::Deactivate => self.interface = false,
            Command::Start => return Some(Effect::Start),
            Command::Stop => return Some(Effect::Stop),
            Command::Barrier => return Some(Effect::Released),
        }
        None
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
        self.interface = false;
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
        for action in [Action::Stop, Action::Deactivate { urgent: false }, Action::Barrier] {
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
        commands.order(Action::Activate);
        commands.order(Action::Start);
        assert_eq!(all(&mut commands, S(0)), []);
        commands.order(Action::Deactivate { urgent: true });
        assert_eq!(all(&mut commands, S(1)), [Effect::StartBegan, Effect::Start]);
        assert!(!commands.interface_is_up() && !commands.interface_is_wanted());
    }

    #[test]
    fn what_has_not_begun_is_cancelled_by_its_opposite() {
        let durations = Durations { activate: S(1), ..Durations::default() };
        let mut commands = Commands::new(durations, false);
        commands.order(Action::Activate);
        assert_eq!(all(&mut commands, S(0)), []);
        commands.order(Action::Start);
        commands.order(Action::Start);
        commands.order(Action::Stop);
        assert_eq!(all(&mut commands, S(1)), [Effect::Stop]);
    }
}
