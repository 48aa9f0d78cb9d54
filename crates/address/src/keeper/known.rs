//! The addresses of this host as the kernel last described them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::Address;
use crate::kernel::Placement;

/// Sorted by address: an address, the index of its interface, its prefix; and whether it is ours.
#[derive(Debug, Default)]
pub(super) struct KnownAddresses(BTreeMap<(IpAddr, u32, u8), bool>);

impl KnownAddresses {
    /// Takes a whole list.
    pub fn replace(&mut self, known: Vec<(Placement, bool)>) {
        self.0 = known.into_iter().map(|(place, is_ours)| (key(place), is_ours)).collect();
    }

    pub fn insert(&mut self, place: Placement, is_ours: bool) {
        self.0.insert(key(place), is_ours);
    }

    pub fn remove(&mut self, place: Placement) {
        self.0.remove(&key(place));
    }

    /// Whether the interface has the address.
    pub fn has(&self, place: Placement) -> bool {
        self.of(place.address.ip).any(|(known, _)| known.index == place.index)
    }

    /// The interface on which somebody else has the address.
    pub fn foreign(&self, ip: IpAddr) -> Option<u32> {
        self.of(ip).find(|(_, is_ours)| !is_ours).map(|(place, _)| place.index)
    }

    /// Every place that somebody else has given these addresses.
    pub fn intruders(&self, addresses: &[Address]) -> Vec<Placement> {
        let all = addresses.iter().flat_map(|address| self.of(address.ip));
        all.filter(|(_, is_ours)| !is_ours).map(|(place, _)| place).collect()
    }

    /// Where else than at these places an earlier run has left some addresses: with another prefix, or on another interface.
    pub fn left_beside(&self, addresses: &[Address], places: &[Placement]) -> Vec<Placement> {
        let all = addresses.iter().flat_map(|address| self.of(address.ip));
        all.filter(|(place, is_ours)| *is_ours && !places.contains(place)).map(|(place, _)| place).collect()
    }

    /// The interfaces that have this address, ours or not.
    pub fn holders(&self, ip: IpAddr) -> impl Iterator<Item = u32> {
        self.of(ip).map(|(place, _)| place.index)
    }

    fn of(&self, ip: IpAddr) -> impl Iterator<Item = (Placement, bool)> {
        let range = self.0.range((ip, 0, 0)..=(ip, u32::MAX, u8::MAX));
        range.map(|(&(ip, index, prefix), is_ours)| {
            (Placement { index, address: Address { ip, prefix } }, *is_ours)
        })
    }
}

fn key(place: Placement) -> (IpAddr, u32, u8) {
    (place.address.ip, place.index, place.address.prefix)
}
