//! The environment of commands (X5).
//!
//! It is given at the time of exec and to that command alone. The legacy changed its own environment, and commands that ran
//! at once saw each other's values (D24).

use std::env;
use std::ffi::{OsStr, OsString};
use std::net::IpAddr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process;

use schrittmacher_wire::host;

use schrittmacher_config::{Core, Network, Resource, ScriptAddresses};

/// The part that changes from one command of a resource to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// `LAST_LOCAL_REASON`: the application's last reason; may be empty.
    pub local_reason: Option<String>,
    /// `LAST_REMOTE_REASON`: the peer's last reason; may be empty.
    pub remote_reason: Option<String>,
    /// `EPOCH`: the number of this side's last promotion; zero if none is known.
    pub epoch: u64,
}

/// The environment of one resource's commands, as far as it never changes.
#[derive(Debug, Default)]
pub(super) struct Environment {
    /// Those that have a value.
    constant: Box<[(&'static str, OsString)]>,
}

impl Environment {
    pub(super) fn new(core: &Core, resource: &Resource) -> Environment {
        let address = |address: IpAddr| match core.script_addresses {
            ScriptAddresses::Plain => address.to_string(),
            ScriptAddresses::Legacy => host::unified(address),
        };
        let networks = resource.shared.as_ref().map(|shared| shared.addresses.as_slice());
        let first = networks.and_then(<[Network]>::first);
        let shared_address = first.map(|first| first.ip).or(core.shared_address);
        let netmask = core.netmask.clone().or_else(|| first.and_then(Network::netmask));
        let all = networks.map(|all| all.iter().map(Network::to_string).collect::<Vec<_>>().join(" "));
        let constant = [
            ("LOCAL_ADDRESS", Some(address(core.local_address).into())),
            ("REMOTE_ADDRESS", Some(address(core.remote_address).into())),
            ("SHARED_ADDRESS", shared_address.map(|shared| address(shared).into())),
            ("SHARED_ADDRESSES", all.filter(|all| !all.is_empty()).map(OsString::from)),
            ("NETMASK", netmask.map(OsString::from)),
            ("RESOURCE_NAME", Some(OsString::from(&*resource.name))),
            ("PID_FILE", resource.pid_file.as_ref().map(OsString::from)),
            ("HEARTBEAT_INTERVAL", Some(format!("{:.6}", resource.heartbeat.as_secs_f64()).into())),
        ];
        let constant = constant.into_iter().filter_map(|(name, value)| Some((name, without_nul(&value?))));
        Environment { constant: constant.collect() }
    }

    /// Whether commands see the same address in both.
    pub(super) fn have_same_address(&self, other: &Environment) -> bool {
        let address = |environment: &Environment| {
            let of = |name| environment.constant.iter().find(|(other, _)| *other == name).cloned();
            [of("SHARED_ADDRESS"), of("NETMASK")]
        };
        address(self) == address(other)
    }

    /// Sets every variable of X5 that has a value. Of the daemon's own environment only [`PASSED`] goes on: LD_PRELOAD,
    /// BASH_ENV and the like would change what a command of root does (door-11). `pid` is the believed process (A3): a number that
    /// anybody may have sent would be an invitation to write `kill $RESOURCE_PID` for somebody else.
    pub(super) fn apply(
        &self,
        command: &mut process::Command,
        action: &'static str,
        pid: Option<u32>,
        facts: &Facts,
    ) {
        command.env_clear().envs(inherited_environment());
        let text = |text: &Option<String>| text.as_ref().map(|text| without_controls(text).into());
        let changing = [
            ("ACTION", Some(OsString::from(action))),
            ("RESOURCE_PID", pid.map(|pid| pid.to_string().into())),
            ("LAST_LOCAL_REASON", text(&facts.local_reason)),
            ("LAST_REMOTE_REASON", text(&facts.remote_reason)),
            ("EPOCH", (facts.epoch > 0).then(|| facts.epoch.to_string().into())),
        ];
        command.envs(self.constant.iter().map(|(name, value)| (name, value)));
        for (name, value) in changing {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
    }
}

/// The part of the daemon's own environment that commands get; `LC_` is the beginning of a name.
const PASSED: [&str; 11] =
    ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "LANGUAGE", "LC_", "TZ", "TMPDIR"];

/// What commands get of the daemon's own environment.
pub fn inherited_environment() -> impl Iterator<Item = (OsString, OsString)> {
    env::vars_os().filter(|(name, _)| is_passed(name))
}

fn is_passed(name: &OsStr) -> bool {
    let name = name.as_bytes();
    PASSED.iter().any(|passed| name == passed.as_bytes() || (*passed == "LC_" && name.starts_with(b"LC_")))
}

/// A reason comes from outside. A NUL would make the command fail, a line feed or an escape sequence would fool the
/// script or the terminal that shows it.
pub fn without_controls(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A configured value may contain NUL, an environment can't; it must not make the command fail.
fn without_nul(value: &OsStr) -> OsString {
    OsString::from_vec(value.as_bytes().iter().copied().filter(|byte| *byte != 0).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use schrittmacher_testkit::config::{core, resource, resource_with};

    /// The environment that a command gets beside what it inherits.
    fn applied(core: &Core, pid: Option<u32>, facts: &Facts) -> BTreeMap<String, String> {
        let mut command = process::Command::new("true");
        Environment::new(core, &resource("smsc-i400")).apply(&mut command, "start", pid, facts);
        let text = |text: &OsStr| text.to_str().expect("UTF-8").to_owned();
        let given = command.get_envs().filter(|(name, _)| !is_passed(name));
        given.filter_map(|(name, value)| Some((text(name), text(value?)))).collect()
    }

    #[test]
    fn plain_addresses_as_the_manual_shows() {
        let mut core = core();
        core.shared_address = Some("10.22.52.189".parse().expect("an address"));
        core.netmask = Some("255.255.255.0".to_owned());
        let facts = Facts {
            local_reason: Some(String::new()),
            remote_reason: Some("no\0 link\n\u{1b}[2J".to_owned()),
            epoch: 7,
        };
        let set = str::to_owned;
        let expected = BTreeMap::from([
            ("ACTION".to_owned(), set("start")),
            ("EPOCH".to_owned(), set("7")),
            ("HEARTBEAT_INTERVAL".to_owned(), set("2.000000")),
            ("LAST_LOCAL_REASON".to_owned(), set("")),
            ("LAST_REMOTE_REASON".to_owned(), set("no  link  [2J")),
            ("LOCAL_ADDRESS".to_owned(), set("127.0.0.2")),
            ("NETMASK".to_owned(), set("255.255.255.0")),
            ("REMOTE_ADDRESS".to_owned(), set("127.0.0.3")),
            ("RESOURCE_NAME".to_owned(), set("smsc-i400")),
            ("RESOURCE_PID".to_owned(), set("4711")),
            ("SHARED_ADDRESS".to_owned(), set("10.22.52.189")),
        ]);
        assert_eq!(applied(&core, Some(4711), &facts), expected);
    }

    #[test]
    fn a_built_in_address_is_told_to_the_commands_beside_it() {
        let network = |ip: &str, prefix| Network { ip: ip.parse().expect("an address"), prefix };
        let addresses = vec![network("10.22.52.189", 20), network("fd00::88", 64)];
        let shared = Some(schrittmacher_config::SharedAddress::new("eth0", addresses));
        let environment = Environment::new(&core(), &resource_with("smsc", |smsc| smsc.shared = shared));
        let mut command = process::Command::new("true");
        environment.apply(&mut command, "activate", None, &Facts::default());
        let value = |name: &str| {
            command.get_envs().find(|(own, _)| *own == name).and_then(|(_, value)| value?.to_str())
        };
        assert_eq!(value("SHARED_ADDRESS"), Some("10.22.52.189"));
        assert_eq!(value("NETMASK"), Some("255.255.240.0"));
        assert_eq!(value("SHARED_ADDRESSES"), Some("10.22.52.189/20 fd00::88/64"));
    }

    #[test]
    fn of_the_own_environment_only_the_list_goes_on() {
        for passed in ["PATH", "LC_ALL", "TZ"] {
            assert!(is_passed(OsStr::new(passed)), "{passed}");
        }
        for kept in ["LD_PRELOAD", "BASH_ENV", "ENV", "IFS", "NOTIFY_SOCKET", "SHARED_ADDRESS", "PATHS", "LC"]
        {
            assert!(!is_passed(OsStr::new(kept)), "{kept}");
        }
    }

    #[test]
    fn legacy_addresses_and_nothing_that_is_not_set() {
        let mut core = core();
        core.script_addresses = ScriptAddresses::Legacy;
        let applied = applied(&core, None, &Facts::default());
        assert_eq!(applied["LOCAL_ADDRESS"], "ipv4:127.0.0.2");
        for absent in [
            "NETMASK",
            "PID_FILE",
            "SHARED_ADDRESS",
            "RESOURCE_PID",
            "LAST_LOCAL_REASON",
            "LAST_REMOTE_REASON",
        ] {
            assert!(!applied.contains_key(absent), "{absent}");
        }
    }
}
