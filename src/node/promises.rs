//! The longest promises that may not be over (`policy = consistent`), which are on the disk before they are given.

use std::time::Duration;

use schrittmacher_config::{Config, PolicyWord, Resource};
use schrittmacher_protocol::Time;

use super::Node;
use super::resource::ManagedResource;
use crate::kept::{self, KeptPromises};

/// A file that could not be written is tried again after this time.
const RETRY: Duration = Duration::from_secs(10);

/// What is known of them.
#[derive(Clone, Debug, Default)]
pub struct PromiseMemory {
    /// Those that are surely on the disk. None that is longer leaves.
    kept: KeptPromises,
    disk: Disk,
    /// Before this time the longer ones of an earlier daemon or configuration bind, and stay there.
    bound_until: Time,
    /// When it is looked whether others have to be there.
    look_at: Option<Time>,
    /// A resource that was removed has come to its end, and may have promised a moment ago.
    pub one_has_ended: bool,
}

/// What else may be on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Disk {
    /// Nothing.
    #[default]
    Known,
    /// Others are being written.
    BeingWritten,
    /// Others could not be written, or not wholly.
    Unknown,
}

/// What a resource may promise.
pub fn wanted(resources: &[Resource]) -> KeptPromises {
    let consistent = resources.iter().filter(|resource| resource.policy == PolicyWord::Consistent);
    consistent.map(|resource| (resource.name.to_string(), resource.promise)).collect()
}

impl PromiseMemory {
    /// Of a daemon that starts: `earlier` ones may have been given a moment ago, and `kept` ones are on the disk.
    pub fn new(config: &Config, earlier: &KeptPromises, kept: KeptPromises, now: Time) -> PromiseMemory {
        let wanted = wanted(&config.resources);
        let is_longer = |(name, promise): &(&String, &Duration)| wanted.get(*name) < Some(*promise);
        let longest = earlier.iter().filter(is_longer).map(|(_, promise)| *promise).max();
        let bound_until = longest.map_or(now, |longest| now + longest);
        PromiseMemory { kept, bound_until, look_at: Some(now), ..PromiseMemory::default() }
    }

    /// The longest one that a resource of this name may have given.
    pub fn of(&self, name: &str) -> Option<Duration> {
        self.kept.get(name).copied()
    }

    /// Another configuration is in force, or a resource that was removed has come to its end: what a resource that is gone has
    /// promised binds the next one of its name.
    pub fn may_differ(&mut self, now: Time) {
        let longest = self.kept.values().max().copied().unwrap_or_default();
        self.bound_until = self.bound_until.max(now + longest);
        self.look_at = Some(now);
    }

    /// Those to be written, if those `in_force` are not on the disk. Before their end is told no others are.
    fn unwritten(&mut self, in_force: KeptPromises, now: Time) -> Option<KeptPromises> {
        if self.disk == Disk::BeingWritten {
            return None;
        }
        let mut wanted = in_force;
        if now < self.bound_until {
            wanted = kept::longest(&self.kept, &wanted);
            self.look_at = Some(self.bound_until);
        }
        if wanted == self.kept && self.disk == Disk::Known {
            return None;
        }
        // From now on either may be on the disk.
        self.kept = kept::shortest(&self.kept, &wanted);
        self.disk = Disk::BeingWritten;
        Some(wanted)
    }

    /// The end of what [`PromiseMemory::unwritten`] began.
    fn written(&mut self, kept: Option<KeptPromises>, now: Time) {
        match kept {
            Some(kept) => {
                self.kept = kept;
                self.disk = Disk::Known;
                // Other promises may be in force since.
                self.look_at = Some(now);
            }
            None => {
                self.disk = Disk::Unknown;
                self.look_at = Some(now + RETRY);
            }
        }
    }
}

impl Node {
    /// Whether a promise of this resource may leave.
    pub(super) fn may_promise(&self, index: usize) -> bool {
        self.is_promise_kept(&self.resources[index])
    }

    /// A start after this one would know of it.
    pub(super) fn is_promise_kept(&self, resource: &ManagedResource) -> bool {
        self.memory.promises.of(&resource.config.name) >= resource.protocol.settings().policy.promise()
    }

    /// Those that have to be written, if they are not on the disk.
    pub fn take_promises(&mut self, now: Time) -> Option<KeptPromises> {
        if std::mem::take(&mut self.memory.promises.one_has_ended) {
            self.memory.promises.may_differ(now);
        }
        self.memory.promises.look_at.take_if(|at| now >= *at)?;
        // One that is removed promises still while it hands over.
        let there = self
            .resources
            .iter()
            .filter(|resource| !(resource.life.is_removed() && resource.life.has_ended()));
        let in_force = there.filter_map(|resource| {
            let promise = resource.protocol.settings().policy.promise()?;
            Some((resource.config.name.to_string(), promise))
        });
        let in_force = in_force.collect();
        self.memory.promises.unwritten(in_force, now)
    }

    /// They are on the disk now; `None`: they could not be written.
    pub fn promises_are_kept(&mut self, kept: Option<KeptPromises>, now: Time) {
        self.memory.promises.written(kept, now);
    }

    /// When [`Node::take_promises`] may have something to write.
    pub(super) fn next_promises(&self) -> Option<Time> {
        self.memory.promises.look_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u32) -> Time {
        Time::new(SECOND * seconds)
    }

    fn of(seconds: u32) -> KeptPromises {
        [("r".to_owned(), SECOND * seconds)].into()
    }

    /// One that found `kept` on the disk, and whose resource is gone.
    fn memory_of(kept: &KeptPromises) -> PromiseMemory {
        PromiseMemory { kept: kept.clone(), ..PromiseMemory::default() }
    }

    /// What a loop writes at this time.
    fn turn(memory: &mut PromiseMemory, in_force: &KeptPromises, now: Time) -> Option<KeptPromises> {
        memory.look_at.take_if(|at| now >= *at)?;
        memory.unwritten(in_force.clone(), now)
    }

    /// It was silent for as long as its promise of before.
    #[test]
    fn a_resource_that_comes_back_while_a_shorter_promise_is_written_promises_as_soon_as_it_may() {
        let mut memory = memory_of(&of(14));
        memory.look_at = Some(at(0));
        let shorter = turn(&mut memory, &KeptPromises::new(), at(0));
        assert_eq!(shorter, Some(KeptPromises::new()));
        // The reload comes before the disk.
        memory.may_differ(at(1));
        assert_eq!(turn(&mut memory, &of(14), at(1)), None, "one file after the other");
        memory.written(shorter, at(2));
        let longer = turn(&mut memory, &of(14), at(2));
        assert_eq!(longer, Some(of(14)));
        memory.written(longer, at(3));
        assert_eq!(memory.of("r"), Some(14 * SECOND));
        assert_eq!(turn(&mut memory, &of(14), at(3)), None);
    }

    /// A daemon that is killed then leaves the shorter one.
    #[test]
    fn nothing_longer_leaves_while_a_shorter_promise_is_written_or_when_that_has_failed() {
        let mut memory = memory_of(&of(14));
        memory.look_at = Some(at(0));
        assert_eq!(turn(&mut memory, &of(3), at(0)), Some(of(3)));
        assert_eq!(memory.of("r"), Some(3 * SECOND));
        memory.written(None, at(1));
        assert_eq!((memory.of("r"), turn(&mut memory, &of(3), at(1))), (Some(3 * SECOND), None));
        assert_eq!(turn(&mut memory, &of(3), at(11)), Some(of(3)), "the disk may have either");
        memory.written(Some(of(3)), at(12));
        assert_eq!(turn(&mut memory, &of(3), at(12)), None);
    }

    #[test]
    fn a_longer_promise_of_before_stays_until_it_is_over() {
        let mut memory = memory_of(&of(14));
        memory.may_differ(at(0));
        for now in 0..14 {
            assert_eq!(turn(&mut memory, &of(3), at(now)), None);
        }
        assert_eq!(turn(&mut memory, &of(3), at(14)), Some(of(3)));
    }
}
