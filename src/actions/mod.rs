//! The commands of the resources: when they begin, their processes, their output (X1–X6).

mod child;
mod descriptors;
mod environment;
mod executor;
mod outcome;
mod output;
mod pipes;
mod queue;
mod resource;
mod spawner;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;

pub use descriptors::{allow_descriptors, close_on_exec_all};
pub use environment::Facts;
pub use executor::{Executor, Report};
pub use outcome::{Ending, History, Outcome};

/// An order that a command carries out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Order {
    /// `interface-activate`.
    Activate,
    /// `start-action`.
    Start,
    /// `stop-action`.
    Stop,
    /// `interface-deactivate`.
    Deactivate,
}

impl Order {
    /// Every order, in the order of a life.
    pub const ALL: [Order; 4] = [Order::Activate, Order::Start, Order::Stop, Order::Deactivate];

    /// The value of `ACTION` in the command's environment (X5).
    pub const fn as_str(self) -> &'static str {
        match self {
            Order::Activate => "activate",
            Order::Start => "start",
            Order::Stop => "stop",
            Order::Deactivate => "deactivate",
        }
    }

    /// The lane its command runs in.
    pub const fn lane(self) -> Lane {
        match self {
            Order::Activate | Order::Deactivate => Lane::Interface,
            Order::Start | Order::Stop => Lane::Application,
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a command acts on; of one resource, only one command at a time runs in each lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// The service's address: `activate` and `deactivate`.
    Interface,
    /// The application: `start` and `stop`.
    Application,
}
