//! Sets of resources that are hot on one side together: `set`.

use std::collections::BTreeMap;

use super::Resource;
use super::diagnostic::{Diagnostic, Findings, Position, excerpt};
use super::document::{Document, Entry, Group};
use super::keys;
use super::load::Loaded;

/// Each event of one member makes the daemon look at all of them.
const MEMBERS_MAX: usize = 64;

/// Checks what only all members together show.
pub(super) fn check(document: &Document, resources: &[Resource], findings: &mut Findings) {
    let mut sets: BTreeMap<&str, Vec<&Resource>> = BTreeMap::new();
    for resource in resources {
        if let Some(set) = &resource.set {
            sets.entry(set).or_default().push(resource);
        }
    }
    for (set, members) in sets {
        let Some((first, others)) = members.split_first() else { continue };
        if members.len() > MEMBERS_MAX {
            let message =
                format!("the set {} has {} members, at most {MEMBERS_MAX} go", excerpt(set), members.len());
            findings.error(at(document, first), message, "fewer resources that share their fate");
        }
        for other in others.iter().filter(|other| other.priority != first.priority) {
            let message = format!(
                "`priority` {} of {} differs from {} of {}, in the set {}",
                other.priority,
                other.name,
                first.priority,
                first.name,
                excerpt(set)
            );
            findings.error(at(document, other), message, "the members of a set have one priority");
        }
    }
}

/// Notes of `--check`: where a set has no effect.
pub(super) fn notes(loaded: &Loaded) -> Vec<Diagnostic> {
    let sets = loaded.document.resources().filter_map(|group| group.entries.get(keys::SET.name));
    let note = |entry: &Entry| {
        Diagnostic::new(
            &entry.at,
            format!(
                "beside a peer of an older version each resource of the set {} goes its own way",
                excerpt(&entry.value)
            ),
            "such a peer has no sets; they take effect as soon as both hosts have this version",
        )
    };
    sets.take(1).map(note).collect()
}

fn at<'a>(document: &'a Document, resource: &Resource) -> &'a Position {
    let is_it = |group: &&Group| {
        group.entries.get(keys::NAME.name).is_some_and(|entry| entry.value == *resource.name)
    };
    let group = document.resources().find(is_it);
    group.map_or(&document.groups[0].at, |group| {
        group.entries.get(keys::SET.name).map_or(&group.at, |entry| &entry.at)
    })
}
