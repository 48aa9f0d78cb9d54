//! Units of systemd as applications: started, stopped and watched over D-Bus.
//!
//! | module | what it does | with the bus? |
//! |---|---|---|
//! | `state` | the state of a unit, in systemd's words and in ours | no |
//! | `watcher` | what is known of each unit, what is asked next, and how a job ended | no |
//! | `bus` | one connection: calls, answers and signals as messages | yes |
//! | `keeper` | the thread that has the connection and makes it anew | yes |
//! | `survey` | one look at units, for `--check` | yes |
//!
//! A bus can hang, so everything here runs on a thread of its own ([`UnitKeeper`]). systemd tells of changes by signals.
//! Beside them it is asked every [`PROOF_PERIOD`] whether it is still there, since a bus that hangs sends no signal.
//!
//! It needs Linux and the feature `systemd`; without them [`UnitKeeper::start`] fails.

#[cfg(all(target_os = "linux", feature = "systemd"))]
mod bus;
mod keeper;
mod state;
mod survey;
#[cfg(all(target_os = "linux", feature = "systemd"))]
mod watcher;

use std::time::Duration;

pub use keeper::UnitKeeper;
pub use state::{Activity, Loading, UnitState};
pub use survey::{UnitFacts, survey};

/// How often systemd has to prove that it is there.
pub const PROOF_PERIOD: Duration = Duration::from_secs(2);

/// How long the bus and systemd have for an answer. After that the connection is made anew.
pub const ANSWER_TIME: Duration = Duration::from_secs(5);

/// Whether this program can speak to systemd at all.
pub const IS_SUPPORTED: bool = cfg!(all(target_os = "linux", feature = "systemd"));

/// A job of the thread. `id` names a service; `ticket` comes back with the outcome, so that a late one is not taken for that of
/// a newer job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitJob {
    /// Report the state of this unit now, and whenever it changes. Another unit of the same service is forgotten.
    Watch {
        /// The service.
        id: usize,
        /// The unit's full name.
        unit: String,
    },
    /// The service has no unit any more.
    Forget {
        /// The service.
        id: usize,
    },
    /// Start the unit of the service, or stop it. A job of systemd that does the opposite is cancelled.
    Order {
        /// The service.
        id: usize,
        /// Names this job.
        ticket: u64,
        /// What to do.
        order: UnitOrder,
    },
}

/// What a unit is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitOrder {
    /// Become active.
    Start,
    /// Become inactive.
    Stop,
}

/// An event of the thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitReport {
    /// The state of a unit, when it was read first and whenever it has changed.
    State {
        /// The service.
        id: usize,
        /// Its unit's state.
        state: UnitState,
    },
    /// systemd has answered just now: every state that was reported still holds.
    Alive,
    /// An order is over. The state that it has led to was reported before.
    Done {
        /// The service.
        id: usize,
        /// That of the job.
        ticket: u64,
        /// How it ended.
        result: Result<(), JobFailure>,
    },
    /// systemd cannot be reached, and no state is known any more. Reported once, until [`UnitReport::Found`].
    Lost {
        /// Why.
        why: String,
    },
    /// systemd can be reached. The states follow.
    Found,
}

/// Why an order was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobFailure {
    /// systemd cannot be reached. The unit may have obeyed or not.
    Unreachable(String),
    /// systemd refuses, and will refuse again: the unit is masked for example, or this program may not start it.
    Refused(String),
    /// The unit has not done it.
    Failed(String),
}

impl JobFailure {
    /// The reason, for people.
    pub fn why(&self) -> &str {
        match self {
            JobFailure::Unreachable(why) | JobFailure::Refused(why) | JobFailure::Failed(why) => why,
        }
    }
}
