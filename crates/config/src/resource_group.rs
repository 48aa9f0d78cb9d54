//! A `resource` group, and what it inherits from `core`.

use std::sync::Arc;
use std::time::Duration;

use schrittmacher_text::is_layout;

use super::command;
use super::diagnostic::excerpt;
use super::document::{Entry, Syntax};
use super::fence::FenceKeys;
use super::fields::Fields;
use super::keys::{self, Key};
use super::rights::{self, ActionLimit};
use super::shared::{self, CoreShared};
use super::unit;
use super::user::{self, AppUser};
use super::words::{OnIsolationWord, PolicyWord};
use super::{Check, Resource, ResourceValues};

const HEARTBEAT: Duration = Duration::from_secs(2);
/// Fewer than two lost datagrams in a row must not look like death (T1).
const HEARTBEATS_IN_TIMEOUT: u32 = 3;
/// The application's own heartbeat is 1.5 s at any heartbeat of ours, hence a floor (T3).
const APP_TIMEOUT_MIN: Duration = Duration::from_secs(10);
const HEARTBEATS_IN_APP_TIMEOUT: u32 = 5;
/// A restart of the bus, or of systemd, must not look like the silence of a unit: systemd is asked every 2 s and has 5 s.
const UNIT_TIMEOUT_MIN: Duration = Duration::from_secs(10);
const ACTION_TIMEOUT: Duration = Duration::from_secs(30);
const INTERFACE_TIMEOUT: Duration = Duration::from_secs(5);
const GOING_HOT_TIMEOUT: Duration = Duration::from_secs(20);
const GOING_STANDBY_TIMEOUT: Duration = Duration::from_secs(6);
const HOLD_BACK: Duration = Duration::from_secs(5);
const HOLD_BACK_MAX: Duration = Duration::from_secs(300);
const CHECK_INTERVAL: Duration = Duration::from_secs(2);
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);
const CHECK_RISE: u32 = 1;
const CHECK_FALL: u32 = 2;

/// The values that `core` sets for all resources.
#[derive(Debug, Default)]
pub(super) struct Inherited {
    heartbeat: Option<Duration>,
    timeout: Option<Duration>,
    limits: Limits,
    app_user: Option<AppUser>,
    pub shared: CoreShared,
}

impl Inherited {
    /// Reads them from the `core` group.
    pub fn read(fields: &mut Fields<'_>) -> Inherited {
        let heartbeat = fields.seconds(&keys::HEARTBEAT);
        let timeout = fields.seconds(&keys::TIMEOUT);
        let least = HEARTBEATS_IN_TIMEOUT * heartbeat.unwrap_or(HEARTBEAT);
        if let (Some(timeout), Some(entry)) = (timeout, fields.entry(&keys::TIMEOUT))
            && timeout < least
        {
            let what = format!("is less than 3 × heartbeat, {} is used", seconds(least));
            fields.warn(&keys::TIMEOUT, entry, &what, "make `heartbeat` shorter");
        }
        let (limits, app_user) = (Limits::read(fields), user::read(fields));
        Inherited { heartbeat, timeout, limits, app_user, shared: CoreShared::read(fields) }
    }
}

/// The values that both `core` and a resource may have.
#[derive(Debug, Default)]
struct Limits {
    app: Option<Duration>,
    action: Option<Duration>,
    going_hot: Option<Duration>,
    going_standby: Option<Duration>,
    startup_delay: Option<Duration>,
    hold_back: Option<Duration>,
    hold_back_max: Option<Duration>,
    preempt: Option<bool>,
    policy: Option<PolicyWord>,
    on_isolation: Option<OnIsolationWord>,
    promise: Option<Duration>,
    check_interval: Option<Duration>,
    check_timeout: Option<Duration>,
    check_rise: Option<u32>,
    check_fall: Option<u32>,
    action_user: Option<String>,
    action_limits: Option<Vec<ActionLimit>>,
    fence: FenceKeys,
}

impl Limits {
    fn read(fields: &mut Fields<'_>) -> Limits {
        Limits {
            app: fields.seconds(&keys::APP_TIMEOUT),
            action: fields.seconds(&keys::ACTION_TIMEOUT),
            going_hot: fields.seconds(&keys::GOING_HOT_TIMEOUT),
            going_standby: fields.seconds(&keys::GOING_STANDBY_TIMEOUT),
            startup_delay: fields.seconds(&keys::STARTUP_DELAY),
            hold_back: fields.seconds(&keys::HOLD_BACK),
            hold_back_max: fields.seconds(&keys::HOLD_BACK_MAX),
            preempt: fields.yes_no(&keys::PREEMPT),
            policy: fields.word(&keys::POLICY),
            on_isolation: fields.word(&keys::ON_ISOLATION),
            promise: fields.seconds(&keys::PROMISE),
            check_interval: fields.seconds(&keys::CHECK_INTERVAL),
            check_timeout: fields.seconds(&keys::CHECK_TIMEOUT),
            check_rise: fields.count(&keys::CHECK_RISE),
            check_fall: fields.count(&keys::CHECK_FALL),
            action_user: fields.text(&keys::ACTION_USER),
            action_limits: rights::limits(fields, &keys::ACTION_LIMITS),
            fence: FenceKeys::read(fields),
        }
    }
}

/// The resource, or `None` if it has no usable name.
pub(super) fn read(fields: &mut Fields<'_>, core: &Inherited) -> Option<Resource> {
    let name = name(fields);
    let own = Limits::read(fields);
    let heartbeat = fields.seconds(&keys::HEARTBEAT_INTERVALL).or(core.heartbeat).unwrap_or(HEARTBEAT);
    let action_timeout = own.action.or(core.limits.action);
    let check = check(fields, &own, &core.limits);
    let unit = unit::read(fields);
    let app_timeout =
        own.app.or(core.limits.app).unwrap_or(APP_TIMEOUT_MIN.max(HEARTBEATS_IN_APP_TIMEOUT * heartbeat));
    let app_timeout = app_timeout.max(check.as_ref().map_or(Duration::ZERO, longest_silence));
    let app_timeout = if unit.is_some() { app_timeout.max(UNIT_TIMEOUT_MIN) } else { app_timeout };
    let timeout = timeout(fields, heartbeat, core);
    let hold_back = own.hold_back.or(core.limits.hold_back).unwrap_or(HOLD_BACK);
    let values = ResourceValues {
        priority: priority(fields),
        set: set(fields),
        start_action: command(fields, &keys::START_ACTION),
        stop_action: command(fields, &keys::STOP_ACTION),
        check,
        unit,
        interface_activate: command(fields, &keys::INTERFACE_ACTIVATE),
        interface_announce: command(fields, &keys::INTERFACE_ANNOUNCE),
        interface_deactivate: command(fields, &keys::INTERFACE_DEACTIVATE),
        pid_file: fields.path(&keys::PID_FILE),
        app_user: user::read(fields).or_else(|| core.app_user.clone()),
        shared: shared::read(fields, &core.shared, heartbeat),
        heartbeat,
        timeout,
        app_timeout,
        going_hot_timeout: own.going_hot.or(core.limits.going_hot).unwrap_or(GOING_HOT_TIMEOUT),
        going_standby_timeout: own
            .going_standby
            .or(core.limits.going_standby)
            .unwrap_or(GOING_STANDBY_TIMEOUT),
        startup_delay: own.startup_delay.or(core.limits.startup_delay).unwrap_or_default(),
        hold_back,
        hold_back_max: own
            .hold_back_max
            .or(core.limits.hold_back_max)
            .unwrap_or(HOLD_BACK_MAX)
            .max(hold_back),
        action_user: own.action_user.or_else(|| core.limits.action_user.clone()),
        action_limits: own.action_limits.or_else(|| core.limits.action_limits.clone()).unwrap_or_default(),
        action_timeout: action_timeout.unwrap_or(ACTION_TIMEOUT),
        interface_timeout: action_timeout.unwrap_or(INTERFACE_TIMEOUT),
        preempt: own.preempt.or(core.limits.preempt).unwrap_or_default(),
        policy: own.policy.or(core.limits.policy).unwrap_or(PolicyWord::Available),
        on_isolation: own.on_isolation.or(core.limits.on_isolation).unwrap_or(OnIsolationWord::Keep),
        fence: own.fence.or(&core.limits.fence),
        promise: promise(fields, own.promise.or(core.limits.promise), timeout),
    };
    Some(Resource { name: name?.into(), values: Arc::new(values) })
}

/// A word of the peer has to outlast its heartbeats.
fn promise(fields: &mut Fields<'_>, wanted: Option<Duration>, timeout: Duration) -> Duration {
    let promise = wanted.unwrap_or(Duration::from_secs(1)).max(timeout);
    if let (Some(entry), true) = (fields.entry(&keys::PROMISE), wanted.is_some_and(|wanted| wanted < timeout))
    {
        let what = format!("is less than `timeout`, {} is used", seconds(timeout));
        fields.warn(&keys::PROMISE, entry, &what, "a longer `promise`, or a shorter `timeout`");
    }
    promise
}

/// The values of `check-command` and its keys.
fn check(fields: &mut Fields<'_>, own: &Limits, core: &Limits) -> Option<Check> {
    let command = command(fields, &keys::CHECK_COMMAND)?;
    let entry = fields.entry(&keys::CHECK_COMMAND)?;
    for key in [&keys::START_ACTION, &keys::STOP_ACTION] {
        if fields.entry(key).is_none() {
            let what = format!("needs a `{}` beside it", key.name);
            fields.error(
                &keys::CHECK_COMMAND,
                entry,
                &what,
                "a checked application gets no signals: it is started and stopped by commands",
            );
        }
    }
    Some(Check {
        command,
        interval: own.check_interval.or(core.check_interval).unwrap_or(CHECK_INTERVAL),
        timeout: own.check_timeout.or(core.check_timeout).unwrap_or(CHECK_TIMEOUT),
        rise: own.check_rise.or(core.check_rise).unwrap_or(CHECK_RISE),
        fall: own.check_fall.or(core.check_fall).unwrap_or(CHECK_FALL),
    })
}

/// How long the results of two checks may be apart: the second one hangs and has to be killed. The daemon's own reports
/// must not look like the application's silence.
fn longest_silence(check: &Check) -> Duration {
    check.interval + check.timeout + Duration::from_secs(10)
}

fn name(fields: &mut Fields<'_>) -> Option<String> {
    fields.require(&keys::NAME, "the resource-id that the application uses");
    let entry = fields.entry(&keys::NAME)?;
    if entry.value.chars().any(char::is_control) {
        fields.error(&keys::NAME, entry, "has a control character", "remove it");
    } else if !schrittmacher_wire::is_sendable_name(&entry.value) {
        fields.error(
            &keys::NAME,
            entry,
            &format!("is longer than {} bytes", schrittmacher_wire::MAX_NAME),
            "it has to fit into a datagram, where \" and \\ count as two",
        );
    } else {
        warn_of_unseen(fields, &keys::NAME, entry);
    }
    Some(entry.value.clone())
}

fn set(fields: &mut Fields<'_>) -> Option<String> {
    let set = fields.text(&keys::SET)?;
    let entry = fields.entry(&keys::SET)?;
    warn_of_unseen(fields, &keys::SET, entry);
    Some(set)
}

/// A file that has worked goes on to (C1).
fn warn_of_unseen(fields: &mut Fields<'_>, key: &'static Key, entry: &Entry) {
    if let Some(c) = entry.value.chars().find(|c| is_layout(*c)) {
        let what = format!(
            "has U+{:04X}, which is not seen: it is another name than the one it looks like",
            u32::from(c)
        );
        fields.warn(key, entry, &what, "remove it, on both hosts");
    }
}

/// As 2.0.0 read it, since the peer compares it with its own. A text is 0, and a number of more than 32 bits
/// loses the upper ones.
fn priority(fields: &mut Fields<'_>) -> i32 {
    let Some(entry) = fields.entry(&keys::PRIORITY) else { return 0 };
    let Some(number) = fields.integer_prefix(&keys::PRIORITY, entry) else {
        fields.warn(&keys::PRIORITY, entry, "is not a number: 0 is used", "an integer");
        return 0;
    };
    i32::try_from(number).unwrap_or_else(|_| {
        #[expect(clippy::cast_possible_truncation, reason = "the legacy conversion keeps the lower 32 bits")]
        let kept = number as i32;
        let what = format!("does not fit into 32 bits: {kept} is used");
        fields.warn(&keys::PRIORITY, entry, &what, "write a smaller number");
        kept
    })
}

fn timeout(fields: &mut Fields<'_>, heartbeat: Duration, core: &Inherited) -> Duration {
    let least = HEARTBEATS_IN_TIMEOUT * heartbeat;
    let Some(wanted) = core.timeout else { return least };
    // Where the heartbeat is that of `core`, `core` has been warned about already.
    if let (true, Some(entry)) = (wanted < least, fields.entry(&keys::HEARTBEAT_INTERVALL)) {
        let what = format!("is more than a third of `timeout`: {} is used for this resource", seconds(least));
        fields.warn(&keys::HEARTBEAT_INTERVALL, entry, &what, "make `timeout` in `core` longer");
    }
    wanted.max(least)
}

/// The command, with a warning if the shell cannot read it, or reads it in another way than it looks.
pub(super) fn command(fields: &mut Fields<'_>, key: &'static Key) -> Option<String> {
    let command = fields.text(key)?;
    let entry = fields.entry(key)?;
    if let Some(quote) = command::open_quote(&command) {
        let hint = match fields.group.syntax {
            Syntax::Legacy => "quotes at both ends of a value are removed; use other ones there",
            Syntax::Toml => "the shell will refuse it",
        };
        fields.warn(key, entry, &format!("has a {quote} without its counterpart"), hint);
    }
    if let Some(word) = command::swallowed_words(&command) {
        let what = format!("is one word for the shell: {}", excerpt(&word));
        fields.warn(
            key,
            entry,
            &what,
            "quotes at both ends of a value are removed; put '...' around single words",
        );
    }
    if let Some(quote) = command::typographic_quote(&command) {
        let what = format!("has a {quote}, which is no quote for the shell");
        fields.warn(key, entry, &what, "write \" or '");
    }
    if let Some(space) = command::foreign_space(&command) {
        let what = format!("contains {}, which does not divide words", excerpt(&space.to_string()));
        fields.warn(key, entry, &what, "write an ordinary blank");
    }
    Some(command)
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}
