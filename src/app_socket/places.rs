//! How many connections each user may have (door-4).

use std::collections::{BTreeMap, BTreeSet};

use schrittmacher_config::Resource;

/// Connections that one user may have: for each of his applications one, and one more while it restarts.
const PER_RESOURCE: usize = 2;
/// For programs that report now and then.
const MORE: usize = 16;
/// Connections that are heard once and closed.
const GUESTS: usize = 16;

/// The connections of each user.
#[derive(Debug)]
pub(super) struct Places {
    held: BTreeMap<u32, usize>,
    /// Root, our own user, and every `app-user`: the others together get half of all places.
    trusted: BTreeSet<u32>,
    per_user: usize,
}

impl Places {
    pub(super) fn new(resources: &[Resource]) -> Places {
        let mut places = Places { held: BTreeMap::new(), trusted: BTreeSet::new(), per_user: 0 };
        places.configure(resources);
        places
    }

    pub(super) fn configure<'a>(&mut self, resources: impl IntoIterator<Item = &'a Resource>) {
        self.per_user = MORE;
        self.trusted = [0, nix::unistd::geteuid().as_raw()].into();
        for resource in resources {
            self.per_user += PER_RESOURCE;
            self.trusted.extend(resource.app_user.as_ref().map(|user| user.id));
        }
    }

    /// Takes a place for a connection of this user. False: he has too many, or all others together have, so that this one has to
    /// go as soon as it was heard. [`Places::leave`] gives the place back in any case.
    pub(super) fn take(&mut self, user: u32) -> bool {
        let others = self.held.iter().filter(|(user, _)| !self.trusted.contains(user));
        let others: usize = others.map(|(_, held)| held).sum();
        let held = self.held.entry(user).or_default();
        *held += 1;
        *held <= self.per_user && (self.trusted.contains(&user) || others < self.all() / 2)
    }

    pub(super) fn leave(&mut self, user: u32) {
        if let Some(held) = self.held.get_mut(&user) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(&user);
            }
        }
    }

    /// Whether there is no place, not even for a guest.
    pub(super) fn are_full(&self) -> bool {
        self.held.values().sum::<usize>() >= self.all() + GUESTS
    }

    fn all(&self) -> usize {
        2 * self.per_user
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schrittmacher_testkit::config::resource;

    #[test]
    fn no_user_takes_the_places_of_another_and_the_others_never_those_of_root() {
        let mut places = Places::new(&[resource("a")]);
        let most = MORE + PER_RESOURCE;
        let granted = |places: &mut Places, user| (0..100).filter(|_| places.take(user)).count();
        assert_eq!(granted(&mut places, 0), most, "root has a quota, too");
        let (one, other) = (granted(&mut places, 1001), granted(&mut places, 1002));
        assert_eq!((one, other), (most, 0), "the others share one half");
        for user in [0, 1001, 1002] {
            (0..100).for_each(|_| places.leave(user));
        }
        assert!(places.held.is_empty(), "the table does not grow");
        assert!(places.take(1002));
    }

    #[test]
    fn guests_are_counted_too() {
        let mut places = Places::new(&[resource("a")]);
        let mut taken = 0;
        while !places.are_full() {
            places.take(1001);
            taken += 1;
        }
        assert_eq!(taken, 2 * (MORE + PER_RESOURCE) + GUESTS);
    }
}
