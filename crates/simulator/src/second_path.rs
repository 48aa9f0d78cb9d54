//! A second path between the same two daemons (`docs/adr/0086-several-paths.md`).

use std::time::Duration;

use schrittmacher_auth::Copies;
use schrittmacher_wire::Run;

use crate::Link;
use crate::named::Named;
use crate::signed::{Arrived, Parcel};

/// The path, and what the daemons keep to tell a message from its copies.
#[derive(Debug)]
pub(crate) struct SecondPath {
    pub link: Link,
    named: Named,
    copies: [Copies; 2],
    sent: [u64; 2],
}

/// Which message of which run this is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number {
    run: Run,
    number: u64,
}

impl SecondPath {
    pub fn new(link: Link, resources: usize) -> SecondPath {
        let copies = [Copies::default(), Copies::default()];
        SecondPath { link, named: Named::new(resources, 0), copies, sent: [0; 2] }
    }

    /// A daemon starts.
    pub fn start(&mut self, side: usize) {
        self.named.start(side);
        self.copies[side] = Copies::default();
        self.sent[side] = 0;
    }

    /// The state of a resource has changed.
    pub fn forget_word(&mut self, side: usize, resource: usize) {
        self.named.forget_word(side, resource);
    }

    /// A message of a daemon, to go by both paths. `None`: it has none of our extensions, and goes by the first path alone.
    pub fn number(&mut self, side: usize, parcel: Parcel) -> Option<Number> {
        let run = self.named.send(side, parcel)?;
        self.sent[side] += 1;
        Some(Number { run, number: self.sent[side] })
    }

    /// A message arrives at a side, which hears its peer until now or not. A copy does not count.
    pub fn arrive(
        &mut self,
        side: usize,
        parcel: Parcel,
        number: Number,
        hears_peer: bool,
        now: Duration,
    ) -> Arrived {
        if hears_peer && self.copies[side].is_over(number.run.own) {
            return Arrived::default();
        }
        let arrived = self.named.arrive(side, parcel, Some(number.run), hears_peer, now);
        if !arrived.counts {
            return arrived;
        }
        if !hears_peer {
            self.copies[side].peer_is_silent();
        }
        let names_ours = number.run.peer == Some(self.named.own_run(side));
        let is_first = self.copies[side].is_first(parcel.0, number.run.own, names_ours, number.number);
        Arrived { message: arrived.message.filter(|_| is_first), ..arrived }
    }
}
