//! Takes a new configuration while everything runs (C4).

use std::collections::BTreeSet;
use std::fmt;

use schrittmacher_auth::KeyId;
use schrittmacher_protocol::{Event, Time};

use super::Node;
use super::resource::{Life, ManagedResource, Why};
use crate::startup::descriptors::allow_descriptors;
use crate::startup::kept_sockets::KeptSockets;
use crate::udp::{self, Guard, OpenError};
use schrittmacher_config::{Config, Core, OnExit, PolicyWord, Resource};

/// Why a configuration is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// Sockets and threads were made for the old values.
    #[error("{} can't change while the daemon runs; restart it", names(.0))]
    Fixed(Vec<&'static str>),
    /// Somebody has brought back a resource that was removed a moment ago.
    #[error("resource {0} is still being handed over, because it was removed; try again")]
    Leaving(String),
    /// Its messages would be taken for our own.
    #[error("the peer's {0} is an address of this host; correct `remote-address` or that of the path")]
    PeerIsUs(std::net::IpAddr),
    /// What was promised binds this run.
    #[error(
        "resource {0}: `policy` = consistent and its `promise` can't change while the daemon runs; restart it on both hosts"
    )]
    Promised(String),
    /// Each of its messages would be refused, and both sides would go hot.
    #[error(
        "`auth-mode` = enforce, but the peer does not sign its messages yet: first `receive-only` on both hosts"
    )]
    PeerDoesNotSign,
    /// The same.
    #[error(
        "the peer signs with the key {0}, which is not in `auth-key-file` any more: first another key on both hosts"
    )]
    KeyInUse(KeyId),
    /// The socket of a path cannot be opened.
    #[error(transparent)]
    Path(#[from] OpenError),
    /// There is no nonce to begin with.
    #[error("no random numbers: {0}")]
    NoRandomNumbers(String),
}

fn names(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

/// The changes of a new configuration.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Resources that are new.
    pub added: Vec<String>,
    /// Resources that are gone.
    pub removed: Vec<String>,
    /// Resources with other settings.
    pub changed: Vec<String>,
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
    /// Puts a configuration in force, all of it or nothing. No state changes by it, except that a new
    /// resource begins, and one that is missing is given up as `on-exit` says.
    ///
    /// # Errors
    ///
    /// Nothing has changed.
    pub fn reload(&mut self, config: Config, now: Time) -> Result<Changes, ReloadError> {
        self.check(&config)?;
        self.link.set_paths(&config.core, &mut KeptSockets::default())?;
        if let Err(error) = self.configure_auth(&config, now) {
            self.link.set_paths(&self.core, &mut KeptSockets::default())?;
            return Err(ReloadError::NoRandomNumbers(error.to_string()));
        }
        self.rouse_all();
        self.configure_echoes(&config, now);
        let Config { core, resources } = config;
        let mut changes = Changes::default();
        let kept: BTreeSet<&str> = resources.iter().map(|resource| &*resource.name).collect();
        for index in 0..self.resources.len() {
            let resource = &self.resources[index];
            if !resource.life.is_removed() && !kept.contains(&*resource.config.name) {
                changes.removed.push(resource.config.name.to_string());
                self.remove(index, core.on_exit, now);
            }
        }
        for resource in resources {
            match self.by_name.get(&resource.name) {
                Some(&index) if self.resources[index].config == resource => {
                    self.configure(index, &core, resource, now);
                }
                Some(&index) => {
                    changes.changed.push(resource.name.to_string());
                    self.configure(index, &core, resource, now);
                }
                None => {
                    changes.added.push(resource.name.to_string());
                    self.add(&core, resource, now);
                }
            }
        }
        if !changes.added.is_empty() {
            allow_descriptors(self.resources.len());
        }
        self.guard = Guard::new(&core);
        self.link.configure(&core);
        self.paths.configure(&core, now);
        if let Some(socket) = &mut self.app_socket {
            let configured = self.resources.iter().filter(|resource| !resource.life.is_removed());
            socket.configure(configured.map(|resource| &resource.config));
        }
        self.core = core;
        self.configure_witness(now);
        self.memory.promises.may_differ(now);
        self.find_sets(now);
        self.file_is_good(now);
        for index in 0..self.resources.len() {
            self.give(index, Event::Reloaded, now);
        }
        Ok(changes)
    }

    /// What a reload with this configuration would do, in names and in lines for people.
    ///
    /// # Errors
    ///
    /// It would be refused.
    pub fn preview(&self, config: &Config) -> Result<(Changes, Vec<String>), ReloadError> {
        self.check(config)?;
        let (mut changes, mut lines) = (Changes::default(), Vec::new());
        for (index, now) in self.resources.iter().enumerate() {
            let name = &now.config.name;
            // One that was removed and has come back has another index.
            if now.life.is_removed() || self.by_name.get(name) != Some(&index) {
                continue;
            }
            match config.resources.iter().find(|new| new.name == *name) {
                None => {
                    let fate = match (now.is_hot(), config.core.on_exit) {
                        (false, _) => "not hot here",
                        (true, OnExit::Handover) => "hot here: handed over, if the other side can take over",
                        (true, OnExit::Leave) => "hot here: left alone",
                    };
                    lines.push(format!("- {name}: {fate}"));
                    changes.removed.push(name.to_string());
                }
                Some(new) if *new != now.config => {
                    let keys = schrittmacher_config::resource_differences(&now.config, new);
                    lines.push(format!("~ {name}: {}", keys.join(", ")));
                    changes.changed.push(name.to_string());
                }
                Some(_) => {}
            }
        }
        for new in config.resources.iter().filter(|new| !self.by_name.contains_key(&new.name)) {
            lines.push(format!("+ {}", new.name));
            changes.added.push(new.name.to_string());
        }
        let core = schrittmacher_config::core_differences(&self.core, &config.core);
        if !core.is_empty() {
            lines.push(format!("~ core: {}", core.join(", ")));
        }
        Ok((changes, lines))
    }

    /// Looks for every obstacle, before anything is changed.
    fn check(&self, config: &Config) -> Result<(), ReloadError> {
        let differing = schrittmacher_config::needs_restart(&self.core, &config.core);
        if !differing.is_empty() {
            return Err(ReloadError::Fixed(differing));
        }
        if let Some(address) = udp::peer_that_is_us(&config.core) {
            return Err(ReloadError::PeerIsUs(address));
        }
        self.check_auth(&config.core)?;
        if let Some(promised) = config.resources.iter().find(|new| self.changes_promise(new)) {
            return Err(ReloadError::Promised(promised.name.to_string()));
        }
        let leaving =
            |name: &str| self.by_name.get(name).is_some_and(|index| self.resources[*index].life.is_removed());
        match config.resources.iter().find(|resource| leaving(&resource.name)) {
            Some(resource) => Err(ReloadError::Leaving(resource.name.to_string())),
            None => Ok(()),
        }
    }

    /// A side that serves has to have a word from the first moment of the rule on, and is bound by what it has promised.
    fn changes_promise(&self, new: &Resource) -> bool {
        let Some(index) = self.by_name.get(&new.name) else { return false };
        let old = &self.resources[*index].config;
        let rule = |one: &Resource| (one.policy == PolicyWord::Consistent).then_some(one.promise);
        rule(old) != rule(new)
    }

    fn configure(&mut self, index: usize, core: &Core, resource: Resource, now: Time) {
        self.rouse(index);
        self.executor.configure(index, core, &resource, now);
        self.processes.configure(index, &resource);
        self.forget_words(index);
        let waits = resource.shared.as_ref().is_some_and(|shared| shared.waits);
        self.resources[index].configure(core, resource, now);
        if !waits {
            self.stop_asking(index, now);
        }
    }

    fn add(&mut self, core: &Core, resource: Resource, now: Time) {
        let index = self.resources.len();
        self.executor.configure(index, core, &resource, now);
        self.processes.configure(index, &resource);
        let promised = self.memory.promises.of(&resource.name);
        self.push(ManagedResource::new(core, resource, promised, now), now);
        self.tell_isolation(index, now);
    }

    /// Its index stays its own: commands may still be running for it.
    fn remove(&mut self, index: usize, on_exit: OnExit, now: Time) {
        if on_exit == OnExit::Leave && !self.resources[index].never_leaves() {
            self.resources[index].life = Life::Ended(Why::Removed);
        } else {
            self.end(index, Why::Removed, now);
        }
        self.reschedule(index);
    }

    /// Forgets a removed resource that has nothing more to do.
    pub(super) fn forget_if_gone(&mut self, index: usize) {
        let resource = &self.resources[index];
        if resource.life == Life::Ended(Why::Removed)
            && self.by_name.get(&resource.config.name) == Some(&index)
        {
            log::info!(target: &resource.config.name, "removed");
            self.by_name.remove(&resource.config.name);
            self.memory.promises.one_has_ended = true;
            self.keep_epochs_of(index);
            self.owed.remove(&index);
            self.processes.forget(index);
            self.executor.forget(index);
            self.forget_words(index);
        }
    }
}
