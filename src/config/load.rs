//! From a file to a [`Config`].

use std::path::Path;

use super::Config;
use super::diagnostic::{Diagnostic, Findings, LoadError};
use super::document::Document;
use super::interpret::interpret;
use super::{legacy, source, toml};

/// A configuration that can be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// What it means.
    pub config: Config,
    /// What may not be meant as it is understood; to be logged at every start. At most 100, in the order of
    /// the lines.
    pub warnings: Vec<Diagnostic>,
    /// What it says; `--check` tells from it what was written and what is default.
    pub(super) document: Document,
}

/// Reads a configuration file and all that it includes. One whose name ends in `.toml` is TOML (C2).
///
/// # Errors
/// [`LoadError::Unreadable`] if `path` itself can't be read, else [`LoadError::Wrong`] with every error
/// that was found.
pub fn load(path: &Path) -> Result<Loaded, LoadError> {
    match source::read(path, source::BYTES_MAX) {
        Ok(bytes) => load_bytes(path, &bytes),
        Err(reason) => Err(LoadError::Unreadable { path: path.to_path_buf(), reason }),
    }
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
    let mut findings = Findings::default();
    let document = match is_toml(path) {
        true => toml::read(path, bytes, &mut findings),
        false => Some(legacy::read(path, bytes, &mut findings)),
    };
    let config = document.as_ref().and_then(|document| interpret(document, &mut findings));
    let (errors, warnings) = findings.sorted(&path.display().to_string());
    match (config, document) {
        (Some(config), Some(document)) => Ok(Loaded { config, warnings, document }),
        (None, _) | (_, None) => Err(LoadError::Wrong { errors, warnings }),
    }
}

/// C2: the name decides, so that every file means one thing.
fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}
