//! The findings of `--check` about this host. The file may be meant for another host, or for later, so none of them is an
//! error (`docs/adr/0012-own-address-at-start.md`).

use std::fs;
use std::io;
use std::net::{IpAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::diagnostic::{Diagnostic, excerpt};
use super::document::{Document, Entry};
use super::keys::{KEYS, Kind};
use super::load::Loaded;
use super::rights;
use super::source;
use super::unit;
use super::witness;

/// How much of a script is searched, in bytes.
const SCRIPT_MAX: usize = 1024 * 1024;

/// The variables that tell a script for which resource it acts.
const RESOURCE_VARIABLES: [&str; 4] = ["RESOURCE_NAME", "RESOURCE_PID", "PID_FILE", "SHARED_ADDRESS"];

/// The notes, addresses first.
pub(super) fn host_notes(loaded: &Loaded) -> Vec<Diagnostic> {
    let mut notes = Vec::new();
    let mut note = |entry: &Entry, message: String, hint: &str| {
        notes.push(Diagnostic::new(&entry.at, message, hint));
    };
    let core = loaded.document.core();
    let entry = |key| core.and_then(|group| group.entries.get(key));
    if let (Some(entry), Some(false)) =
        (entry("local-address"), has_address(loaded.config.core.local_address))
    {
        let message = format!("no interface has the `local-address` {}", loaded.config.core.local_address);
        note(entry, message, "correct it, or bring the interface up; the daemon waits for it");
    }
    let remote = loaded.config.core.remote_address;
    if let (Some(entry), Some(true), false) =
        (entry("remote-address"), has_address(remote), remote.is_loopback())
    {
        let hint = "it has to be the other host's; are the two addresses swapped?";
        note(entry, format!("`remote-address` {remote} is an address of this host"), hint);
    }
    for (entry, key, _) in commands(&loaded.document) {
        if let Some((message, hint)) = script(&entry.value) {
            note(entry, format!("`{key}`: {message}"), hint);
        }
    }
    shared_scripts(&loaded.document, &mut note);
    notes.extend(unit::notes(loaded));
    notes.extend(witness::notes(loaded));
    notes
}

/// Whether an interface has this address; `None` if the system does not say.
fn has_address(address: IpAddr) -> Option<bool> {
    match UdpSocket::bind((address, 0)) {
        Ok(_) => Some(true),
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => Some(false),
        Err(_) => None,
    }
}

/// Every command, its key, and the user that runs it, if it is not the daemon's own.
pub(super) fn commands(document: &Document) -> Vec<(&Entry, &'static str, Option<&str>)> {
    let mut found = Vec::new();
    for group in document.resources() {
        for key in KEYS.iter().filter(|key| key.kind == Kind::Command) {
            let user = || rights::user(key, group, document.core());
            found.extend(group.entries.get(key.name).map(|entry| (entry, key.name, user())));
        }
    }
    found
}

/// The program that a command begins with, if it is named by its path.
pub(super) fn program(command: &str) -> Option<&str> {
    let word = command.split_whitespace().find(|word| !word.contains('='))?;
    let path = word.split([';', '&', '|', '>', '<', ')']).next()?.trim_matches(['"', '\'']);
    (path.starts_with('/') && !path.contains(['$', '`', '*', '?'])).then_some(path)
}

fn script(command: &str) -> Option<(String, &'static str)> {
    let path = program(command)?;
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Some((format!("{path} does not exist"), "correct the path, or install the script"))
        }
        Ok(file) if file.is_file() && file.permissions().mode() & 0o111 == 0 => {
            Some((format!("{path} is not executable"), "chmod +x, or write `sh` in front of it"))
        }
        Ok(file) if file.is_dir() => Some((format!("{path} is a directory"), "name the program in it")),
        Ok(_) | Err(_) => None,
    }
}

/// One script for two resources, which does not ask for which of them it runs.
fn shared_scripts(document: &Document, note: &mut impl FnMut(&Entry, String, &str)) {
    let all = commands(document);
    for (index, (entry, key, _)) in all.iter().enumerate() {
        let Some(path) = program(&entry.value) else { continue };
        let seen = all[..index].iter().any(|(other, of, _)| of == key && other.value == entry.value);
        if seen && !entry.value.contains('$') && is_blind(Path::new(path)) {
            let message = format!(
                "`{key}` {} is the same in two resources, and {path} uses none of {}",
                excerpt(&entry.value),
                RESOURCE_VARIABLES.join(", ")
            );
            note(entry, message, "let the script act on $RESOURCE_NAME");
        }
    }
}

/// A script that can be read and asks for nothing. Of a compiled program nothing can be said.
fn is_blind(path: &Path) -> bool {
    let Ok(text) = source::read(path, SCRIPT_MAX) else { return false };
    let uses = |name: &str| text.windows(name.len()).any(|window| window == name.as_bytes());
    text.starts_with(b"#!") && !RESOURCE_VARIABLES.into_iter().any(uses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_what_a_command_begins_with() {
        assert_eq!(program("/opt/x start"), Some("/opt/x"));
        assert_eq!(program("A=1 /opt/x; true"), Some("/opt/x"));
        assert_eq!(program("\"/opt/x\" start"), Some("/opt/x"));
        for command in ["ip addr add /x", "", "/opt/$NAME/x", "systemctl start x"] {
            assert_eq!(program(command), None, "{command}");
        }
    }
}
