//! Tests of whole configuration files.

mod auth;
mod broken;
mod documents;
mod fence;
mod include;
mod isolation;
mod man;
mod meaning;
mod paths;
mod property;
mod report;
mod sets;
mod shared;
mod toml;
mod vectors;
mod witness;

use std::path::Path;

use super::diagnostic::LoadError;
use super::{Config, Loaded, Resource, load_text};

/// The least that a file must have, without the warning about `security`.
const CORE: &str =
    "group = core\nlocal-address = 192.0.2.1\nremote-address = 192.0.2.2\nport = 7700\nsecurity = legacy\n";
const RESOURCE: &str = "group = resource\nname = r\n";

fn load(text: &str) -> Result<Loaded, LoadError> {
    load_text(Path::new("x.conf"), text)
}

/// The file of [`CORE`], some more lines of `core`, [`RESOURCE`] and some more lines of that.
fn file(core: &str, resource: &str) -> String {
    format!("{CORE}{core}\n{RESOURCE}{resource}\n")
}

/// The configuration of such a file, which must be without a warning.
fn config(core: &str, resource: &str) -> Config {
    let loaded = load(&file(core, resource)).unwrap();
    assert_eq!(loaded.warnings, []);
    loaded.config
}

/// The resource of such a file, which must be without a warning.
fn resource(core: &str, resource: &str) -> Resource {
    config(core, resource).resources.remove(0)
}

/// The configuration and the warnings of such a file.
fn warned(core: &str, resource: &str) -> (Config, Vec<String>) {
    let loaded = load(&file(core, resource)).unwrap();
    (loaded.config, loaded.warnings.iter().map(ToString::to_string).collect())
}

/// The errors of a text that must not load.
fn errors(text: &str) -> Vec<String> {
    match load(text) {
        Err(LoadError::Wrong { errors, .. }) => errors.iter().map(ToString::to_string).collect(),
        other => panic!("expected errors, got {other:?}"),
    }
}
