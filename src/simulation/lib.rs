//! Pairs of nodes in virtual time.
//!
//! Two hosts with their daemons and applications, and the link between them: no clock, socket or thread, and the
//! same seed gives the same run. [`World`] holds them together; what goes wrong, and what is looked at, is its
//! caller's business: faults are calls of the world, and a [`Watch`] sees every step and every stretch of time.
//!
//! The daemon of a node is whatever implements [`Daemon`]: [`Ours`] is the shipped protocol crate; `tests/sim` puts
//! legacy daemons beside it. `schrittmacherctl simulate` uses [`Ours`] alone.
#![forbid(unsafe_code)]

mod app;
mod chance;
mod commands;
mod daemon;
mod link;
mod node;
mod random;
mod world;

pub use app::{App, Era, Order, Report};
pub use chance::Chance;
pub use commands::{Commands, Durations};
pub use daemon::{Daemon, Ours};
pub use link::{Direction, Link, Loss, Spread};
pub use node::Node;
pub use random::Xorshift;
pub use world::{Host, Step, Watch, World};
