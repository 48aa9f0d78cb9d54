//! Pairs of nodes in virtual time.
//!
//! Two hosts with their daemons and applications, and the link between them. There is no clock, socket or thread,
//! and the same seed gives the same run. [`World`] holds them together. Its caller decides what goes wrong, by
//! calls of the world. A [`Watch`] sees every step and every stretch of time.
//!
//! A node runs any [`Daemon`]. [`Ours`] is the shipped protocol crate; `schrittmacherctl simulate` uses it alone.
//! `crates/testkit` puts legacy daemons beside it, for tests and for the random faults of `tests/random-faults`.
#![forbid(unsafe_code)]

mod app;
mod batched;
mod chance;
mod commands;
mod daemon;
mod link;
mod named;
mod node;
mod pinger;
mod random;
mod second_path;
mod signed;
mod world;

pub use app::{App, Era, Order, Report};
pub use chance::Chance;
pub use commands::{Commands, Disorder, Disorders, Durations};
pub use daemon::{Daemon, Ours};
pub use link::{Direction, Link, Loss, Spread};
pub use node::Node;
pub use random::Xorshift;
pub use world::{FenceDevice, Host, Step, Watch, World};
