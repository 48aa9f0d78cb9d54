//! A second path between the same two daemons (`docs/adr/0086-several-paths.md`).

use schrittmacher_auth::Copies;

use crate::Link;
use crate::signed::Parcel;

/// The path, and what the daemons keep to tell a message from its copies.
#[derive(Clone, Debug)]
pub(crate) struct SecondPath {
    pub link: Link,
    copies: [Copies; 2],
    runs: [u64; 2],
    sent: [u64; 2],
}

/// Which message of which run this is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number {
    run: u64,
    number: u64,
}

impl SecondPath {
    pub fn new(link: Link) -> SecondPath {
        SecondPath { link, copies: [Copies::default(), Copies::default()], runs: [0, 1], sent: [0; 2] }
    }

    /// A daemon starts.
    pub fn start(&mut self, side: usize) {
        self.copies[side] = Copies::default();
        self.runs[side] += 2;
        self.sent[side] = 0;
    }

    /// A message of a daemon, to go by both paths. `None`: it has none of our extensions, and goes by the first path alone.
    pub fn number(&mut self, side: usize, parcel: &Parcel) -> Option<Number> {
        parcel.1.period?;
        self.sent[side] += 1;
        Some(Number { run: self.runs[side], number: self.sent[side] })
    }

    /// Whether a message that arrives at a side is no copy. The side hears its peer until now or not.
    pub fn is_first(&mut self, side: usize, resource: usize, number: Number, hears_peer: bool) -> bool {
        if !hears_peer {
            self.copies[side].forget();
        }
        self.copies[side].is_first(resource, number.run, number.number)
    }
}
