//! `action-user` and `action-limits`: the rights of commands.

use std::fmt;

use nix::unistd::User;

use super::diagnostic::{Findings, excerpt};
use super::document::{Document, Group};
use super::fields::Fields;
use super::keys::{self, Key};

/// A limit of setrlimit(2) for a command and what it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionLimit {
    /// Its kind.
    pub kind: LimitKind,
    /// In the unit of the kind.
    pub most: u64,
}

/// The kinds of limits, by the names of setrlimit(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitKind {
    /// `as`: address space, bytes.
    AddressSpace,
    /// `core`: a core file, bytes.
    Core,
    /// `cpu`: seconds of a processor.
    Cpu,
    /// `fsize`: a file that is written, bytes.
    FileSize,
    /// `nofile`: descriptors.
    Descriptors,
    /// `nproc`: processes of the user; none for root.
    Processes,
}

impl LimitKind {
    const ALL: [(&str, LimitKind); 6] = [
        ("as", LimitKind::AddressSpace),
        ("core", LimitKind::Core),
        ("cpu", LimitKind::Cpu),
        ("fsize", LimitKind::FileSize),
        ("nofile", LimitKind::Descriptors),
        ("nproc", LimitKind::Processes),
    ];

    fn name(self) -> &'static str {
        LimitKind::ALL.into_iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

/// As in the file, without a suffix.
impl fmt::Display for ActionLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.kind.name(), self.most)
    }
}

/// The limits of a group; the last one of a kind counts.
pub(super) fn limits(fields: &mut Fields<'_>, key: &'static Key) -> Option<Vec<ActionLimit>> {
    fields.entry(key)?;
    let mut limits: Vec<ActionLimit> = Vec::new();
    for (entry, item) in fields.items(key) {
        match limit(item) {
            Some(limit) => {
                limits.retain(|other| other.kind != limit.kind);
                limits.push(limit);
            }
            None => {
                let names = LimitKind::ALL.map(|(name, _)| name).join(", ");
                let hint = format!("NAME=NUMBER, with K, M or G behind it; NAME is one of {names}");
                fields.error_in(key, entry, item, "is no limit", &hint);
            }
        }
    }
    Some(limits)
}

fn limit(item: &str) -> Option<ActionLimit> {
    let (name, number) = item.split_once('=')?;
    let (_, kind) = LimitKind::ALL.into_iter().find(|(known, _)| *known == name)?;
    let digits = number.trim_end_matches(['K', 'M', 'G']);
    let unit = match &number[digits.len()..] {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return None,
    };
    let most = digits.parse::<u64>().ok()?.checked_mul(unit)?;
    // Nothing could begin without a descriptor, a process or memory.
    (most > 0 || kind == LimitKind::Core).then_some(ActionLimit { kind, most })
}

/// The name of the user that runs a command of a resource, as the file has it. Interface commands keep the daemon's rights.
pub(super) fn user<'a>(command: &Key, resource: &'a Group, core: Option<&'a Group>) -> Option<&'a str> {
    let own = resource.entries.get(keys::ACTION_USER.name);
    let entry = own.or_else(|| core?.entries.get(keys::ACTION_USER.name))?;
    let changes = [&keys::START_ACTION, &keys::STOP_ACTION, &keys::CHECK_COMMAND];
    changes.iter().any(|key| key.name == command.name).then_some(&entry.value)
}

/// The number of a user of this host.
pub(super) fn number(name: &str) -> Option<u32> {
    User::from_name(name).ok()?.map(|user| user.uid.as_raw())
}

/// Warns of a user that this host does not know: its commands could not begin.
pub(super) fn check_users(document: &Document, findings: &mut Findings) {
    for group in &document.groups {
        if let Some(entry) = group.entries.get(keys::ACTION_USER.name)
            && matches!(User::from_name(&entry.value), Ok(None))
        {
            let message = format!("`action-user`: this host has no user {}", excerpt(&entry.value));
            findings.warn(
                &entry.at,
                message,
                "its commands cannot begin; make the user, or correct the name",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_has_a_name_and_a_number_with_a_unit() {
        let read = |item: &str| limit(item).map(|limit| limit.to_string());
        assert_eq!(read("as=2G").as_deref(), Some("as=2147483648"));
        assert_eq!(read("core=0").as_deref(), Some("core=0"));
        assert_eq!(read("nofile=1K").as_deref(), Some("nofile=1024"));
        for wrong in ["", "as", "as=", "as=1T", "as=1KK", "as=-1", "nofile=0", "rss=1", "as=99999999999G"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
