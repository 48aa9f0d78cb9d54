//! The address of the service that the daemon itself adds to an interface: `shared-address` with `shared-interface`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::address::{self, Spelling};
use super::diagnostic::Findings;
use super::document::{Document, GroupKind};
use super::fields::Fields;
use super::keys;
use super::words::AddressProbe;
use super::{Core, Resource};

/// An address with the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network {
    /// The address.
    pub ip: IpAddr,
    /// 0 to 32, or to 128.
    pub prefix: u8,
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ip, self.prefix)
    }
}

impl Network {
    /// The mask that belongs to the prefix; IPv6 has none.
    pub fn netmask(&self) -> Option<String> {
        let bits = u32::MAX.checked_shl(32_u32.saturating_sub(self.prefix.into())).unwrap_or(0);
        self.ip.is_ipv4().then(|| Ipv4Addr::from_bits(bits).to_string())
    }
}

/// Addresses that are on an interface of the hot side, and there alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedAddress {
    /// `shared-interface`.
    pub interface: String,
    /// `shared-address`, at least one.
    pub addresses: Vec<Network>,
    /// `announce-refresh`, 1 s … 1 h, default 60 s: the pause between two announcements in quiet times.
    pub refresh: Duration,
    /// How long the interface may be without a connection before this side does not serve any more. `None`: for ever
    /// (`track-interface = no`).
    pub track: Option<Track>,
    /// `address-probe = wait`: a side that hears no peer does not go hot as long as another host has an address.
    pub waits: bool,
}

/// The patience with an interface without a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Track {
    /// `track-delay`, 0 … 1 h, default one heartbeat and at least 0.1 s.
    pub delay: Duration,
    /// `track-delay` is not written: the daemon waits less where a hand-over costs less, and longer where none is possible.
    pub is_default: bool,
}

impl SharedAddress {
    /// With every setting as it is by default.
    pub fn new(interface: &str, addresses: Vec<Network>) -> SharedAddress {
        SharedAddress {
            interface: interface.to_owned(),
            addresses,
            refresh: REFRESH,
            track: Some(Track { delay: TRACK_LEAST, is_default: true }),
            waits: false,
        }
    }
}

const REFRESH: Duration = Duration::from_secs(60);
/// Links bounce. By default that is waited for.
const TRACK_LEAST: Duration = Duration::from_millis(100);
/// IFNAMSIZ, with the zero at its end.
const INTERFACE_BYTES: usize = 16;

/// The values that `core` has for the one resource there is.
#[derive(Debug, Default)]
pub(super) struct CoreShared {
    interface: Option<String>,
    addresses: Vec<Network>,
    refresh: Option<Duration>,
    track: Option<bool>,
    track_delay: Option<Duration>,
    probe: Option<AddressProbe>,
}

impl CoreShared {
    /// Reads it. Without `shared-interface` the address means what it meant to the legacy: one address, for commands.
    pub fn read(fields: &mut Fields<'_>) -> CoreShared {
        let interface = interface(fields);
        let addresses = if interface.is_some() {
            networks(fields)
        } else {
            let address = fields.address(&keys::SHARED_ADDRESS);
            address.map(|ip| Network { ip, prefix: prefix_of(fields, ip) }).into_iter().collect()
        };
        let refresh = fields.seconds(&keys::ANNOUNCE_REFRESH);
        let track = fields.yes_no(&keys::TRACK_INTERFACE);
        let track_delay = fields.seconds(&keys::TRACK_DELAY);
        let probe = fields.word(&keys::ADDRESS_PROBE);
        CoreShared { interface, addresses, refresh, track, track_delay, probe }
    }

    /// SHARED_ADDRESS of the resources that have none of their own.
    pub fn first(&self) -> Option<IpAddr> {
        self.addresses.first().map(|network| network.ip)
    }
}

/// The built-in address of a resource; `None`: its commands see to that, or it has none.
pub(super) fn read(fields: &mut Fields<'_>, core: &CoreShared, heartbeat: Duration) -> Option<SharedAddress> {
    let own_interface = interface(fields);
    let own_addresses = networks(fields);
    let Some(interface) = own_interface.clone().or_else(|| core.interface.clone()) else {
        if let (Some(entry), false) = (fields.entry(&keys::SHARED_ADDRESS), own_addresses.is_empty()) {
            let hint = format!("add {}", fields.group.syntax.key_line("shared-interface", "eth0"));
            fields.error(
                &keys::SHARED_ADDRESS,
                entry,
                "means nothing in a resource without `shared-interface`",
                &hint,
            );
        }
        return None;
    };
    let addresses = if own_addresses.is_empty() { core.addresses.clone() } else { own_addresses };
    if addresses.is_empty() {
        if let (Some(entry), Some(_)) = (fields.entry(&keys::SHARED_INTERFACE), own_interface) {
            let hint = format!("add {}", fields.group.syntax.key_line("shared-address", "192.0.2.10/24"));
            fields.error(&keys::SHARED_INTERFACE, entry, "means nothing without `shared-address`", &hint);
        }
        return None;
    }
    let refresh = fields.seconds(&keys::ANNOUNCE_REFRESH).or(core.refresh).unwrap_or(REFRESH);
    let is_tracked = fields.yes_no(&keys::TRACK_INTERFACE).or(core.track).unwrap_or(true);
    let delay = fields.seconds(&keys::TRACK_DELAY).or(core.track_delay);
    let track = is_tracked
        .then(|| Track { delay: delay.unwrap_or(heartbeat.max(TRACK_LEAST)), is_default: delay.is_none() });
    let waits = fields.word(&keys::ADDRESS_PROBE).or(core.probe) == Some(AddressProbe::Wait);
    Some(SharedAddress { interface, addresses, refresh, track, waits })
}

/// Checks across resources: an address belongs to one of them, and never to the daemons' own link.
pub(super) fn check(document: &Document, core: &Core, resources: &[Resource], findings: &mut Findings) {
    let mut holders: BTreeMap<Network, &Resource> = BTreeMap::new();
    for resource in resources {
        let Some(shared) = &resource.shared else { continue };
        let group = document.resources().find(|group| {
            group.entries.get(keys::NAME.name).is_some_and(|entry| entry.value == *resource.name)
        });
        let Some(group) = group.or_else(|| document.core()) else { continue };
        let at = group.entries.get(keys::SHARED_ADDRESS.name).map_or(&group.at, |entry| &entry.at);
        for network in &shared.addresses {
            let name = &resource.name;
            let is_of_path =
                core.more_paths.iter().any(|path| [path.local, path.remote].contains(&network.ip));
            if network.ip == core.local_address || network.ip == core.remote_address || is_of_path {
                let message = format!("`shared-address` {} of {name} is an end of the peer link", network.ip);
                findings.error(at, message, "it moves from host to host; write an address of its own");
            }
            let before = holders.insert(*network, resource);
            if let Some(holder) = before.filter(|before| before.set.is_none() || before.set != resource.set) {
                let message =
                    format!("`shared-address` {} belongs to {} and to {name}", network.ip, holder.name);
                let hint = format!(
                    "the two could end on different hosts; give each `{}` group an address of its own, or both one `{}`",
                    GroupKind::Resource.name(),
                    keys::SET.name
                );
                findings.error(at, message, &hint);
            }
        }
    }
}

fn interface(fields: &mut Fields<'_>) -> Option<String> {
    let name = fields.text(&keys::SHARED_INTERFACE)?;
    let entry = fields.entry(&keys::SHARED_INTERFACE)?;
    let is_name = name.len() < INTERFACE_BYTES
        && !matches!(name.as_str(), "." | "..")
        && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':');
    if !is_name {
        fields.error(
            &keys::SHARED_INTERFACE,
            entry,
            "is no name of an interface",
            "a name that `ip link` shows, like eth0",
        );
        return None;
    }
    Some(name)
}

/// Addresses with or without a prefix, separated by commas or white space.
fn networks(fields: &mut Fields<'_>) -> Vec<Network> {
    const HINT: &str = "write 192.0.2.10/24 or 2001:db8::10/64";
    let key = &keys::SHARED_ADDRESS;
    let mut networks = Vec::new();
    for (entry, item) in fields.items(key) {
        let (address, prefix) =
            item.split_once('/').map_or((item, None), |(address, prefix)| (address, Some(prefix)));
        let Ok(Spelling::Proper(ip)) = address::parse(address) else {
            fields.error_in(key, entry, item, "is no address", HINT);
            continue;
        };
        let longest = if ip.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => Some(prefix_of(fields, ip)),
            Some(prefix) => prefix.parse().ok().filter(|prefix| (1..=longest).contains(prefix)),
        };
        match prefix {
            Some(prefix) if address::check_end(ip).is_ok() => networks.push(Network { ip, prefix }),
            Some(_) => fields.error_in(key, entry, item, "is no address that a host can have", HINT),
            None => fields.error_in(key, entry, item, "has a prefix that its family does not have", HINT),
        }
    }
    networks
}

/// Without a prefix: that of `netmask`, if there is one and the address is IPv4; else the address alone.
fn prefix_of(fields: &Fields<'_>, ip: IpAddr) -> u8 {
    let is_core = fields.group.kind == GroupKind::Core;
    let mask = is_core.then(|| fields.entry(&keys::NETMASK)).flatten();
    let bits = mask.and_then(|entry| entry.value.parse::<Ipv4Addr>().ok()).map(Ipv4Addr::to_bits);
    match (ip, bits) {
        (IpAddr::V6(_), _) => 128,
        (IpAddr::V4(_), Some(bits)) if bits.leading_ones() == bits.count_ones() && bits != 0 => {
            u8::try_from(bits.count_ones()).unwrap_or(32)
        }
        (IpAddr::V4(_), Some(_) | None) => 32,
    }
}
