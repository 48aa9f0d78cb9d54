//! `local-address-2`, `remote-address-2` …: further paths to the same peer (`docs/adr/0086-several-paths.md`).

use std::net::IpAddr;

use super::address::{self, Spelling, check_end};
use super::document::Entry;
use super::fields::Fields;
use super::keys::{self, Key};

/// The most paths, the first one included.
pub const PATHS_MAX: u8 = 4;

/// A further path: two more addresses of the same two hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerPath {
    /// 2 … [`PATHS_MAX`]: that of its keys.
    pub number: u8,
    /// Of one family with `remote`, and not the same.
    pub local: IpAddr,
    pub remote: IpAddr,
    /// The interface of this host, if the addresses are of one link alone.
    pub zone: Option<String>,
}

impl PeerPath {
    /// An end of it as it is written.
    pub fn end(&self, address: IpAddr) -> String {
        self.zone.as_ref().map_or_else(|| address.to_string(), |zone| format!("{address}%{zone}"))
    }
}

/// The number of a path, and the keys of its ends.
pub(super) const KEYS: [(u8, &Key, &Key); PATHS_MAX as usize - 1] = [
    (2, &keys::LOCAL_ADDRESS_2, &keys::REMOTE_ADDRESS_2),
    (3, &keys::LOCAL_ADDRESS_3, &keys::REMOTE_ADDRESS_3),
    (4, &keys::LOCAL_ADDRESS_4, &keys::REMOTE_ADDRESS_4),
];

/// The further paths, beside the one between `ends`.
pub(super) fn read(
    fields: &mut Fields<'_>,
    ends: Option<(IpAddr, IpAddr)>,
    extensions: bool,
) -> Vec<PeerPath> {
    let mut paths = Vec::new();
    for (number, local_key, remote_key) in KEYS {
        let (local_entry, remote_entry) = (fields.entry(local_key), fields.entry(remote_key));
        let (Some(local_entry), Some(remote_entry)) = (local_entry, remote_entry) else {
            for (key, entry, other) in
                [(local_key, local_entry, remote_key), (remote_key, remote_entry, local_key)]
            {
                if let Some(entry) = entry {
                    fields.error(
                        key,
                        entry,
                        &format!("is one end of a path without the other: `{}` is missing", other.name),
                        "write both ends, crosswise on the other host",
                    );
                }
            }
            continue;
        };
        if !extensions {
            let hint = "take it away, or `extensions`";
            fields.error(local_key, local_entry, "means nothing with `extensions` = off", hint);
        }
        let (local, remote) = (end(fields, local_key, local_entry), end(fields, remote_key, remote_entry));
        let (Some((local, zone)), Some((remote, remote_zone))) = (local, remote) else { continue };
        let is_used = |address: IpAddr| {
            let first = ends.is_some_and(|(local, remote)| address == local || address == remote);
            let in_zone = |path: &&PeerPath| path.zone == zone;
            let mut others = paths.iter().filter(in_zone);
            first || others.any(|path: &PeerPath| path.local == address || path.remote == address)
        };
        let wrong = if local == remote {
            Some(("is also this host's end of the path", "write the address of the other host"))
        } else if local.is_ipv4() != remote.is_ipv4() {
            Some(("is not of the same family as this host's end", "both IPv4 or both IPv6"))
        } else if zone.is_some() != remote_zone.is_some() || zone != remote_zone {
            Some(("is not of the same interface as this host's end", "name the same interface behind both"))
        } else if is_used(local) || is_used(remote) {
            Some(("or this host's end is in another path, too", "each path has two addresses of its own"))
        } else {
            None
        };
        match wrong {
            Some((what, hint)) => fields.error(remote_key, remote_entry, what, hint),
            None => paths.push(PeerPath { number, local, remote, zone }),
        }
    }
    paths
}

/// An end of a path, and its interface.
fn end(fields: &mut Fields<'_>, key: &Key, entry: &Entry) -> Option<(IpAddr, Option<String>)> {
    const HINT: &str =
        "write an address of one host; a link-local one with this host's interface: fe80::1%eth1";
    let (text, zone) = match entry.value.split_once('%') {
        Some((text, zone)) => (text, Some(zone)),
        None => (entry.value.as_str(), None),
    };
    let Ok(Spelling::Proper(address)) = address::parse(text) else {
        fields.error(key, entry, "is no address", HINT);
        return None;
    };
    let is_of_link = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let is_end = match zone {
        Some(zone) => is_of_link && is_interface(zone),
        None => check_end(address).is_ok(),
    };
    if !is_end {
        fields.error(key, entry, "cannot be one end of a path", HINT);
        return None;
    }
    Some((address, zone.map(str::to_owned)))
}

/// As Linux names them.
pub(super) fn is_interface(name: &str) -> bool {
    (1..16).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b'%')
}
