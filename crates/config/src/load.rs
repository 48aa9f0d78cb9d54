//! From a file to a [`Config`].

use std::path::Path;

use super::Config;
use super::diagnostic::{Diagnostic, Findings, LoadError};
use super::document::Document;
use super::interpret::interpret;
use super::unit::UnitNote;
use super::witness::WitnessNote;
use super::{auth, exposure, legacy, rights, source, toml};

/// A configuration that can be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    pub config: Config,
    /// Lines that may be meant otherwise, to be logged at every start. At most 100, in the order of the lines.
    pub warnings: Vec<Diagnostic>,
    /// Its text. `--check` uses it to tell written values from defaults.
    pub(super) document: Document,
    /// What systemd says of the units.
    pub(super) unit_notes: Vec<UnitNote>,
    /// What the witness has answered.
    pub(super) witness_notes: Vec<WitnessNote>,
}

/// Reads a configuration file and all that it includes. One whose name ends in `.toml` is TOML (C2).
///
/// # Errors
/// [`LoadError::Unreadable`] if `path` itself can't be read, else [`LoadError::Wrong`] with every error
/// that was found.
pub fn load(path: &Path) -> Result<Loaded, LoadError> {
    match source::read(path, source::BYTES_MAX) {
        Ok(bytes) => {
            let mut findings = Findings::default();
            exposure::check_file(path, &Document::empty(path).position(), &mut findings);
            load_with(path, &bytes, findings)
        }
        Err(reason) => Err(LoadError::Unreadable { path: path.to_path_buf(), reason }),
    }
}

/// The text of a file, with or without mistakes.
pub(super) fn document(path: &Path) -> Option<Document> {
    let bytes = source::read(path, source::BYTES_MAX).ok()?;
    read(path, &bytes, &mut Findings::default())
}

/// Like [`load`], with `text` in the place of what `path` contains. `path` names it in messages, and its
/// includes are relative to that.
///
/// # Errors
/// [`LoadError::Wrong`] with every error that was found.
pub fn load_text(path: &Path, text: &str) -> Result<Loaded, LoadError> {
    load_bytes(path, text.as_bytes())
}

pub(super) fn load_bytes(path: &Path, bytes: &[u8]) -> Result<Loaded, LoadError> {
    load_with(path, bytes, Findings::default())
}

fn load_with(path: &Path, bytes: &[u8], mut findings: Findings) -> Result<Loaded, LoadError> {
    let mut document = read(path, bytes, &mut findings);
    if let Some(document) = &mut document {
        auth::read_files(document, &mut findings);
    }
    let mut config = document.as_ref().and_then(|document| interpret(document, &mut findings));
    if let Some(document) = &document {
        exposure::check_commands(document, &mut findings);
        rights::check_users(document, &mut findings);
    }
    findings.judge_exposed(config.as_ref().is_some_and(|config| config.core.is_strict()));
    config.take_if(|_| findings.failed());
    let (errors, warnings) = findings.sorted(&path.display().to_string());
    match (config, document) {
        (Some(config), Some(document)) => {
            Ok(Loaded { config, warnings, document, unit_notes: Vec::new(), witness_notes: Vec::new() })
        }
        (None, _) | (_, None) => Err(LoadError::Wrong { errors, warnings }),
    }
}

pub(super) fn read(path: &Path, bytes: &[u8], findings: &mut Findings) -> Option<Document> {
    match is_toml(path) {
        true => toml::read(path, bytes, findings),
        false => legacy::read(path, bytes, findings),
    }
}

/// C2: the name decides, so that every file means one thing.
fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}
