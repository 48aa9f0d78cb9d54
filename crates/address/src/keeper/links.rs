//! The interfaces as the kernel last described them.

use std::collections::HashMap;

use crate::kernel::{Link, Placement};
use crate::{LinkState, SharedPlace, Trouble};

#[derive(Debug, Default)]
pub(super) struct Links {
    by_index: HashMap<u32, Link>,
}

impl Links {
    /// Takes a whole list.
    pub fn replace(&mut self, links: Vec<Link>) {
        self.by_index = links.into_iter().map(|link| (link.index, link)).collect();
    }

    /// Takes one; returns what was known before.
    pub fn insert(&mut self, link: Link) -> Option<Link> {
        self.by_index.insert(link.index, link)
    }

    /// Forgets one; returns what was known.
    pub fn remove(&mut self, index: u32) -> Option<Link> {
        self.by_index.remove(&index)
    }

    pub fn named(&self, name: &str) -> Option<&Link> {
        self.by_index.values().find(|link| link.name == name)
    }

    pub fn name(&self, index: u32) -> Option<&str> {
        self.by_index.get(&index).map(|link| link.name.as_str())
    }

    pub fn state(&self, name: &str) -> LinkState {
        self.named(name).map_or(LinkState::Missing, |link| link.state)
    }

    /// Whether an interface has a connection, and another cable than this one. VLANs of one interface share its cable.
    pub fn is_other_way(&self, name: &str, interface: &str) -> bool {
        self.state(name) == LinkState::Up && self.cable(name) != self.cable(interface)
    }

    /// The interface below all others on which this one lies.
    fn cable<'a>(&'a self, name: &'a str) -> &'a str {
        // More than VLANs in VLANs: a ring of interfaces cannot be made, but be told.
        const DEPTH: usize = 4;
        let below = |link: &&'a Link| link.below.and_then(|index| self.by_index.get(&index));
        let chain = std::iter::successors(self.named(name), below).take(DEPTH);
        chain.last().map_or(name, |link| link.name.as_str())
    }

    /// Where the addresses of a service belong.
    pub fn places(&self, shared: &SharedPlace) -> Result<Vec<Placement>, Trouble> {
        let index = self.named(&shared.interface).ok_or(Trouble::NoInterface)?.index;
        Ok(shared.addresses.iter().map(|address| Placement { index, address: *address }).collect())
    }
}
