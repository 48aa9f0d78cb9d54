//! The story of a resource, for people: it stands beside the inputs and reactions of the state machine.

use std::time::Duration;

use schrittmacher_protocol::{StateName, Time};
use serde::{Deserialize, Serialize};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// When.
    pub at: Time,
    /// The kind of fact.
    pub what: FactKind,
}

/// See [`Fact`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FactKind {
    /// This node changed its state.
    State {
        /// From this one.
        from: StateName,
        /// To this one.
        to: StateName,
        /// How long it had been in the first one.
        lasted: Duration,
        /// Why, in words.
        why: String,
        /// The reason that the application or the peer gave, as far as it was the cause.
        reason: Option<String>,
    },
    /// The peer named another state than before, or fell silent.
    Peer {
        /// The state; `None`: it is silent.
        state: Option<StateName>,
        /// The reason that it gave.
        reason: Option<String>,
    },
    /// A command has ended.
    Command {
        /// The outcome, as a sentence.
        text: String,
        /// It failed.
        failed: bool,
    },
    /// An operator has ordered something.
    Order {
        /// The order and what became of it, as a sentence.
        text: String,
    },
}
