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
    /// Those on the disk. None that is longer leaves.
    kept: KeptPromises,
    /// Before this time the longer ones of an earlier daemon or configuration bind, and stay there.
    bound_until: Time,
    /// When it is looked whether others have to be there.
    look_at: Option<Time>,
}

/// What a resource may promise.
pub fn wanted(resources: &[Resource]) -> KeptPromises {
    let consistent = resources.iter().filter(|resource| resource.policy == PolicyWord::Consistent);
    consistent.map(|resource| (resource.name.clone(), resource.promise)).collect()
}

impl PromiseMemory {
    /// Of a daemon that starts: `earlier` ones may have been given a moment ago, and `kept` ones are on the disk.
    pub fn new(config: &Config, earlier: &KeptPromises, kept: KeptPromises, now: Time) -> PromiseMemory {
        let wanted = wanted(&config.resources);
        let is_longer = |(name, promise): &(&String, &Duration)| wanted.get(*name) < Some(*promise);
        let longest = earlier.iter().filter(is_longer).map(|(_, promise)| *promise).max();
        let bound_until = longest.map_or(now, |longest| now + longest);
        PromiseMemory { kept, bound_until, look_at: Some(now) }
    }

    /// The longest one that a resource of this name may have given.
    pub fn of(&self, name: &str) -> Option<Duration> {
        self.kept.get(name).copied()
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

    /// Another configuration is in force: what a resource that is gone has promised binds the next one of its name.
    pub(super) fn promises_may_differ(&mut self, now: Time) {
        let longest = self.memory.promises.kept.values().max().copied().unwrap_or_default();
        self.memory.promises.bound_until = self.memory.promises.bound_until.max(now + longest);
        self.memory.promises.look_at = Some(now);
    }

    /// Those that have to be on the disk, if they are not.
    pub fn take_promises(&mut self, now: Time) -> Option<KeptPromises> {
        self.memory.promises.look_at.take_if(|at| now >= *at)?;
        let there = self.resources.iter().filter(|resource| !resource.life.is_removed());
        let wanted = there.filter_map(|resource| {
            let promise = resource.protocol.settings().policy.promise()?;
            Some((resource.config.name.clone(), promise))
        });
        let mut wanted: KeptPromises = wanted.collect();
        let memory = &mut self.memory.promises;
        if now < memory.bound_until {
            wanted = kept::longest(&memory.kept, &wanted);
            memory.look_at = Some(memory.bound_until);
        }
        (wanted != memory.kept).then_some(wanted)
    }

    /// They are on the disk now; `None`: they could not be written.
    pub fn promises_are_kept(&mut self, kept: Option<KeptPromises>, now: Time) {
        match kept {
            Some(kept) => self.memory.promises.kept = kept,
            None => self.memory.promises.look_at = Some(now + RETRY),
        }
    }

    /// When [`Node::take_promises`] may have something to write.
    pub(super) fn next_promises(&self) -> Option<Time> {
        self.memory.promises.look_at
    }
}
