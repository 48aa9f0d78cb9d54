//! The age of what the peer has heard of us, by the counters that it echoes.
//!
//! Somebody on the path can hold the peer's datagrams back and let them go later. They stay valid, but what they echo grows
//! old. A cut of our own direction alone looks the same, so this is told, and takes no role away.

use std::collections::VecDeque;
use std::time::Duration;

/// At most one mark in this time.
const SPACING: Duration = Duration::from_millis(20);
/// Later ones add nothing: the oldest tells the age.
const MARKS: usize = 64;

/// When our counter had which value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Echoes(VecDeque<(Duration, u64)>);

impl Echoes {
    /// A datagram leaves with this counter.
    pub fn sent(&mut self, counter: u64, now: Duration) {
        let is_soon = self.0.back().is_some_and(|(at, _)| now.saturating_sub(*at) < SPACING);
        if !is_soon && self.0.len() < MARKS {
            self.0.push_back((now, counter));
        }
    }

    /// The peer has heard the datagram with this counter.
    pub fn heard(&mut self, echo: u64) {
        while self.0.front().is_some_and(|(_, counter)| *counter <= echo) {
            self.0.pop_front();
        }
    }

    /// For how long nothing that we sent has been echoed.
    pub fn age(&self, now: Duration) -> Duration {
        self.0.front().map_or(Duration::ZERO, |(at, _)| now.saturating_sub(*at))
    }

    /// A new nonce: echoes of the old one say nothing.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}
