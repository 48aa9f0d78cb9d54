//! The commands of the resources: when they begin, their processes, their output (X1–X6).
//!
//! An order of the protocol becomes a command, and the command's end becomes a [`CommandReport`]. On the way:
//!
//! | step | module |
//! |---|---|
//! | 1. an order waits for its turn (pure code: time is an argument) | `queue` |
//! | 2. its command gets a pipe | `resource`, `configured` |
//! | 3. a thread gives it an environment, and a shell if it needs one, and begins the process | `spawner`, `prepared`, `environment`, `process` |
//! | 4. what it prints is read | `output` |
//! | 5. its end is noticed, logged and reported | `resource`, `outcome` |
//!
//! A built-in address comes up before `interface-activate` and goes after `interface-deactivate`; `address` has the jobs
//! for the thread that keeps it, and `tracking` says whether clients can reach it. A unit of systemd is started and stopped
//! instead of commands: `unit` has the jobs for the thread that speaks to systemd, `unit_health` says what its state means. `check` says what the results of `check-command` mean for the application. `executor`
//! drives all of this for all resources from the event loop.

mod address;
mod check;
mod configured;
mod earlier;
mod environment;
mod executor;
mod fencer;
mod outcome;
mod output;
mod prepared;
mod process;
mod queue;
mod resource;
mod spawner;
#[cfg(test)]
pub(crate) mod tests;
mod tracking;
mod unit;
mod unit_health;

use std::fmt;

pub use address::AddressTicket;
pub use check::Health;
pub use environment::{Facts, inherited_environment, without_controls};
pub use executor::{CommandReport, Executor};
pub use fencer::{FenceEnd, FenceTicket, Fencer};
pub use outcome::{CommandOutcome, Ending};
pub use resource::FIRST_REPORT;
pub use unit_health::UnitHealth;

/// The task of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CommandKind {
    /// `interface-activate`.
    Activate,
    /// `start-action`.
    Start,
    /// `stop-action`.
    Stop,
    /// `interface-deactivate`.
    Deactivate,
    /// `interface-announce`; without it `interface-activate` once more.
    Announce,
    /// `check-command`; not ordered, but run again and again.
    Check,
}

impl CommandKind {
    /// Every kind, in the order of a life.
    pub const ALL: [CommandKind; 6] = [
        CommandKind::Activate,
        CommandKind::Start,
        CommandKind::Stop,
        CommandKind::Deactivate,
        CommandKind::Announce,
        CommandKind::Check,
    ];

    /// The key that says how long it may run.
    pub const fn timeout_key(self) -> &'static str {
        match self {
            CommandKind::Check => "check-timeout",
            CommandKind::Activate
            | CommandKind::Start
            | CommandKind::Stop
            | CommandKind::Deactivate
            | CommandKind::Announce => "action-timeout",
        }
    }

    /// The value of `ACTION` in the command's environment (X5).
    pub const fn as_str(self) -> &'static str {
        match self {
            CommandKind::Activate => "activate",
            CommandKind::Start => "start",
            CommandKind::Stop => "stop",
            CommandKind::Deactivate => "deactivate",
            CommandKind::Announce => "announce",
            CommandKind::Check => "check",
        }
    }

    /// The lane its command runs in.
    pub const fn lane(self) -> Lane {
        match self {
            CommandKind::Activate | CommandKind::Deactivate | CommandKind::Announce => Lane::Interface,
            CommandKind::Start | CommandKind::Stop => Lane::Application,
            CommandKind::Check => Lane::Check,
        }
    }
}

impl fmt::Display for CommandKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The object of a command. In each lane of a resource one command runs at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// The service's address: `activate`, `deactivate` and `announce`.
    Interface,
    /// The application: `start` and `stop`.
    Application,
    /// A look at the application.
    Check,
}

impl Lane {
    /// Every lane.
    const ALL: [Lane; 3] = [Lane::Interface, Lane::Application, Lane::Check];
}
