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

    /// Where the addresses of a service belong.
    pub fn places(&self, shared: &SharedPlace) -> Result<Vec<Placement>, Trouble> {
        let index = self.named(&shared.interface).ok_or(Trouble::NoInterface)?.index;
        Ok(shared.addresses.iter().map(|address| Placement { index, address: *address }).collect())
    }
}
