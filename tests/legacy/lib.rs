//! The legacy double: the two families of legacy daemons, played from their recorded state tables.
//!
//! Nothing here is written in the terms of our own protocol. [`Legacy`] interprets the tables
//! `tests/data/legacy/state_table_*.jsonl`; what stands around a table (ticks, counters, time-outs, what is
//! refreshed by what) is in `legacy.rs`. It is pure: time and random numbers are arguments, so that a search,
//! a simulation or a socket can drive it. [`Daemon`] adds the bytes and the doors of one generation, [`App`]
//! is an application under it; the program of this crate puts both on real sockets.
//!
//! Not played: the legacy daemons' accidents as programs. No wedge at start, no lock left held, no crash, no
//! thread per tick, no starved timer of a 1.8 with many resources (D23, D30, D34). Where a peer could tell,
//! the double behaves as a legacy daemon to which none of that happens.
#![forbid(unsafe_code)]

mod daemon;
mod legacy;
mod table;

pub use daemon::{Config, Daemon, Door, Output};
pub use legacy::{Action, Event, Legacy, POLL, Settings};
pub use schrittmacher_simulation::{App, Era, Order, Report, Xorshift};
pub use table::{Generation, State};

#[cfg(test)]
mod vectors;
