//! What the commands tell the event loop.

use std::net::IpAddr;

use schrittmacher_units::UnitState;

use super::super::address::AddressTicket;
use super::super::{CommandKind, CommandOutcome};

/// Something the event loop has to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandReport {
    /// `start` has begun or could not be begun, or its turn came and there is no command for it: `Event::StartBegan`.
    StartBegan {
        /// Index in the configuration.
        resource: usize,
    },
    /// Every command ordered before the last barrier is over: `Event::Released`.
    Released {
        /// Index in the configuration.
        resource: usize,
    },
    /// It is the turn of `start` or `stop`, and there is no command for it. Send SIGUSR1 or SIGUSR2 to the believed process, if
    /// there is one (X4).
    Signal {
        /// Index in the configuration.
        resource: usize,
        /// [`CommandKind::Start`] or [`CommandKind::Stop`].
        order: CommandKind,
    },
    /// A command is over. Already logged.
    Finished {
        /// Index in the configuration.
        resource: usize,
        /// How it ended.
        outcome: CommandOutcome,
    },
    /// The state of the unit of systemd, whether it has changed or not; `None`: nobody knows it any more.
    Unit {
        /// Index in the configuration.
        resource: usize,
        /// What was seen.
        state: Option<UnitState>,
    },
    /// The interface of its address has lost its connection, and `track-delay` is not written.
    Interrupted {
        /// Index in the configuration.
        resource: usize,
        /// The ends of the peer link that still have a connection.
        ways: Vec<IpAddr>,
        /// It has worked for some time before.
        was_steady: bool,
    },
    /// That [`CommandReport::CutOff`] goes on, for another reason.
    StillCutOff {
        /// Index in the configuration.
        resource: usize,
        /// What is wrong with the interface now.
        why: String,
    },
    /// Clients cannot reach this host: `Event::CutOff`.
    CutOff {
        /// Index in the configuration.
        resource: usize,
        /// What is wrong with the interface.
        why: String,
    },
    /// Somebody else has removed its address, and it was put back. Already logged.
    AddressPutBack {
        /// Index in the configuration.
        resource: usize,
    },
    /// Somebody else has one of its addresses on this host, or has it no more.
    AddressForeign {
        /// Index in the configuration.
        resource: usize,
        /// Which address, and where.
        holder: Option<String>,
    },
    /// The answer to [`Executor::ask_address`](super::Executor::ask_address).
    AddressHolder {
        /// Index in the configuration.
        resource: usize,
        /// That of the question.
        ticket: AddressTicket,
        /// Which address another host has, and where; `None`: none of them answers.
        holder: Option<String>,
    },
    /// They can again: `Event::Reconnected`.
    Reconnected {
        /// Index in the configuration.
        resource: usize,
    },
}
