//! Takes a new configuration while everything runs (C4).

use std::collections::BTreeSet;
use std::fmt;

use schrittmacher_protocol::{Event, Time};

use super::Node;
use crate::actions::allow_descriptors;
use crate::config::{Config, Core, OnExit, Resource};
use crate::link::Guard;
use crate::resource::Managed;

/// Why a configuration is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReloadError {
    /// Sockets and threads were made for the old values.
    #[error("{} can't change while the daemon runs; restart it", names(.0))]
    Fixed(Vec<&'static str>),
    /// Somebody has brought back a resource that was removed a moment ago.
    #[error("resource {0} is still being handed over, because it was removed; try again")]
    Leaving(String),
}

fn names(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

/// What a new configuration has changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    added: Vec<String>,
    removed: Vec<String>,
    changed: Vec<String>,
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = [("added", &self.added), ("removed", &self.removed), ("changed", &self.changed)];
        let lists = lists.into_iter().filter(|(_, names)| !names.is_empty());
        let lists: Vec<_> = lists.map(|(what, names)| format!("{what}: {}", names.join(", "))).collect();
        if lists.is_empty() { f.write_str("no resource has changed") } else { f.write_str(&lists.join("; ")) }
    }
}

impl Node {
    /// The configuration's `core` group that is in force.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// Puts a configuration in force, all of it or nothing. No state changes by it, except that a new
    /// resource begins, and one that is missing is given up as `on-exit` says.
    ///
    /// # Errors
    ///
    /// Nothing has changed.
    pub fn reload(&mut self, config: Config, now: Time) -> Result<Changes, ReloadError> {
        self.check(&config)?;
        let Config { core, resources } = config;
        let mut changes = Changes::default();
        let kept: BTreeSet<&str> = resources.iter().map(|resource| resource.name.as_str()).collect();
        for index in 0..self.resources.len() {
            let resource = &mut self.resources[index];
            if !resource.removed && !kept.contains(resource.config.name.as_str()) {
                resource.removed = true;
                changes.removed.push(resource.config.name.clone());
                self.remove(index, core.on_exit, now);
            }
        }
        for resource in resources {
            match self.by_name.get(&resource.name) {
                Some(&index) if self.resources[index].config == resource => {
                    self.configure(index, &core, resource, now);
                }
                Some(&index) => {
                    changes.changed.push(resource.name.clone());
                    self.configure(index, &core, resource, now);
                }
                None => {
                    changes.added.push(resource.name.clone());
                    self.add(&core, resource, now);
                }
            }
        }
        if !changes.added.is_empty() {
            allow_descriptors(self.resources.len());
        }
        self.guard = Guard::new(&core);
        self.core = core;
        for index in 0..self.resources.len() {
            self.give(index, Event::Reloaded, now);
        }
        Ok(changes)
    }

    /// Everything that could stand in the way, before anything is changed.
    fn check(&self, config: &Config) -> Result<(), ReloadError> {
        let (old, new) = (&self.core, &config.core);
        let fixed = [
            ("local-address", old.local_address != new.local_address),
            ("remote-address", old.remote_address != new.remote_address),
            ("port", old.port != new.port),
            ("http-port", old.http_port != new.http_port),
            ("http-address", old.http_address != new.http_address),
            ("http-host", old.http_host != new.http_host),
            ("log-file", old.log_file != new.log_file),
            ("log-syslog", old.log_syslog != new.log_syslog),
            ("log-syslog-server", old.log_syslog_server != new.log_syslog_server),
        ];
        let differing: Vec<_> = fixed.iter().filter(|(_, differs)| *differs).map(|(key, _)| *key).collect();
        if !differing.is_empty() {
            return Err(ReloadError::Fixed(differing));
        }
        let leaving = |name: &str| self.by_name.get(name).is_some_and(|index| self.resources[*index].removed);
        match config.resources.iter().find(|resource| leaving(&resource.name)) {
            Some(resource) => Err(ReloadError::Leaving(resource.name.clone())),
            None => Ok(()),
        }
    }

    fn configure(&mut self, index: usize, core: &Core, resource: Resource, now: Time) {
        self.executor.configure(index, core, &resource);
        self.processes.configure(index, &resource);
        self.resources[index].configure(core, resource, now);
    }

    fn add(&mut self, core: &Core, resource: Resource, now: Time) {
        let index = self.resources.len();
        self.executor.configure(index, core, &resource);
        self.processes.configure(index, &resource);
        self.by_name.insert(resource.name.clone(), index);
        let resource = Managed::new(core, resource, now);
        self.scheduled.push(resource.protocol.next_deadline());
        self.resources.push(resource);
        self.reschedule(index);
    }

    /// Its index stays its own: commands may still be running for it.
    fn remove(&mut self, index: usize, on_exit: OnExit, now: Time) {
        match on_exit {
            OnExit::Handover => self.give_up(index, now),
            OnExit::Leave => self.resources[index].ended = true,
        }
        self.reschedule(index);
    }

    /// Forgets a removed resource that has nothing more to do.
    pub(super) fn forget_if_gone(&mut self, index: usize) {
        let resource = &self.resources[index];
        if resource.removed && resource.ended && self.by_name.get(&resource.config.name) == Some(&index) {
            log::info!(target: &resource.config.name, "removed");
            self.by_name.remove(&resource.config.name);
            self.untold.remove(&index);
            self.processes.forget(index);
        }
    }
}
