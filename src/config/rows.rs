//! The effective values of a configuration, one by one, for people and as JSON.

use std::fmt;
use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::document::Group;
use super::keys;
use super::{Core, OnExit, Resource, ScriptAddresses, Security};

/// The values of `core`, in the order of the reference.
pub(super) fn core_rows(core: &Core) -> Vec<Row> {
    let text = |text: &dyn fmt::Display| Shown::Text(text.to_string());
    let http_address = match (core.http_port, core.http_address.as_slice()) {
        (Some(_), []) if core.local_address.is_loopback() => Shown::list(&[core.local_address]),
        (_, addresses) => Shown::list(addresses),
    };
    vec![
        Row::of("local-address", text(&core.local_address)),
        Row::of("remote-address", text(&core.remote_address)),
        Row::of("shared-address", Shown::optional(core.shared_address)),
        Row::of("netmask", Shown::optional(core.netmask.as_ref())),
        Row::of("port", Shown::Integer(core.port.into())),
        Row::of("http-port", core.http_port.map_or(Shown::Absent, |port| Shown::Integer(port.into()))),
        Row::of("http-address", http_address),
        Row::of("http-host", Shown::list(&core.http_host)),
        Row::of("app-address", Shown::list(&core.app_address)),
        Row {
            label: "log-file",
            value: Shown::optional(core.log_file.as_ref().map(|path| path.display())),
            keys: &["log-file", "log-dir"],
        },
        Row::of("log-syslog", Shown::optional(core.log_syslog.map(|facility| facility.name))),
        Row::of("log-syslog-server", Shown::optional(core.log_syslog_server)),
        Row::of("log-level", text(&core.log_level.as_str().to_ascii_lowercase())),
        Row::of(
            "script-addresses",
            text(match core.script_addresses {
                ScriptAddresses::Plain => &"plain",
                ScriptAddresses::Legacy => &"legacy",
            }),
        ),
        Row::of(
            "on-exit",
            text(match core.on_exit {
                OnExit::Handover => &"handover",
                OnExit::Leave => &"leave",
            }),
        ),
        Row::of("extensions", text(if core.extensions { &"auto" } else { &"off" })),
        Row::of(
            "security",
            text(match core.security {
                Security::Legacy => &"legacy",
                Security::Strict => &"strict",
            }),
        ),
    ]
}

/// The values of a resource, in the order of the reference, with those it inherits.
pub(super) fn resource_rows(resource: &Resource) -> Vec<Row> {
    let command = |command: &Option<String>| Shown::optional(command.as_ref());
    let seconds = |label, keys, duration| Row { label, value: Shown::Seconds(duration), keys };
    vec![
        Row::of("name", Shown::Text(resource.name.clone())),
        Row::of("priority", Shown::Integer(resource.priority.into())),
        Row::of("start-action", command(&resource.start_action)),
        Row::of("stop-action", command(&resource.stop_action)),
        Row::of("interface-activate", command(&resource.interface_activate)),
        Row::of("interface-deactivate", command(&resource.interface_deactivate)),
        Row::of("pid-file", Shown::optional(resource.pid_file.as_ref().map(|path| path.display()))),
        seconds("heartbeat", &["heartbeat-intervall", "heartbeat"], resource.heartbeat),
        seconds("timeout", &["timeout"], resource.timeout),
        seconds("app-timeout", &["app-timeout"], resource.app_timeout),
        seconds("action-timeout", &["action-timeout"], resource.action_timeout),
        seconds("interface-timeout", &["action-timeout"], resource.interface_timeout),
        seconds("going-hot-timeout", &["going-hot-timeout"], resource.going_hot_timeout),
        seconds("going-standby-timeout", &["going-standby-timeout"], resource.going_standby_timeout),
        seconds("startup-delay", &["startup-delay"], resource.startup_delay),
        Row::of("preempt", Shown::Flag(resource.preempt)),
    ]
}

/// One effective value.
pub(super) struct Row {
    /// Mostly the key.
    pub label: &'static str,
    value: Shown,
    /// The keys that decide it, if not just `label`.
    keys: &'static [&'static str],
}

impl Row {
    /// The value of the key `label`.
    fn of(label: &'static str, value: Shown) -> Row {
        Row { label, value, keys: &[] }
    }

    /// The value for people; of what is not set: what that means.
    pub fn text(&self) -> String {
        match &self.value {
            Shown::Text(text) => text.clone(),
            Shown::Integer(number) => number.to_string(),
            Shown::Seconds(duration) => format!("{} s", duration.as_secs_f64()),
            Shown::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
            Shown::List(items) => items.join(", "),
            Shown::Absent => {
                let default = keys::find(self.label).map_or("none", |key| key.default);
                default.split(';').next().unwrap_or_default().to_owned()
            }
        }
    }

    /// Where a value comes from, unless it was written in the group itself.
    pub fn origin(&self, own: Option<&Group>, core: Option<&Group>) -> &'static str {
        let in_group = |group: Option<&Group>| {
            let Some(group) = group else { return false };
            let read = |name: &str| keys::find(name).is_some_and(|key| key.place.allows(group.kind));
            let written = |name: &str| group.entries.contains_key(name) && read(name);
            written(self.label) || self.keys.iter().any(|name| written(name))
        };
        if matches!(self.value, Shown::Absent) || in_group(own) {
            ""
        } else if in_group(core) {
            " (from core)"
        } else {
            " (default)"
        }
    }
}

/// A value as it is shown.
enum Shown {
    Text(String),
    Integer(i64),
    Seconds(Duration),
    Flag(bool),
    List(Vec<String>),
    /// Not set; the table of keys says what that means.
    Absent,
}

impl Shown {
    fn optional(value: Option<impl fmt::Display>) -> Shown {
        value.map_or(Shown::Absent, |value| Shown::Text(value.to_string()))
    }

    fn list(items: &[impl fmt::Display]) -> Shown {
        match items {
            [] => Shown::Absent,
            items => Shown::List(items.iter().map(ToString::to_string).collect()),
        }
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Shown::Text(text) => serializer.serialize_str(text),
            Shown::Integer(number) => serializer.serialize_i64(*number),
            Shown::Seconds(duration) => serializer.serialize_f64(duration.as_secs_f64()),
            Shown::Flag(flag) => serializer.serialize_bool(*flag),
            Shown::List(items) => items.serialize(serializer),
            Shown::Absent => serializer.serialize_none(),
        }
    }
}

/// Rows as a JSON object, in their order.
pub(super) struct Rows(pub Vec<Row>);

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for row in &self.0 {
            map.serialize_entry(row.label, &row.value)?;
        }
        map.end()
    }
}
