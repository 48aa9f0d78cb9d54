//! `unit`: a unit of systemd as the application.

use std::collections::BTreeMap;

use super::diagnostic::{Diagnostic, Findings, LoadError, excerpt};
use super::document::Document;
use super::fields::Fields;
use super::keys::{self, Key};
use super::load::Loaded;

/// systemd's own limit.
const NAME_MAX: usize = 255;

/// The kinds of units that can be started and stopped, and stay active.
const KINDS: [&str; 8] = ["service", "target", "mount", "automount", "socket", "swap", "timer", "path"];

/// What says in another way how the application starts, stops and is.
const EXCLUDED: [&Key; 4] = [&keys::START_ACTION, &keys::STOP_ACTION, &keys::CHECK_COMMAND, &keys::PID_FILE];

/// The full name of the unit of a resource.
pub(super) fn read(fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.text(&keys::UNIT)?;
    let entry = fields.entry(&keys::UNIT)?;
    for key in EXCLUDED {
        if let Some(other) = fields.entry(key) {
            fields.error(
                key,
                other,
                "cannot be beside `unit`",
                "systemd starts, stops and watches the unit; put the commands into the unit's file",
            );
        }
    }
    full_name(&text)
        .inspect_err(|why| {
            fields.error(
                &keys::UNIT,
                entry,
                why,
                "a name as `systemctl status` takes it, for example nginx.service",
            );
        })
        .ok()
}

/// As systemctl completes it.
fn full_name(text: &str) -> Result<String, &'static str> {
    let name = match text.rsplit_once('.') {
        Some((_, kind)) if KINDS.contains(&kind) => text.to_owned(),
        Some((_, "device" | "scope" | "slice" | "snapshot")) => {
            return Err("is of a kind that is not started and stopped");
        }
        Some(_) | None => format!("{text}.service"),
    };
    let stem = name.rsplit_once('.').map_or("", |(stem, _)| stem);
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    let is_name = !stem.is_empty() && !stem.starts_with('@') && name.chars().all(is_allowed);
    if !is_name || name.len() > NAME_MAX {
        Err("is no name of a unit")
    } else if stem.ends_with('@') {
        Err("is a template: its instance is missing")
    } else {
        Ok(name)
    }
}

/// A unit of two resources would be started by one and stopped by the other.
pub(super) fn check(document: &Document, findings: &mut Findings) {
    let mut seen = BTreeMap::new();
    for group in document.resources() {
        let Some(entry) = group.entries.get(keys::UNIT.name) else { continue };
        let Ok(unit) = full_name(entry.value.trim()) else { continue };
        if let Some(first) = seen.insert(unit.clone(), entry.at.line) {
            let message = format!(
                "`unit` {} is that of another resource too, in line {}",
                excerpt(&unit),
                first.unwrap_or_default()
            );
            findings.error(&entry.at, message, "one resource for each unit");
        }
    }
}

/// Something that `--check` has to say about a unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitNote {
    /// The unit's full name.
    pub unit: String,
    /// What is found, as the rest of a sentence that begins with the unit.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl Loaded {
    /// The units of all resources.
    pub fn units(&self) -> Vec<&str> {
        self.config.resources.iter().filter_map(|resource| resource.unit.as_deref()).collect()
    }

    /// The same for a program that cannot speak to systemd.
    ///
    /// # Errors
    ///
    /// A resource has a `unit`.
    pub fn without_units(self) -> Result<Loaded, LoadError> {
        let mut findings = Findings::default();
        for entry in self.document.resources().filter_map(|group| group.entries.get(keys::UNIT.name)) {
            let message = "`unit` needs Linux, and a program that was built with systemd".to_owned();
            findings.error(&entry.at, message, "use `start-action`, `stop-action` and `check-command` here");
        }
        if !findings.failed() {
            return Ok(self);
        }
        let (errors, warnings) = findings.sorted(&self.document.name);
        Err(LoadError::Wrong { errors, warnings })
    }

    /// Takes what systemd says of the units.
    pub fn note_units(&mut self, notes: Vec<UnitNote>) {
        self.unit_notes = notes;
    }
}

/// Notes of `--check` on units, with their places in the file.
pub(super) fn notes(loaded: &Loaded) -> Vec<Diagnostic> {
    let place = |note: &UnitNote| {
        let mut groups = loaded.document.resources().zip(&loaded.config.resources);
        let (group, _) = groups.find(|(_, resource)| resource.unit.as_ref() == Some(&note.unit))?;
        let entry = group.entries.get(keys::UNIT.name)?;
        Some(Diagnostic::new(&entry.at, format!("`unit`: {} {}", note.unit, note.message), &note.hint))
    };
    loaded.unit_notes.iter().filter_map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load_text;

    #[test]
    fn a_name_is_completed_as_systemctl_does() {
        for (text, name) in [
            ("nginx", Ok("nginx.service")),
            ("nginx.service", Ok("nginx.service")),
            ("postgresql@15-main", Ok("postgresql@15-main.service")),
            ("a.b", Ok("a.b.service")),
            ("srv-data.mount", Ok("srv-data.mount")),
            ("getty@.service", Err("is a template: its instance is missing")),
            ("eth0.device", Err("is of a kind that is not started and stopped")),
            (".service", Err("is no name of a unit")),
            ("a b", Err("is no name of a unit")),
            ("../x", Err("is no name of a unit")),
        ] {
            assert_eq!(full_name(text).as_deref(), name.as_ref().map(|name| *name), "{text}");
        }
    }

    fn errors(resources: &str) -> String {
        let text = format!(
            "group = core\nlocal-address = 127.0.0.2\nremote-address = 127.0.0.3\nport = 7700\n{resources}"
        );
        match load_text("x.conf".as_ref(), &text) {
            Ok(loaded) => loaded.units().join(" "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_unit_excludes_what_would_start_stop_or_watch_it_otherwise() {
        assert_eq!(errors("group = resource\nname = r\nunit = nginx\n"), "nginx.service");
        for key in ["start-action = a", "stop-action = a", "check-command = a", "pid-file = /a"] {
            let said = errors(&format!("group = resource\nname = r\nunit = nginx\n{key}\n"));
            assert!(said.contains("cannot be beside `unit`"), "{key}: {said}");
        }
    }

    #[test]
    fn a_unit_belongs_to_one_resource() {
        let said = errors(
            "group = resource\nname = r\nunit = nginx\ngroup = resource\nname = s\nunit = nginx.service\n",
        );
        assert!(said.contains("is that of another resource too, in line 7"), "{said}");
    }
}
