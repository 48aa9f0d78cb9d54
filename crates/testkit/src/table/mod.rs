//! The transition table, taken from the code by trying everything.
//!
//! Each [`Situation`](situation::Situation) is a machine and an event. [`step`](step::step) builds the
//! machine, gives it the event and notes what it does. [`condense`](condense::condense) leaves out the
//! conditions that make no difference. The tests hold the result against the legacy table and against
//! `docs/protocol.md`; the example `table` prints it.
#![expect(clippy::wildcard_enum_match_arm, reason = "a table has a line for the rest")]

pub mod condense;
pub mod deviations;
pub mod legacy;
pub mod print;
pub mod rules;
pub mod situation;
pub mod step;
