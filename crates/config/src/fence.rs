//! `fence-action` and its keys: the host of a silent peer is off before this side takes over (`docs/adr/0097-fencing.md`).

use std::collections::HashSet;
use std::time::Duration;

use super::Resource;
use super::diagnostic::Findings;
use super::document::Document;
use super::fields::Fields;
use super::keys;
use super::resource_group::command;
use super::words::PolicyWord;

/// A host that is told to turn itself off needs this long at most; a service processor answers within seconds.
const TIMEOUT: Duration = Duration::from_secs(20);
const RETRIES: u32 = 2;

/// The longest time for fencing, in times of `timeout`, of which `--check` says nothing.
const LONG: u32 = 10;

/// A command that turns the peer's host off, and finds out that it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FenceAction {
    /// `fence-action`: exit status 0 = the peer's host is off.
    pub command: String,
    /// `fence-timeout`, 10 ms … 1 h, default 20 s: how long one run may take.
    pub timeout: Duration,
    /// `fence-retries`, 0 … 100, default 2: how often it is run again.
    pub retries: u32,
}

impl FenceAction {
    /// How long it takes at most until it is known that nothing is known.
    pub fn longest(&self) -> Duration {
        self.timeout.saturating_mul(self.retries.saturating_add(1))
    }
}

/// The values that both `core` and a resource may have.
#[derive(Debug, Default)]
pub(super) struct FenceKeys {
    command: Option<String>,
    timeout: Option<Duration>,
    retries: Option<u32>,
}

impl FenceKeys {
    pub fn read(fields: &mut Fields<'_>) -> FenceKeys {
        FenceKeys {
            command: command(fields, &keys::FENCE_ACTION),
            timeout: fields.seconds(&keys::FENCE_TIMEOUT),
            retries: fields.count(&keys::FENCE_RETRIES),
        }
    }

    /// What a resource has: its own values, and those of `core` for the rest.
    pub fn or(&self, core: &FenceKeys) -> Option<FenceAction> {
        Some(FenceAction {
            command: self.command.clone().or_else(|| core.command.clone())?,
            timeout: self.timeout.or(core.timeout).unwrap_or(TIMEOUT),
            retries: self.retries.or(core.retries).unwrap_or(RETRIES),
        })
    }
}

/// Warns where a fence does not do what an operator may expect of it. Each command and reason once.
pub(super) fn check(document: &Document, resources: &[Resource], findings: &mut Findings) {
    let (groups, mut told) = (document.by_name(), HashSet::new());
    for resource in resources {
        let Some(fence) = &resource.fence else {
            for key in [&keys::FENCE_TIMEOUT, &keys::FENCE_RETRIES] {
                if let Some(entry) = groups.entry(&resource.name, key) {
                    let message = format!("`{}` has no effect without a `fence-action`", key.name);
                    if told.insert((key.name, entry.at.line)) {
                        findings.warn(&entry.at, message, "write the command, or remove the key");
                    }
                }
            }
            continue;
        };
        let Some(entry) = groups.entry(&resource.name, &keys::FENCE_ACTION) else { continue };
        if told.contains(&(keys::FENCE_ACTION.name, entry.at.line)) {
            continue;
        }
        let mut warn = |message: String, hint: &str| {
            told.insert((keys::FENCE_ACTION.name, entry.at.line));
            findings.warn(&entry.at, message, hint);
        };
        let is_word = |c: char| c.is_ascii_alphanumeric();
        let mut words = fence.command.split(|c| !is_word(c));
        if let Some(word) = words.find(|word| matches!(*word, "cycle" | "reset" | "reboot")) {
            warn(
                format!("`fence-action` has the word `{word}`: it must leave the peer's host off"),
                "a host that comes back while the link is still cut fences this one in turn",
            );
        }
        let longest = fence.longest();
        if longest > resource.timeout.saturating_mul(LONG) {
            let worst = resource.timeout + longest;
            let served = match resource.policy {
                PolicyWord::Available => format!("this side serves after {} s", seconds(worst)),
                PolicyWord::Consistent => {
                    format!("this side knows after {} s, and tries again", seconds(worst))
                }
                PolicyWord::Manual => {
                    format!("this side knows after {} s, and waits for an operator", seconds(worst))
                }
            };
            warn(
                format!(
                    "`fence-action` may take {} s ({} runs of `fence-timeout`) beside a `timeout` of {} s: if it never confirms, {served}",
                    seconds(longest),
                    fence.retries.saturating_add(1),
                    seconds(resource.timeout),
                ),
                "a shorter `fence-timeout` or fewer `fence-retries`, as the device allows",
            );
        }
    }
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
