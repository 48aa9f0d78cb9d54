//! `check --peer`: the daemons of both hosts compared.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::net::SocketAddr;

use schrittmacher_api::{DaemonStatus, PeerPath, ResourceState, STATUS};
use schrittmacher_config::Core;

use super::ask;
use super::options::DaemonArgs;

/// The longest status that is read, in bytes.
const STATUS_MAX: u64 = 16 * 1024 * 1024;

/// Asks the other daemon at its page, and says what does not fit. `place` is empty for the usual one, and `-` if its status is on
/// standard input.
///
/// # Errors
///
/// It does not answer, with the reason.
pub(super) fn compare(place: &str, core: &Core, ours: &DaemonStatus) -> Result<Vec<String>, String> {
    if place == "-" {
        return read(io::stdin()).map(|theirs| unfit(ours, &theirs));
    }
    let place = match (place, core.http_port) {
        ("", None) => {
            return Err("without `http-port` there is no page to ask; name it: --peer=HOST:PORT".into());
        }
        ("", Some(port)) => SocketAddr::new(core.remote_address, port).to_string(),
        (place, _) => place.to_owned(),
    };
    let daemon = DaemonArgs { config: None, socket: None, address: Some(place), token_file: None };
    let theirs = ask::get::<DaemonStatus>(&daemon, STATUS).map_err(|error| {
        format!(
            "{}; if its `http-address` keeps its page to itself: ssh {} schrittmacherctl status --json | schrittmacherctl check \
             --peer=-",
            error.why, core.remote_address
        )
    })?;
    Ok(unfit(ours, &theirs.value))
}

/// What `status --json` of the other host has printed.
fn read(from: impl Read) -> Result<DaemonStatus, String> {
    let mut text = String::new();
    from.take(STATUS_MAX).read_to_string(&mut text).map_err(|error| format!("standard input: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("standard input is no status in JSON: {error}"))
}

/// The differences between two sides that have to fit each other.
fn unfit(ours: &DaemonStatus, theirs: &DaemonStatus) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |what: &str, here: &dyn ToString, there: &dyn ToString| {
        let (here, there) = (here.to_string(), there.to_string());
        if here != there {
            found.push(format!("{what}: {here} here, {there} there"));
        }
    };
    differ("local-address here, remote-address there", &ours.local_address, &theirs.remote_address);
    differ("remote-address here, local-address there", &ours.remote_address, &theirs.local_address);
    differ("port", &ours.port, &theirs.port);
    differ("security", &ours.security, &theirs.security);
    differ("version", &ours.program, &theirs.program);
    for (what, one, other) in [("here", theirs, ours), ("there", ours, theirs)] {
        if !other.peer.heard {
            found.push(format!("{} is not heard {what}", one.host));
        }
    }
    found.extend(paths_without_another_end(ours, theirs, "here", "there"));
    found.extend(paths_without_another_end(theirs, ours, "there", "here"));
    let by_name = |status: &'_ DaemonStatus| -> BTreeMap<String, ResourceState> {
        status.resources.iter().map(|one| (one.name.clone(), one.clone())).collect()
    };
    let (here, there) = (by_name(ours), by_name(theirs));
    for (name, one) in &here {
        let Some(other) = there.get(name) else {
            found.push(format!("resource {name} is here and not there"));
            continue;
        };
        if one.set != other.set {
            let word = |set: &Option<String>| set.clone().unwrap_or_else(|| "none".to_owned());
            found.push(format!(
                "resource {name}: set {} here, {} there: it has to be the same on both hosts",
                word(&one.set),
                word(&other.set)
            ));
        }
        if one.policy != other.policy {
            let word = |policy: &Option<String>| policy.clone().unwrap_or_else(|| "available".to_owned());
            let (here, there) = (word(&one.policy), word(&other.policy));
            found.push(format!("resource {name}: policy {here} here, {there} there"));
        }
        for (key, one, other) in [
            ("heartbeat", one.heartbeat_seconds, other.heartbeat_seconds),
            ("timeout", one.timeout_seconds, other.timeout_seconds),
        ] {
            if (one - other).abs() > 1e-9 {
                found.push(format!("resource {name}: {key} {one} s here, {other} s there"));
            }
        }
    }
    let only_there = there.keys().filter(|name| !here.contains_key(*name));
    found.extend(only_there.map(|name| format!("resource {name} is there and not here")));
    found
}

/// The further paths of one side that the other one does not have crosswise. Their numbers may differ.
fn paths_without_another_end(of: &DaemonStatus, on: &DaemonStatus, side: &str, other: &str) -> Vec<String> {
    // Each host has its own name for the interface of a link-local address.
    let bare = |address: &str| address.split('%').next().unwrap_or_default().to_owned();
    let ends = |path: &PeerPath| (bare(&path.local_address), bare(&path.remote_address));
    let there: BTreeSet<(String, String)> =
        on.peer.paths.iter().map(ends).map(|(local, remote)| (remote, local)).collect();
    let lonely = of.peer.paths.iter().filter(|path| path.number > 1 && !there.contains(&ends(path)));
    lonely
        .map(|PeerPath { number, local_address, remote_address, .. }| {
            format!(
                "local-address-{number} {local_address}, remote-address-{number} {remote_address} {side}: not {other}, with its ends exchanged"
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use schrittmacher_api::{PathHealth, ServiceLevel};
    use schrittmacher_testkit::status::{daemon, resource};

    use super::*;

    fn side(local: [u8; 4], remote: [u8; 4], names: &[&str]) -> DaemonStatus {
        let one = |name: &&str| resource(name, "hot", Some("standby"), ServiceLevel::Protected);
        DaemonStatus {
            host: "host".into(),
            local_address: local.into(),
            remote_address: remote.into(),
            ..daemon(names.iter().map(one).collect())
        }
    }

    #[test]
    fn a_status_can_come_by_another_way() {
        let status = side([10, 0, 0, 1], [10, 0, 0, 2], &["x"]);
        assert_eq!(read(serde_json::to_string(&status).unwrap().as_bytes()), Ok(status));
        assert!(read(&b""[..]).unwrap_err().contains("is no status"));
        assert!(read(&b"{}"[..]).unwrap_err().contains("missing field"));
    }

    fn path(number: u8, local: &str, remote: &str) -> PeerPath {
        PeerPath {
            number,
            local_address: local.to_owned(),
            remote_address: remote.to_owned(),
            state: PathHealth::Works,
            heard_seconds_ago: None,
            link: None,
        }
    }

    #[test]
    fn a_further_path_has_to_be_on_both_hosts_crosswise() {
        let (a, b) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        let first = |of: &str, to: &str| path(1, of, to);
        let mut ours = side(a, b, &["x"]);
        ours.peer.paths = vec![
            first("10.0.0.1", "10.0.0.2"),
            path(2, "10.9.0.1", "10.9.0.2"),
            path(3, "fe80::1%eth1", "fe80::2%eth1"),
        ];
        let mut theirs = side(b, a, &["x"]);
        theirs.peer.paths = vec![
            first("10.0.0.2", "10.0.0.1"),
            path(2, "fe80::2%lan", "fe80::1%lan"),
            path(3, "10.9.0.2", "10.9.0.1"),
        ];
        assert_eq!(unfit(&ours, &theirs), Vec::<String>::new());
        theirs.peer.paths[2].remote_address = "10.9.0.7".to_owned();
        assert_eq!(
            unfit(&ours, &theirs),
            [
                "local-address-2 10.9.0.1, remote-address-2 10.9.0.2 here: not there, with its ends exchanged",
                "local-address-3 10.9.0.2, remote-address-3 10.9.0.7 there: not here, with its ends exchanged",
            ]
        );
        // A host without further paths tells none.
        theirs.peer.paths.clear();
        assert_eq!(unfit(&ours, &theirs).len(), 2);
    }

    #[test]
    fn what_does_not_fit_is_named_with_both_values() {
        let (a, b) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        let ours = side(a, b, &["x", "y"]);
        assert_eq!(unfit(&ours, &side(b, a, &["y", "x"])), Vec::<String>::new());
        let mut theirs = side(b, [10, 0, 0, 9], &["x", "z"]);
        theirs.resources[0].timeout_seconds += 1.0;
        theirs.resources[0].set = Some("web".to_owned());
        theirs.resources[0].policy = Some("consistent".to_owned());
        theirs.peer.heard = false;
        assert_eq!(
            unfit(&ours, &theirs),
            [
                "local-address here, remote-address there: 10.0.0.1 here, 10.0.0.9 there",
                "host is not heard there",
                "resource x: set none here, web there: it has to be the same on both hosts",
                "resource x: policy available here, consistent there",
                "resource x: timeout 8 s here, 9 s there",
                "resource y is here and not there",
                "resource z is there and not here",
            ]
        );
    }
}
