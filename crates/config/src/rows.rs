//! The effective values of a configuration, one by one, for people and as JSON.

use std::fmt;
use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::document::Group;
use super::keys::{self, Key, Kind};
use super::paths;
use super::witness::WitnessFile;
use super::words::{AddressProbe, AuthMode, Extensions, PolicyWord};
use super::{Check, Core, Resource};

/// The values of `core`, in the order of the reference.
pub(super) fn core_rows(core: &Core) -> Vec<Row> {
    let text = |text: &dyn fmt::Display| Shown::Text(text.to_string());
    let http_address = match (core.http_port, core.http_address.as_slice()) {
        (Some(_), []) if core.local_address.is_loopback() => Shown::list(&[core.local_address]),
        (_, addresses) => Shown::list(addresses),
    };
    let tls = core.witness.as_ref().and_then(|witness| witness.tls.as_ref());
    let own = tls.and_then(|tls| tls.own.as_ref());
    let login = core.witness.as_ref().and_then(|witness| witness.login.as_ref());
    let file = |file: Option<&WitnessFile>| Shown::optional(file.map(|file| file.path.display()));
    let mut rows = vec![
        Row::of(&keys::LOCAL_ADDRESS, text(&core.local_address)),
        Row::of(&keys::REMOTE_ADDRESS, text(&core.remote_address)),
    ];
    for (number, local, remote) in paths::KEYS {
        let path = core.more_paths.iter().find(|path| path.number == number);
        rows.push(Row::of(local, Shown::optional(path.map(|path| path.end(path.local)))));
        rows.push(Row::of(remote, Shown::optional(path.map(|path| path.end(path.remote)))));
    }
    rows.extend([
        Row::of(&keys::SHARED_ADDRESS, Shown::optional(core.shared_address)),
        Row::of(&keys::NETMASK, Shown::optional(core.netmask.as_ref())),
        Row::of(&keys::PORT, Shown::Integer(core.port.into())),
        Row::of(&keys::HTTP_PORT, core.http_port.map_or(Shown::Absent, |port| Shown::Integer(port.into()))),
        Row::of(&keys::HTTP_ADDRESS, http_address),
        Row::of(&keys::HTTP_HOST, Shown::list(&core.http_host)),
        Row::of(&keys::APP_ADDRESS, Shown::list(&core.app_address)),
        Row::of(&keys::HTTP_CONTROL, text(&core.http_control)),
        Row::of(
            &keys::ORDER_TOKEN_FILE,
            Shown::optional(core.order_tokens.as_ref().map(|tokens| tokens.file.display())),
        ),
        Row::of(&keys::RUN_DIRECTORY, text(&core.run_directory.display())),
        Row::of(&keys::CONTROL_GROUP, Shown::optional(core.control_group.as_ref())),
        Row {
            label: "log-file",
            value: Shown::optional(core.log_file.as_ref().map(|path| path.display())),
            keys: vec![&keys::LOG_FILE, &keys::LOG_DIR],
        },
        Row::of(&keys::LOG_SYSLOG, Shown::optional(core.log_syslog)),
        Row::of(&keys::LOG_SYSLOG_SERVER, Shown::optional(core.log_syslog_server)),
        Row::of(&keys::LOG_LEVEL, text(&core.log_level.as_str().to_ascii_lowercase())),
        Row::of(&keys::LOG_TIME, text(&core.log_time)),
        Row::of(&keys::NOTIFY, Shown::optional(core.notify.as_ref())),
        Row::of(&keys::SCRIPT_ADDRESSES, text(&core.script_addresses)),
        Row::of(&keys::ON_EXIT, text(&core.on_exit)),
        Row::of(&keys::EXTENSIONS, text(&if core.extensions { Extensions::Auto } else { Extensions::Off })),
        Row::of(&keys::STATE_DIRECTORY, text(&core.state_directory.display())),
        Row::of(&keys::ALONE, text(&core.alone)),
        Row::of(&keys::REALTIME, text(&core.realtime)),
        Row::of(&keys::WATCHDOG, Shown::optional(core.watchdog.as_ref().map(|path| path.display()))),
        Row::of(&keys::WITNESS, Shown::optional(core.witness.as_ref())),
        Row::of(&keys::WITNESS_CA_FILE, file(tls.map(|tls| &tls.ca))),
        Row::of(&keys::WITNESS_CERT_FILE, file(own.map(|(cert, _)| cert))),
        Row::of(&keys::WITNESS_KEY_FILE, file(own.map(|(_, key)| key))),
        Row::of(&keys::WITNESS_USER, Shown::optional(login.map(|login| &login.user))),
        Row::of(&keys::WITNESS_PASSWORD_FILE, file(login.map(|login| &login.password))),
        Row::of(&keys::WITNESS_PREFIX, Shown::optional(core.witness.as_ref().map(|witness| &witness.prefix))),
        Row::of(&keys::PING_ADDRESS, Shown::list(&core.ping)),
        Row::of(&keys::PING_TIMEOUT, core.ping_timeout.map_or(Shown::Absent, Shown::Seconds)),
        Row::of(&keys::SECURITY, text(&core.security)),
        Row::of(&keys::AUTH_KEY_FILE, Shown::optional(core.auth.as_ref().map(|auth| auth.file.display()))),
        Row::of(&keys::AUTH_MODE, text(&core.auth.as_ref().map_or(AuthMode::Off, |auth| auth.mode))),
    ]);
    rows
}

/// The values of a resource, in the order of the reference, with those it inherits.
pub(super) fn resource_rows(resource: &Resource) -> Vec<Row> {
    let command = |command: &Option<String>| Shown::optional(command.as_ref());
    let seconds = |label, keys, duration| Row { label, value: Shown::Seconds(duration), keys };
    let check = resource.check.as_ref();
    let fence = resource.fence.as_ref();
    let check_seconds = |key: &'static Key, value: fn(&Check) -> Duration| {
        Row::of(key, check.map_or(Shown::Absent, |check| Shown::Seconds(value(check))))
    };
    let check_count = |key: &'static Key, value: fn(&Check) -> u32| {
        Row::of(key, check.map_or(Shown::Absent, |check| Shown::Integer(value(check).into())))
    };
    vec![
        Row::of(&keys::NAME, Shown::Text(resource.name.to_string())),
        Row::of(&keys::PRIORITY, Shown::Integer(resource.priority.into())),
        Row::of(&keys::SET, Shown::optional(resource.set.as_ref())),
        Row::of(&keys::START_ACTION, command(&resource.start_action)),
        Row::of(&keys::STOP_ACTION, command(&resource.stop_action)),
        Row::of(&keys::CHECK_COMMAND, Shown::optional(check.map(|check| &check.command))),
        Row::of(&keys::UNIT, Shown::optional(resource.unit.as_ref())),
        Row::of(&keys::INTERFACE_ACTIVATE, command(&resource.interface_activate)),
        Row::of(&keys::INTERFACE_ANNOUNCE, command(&resource.interface_announce)),
        Row::of(&keys::INTERFACE_DEACTIVATE, command(&resource.interface_deactivate)),
        Row::of(
            &keys::SHARED_ADDRESS,
            resource.shared.as_ref().map_or(Shown::Absent, |shared| Shown::list(&shared.addresses)),
        ),
        Row::of(
            &keys::SHARED_INTERFACE,
            Shown::optional(resource.shared.as_ref().map(|shared| &shared.interface)),
        ),
        Row::of(
            &keys::ANNOUNCE_REFRESH,
            resource.shared.as_ref().map_or(Shown::Absent, |shared| Shown::Seconds(shared.refresh)),
        ),
        Row::of(
            &keys::TRACK_INTERFACE,
            resource.shared.as_ref().map_or(Shown::Absent, |shared| Shown::Flag(shared.track.is_some())),
        ),
        Row::of(
            &keys::TRACK_DELAY,
            resource
                .shared
                .as_ref()
                .and_then(|shared| shared.track)
                .map_or(Shown::Absent, |track| Shown::Seconds(track.delay)),
        ),
        Row::of(
            &keys::ADDRESS_PROBE,
            resource.shared.as_ref().map_or(Shown::Absent, |shared| {
                Shown::Text(if shared.waits { AddressProbe::Wait } else { AddressProbe::Tell }.to_string())
            }),
        ),
        Row::of(&keys::PID_FILE, Shown::optional(resource.pid_file.as_ref().map(|path| path.display()))),
        seconds("heartbeat", vec![&keys::HEARTBEAT_INTERVALL, &keys::HEARTBEAT], resource.heartbeat),
        seconds("timeout", vec![&keys::TIMEOUT], resource.timeout),
        seconds("app-timeout", vec![&keys::APP_TIMEOUT], resource.app_timeout),
        Row::of(&keys::ACTION_USER, Shown::optional(resource.action_user.as_ref())),
        Row::of(&keys::ACTION_LIMITS, Shown::list(&resource.action_limits)),
        Row::of(&keys::APP_USER, Shown::optional(resource.app_user.as_ref())),
        Row::of(
            &keys::ACTION_TIMEOUT,
            Shown::Timeouts { actions: resource.action_timeout, interface: resource.interface_timeout },
        ),
        seconds("going-hot-timeout", vec![&keys::GOING_HOT_TIMEOUT], resource.going_hot_timeout),
        seconds("going-standby-timeout", vec![&keys::GOING_STANDBY_TIMEOUT], resource.going_standby_timeout),
        seconds("startup-delay", vec![&keys::STARTUP_DELAY], resource.startup_delay),
        seconds("hold-back", vec![&keys::HOLD_BACK], resource.hold_back),
        seconds("hold-back-max", vec![&keys::HOLD_BACK_MAX], resource.hold_back_max),
        Row::of(&keys::PREEMPT, Shown::Flag(resource.preempt)),
        Row::of(&keys::POLICY, Shown::Text(resource.policy.to_string())),
        Row::of(
            &keys::PROMISE,
            if resource.policy == PolicyWord::Consistent {
                Shown::Seconds(resource.promise)
            } else {
                Shown::Absent
            },
        ),
        Row::of(&keys::ON_ISOLATION, Shown::Text(resource.on_isolation.to_string())),
        Row::of(&keys::FENCE_ACTION, Shown::optional(fence.map(|fence| &fence.command))),
        Row::of(&keys::FENCE_TIMEOUT, fence.map_or(Shown::Absent, |fence| Shown::Seconds(fence.timeout))),
        Row::of(
            &keys::FENCE_RETRIES,
            fence.map_or(Shown::Absent, |fence| Shown::Integer(fence.retries.into())),
        ),
        check_seconds(&keys::CHECK_INTERVAL, |check| check.interval),
        check_seconds(&keys::CHECK_TIMEOUT, |check| check.timeout),
        check_count(&keys::CHECK_RISE, |check| check.rise),
        check_count(&keys::CHECK_FALL, |check| check.fall),
    ]
}

/// One effective value.
pub(super) struct Row {
    /// Mostly the key.
    pub label: &'static str,
    value: Shown,
    /// The keys that decide it.
    keys: Vec<&'static Key>,
}

impl Row {
    /// The value of one key.
    fn of(key: &'static Key, value: Shown) -> Row {
        Row { label: key.name, value, keys: vec![key] }
    }

    /// The value for people. For a value that is not set: the meaning of that.
    pub fn text(&self) -> String {
        match &self.value {
            Shown::Text(text) => text.clone(),
            Shown::Integer(number) => number.to_string(),
            Shown::Timeouts { actions, interface } if actions != interface => {
                format!("{} s, {} s for interface commands", actions.as_secs_f64(), interface.as_secs_f64())
            }
            Shown::Seconds(duration) | Shown::Timeouts { actions: duration, .. } => {
                format!("{} s", duration.as_secs_f64())
            }
            Shown::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
            Shown::List(items) => items.join(", "),
            Shown::Absent => {
                let default = self.keys.first().map_or("none", |key| key.default);
                default.split(';').next().unwrap_or_default().to_owned()
            }
        }
    }

    /// Where a value comes from, unless it was written in the group itself.
    pub fn origin(&self, own: Option<&Group>, core: Option<&Group>) -> &'static str {
        let in_group = |group: Option<&Group>| {
            let Some(group) = group else { return false };
            let mut keys = self.keys.iter().filter(|key| key.place.allows(group.kind));
            keys.any(|key| group.entries.contains_key(key.name))
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

/// The values that differ, as `heartbeat 2 s -> 0.5 s`. Of commands the key alone: not everybody who asks may read the file.
fn differences(old: &[Row], new: &[Row]) -> Vec<String> {
    let pairs = old.iter().zip(new).filter(|(old, new)| old.text() != new.text());
    let told = |(old, new): (&Row, &Row)| {
        if new.keys.iter().any(|key| key.kind == Kind::Command) {
            return new.label.to_owned();
        }
        format!("{} {} -> {}", new.label, old.text(), new.text())
    };
    pairs.map(told).collect()
}

/// How two `core` groups differ.
pub fn core_differences(old: &Core, new: &Core) -> Vec<String> {
    differences(&core_rows(old), &core_rows(new))
}

/// How two resources differ.
pub fn resource_differences(old: &Resource, new: &Resource) -> Vec<String> {
    differences(&resource_rows(old), &resource_rows(new))
}

/// A value as it is shown.
enum Shown {
    Text(String),
    Integer(i64),
    Seconds(Duration),
    /// Of start and stop, and of interface commands, which differ if nobody has set them.
    Timeouts {
        actions: Duration,
        interface: Duration,
    },
    Flag(bool),
    List(Vec<String>),
    /// Not set; the table of keys has the meaning.
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
            Shown::Seconds(duration) | Shown::Timeouts { actions: duration, .. } => {
                serializer.serialize_f64(duration.as_secs_f64())
            }
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
