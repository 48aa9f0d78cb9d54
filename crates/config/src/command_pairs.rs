//! Commands that do not fit together: the two of one interface, and those of different resources (edge-7, edge-20).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::diagnostic::Findings;
use super::document::{Document, Entry, Group};

const ACTIVATE: &str = "interface-activate";
const DEACTIVATE: &str = "interface-deactivate";
const COMMANDS: [&str; 4] = ["start-action", "stop-action", ACTIVATE, DEACTIVATE];

/// Warns of them. Nothing of it is an error: a file that was used before goes on working (C1).
pub(super) fn check(document: &Document, findings: &mut Findings) {
    for group in document.resources() {
        check_interface(group, findings);
    }
    check_between_resources(document, findings);
}

fn command<'a>(group: &'a Group, key: &str) -> Option<&'a Entry> {
    group.entries.get(key).filter(|entry| !entry.value.trim().is_empty())
}

fn check_interface(group: &Group, findings: &mut Findings) {
    let (activate, deactivate) = match (command(group, ACTIVATE), command(group, DEACTIVATE)) {
        (None, None) => return,
        (Some(activate), None) => {
            let message = format!(
                "`{ACTIVATE}` without `{DEACTIVATE}`: the address stays when this side is no longer hot"
            );
            let hint = "add the command that takes the address down";
            return findings.warn(&activate.at, message, hint);
        }
        (None, Some(deactivate)) => {
            let message = format!("`{DEACTIVATE}` without `{ACTIVATE}`: nothing brings the address up");
            return findings.warn(&deactivate.at, message, "add the command that brings the address up");
        }
        (Some(activate), Some(deactivate)) => (activate, deactivate),
    };
    let (up, down) = (Uses::of(&activate.value), Uses::of(&deactivate.value));
    for (what, up, down) in
        [("address", up.addresses(), down.addresses()), ("device", up.devices, down.devices)]
    {
        if let (Some(first_up), Some(first_down)) = (up.first(), down.first())
            && up.is_disjoint(&down)
        {
            let message = format!(
                "`{ACTIVATE}` uses the {what} {first_up}, and `{DEACTIVATE}` another one: {first_down}"
            );
            findings.warn(&deactivate.at, message, "one of the two is mistyped");
        }
    }
}

/// The things that a command names, as far as its text shows.
#[derive(Default)]
struct Uses {
    addresses: BTreeSet<IpAddr>,
    devices: BTreeSet<String>,
}

impl Uses {
    /// Of `ip addr add 10.2.1.88/24 dev eth0` the address and the device.
    fn of(command: &str) -> Uses {
        let mut uses = Uses::default();
        let mut before = "";
        for word in command.split(|c: char| c.is_whitespace() || ";|&()\"'=".contains(c)) {
            let address = word.split('/').next().unwrap_or_default();
            // The broadcast address and the like belong to the address, and are no addresses of their own.
            if let (Ok(address), false) =
                (address.parse(), ["brd", "broadcast", "netmask", "via"].contains(&before))
            {
                uses.addresses.insert(address);
            }
            if before == "dev" {
                uses.devices.insert(word.to_owned());
            }
            if !word.is_empty() {
                before = word;
            }
        }
        uses
    }

    fn addresses(&self) -> BTreeSet<String> {
        self.addresses.iter().map(IpAddr::to_string).collect()
    }
}

fn check_between_resources(document: &Document, findings: &mut Findings) {
    let mut by_text: BTreeMap<(&str, &str), &Group> = BTreeMap::new();
    let mut by_address: BTreeMap<IpAddr, &Group> = BTreeMap::new();
    for group in document.resources() {
        let mut address_shared = false;
        if let Some(activate) = command(group, ACTIVATE) {
            for address in Uses::of(&activate.value).addresses {
                let Some(other) = by_address.insert(address, group) else { continue };
                address_shared = true;
                let message = format!(
                    "{} brings up {address}, as {} does: if one of them becomes standby, the other loses its address",
                    name(group),
                    name(other)
                );
                findings.warn(
                    &activate.at,
                    message,
                    "give each resource an address of its own, or make one resource of the two",
                );
            }
        }
        for key in COMMANDS {
            let Some(entry) = command(group, key) else { continue };
            let Some(other) = by_text.insert((key, &entry.value), group) else { continue };
            if !(address_shared || knows_its_resource(&entry.value)) {
                let message = format!("{} has the same `{key}` as {}", name(group), name(other));
                findings.warn(&entry.at, message, "if that is meant, let the command use $RESOURCE_NAME");
            }
        }
    }
}

/// Whether a command can act for one resource and not for another. A script, which begins with a path, finds the
/// name in its environment; the notes look into it.
fn knows_its_resource(command: &str) -> bool {
    command.contains('$') || command.split_whitespace().any(|word| word.starts_with('/'))
}

fn name(group: &Group) -> String {
    format!("resource {}", group.entries.get("name").map_or("?", |entry| entry.value.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_shows_its_address_and_its_device() {
        let uses = Uses::of(
            "ip addr add 10.2.1.88/24 brd 10.2.1.255 dev eth0 label eth0:9; arping -I eth0 10.2.1.88",
        );
        assert_eq!(uses.addresses().into_iter().collect::<Vec<_>>(), ["10.2.1.88"]);
        assert_eq!(uses.devices.into_iter().collect::<Vec<_>>(), ["eth0"]);
        assert!(Uses::of("ifconfig eth0:1 down").addresses.is_empty());
        assert_eq!(Uses::of("ip -6 addr add fd00::1/64 dev x").addresses().len(), 1);
    }
}
