//! A `resource` group, and what it inherits from `core`.

use std::time::Duration;

use super::Resource;
use super::command;
use super::diagnostic::excerpt;
use super::document::Syntax;
use super::fields::Fields;

const HEARTBEAT: Duration = Duration::from_secs(2);
/// Fewer than two lost datagrams in a row must not look like death (T1).
const HEARTBEATS_IN_TIMEOUT: u32 = 3;
/// The application's own heartbeat is 1.5 s whatever ours is, hence a floor (T3).
const APP_TIMEOUT_MIN: Duration = Duration::from_secs(10);
const HEARTBEATS_IN_APP_TIMEOUT: u32 = 5;
const ACTION_TIMEOUT: Duration = Duration::from_secs(30);
const INTERFACE_TIMEOUT: Duration = Duration::from_secs(5);
const GOING_HOT_TIMEOUT: Duration = Duration::from_secs(20);
const GOING_STANDBY_TIMEOUT: Duration = Duration::from_secs(6);

/// What `core` says for all resources.
#[derive(Debug, Default)]
pub(super) struct Inherited {
    heartbeat: Option<Duration>,
    timeout: Option<Duration>,
    limits: Limits,
}

impl Inherited {
    /// Reads them from the `core` group.
    pub fn read(fields: &mut Fields<'_>) -> Inherited {
        let heartbeat = fields.seconds("heartbeat");
        let timeout = fields.seconds("timeout");
        let least = HEARTBEATS_IN_TIMEOUT * heartbeat.unwrap_or(HEARTBEAT);
        if let (Some(timeout), Some(entry)) = (timeout, fields.entry("timeout"))
            && timeout < least
        {
            let what = format!("is less than 3 × heartbeat, {} is used", seconds(least));
            fields.warn("timeout", entry, &what, "make `heartbeat` shorter");
        }
        Inherited { heartbeat, timeout, limits: Limits::read(fields) }
    }
}

/// What may stand in `core` and in a resource.
#[derive(Debug, Default)]
struct Limits {
    app: Option<Duration>,
    action: Option<Duration>,
    going_hot: Option<Duration>,
    going_standby: Option<Duration>,
    startup_delay: Option<Duration>,
    preempt: Option<bool>,
}

impl Limits {
    fn read(fields: &mut Fields<'_>) -> Limits {
        Limits {
            app: fields.seconds("app-timeout"),
            action: fields.seconds("action-timeout"),
            going_hot: fields.seconds("going-hot-timeout"),
            going_standby: fields.seconds("going-standby-timeout"),
            startup_delay: fields.seconds("startup-delay"),
            preempt: fields.yes_no("preempt"),
        }
    }
}

/// The resource, or `None` if it has no usable name.
pub(super) fn read(fields: &mut Fields<'_>, core: &Inherited) -> Option<Resource> {
    let name = name(fields);
    let own = Limits::read(fields);
    let heartbeat = fields.seconds("heartbeat-intervall").or(core.heartbeat).unwrap_or(HEARTBEAT);
    let action_timeout = own.action.or(core.limits.action);
    let app_timeout = own.app.or(core.limits.app);
    let resource = Resource {
        name: String::new(),
        priority: priority(fields),
        start_action: command(fields, "start-action"),
        stop_action: command(fields, "stop-action"),
        interface_activate: command(fields, "interface-activate"),
        interface_deactivate: command(fields, "interface-deactivate"),
        pid_file: fields.path("pid-file"),
        heartbeat,
        timeout: timeout(fields, heartbeat, core),
        app_timeout: app_timeout.unwrap_or(APP_TIMEOUT_MIN.max(HEARTBEATS_IN_APP_TIMEOUT * heartbeat)),
        going_hot_timeout: own.going_hot.or(core.limits.going_hot).unwrap_or(GOING_HOT_TIMEOUT),
        going_standby_timeout: own
            .going_standby
            .or(core.limits.going_standby)
            .unwrap_or(GOING_STANDBY_TIMEOUT),
        startup_delay: own.startup_delay.or(core.limits.startup_delay).unwrap_or_default(),
        action_timeout: action_timeout.unwrap_or(ACTION_TIMEOUT),
        interface_timeout: action_timeout.unwrap_or(INTERFACE_TIMEOUT),
        preempt: own.preempt.or(core.limits.preempt).unwrap_or_default(),
    };
    Some(Resource { name: name?, ..resource })
}

fn name(fields: &mut Fields<'_>) -> Option<String> {
    fields.require("name", "the resource-id that the application uses");
    let entry = fields.entry("name")?;
    if entry.value.chars().any(char::is_control) {
        fields.error("name", entry, "has a control character", "remove it");
    } else if !schrittmacher_wire::is_sendable_name(&entry.value) {
        fields.error(
            "name",
            entry,
            &format!("is longer than {} bytes", schrittmacher_wire::MAX_NAME),
            "it has to fit into a datagram, where \" and \\ count as two",
        );
    }
    Some(entry.value.clone())
}

/// As 2.0.0 read it, since the peer compares it with its own: what is no number is 0, and what has more than
/// 32 bits loses the upper ones.
fn priority(fields: &mut Fields<'_>) -> i32 {
    let Some(entry) = fields.entry("priority") else { return 0 };
    let Some(number) = fields.integer_prefix("priority", entry) else {
        fields.warn("priority", entry, "is not a number: 0 is used", "an integer");
        return 0;
    };
    i32::try_from(number).unwrap_or_else(|_| {
        #[expect(clippy::cast_possible_truncation, reason = "the legacy conversion keeps the lower 32 bits")]
        let kept = number as i32;
        let what = format!("does not fit into 32 bits: {kept} is used");
        fields.warn("priority", entry, &what, "write a smaller number");
        kept
    })
}

fn timeout(fields: &mut Fields<'_>, heartbeat: Duration, core: &Inherited) -> Duration {
    let least = HEARTBEATS_IN_TIMEOUT * heartbeat;
    let Some(wanted) = core.timeout else { return least };
    // Where the heartbeat is that of `core`, `core` has been warned about already.
    if let (true, Some(entry)) = (wanted < least, fields.entry("heartbeat-intervall")) {
        let what = format!("is more than a third of `timeout`: {} is used for this resource", seconds(least));
        fields.warn("heartbeat-intervall", entry, &what, "make `timeout` in `core` longer");
    }
    wanted.max(least)
}

/// The command, with a warning where the shell can't understand it, or not as it looks.
fn command(fields: &mut Fields<'_>, name: &'static str) -> Option<String> {
    let command = fields.text(name)?;
    let entry = fields.entry(name)?;
    if let Some(quote) = command::open_quote(&command) {
        let hint = match fields.group.syntax {
            Syntax::Legacy => "quotes at both ends of a value are removed; use other ones there",
            Syntax::Toml => "the shell will refuse it",
        };
        fields.warn(name, entry, &format!("has a {quote} without its counterpart"), hint);
    }
    if let Some(space) = command::foreign_space(&command) {
        let what = format!("contains {}, which does not divide words", excerpt(&space.to_string()));
        fields.warn(name, entry, &what, "write an ordinary blank");
    }
    Some(command)
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}
