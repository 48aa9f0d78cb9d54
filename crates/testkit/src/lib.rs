//! The parts that tests of several crates share.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

pub mod config;
pub mod double;
pub mod invariants;
pub mod lone;
pub mod man;
pub mod measured;
pub mod pair;
pub mod program;
pub mod prometheus;
mod retry;
mod settings;
mod skip;
pub mod status;
pub mod story;
pub mod table;

pub use retry::retry;
pub use settings::settings;
pub use skip::{is_root_for, skip};
