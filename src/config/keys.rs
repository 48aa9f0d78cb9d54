//! The one table of every known key.
//!
//! The typed configuration, the hint for an unknown key, `--check` and the reference in
//! `docs/configuration.md` all read it.

use std::fmt;

use super::document::GroupKind;
use super::facility;

/// A key of the configuration file.
#[derive(Debug)]
pub(super) struct Key {
    /// As it is written, in lower case.
    pub name: &'static str,
    /// The groups it may stand in.
    pub place: Place,
    /// What its value may be.
    pub kind: Kind,
    /// What holds if it is absent, in words; behind a `;` where something else does.
    pub default: &'static str,
    /// One line of help.
    pub help: &'static str,
    /// Who has read it before, which decides how forgiving its reading is.
    pub origin: Origin,
}

/// The groups a key may stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `core` only.
    Core,
    /// A `resource` only.
    Resource,
    /// A `resource`, or `core` for all resources that do not have it.
    Both,
}

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Address,
    Addresses,
    /// Of a server, in the form of [`super::address::parse_server`].
    Server {
        default_port: u16,
    },
    Port {
        max: u16,
    },
    Seconds {
        min: f64,
        max: f64,
    },
    Integer,
    /// One of the words.
    Word(&'static [&'static str]),
    YesNo,
    LogLevel,
    Path,
    Text,
    Names,
    Command,
}

/// Who has read a key before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The manual of 1.8 or version 2.0.0 knows it: a value that those started with must not keep us from
    /// starting, so nonsense is a warning and means what it meant to them.
    Legacy,
    /// New in version 3: nonsense is an error.
    New,
}

impl Place {
    /// Whether a key with this place may stand in such a group.
    pub fn allows(self, kind: GroupKind) -> bool {
        match kind {
            GroupKind::Core => self != Place::Resource,
            GroupKind::Resource => self != Place::Core,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Place::Core => "core",
            Place::Resource => "resource",
            Place::Both => "core, resource",
        })
    }
}

/// Unit and range, for the reference.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Address => f.write_str("IPv4 or IPv6 address"),
            Kind::Addresses => f.write_str("addresses"),
            Kind::Server { default_port } => {
                write!(f, "address, or address:port; port {default_port} if none")
            }
            Kind::Port { max } => write!(f, "port, 1 … {max}"),
            Kind::Seconds { min, max } => write!(f, "seconds, {min} … {max}"),
            Kind::Integer => f.write_str("integer, 32 bit, signed"),
            Kind::Word(words) => write!(f, "`{}`", words.join("`, `")),
            Kind::YesNo => f.write_str("`yes`, `no`"),
            Kind::LogLevel => f.write_str("name, or 0 … 5"),
            Kind::Path => f.write_str("path"),
            Kind::Text => f.write_str("text"),
            Kind::Names => f.write_str("host names"),
            Kind::Command => f.write_str("command"),
        }
    }
}

/// Finds a key by its exact name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// How much two names must have in common to be thought the same, 0 … 1.
const LIKENESS_MIN: f64 = 0.8;

/// What to do about `name`, which is no key of a group of this kind; empty if nothing is known.
pub(super) fn advice(name: &str, kind: GroupKind) -> String {
    if let Some(key) = find(name) {
        return format!("it belongs into a `{}` group", key.place);
    }
    if let Some((_, advice)) = RETIRED.iter().find(|(retired, _)| *retired == name) {
        return (*advice).to_owned();
    }
    let longest = 2 * KEYS.iter().map(|key| key.name.len()).max().unwrap_or_default();
    if name.len() > longest {
        return String::new();
    }
    let likeness = |key: &&Key| strsim::jaro_winkler(key.name, name);
    let candidates = KEYS.iter().filter(|key| key.place.allows(kind) && likeness(key) >= LIKENESS_MIN);
    match candidates.max_by(|a, b| likeness(a).total_cmp(&likeness(b))) {
        Some(key) => format!("did you mean `{}`? {}", key.name, key.help),
        None => String::new(),
    }
}

/// Keys that no version we follow reads, but that stand in files of their time.
const RETIRED: &[(&str, &str)] = &[
    ("public-port", "versions 1.9 to 1.16 read it instead of `port`; 2.0.0 and this one read `port`"),
    ("start", "an example file of version 1.8 had it, no version read it: the key is `start-action`"),
    ("stop", "an example file of version 1.8 had it, no version read it: the key is `stop-action`"),
];

/// The longest time that can be set anywhere, in seconds: an hour.
const LONG: f64 = 3600.0;

/// The period of a heartbeat: T1.
const HEARTBEAT: Kind = Kind::Seconds { min: 0.01, max: 20.0 };

/// A time limit. Its upper end is far above any use and keeps sums of times small.
const LIMIT: Kind = Kind::Seconds { min: 0.01, max: LONG };

/// Every known key, in the order in which they are explained and shown.
pub(super) const KEYS: &[Key] = &[
    core(
        "local-address",
        Kind::Address,
        "mandatory",
        "This host's end of the peer link; sockets are bound to it",
    ),
    core(
        "remote-address",
        Kind::Address,
        "mandatory",
        "The peer's end of the peer link; the only source peer messages are taken from",
    ),
    core(
        "shared-address",
        Kind::Address,
        "none",
        "The address of the service; only handed to commands, as SHARED_ADDRESS",
    ),
    new(Place::Core, "netmask", Kind::Text, "none", "Only handed to commands, as NETMASK"),
    core(
        "port",
        Kind::Port { max: 65534 },
        "mandatory",
        "UDP port of the peer link; applications send to the next one",
    ),
    core(
        "http-port",
        Kind::Port { max: 65535 },
        "no page",
        "TCP port of the status page; 0 or less is no page",
    ),
    new(
        Place::Core,
        "http-address",
        Kind::Addresses,
        "all; `local-address` alone if that is a loopback address",
        "Addresses the status page listens on",
    ),
    new(
        Place::Core,
        "http-host",
        Kind::Names,
        "none",
        "Further names by which browsers reach the status page",
    ),
    new(
        Place::Core,
        "app-address",
        Kind::Addresses,
        "none",
        "Further addresses that application messages are taken from, beside this host's own",
    ),
    core("log-dir", Kind::Path, "none", "Directory of the log file"),
    core(
        "log-file",
        Kind::Path,
        "none; `schrittmacher.log` if `log-dir` is set",
        "File to log to, beside stderr; relative to `log-dir`",
    ),
    new(
        Place::Core,
        "log-syslog",
        Kind::Word(facility::NAMES),
        "not to syslog",
        "Log to syslog too, as this facility: to the local syslogd, or to `log-syslog-server`",
    ),
    new(
        Place::Core,
        "log-syslog-server",
        Kind::Server { default_port: 514 },
        "none; the local syslogd gets what `log-syslog` asks for",
        "Server that gets the log instead of the local syslogd: RFC 5424 by UDP; IPv6 in brackets",
    ),
    core("log-level", Kind::LogLevel, "info", "The least severe level that is logged"),
    core("heartbeat", HEARTBEAT, "2", "Period of the heartbeat to the peer"),
    core(
        "timeout",
        LIMIT,
        "3 × heartbeat, which is also the least",
        "Silence after which the peer is considered dead",
    ),
    new(
        Place::Core,
        "script-addresses",
        Kind::Word(&["plain", "legacy"]),
        "plain",
        "How addresses look in the environment of commands: `10.2.1.88` or `ipv4:10.2.1.88`",
    ),
    new(
        Place::Core,
        "on-exit",
        Kind::Word(&["handover", "leave"]),
        "handover",
        "What SIGTERM does on a hot node: hand over to a healthy peer, or leave the application alone",
    ),
    new(
        Place::Core,
        "extensions",
        Kind::Word(&["auto", "off"]),
        "auto",
        "Whether to use what a legacy peer does not know, with a peer that knows it",
    ),
    new(
        Place::Core,
        "security",
        Kind::Word(&["legacy", "strict"]),
        "legacy, with a warning",
        "What is demanded of peers, operators and commands; `strict` is refused by this version",
    ),
    new(
        Place::Both,
        "app-timeout",
        LIMIT,
        "10, or 5 × heartbeat if that is more",
        "Silence after which the application has failed",
    ),
    new(
        Place::Both,
        "action-timeout",
        LIMIT,
        "30 for start and stop, 5 for the interface",
        "How long a command may run before it is ended",
    ),
    new(
        Place::Both,
        "going-hot-timeout",
        LIMIT,
        "20",
        "How long the application may take to become hot, from the beginning of the start command",
    ),
    new(
        Place::Both,
        "going-standby-timeout",
        LIMIT,
        "6",
        "How long the application may take to become standby",
    ),
    legacy(
        Place::Both,
        "startup-delay",
        Kind::Seconds { min: 0.0, max: LONG },
        "0",
        "How long after the daemon's start silence of application or peer counts for nothing",
    ),
    new(
        Place::Both,
        "preempt",
        Kind::YesNo,
        "no",
        "Whether a returning node of higher priority takes a healthy hot peer's place",
    ),
    resource(
        "name",
        Kind::Text,
        "mandatory",
        "The resource-id, the same on both nodes and in the application; 1 … 255 bytes",
    ),
    resource("priority", Kind::Integer, "0", "The greater one wins a conflict"),
    resource("start-action", Kind::Command, "SIGUSR1 to the application", "Makes the application hot"),
    resource("stop-action", Kind::Command, "SIGUSR2 to the application", "Makes the application standby"),
    resource("interface-activate", Kind::Command, "none", "Brings the service address up"),
    resource("interface-deactivate", Kind::Command, "none", "Takes the service address down"),
    resource(
        "pid-file",
        Kind::Path,
        "none",
        "Handed to commands as PID_FILE; names the process of an application that sends no pid",
    ),
    resource(
        "heartbeat-intervall",
        HEARTBEAT,
        "`heartbeat` of `core`",
        "Heartbeat of this resource; with two l, as ever",
    ),
];

const fn legacy(
    place: Place,
    name: &'static str,
    kind: Kind,
    default: &'static str,
    help: &'static str,
) -> Key {
    Key { name, place, kind, default, help, origin: Origin::Legacy }
}

const fn core(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Key {
    legacy(Place::Core, name, kind, default, help)
}

const fn resource(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Key {
    legacy(Place::Resource, name, kind, default, help)
}

const fn new(place: Place, name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Key {
    Key { name, place, kind, default, help, origin: Origin::New }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_gets_the_nearest_key_of_its_group() {
        let core = |name| advice(name, GroupKind::Core);
        let resource = |name| advice(name, GroupKind::Resource);
        assert_eq!(
            core("prot"),
            "did you mean `port`? UDP port of the peer link; applications send to the next one"
        );
        assert!(core("htttp-port").starts_with("did you mean `http-port`? "));
        assert!(core("local_address").starts_with("did you mean `local-address`? "));
        assert!(resource("heartbeat-interval").starts_with("did you mean `heartbeat-intervall`? "));
        assert!(resource("start-acton").starts_with("did you mean `start-action`? "));
        assert_eq!(core("xyzzy"), "");
    }

    #[test]
    fn only_keys_that_may_stand_there_are_proposed() {
        assert!(advice("heartbeet", GroupKind::Core).starts_with("did you mean `heartbeat`? "));
        assert!(advice("heartbeet", GroupKind::Resource).starts_with("did you mean `heartbeat-intervall`? "));
    }

    #[test]
    fn a_key_of_the_other_group_is_told_so() {
        assert_eq!(advice("interface-activate", GroupKind::Core), "it belongs into a `resource` group");
        assert_eq!(advice("heartbeat", GroupKind::Resource), "it belongs into a `core` group");
    }

    #[test]
    fn a_retired_key_is_not_mistaken_for_a_slip() {
        assert!(advice("public-port", GroupKind::Core).contains("read `port`"));
        assert!(advice("start", GroupKind::Resource).contains("`start-action`"));
    }

    #[test]
    fn an_endless_name_is_not_compared() {
        assert_eq!(advice(&"port".repeat(1_000_000), GroupKind::Core), "");
    }
}
