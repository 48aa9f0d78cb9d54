//! The legacy double: the two families of legacy daemons, played from their recorded state tables.
//!
//! Nothing here uses the terms of our own protocol. [`Legacy`] interprets the tables
//! `tests/data/legacy/state_table_*.jsonl`. The surroundings of a table are in `legacy.rs`: ticks, counters, time-outs,
//! signs of life. It is pure: time and random numbers are arguments, so that a search, a simulation or a socket can drive
//! it. [`Daemon`] adds the bytes and the doors of one generation, the simulator's application runs under it. The program
//! `schrittmacher-legacy-double` puts both on real sockets.
//!
//! The starved clock of 1.8.2 is played (D30). Other accidents of the programs are not: there is no wedge at start, no
//! lock left held, no crash and no thread per tick (D23, D34). Where a peer could tell, it behaves as a legacy daemon without them.

mod daemon;
mod legacy;
mod table;

pub use daemon::{Config, Daemon, Door, Output};
pub use legacy::{Action, Event, Legacy, POLL, Settings};
pub use table::{Generation, State};

#[cfg(test)]
mod vectors;
