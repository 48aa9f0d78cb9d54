//! Notes of `--check` for an operator who comes from an older version. They are no mistakes.

use std::path::Path;

use super::ScriptAddresses;
use super::command::shell_features;
use super::diagnostic::Diagnostic;
use super::document::Entry;
use super::keys::{KEYS, Kind};
use super::load::Loaded;
use super::sets;
use super::source;

/// The variables whose form `script-addresses` decides.
const ADDRESS_VARIABLES: [&str; 3] = ["LOCAL_ADDRESS", "REMOTE_ADDRESS", "SHARED_ADDRESS"];

/// How much of a script is searched for them, in bytes.
const SCRIPT_MAX: usize = 1024 * 1024;

/// The notes, in the order of the resources. Reads the scripts that commands name.
pub(super) fn notes(loaded: &Loaded) -> Vec<Diagnostic> {
    let mut notes = Vec::new();
    let mut note = |entry: &Entry, message: String, hint: &str| {
        notes.push(Diagnostic::new(&entry.at, message, hint));
    };
    for group in loaded.document.resources() {
        if let Some(entry) = group.entries.get("heartbeat-intervall") {
            let message = "`heartbeat-intervall` is the period of our heartbeat, as in 2.0.0".to_owned();
            note(entry, message, "in 1.8 it was the patience with the application: that is `app-timeout`");
        }
        for key in KEYS.iter().filter(|key| key.kind == Kind::Command) {
            let Some(entry) = group.entries.get(key.name) else { continue };
            let features: String = shell_features(&entry.value).into_iter().collect();
            if !features.is_empty() {
                let message = format!("`{}` uses {features} of the shell", key.name);
                note(
                    entry,
                    message,
                    "works as in 1.8; versions 1.16.1 to 2.0.0 had no shell and passed it on literally",
                );
            }
            if let (ScriptAddresses::Plain, Some(place)) =
                (loaded.config.core.script_addresses, uses_addresses(&entry.value))
            {
                let message = format!(
                    "{place} of `{}` uses an address variable: 192.0.2.1 here, ipv4:192.0.2.1 in 2.0.0",
                    key.name
                );
                let line = group.syntax.key_line("script-addresses", "legacy");
                note(entry, message, &format!("if it expects the old form, add {line} to `core`"));
            }
        }
    }
    notes.extend(sets::notes(loaded));
    notes
}

/// The part of a command that uses one of the variables: the command itself, or a script that it names.
fn uses_addresses(command: &str) -> Option<String> {
    let mentions = |text: &[u8]| {
        ADDRESS_VARIABLES.iter().any(|name| text.windows(name.len()).any(|window| window == name.as_bytes()))
    };
    if mentions(command.as_bytes()) {
        return Some("the command".to_owned());
    }
    let scripts = command.split_whitespace().filter(|word| word.starts_with('/'));
    let script = scripts
        .into_iter()
        .find(|word| source::read(Path::new(word), SCRIPT_MAX).is_ok_and(|text| mentions(&text)));
    script.map(|script| format!("the script {script}"))
}
