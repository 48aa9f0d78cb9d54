//! The report of `--check`: the configuration as understood, with every default, warnings and errors.

use std::path::Path;

use schrittmacher_text::Escaped;
use serde::Serialize;

use super::diagnostic::{Diagnostic, LoadError};
use super::document::Group;
use super::host_notes::host_notes;
use super::load::Loaded;
use super::notes::notes;
use super::rows::{Row, Rows, core_rows, resource_rows};

/// The report on a usable configuration, for people.
pub fn report(loaded: &Loaded) -> String {
    let mut text = format!("{}: fine\n", loaded.document.name);
    let core_group = loaded.document.core();
    let mut section = |title: &str, rows: &[Row], group: Option<&Group>| {
        text += &format!("\n{title}\n");
        for row in rows {
            let line =
                format!("  {:<22} {}{}", row.label, Escaped(&row.text()), row.origin(group, core_group));
            text += line.trim_end();
            text.push('\n');
        }
    };
    section("core", &core_rows(&loaded.config.core), core_group);
    for (resource, group) in loaded.config.resources.iter().zip(loaded.document.resources()) {
        section(&format!("resource {}", resource.name), &resource_rows(resource), Some(group));
    }
    text + &findings(loaded)
}

/// The warnings, notes, and notes about this host, of a usable configuration. May be empty.
pub fn findings(loaded: &Loaded) -> String {
    list("warning", "", &loaded.warnings)
        + &list("note", "", &notes(loaded))
        + &list("note", " on this host", &host_notes(loaded))
}

/// The report on a usable configuration as one JSON object: `file`, `fine` (true), `core`, `resources`,
/// `warnings`, `notes`, `on_this_host`. Keys are those of the file; times are in seconds; a value that is not set is null.
pub fn report_json(loaded: &Loaded) -> String {
    #[derive(Serialize)]
    struct Report<'a> {
        file: &'a str,
        fine: bool,
        core: Rows,
        resources: Vec<Rows>,
        warnings: &'a [Diagnostic],
        notes: Vec<Diagnostic>,
        on_this_host: Vec<Diagnostic>,
    }
    json(&Report {
        file: &loaded.document.name,
        fine: true,
        core: Rows(core_rows(&loaded.config.core)),
        resources: loaded.config.resources.iter().map(|resource| Rows(resource_rows(resource))).collect(),
        warnings: &loaded.warnings,
        notes: notes(loaded),
        on_this_host: host_notes(loaded),
    })
}

/// The report on a configuration that can't be used, for people.
pub fn failure(error: &LoadError) -> String {
    match error {
        LoadError::Unreadable { .. } => format!("{error}\n"),
        LoadError::Wrong { warnings, .. } => format!("{error}\n{}", list("warning", "", warnings)),
    }
}

/// The report on a configuration that can't be used as one JSON object: `file`, `fine` (false), `errors`,
/// `warnings`.
pub fn failure_json(path: &Path, error: &LoadError) -> String {
    #[derive(Serialize)]
    struct Report<'a> {
        file: String,
        fine: bool,
        errors: &'a [Diagnostic],
        warnings: &'a [Diagnostic],
    }
    let file = path.display().to_string();
    let unreadable;
    let (errors, warnings): (&[Diagnostic], &[Diagnostic]) = match error {
        LoadError::Wrong { errors, warnings } => (errors, warnings),
        LoadError::Unreadable { reason, .. } => {
            let message = format!("cannot be read: {reason}");
            unreadable = [Diagnostic { file: file.clone(), line: None, message, hint: None }];
            (&unreadable, &[])
        }
    };
    json(&Report { file, fine: false, errors, warnings })
}

fn json(report: &impl Serialize) -> String {
    #[expect(clippy::unwrap_used, reason = "all keys are strings, and no value refuses to be serialised")]
    serde_json::to_string_pretty(report).unwrap()
}

fn list(kind: &str, place: &str, diagnostics: &[Diagnostic]) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let plural = if diagnostics.len() == 1 { "" } else { "s" };
    let mut text = format!("\n{} {kind}{plural}{place}\n", diagnostics.len());
    for diagnostic in diagnostics {
        text += &format!("  {diagnostic}\n");
    }
    text
}
