//! `ping-address` and `on-isolation`: evidence that this host is isolated (`docs/adr/0096-evidence-of-isolation.md`).

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::address::{self, Spelling, check_end};
use super::diagnostic::Findings;
use super::document::Document;
use super::fields::Fields;
use super::keys::{self, Key};
use super::paths::is_interface;
use super::words::OnIsolationWord;
use super::{Config, Core, Resource};

/// The most targets.
const TARGETS_MAX: usize = 8;

/// A host whose answer shows that this one is not isolated.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PingTarget {
    /// Not of this host, and not of the peer.
    pub address: IpAddr,
    /// The interface of this host, if the address is of one link alone.
    pub zone: Option<String>,
}

impl fmt::Display for PingTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.zone {
            Some(zone) => write!(f, "{}%{zone}", self.address),
            None => self.address.fmt(f),
        }
    }
}

impl Config {
    /// Without an answer for this long the host is isolated: `ping-timeout`, or half of the time after which a peer takes over.
    pub fn ping_timeout(&self) -> Duration {
        self.core.ping_timeout.unwrap_or_else(|| default_timeout(&self.resources))
    }
}

/// No less than what the key may say: routers limit the echoes that they answer.
fn default_timeout(resources: &[Resource]) -> Duration {
    let half = resources.iter().map(acts_after).min().unwrap_or_default() / 2;
    half.max(Duration::from_secs_f64(keys::PING_TIMEOUT_MIN))
}

/// How long after this side's last heartbeat a peer with the same times takes over, if it has missed the next one by a moment.
fn acts_after(resource: &Resource) -> Duration {
    resource.timeout.saturating_sub(resource.heartbeat)
}

pub(super) fn read(fields: &mut Fields<'_>, ends: Option<(IpAddr, IpAddr)>) -> Vec<PingTarget> {
    let key = &keys::PING_ADDRESS;
    let mut targets = Vec::new();
    for (entry, item) in fields.items(key) {
        match target(item) {
            Ok(target) if ends.is_some_and(|(local, _)| target.address == local) => {
                fields.error_in(
                    key,
                    entry,
                    item,
                    "is this host",
                    "write hosts whose answers cross the network",
                );
            }
            Ok(target) if ends.is_some_and(|(_, remote)| target.address == remote) => {
                let hint =
                    "write third hosts: the death of the peer is no isolation, and its messages count anyway";
                fields.error_in(key, entry, item, "is the peer", hint);
            }
            Ok(target) => targets.push(target),
            Err((what, hint)) => fields.error_in(key, entry, item, what, hint),
        }
    }
    if let (Some(entry), true) = (fields.entry(key), targets.len() > TARGETS_MAX) {
        fields.error(key, entry, "has too many targets", &format!("{TARGETS_MAX} at most"));
    }
    targets
}

fn target(item: &str) -> Result<PingTarget, (&'static str, &'static str)> {
    const HINT: &str =
        "like 10.0.0.254 or fd00::254; a link-local one with this host's interface: fe80::1%eth1";
    let (text, zone) = item.split_once('%').map_or((item, None), |(text, zone)| (text, Some(zone)));
    let Ok(Spelling::Proper(address)) = address::parse(text) else {
        return Err(("is no address", HINT));
    };
    let is_of_link = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let is_host = match zone {
        Some(zone) => is_of_link && is_interface(zone),
        None => check_end(address).is_ok(),
    };
    if address.is_loopback() {
        Err(("is this host", "write hosts whose answers cross the network"))
    } else if is_host {
        Ok(PingTarget { address, zone: zone.map(str::to_owned) })
    } else {
        Err(("is no address of one host", HINT))
    }
}

/// An isolated side has to decide, and its application to stop, before the other side takes over.
pub(super) fn check(document: &Document, core: &Core, resources: &[Resource], findings: &mut Findings) {
    let core_entry = |key: &Key| document.core().and_then(|core| core.entries.get(key.name));
    if let Some(entry) = core_entry(&keys::PING_ADDRESS) {
        let is_shared = |target: &&PingTarget| {
            let mut shared = resources.iter().filter_map(|resource| resource.shared.as_ref());
            shared.any(|shared| shared.addresses.iter().any(|address| address.ip == target.address))
        };
        let is_path = |target: &&PingTarget| {
            core.more_paths.iter().any(|path| [path.local, path.remote].contains(&target.address))
        };
        if let Some(target) = core.ping.iter().find(is_shared) {
            findings.error(
                &entry.at,
                format!("`ping-address` = {target} is a `shared-address`: the hot side has it itself"),
                "write hosts whose answers cross the network",
            );
        }
        if let Some(target) = core.ping.iter().find(is_path) {
            findings.error(
                &entry.at,
                format!("`ping-address` = {target} is an end of a path to the peer"),
                "write third hosts: the death of the peer is no isolation, and its messages count anyway",
            );
        }
    }
    let Some(steps_down) = resources.iter().find(|one| one.on_isolation == OnIsolationWord::StepDown) else {
        return;
    };
    let Some(entry) = document.by_name().entry(&steps_down.name, &keys::ON_ISOLATION) else { return };
    if core.ping.is_empty() {
        let hint =
            "in `core`: hosts that answer as long as the network works, like `ping-address = 10.0.0.254`";
        findings.error(&entry.at, "`on-isolation` = step-down needs a `ping-address`", hint);
        return;
    }
    if core.ping.len() == 1 {
        findings.warn(
            &entry.at,
            "`ping-address` names one host: while it is down, the death of the peer stops the service, too",
            "name another one that fails for other reasons",
        );
    }
    let ping_timeout = core.ping_timeout.unwrap_or_else(|| default_timeout(resources));
    let entry = core_entry(&keys::PING_TIMEOUT).unwrap_or(entry);
    let Some(short) = resources
        .iter()
        .filter(|one| one.on_isolation == OnIsolationWord::StepDown)
        .min_by_key(|one| acts_after(one))
    else {
        return;
    };
    let (acts, name) = (acts_after(short), &short.name);
    let message = format!(
        "`ping-timeout` = {} s: the peer takes {name} over {} s after this side's last heartbeat (`timeout` less `heartbeat`)",
        ping_timeout.as_secs_f64(),
        acts.as_secs_f64()
    );
    let hint = format!("half of that, {} s, or a longer `timeout`", (acts / 2).as_secs_f64());
    if ping_timeout >= acts {
        findings.error(&entry.at, format!("{message}, so an isolated side finds out too late"), &hint);
    } else if ping_timeout > acts - acts / 4 {
        findings.warn(
            &entry.at,
            format!("{message}: less than a quarter of that is left for stopping"),
            &hint,
        );
    }
}
