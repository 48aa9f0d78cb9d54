//! The environment of commands (X5).
//!
//! It is given at the time of exec and to that command alone; the legacy changed its own environment, and
//! commands that ran at once saw each other's values (D24).

use std::ffi::{OsStr, OsString};
use std::net::IpAddr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process;

use schrittmacher_wire::host;

use super::Order;
use crate::config::{Core, Resource, ScriptAddresses};

/// What changes from one command of a resource to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// `LAST_LOCAL_REASON`: the application's last reason; may be empty.
    pub local_reason: Option<String>,
    /// `LAST_REMOTE_REASON`: the peer's last reason; may be empty.
    pub remote_reason: Option<String>,
}

/// The environment of one resource's commands, as far as it never changes.
#[derive(Debug)]
pub(super) struct Environment {
    constant: Vec<(&'static str, Option<OsString>)>,
}

impl Environment {
    pub(super) fn new(core: &Core, resource: &Resource) -> Environment {
        let address = |address: IpAddr| match core.script_addresses {
            ScriptAddresses::Plain => address.to_string(),
            ScriptAddresses::Legacy => host::unified(address),
        };
        let constant = [
            ("LOCAL_ADDRESS", Some(address(core.local_address).into())),
            ("REMOTE_ADDRESS", Some(address(core.remote_address).into())),
            ("SHARED_ADDRESS", core.shared_address.map(|shared| address(shared).into())),
            ("NETMASK", core.netmask.as_ref().map(OsString::from)),
            ("RESOURCE_NAME", Some(OsString::from(&resource.name))),
            ("PID_FILE", resource.pid_file.as_ref().map(OsString::from)),
            ("HEARTBEAT_INTERVAL", Some(format!("{:.6}", resource.heartbeat.as_secs_f64()).into())),
        ];
        let constant = constant.map(|(name, value)| (name, value.as_deref().map(without_nul)));
        Environment { constant: constant.into() }
    }

    /// Sets every variable of X5 that has a value and takes away every one that has none, so that nothing of
    /// that name comes from the daemon's own environment. `pid` is the believed process (A3): a number that
    /// anybody may have sent would be an invitation to write `kill $RESOURCE_PID` for somebody else.
    pub(super) fn apply(
        &self,
        command: &mut process::Command,
        order: Order,
        pid: Option<u32>,
        facts: &Facts,
    ) {
        let text = |text: &Option<String>| text.as_ref().map(|text| without_nul(OsStr::new(text)));
        let changing = [
            ("ACTION", Some(order.as_str().into())),
            ("RESOURCE_PID", pid.map(|pid| pid.to_string().into())),
            ("LAST_LOCAL_REASON", text(&facts.local_reason)),
            ("LAST_REMOTE_REASON", text(&facts.remote_reason)),
        ];
        for (name, value) in self.constant.iter().cloned().chain(changing) {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }
}

/// A reason may contain NUL (`\u0000` in JSON), an environment can't; it must not make the command fail.
fn without_nul(value: &OsStr) -> OsString {
    OsString::from_vec(value.as_bytes().iter().copied().filter(|byte| *byte != 0).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::actions::tests::{core, resource};

    /// What a command is given, as `NAME` → value or "taken away".
    fn applied(core: &Core, pid: Option<u32>, facts: &Facts) -> BTreeMap<String, Option<String>> {
        let mut command = process::Command::new("true");
        Environment::new(core, &resource("smsc-i400")).apply(&mut command, Order::Start, pid, facts);
        let text = |text: &OsStr| text.to_str().expect("UTF-8").to_owned();
        command.get_envs().map(|(name, value)| (text(name), value.map(text))).collect()
    }

    #[test]
    fn plain_addresses_as_the_manual_shows() {
        let mut core = core();
        core.shared_address = Some("10.22.52.189".parse().expect("an address"));
        core.netmask = Some("255.255.255.0".to_owned());
        let facts = Facts { local_reason: Some(String::new()), remote_reason: Some("no\0 link".to_owned()) };
        let set = |value: &str| Some(value.to_owned());
        let expected = BTreeMap::from([
            ("ACTION".to_owned(), set("start")),
            ("HEARTBEAT_INTERVAL".to_owned(), set("2.000000")),
            ("LAST_LOCAL_REASON".to_owned(), set("")),
            ("LAST_REMOTE_REASON".to_owned(), set("no link")),
            ("LOCAL_ADDRESS".to_owned(), set("127.0.0.2")),
            ("NETMASK".to_owned(), set("255.255.255.0")),
            ("PID_FILE".to_owned(), None),
            ("REMOTE_ADDRESS".to_owned(), set("127.0.0.3")),
            ("RESOURCE_NAME".to_owned(), set("smsc-i400")),
            ("RESOURCE_PID".to_owned(), set("4711")),
            ("SHARED_ADDRESS".to_owned(), set("10.22.52.189")),
        ]);
        assert_eq!(applied(&core, Some(4711), &facts), expected);
    }

    #[test]
    fn legacy_addresses_and_nothing_that_is_not_set() {
        let mut core = core();
        core.script_addresses = ScriptAddresses::Legacy;
        let applied = applied(&core, None, &Facts::default());
        assert_eq!(applied["LOCAL_ADDRESS"].as_deref(), Some("ipv4:127.0.0.2"));
        for absent in [
            "NETMASK",
            "PID_FILE",
            "SHARED_ADDRESS",
            "RESOURCE_PID",
            "LAST_LOCAL_REASON",
            "LAST_REMOTE_REASON",
        ] {
            assert_eq!(applied[absent], None, "{absent} must not come from the daemon's own environment");
        }
    }
}
