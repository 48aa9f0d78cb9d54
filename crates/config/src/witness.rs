//! `witness`: the third vote.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::diagnostic::Findings;
use super::document::Document;
use super::fields::Fields;
use super::keys;
use super::words::{OnExit, PolicyWord};
use super::{Core, Resource};

/// The port of etcd's clients.
const ETCD_PORT: u16 = 2379;

/// The witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Members of one etcd cluster. One at least.
    pub endpoints: Vec<SocketAddr>,
}

impl std::fmt::Display for Witness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let urls: Vec<String> = self.endpoints.iter().map(|endpoint| format!("http://{endpoint}")).collect();
        write!(f, "etcd {}", urls.join(","))
    }
}

pub(super) fn read(fields: &mut Fields<'_>) -> Option<Witness> {
    let entry = fields.entry(&keys::WITNESS)?;
    let endpoints = match endpoints(&entry.value) {
        Ok(endpoints) => endpoints,
        Err((what, hint)) => {
            fields.error(&keys::WITNESS, entry, what, hint);
            return None;
        }
    };
    Some(Witness { endpoints })
}

/// `policy = consistent` needs the other two votes.
pub(super) fn check(document: &Document, core: &Core, resources: &[Resource], findings: &mut Findings) {
    for resource in resources.iter().filter(|resource| resource.policy == PolicyWord::Consistent) {
        let mut groups = document.resources();
        let group = groups.find(|group| {
            group.entries.get(keys::NAME.name).is_some_and(|entry| entry.value == resource.name)
        });
        let entry = group.and_then(|group| group.entries.get(keys::POLICY.name));
        let entry = entry.or_else(|| document.core().and_then(|core| core.entries.get(keys::POLICY.name)));
        let Some(entry) = entry else { continue };
        if core.witness.is_none() {
            findings.error(
                &entry.at,
                "`policy` = consistent needs a `witness`",
                "in `core`: `witness = etcd http://ADDRESS:2379`, or another `policy`",
            );
        }
        if core.on_exit == OnExit::Leave {
            findings.error(
                &entry.at,
                "`policy` = consistent never leaves an application alone, and `on-exit` is leave",
                "take `on-exit` away, or choose another `policy`",
            );
        }
        if !core.extensions {
            findings.error(
                &entry.at,
                "`policy` = consistent needs the promises of the peer, and `extensions` is off",
                "take `extensions` away, or choose another `policy`",
            );
        }
    }
}

fn endpoints(text: &str) -> Result<Vec<SocketAddr>, (&'static str, &'static str)> {
    let form = "like `etcd http://10.0.0.9:2379,http://10.0.0.10:2379`";
    let urls = text.trim().strip_prefix("etcd ").ok_or(("is no witness", form))?;
    urls.split(',').map(|url| endpoint(url.trim()).ok_or((wrong(url), form))).collect()
}

fn wrong(url: &str) -> &'static str {
    if url.trim().starts_with("https:") {
        "has an https URL, and TLS is not built in"
    } else if url.contains('@') {
        "has a user in its URL, and user and password are not built in"
    } else {
        "has a wrong URL: it needs an IP address, as a witness has to be reached without a name server"
    }
}

/// `http://ADDRESS[:PORT][/]`. A name would need a resolver that may hang.
fn endpoint(url: &str) -> Option<SocketAddr> {
    let host = url.strip_prefix("http://")?;
    let host = host.strip_suffix('/').unwrap_or(host);
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let place = match bare {
        Some(address) => SocketAddr::new(address.parse::<Ipv6Addr>().ok()?.into(), ETCD_PORT),
        None => match host.parse::<Ipv4Addr>() {
            Ok(address) => SocketAddr::new(address.into(), ETCD_PORT),
            Err(_) => host.parse().ok()?,
        },
    };
    (place.port() > 0).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_a_cluster_are_read_and_other_texts_are_errors() {
        let good =
            endpoints("etcd http://10.0.0.8:1,  http://10.0.0.9/,http://[fd00::1],http://[::1]:7").unwrap();
        let good: Vec<String> = good.iter().map(ToString::to_string).collect();
        assert_eq!(good, ["10.0.0.8:1", "10.0.0.9:2379", "[fd00::1]:2379", "[::1]:7"]);
        for text in [
            "",
            "etcd",
            "consul http://10.0.0.9",
            "etcd 10.0.0.9:1",
            "etcd http://",
            "etcd http://10.0.0.9:0",
            "etcd http://10.0.0.9:x",
            "etcd http://10.0.0.9,",
            "etcd http://10.0.0.9/x",
            "etcd http://fd00::1",
            "etcd http://etcd.example:2379",
        ] {
            assert!(endpoints(text).is_err(), "{text}");
        }
        assert_eq!(endpoints("etcd https://a").unwrap_err().0, "has an https URL, and TLS is not built in");
    }
}
