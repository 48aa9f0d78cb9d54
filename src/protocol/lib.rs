//! The schrittmacher state machine.
#![forbid(unsafe_code)]

mod event;
mod time;

pub use event::{Action, Event, Notice, PeerReport, Refusal};
pub use time::Time;

/// One resource.
#[derive(Debug)]
pub struct Resource;
impl Resource {
    /// When to call next.
    pub fn next_deadline(&self) -> Time {
        Time::ZERO
    }
}
