//! The services whose addresses somebody else may have on this host.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use crate::{Address, SharedPlace};

/// An address that somebody else has, and the index of its interface.
type Found = (Address, u32);

#[derive(Debug, Default)]
pub(super) struct Watched {
    services: BTreeMap<usize, (SharedPlace, Option<Found>)>,
    /// The services with an address: one, or those of a set.
    by_ip: HashMap<IpAddr, Vec<usize>>,
}

impl Watched {
    /// Takes a service, or its changed addresses.
    pub fn add(&mut self, id: usize, shared: SharedPlace) {
        let told = self.forget(id);
        for address in &shared.addresses {
            self.by_ip.entry(address.ip).or_default().push(id);
        }
        self.services.insert(id, (shared, told));
    }

    /// Forgets it; returns what was told of it.
    pub fn forget(&mut self, id: usize) -> Option<Found> {
        let (shared, told) = self.services.remove(&id)?;
        for address in &shared.addresses {
            if let Some(ids) = self.by_ip.get_mut(&address.ip) {
                ids.retain(|one| *one != id);
                if ids.is_empty() {
                    self.by_ip.remove(&address.ip);
                }
            }
        }
        told
    }

    pub fn ids(&self) -> Vec<usize> {
        self.services.keys().copied().collect()
    }

    /// The services with this address.
    pub fn with(&self, ip: IpAddr) -> Vec<usize> {
        self.by_ip.get(&ip).cloned().unwrap_or_default()
    }

    pub fn shared(&self, id: usize) -> Option<&SharedPlace> {
        self.services.get(&id).map(|(shared, _)| shared)
    }

    /// Takes what was found; whether it is another thing than was told.
    pub fn has_changed(&mut self, id: usize, found: Option<Found>) -> bool {
        let told = self.services.get_mut(&id).map(|(_, told)| told);
        told.is_some_and(|told| std::mem::replace(told, found) != found)
    }
}
