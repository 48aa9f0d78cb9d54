//! From the text of a file to its meaning: every default, every rule that joins two keys.

use std::collections::BTreeMap;

use super::command_pairs;
use super::core_group;
use super::diagnostic::{Findings, excerpt};
use super::document::{Document, Group, GroupKind};
use super::fence;
use super::fields::Fields;
use super::isolation;
use super::keys;
use super::resource_group::{self, Inherited};
use super::sets;
use super::shared;
use super::unit;
use super::witness;
use super::{Config, Resource};

/// The configuration, or `None` if there is an error among the findings.
pub(super) fn interpret(document: &Document, findings: &mut Findings) -> Option<Config> {
    for group in &document.groups {
        warn_of_unknown_keys(group, findings);
    }
    let core = document.core();
    if core.is_none() {
        let hint = format!("begin it with a line {}", document.syntax.group_line(GroupKind::Core));
        findings.error(&document.position(), "no `core` group", &hint);
    }
    let inherited = core.map(|group| Inherited::read(&mut Fields { group, findings })).unwrap_or_default();
    let core = core.and_then(|group| {
        let fields = &mut Fields { group, findings };
        core_group::read(fields, inherited.shared.first(), document)
    });
    let resources = resources(document, &inherited, findings);
    command_pairs::check(document, findings);
    unit::check(document, findings);
    sets::check(document, &resources, findings);
    fence::check(document, &resources, findings);
    core_group::check_watchdog(document, &resources, findings);
    if let Some(core) = &core {
        shared::check(document, core, &resources, findings);
        witness::check(document, core, &resources, findings);
        isolation::check(document, core, &resources, findings);
    }
    if findings.failed() {
        return None;
    }
    Some(Config { core: core?, resources })
}

fn resources(document: &Document, inherited: &Inherited, findings: &mut Findings) -> Vec<Resource> {
    if document.resources().next().is_none() {
        let hint = format!("begin one with a line {}", document.syntax.group_line(GroupKind::Resource));
        findings.error(&document.position(), "no `resource` group", &hint);
    }
    let mut lines = BTreeMap::new();
    let mut resources: Vec<Resource> = Vec::new();
    for group in document.resources() {
        let fields = &mut Fields { group, findings };
        let Some(mut resource) = resource_group::read(fields, inherited) else { continue };
        if let Some(first) = lines.insert(resource.name.to_string(), group.at.line) {
            let message = format!(
                "a second resource {}, the first begins in line {}",
                excerpt(&resource.name),
                first.unwrap_or_default()
            );
            findings.error(&group.at, message, "each resource has a name of its own");
        }
        if let Some(before) = resources.last() {
            resource.share_values(before);
        }
        resources.push(resource);
    }
    resources
}

fn warn_of_unknown_keys(group: &Group, findings: &mut Findings) {
    for (name, entry) in &group.entries {
        if findings.warned_enough() {
            return;
        }
        if !keys::find(name).is_some_and(|key| key.place.allows(group.kind)) {
            let kind = group.kind.name();
            let message = format!("{} is no key of a `{kind}` group: ignored", excerpt(name));
            findings.warn(&entry.at, message, &keys::advice(name, group.kind));
        }
    }
}
