//! The `core` group.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use log::LevelFilter;

use super::auth;
use super::control_socket;
use super::diagnostic::Findings;
use super::document::Document;
use super::fields::Fields;
use super::isolation;
use super::keys::{self, DEFAULT_STATE_DIRECTORY, Key};
use super::number::leading_integer;
use super::paths;
use super::resource_group;
use super::witness;
use super::words::{Alone, Extensions, HttpControl, LogTime, Realtime};
use super::{Core, OnExit, Resource, ScriptAddresses, Security};

/// The group, or `None` if a mandatory key is missing or wrong. The times for all resources are not in it:
/// they are in [`super::resource_group::Inherited`].
pub(super) fn read(
    fields: &mut Fields<'_>,
    shared_address: Option<IpAddr>,
    document: &Document,
) -> Option<Core> {
    let ends = ends(fields);
    fields.require(&keys::PORT, "a line like `port = 7700`");
    let port = fields.port(&keys::PORT);
    let http_port = http_port(fields);
    let http_address = fields.addresses(&keys::HTTP_ADDRESS);
    let http_host = fields.names(&keys::HTTP_HOST);
    let app_address = fields.addresses(&keys::APP_ADDRESS);
    let security = fields.word(&keys::SECURITY).unwrap_or(Security::Legacy);
    let order_tokens = auth::read_tokens(fields, document.token_text.as_ref());
    let http_control = http_control(fields, security);
    let run_directory = run_directory(fields);
    let control_group = fields.text(&keys::CONTROL_GROUP);
    let netmask = fields.text(&keys::NETMASK);
    let log_file = log_file(fields);
    let log_syslog = fields.word(&keys::LOG_SYSLOG);
    let log_syslog_server = log_syslog_server(fields);
    let log_level = log_level(fields);
    let log_time = fields.word(&keys::LOG_TIME).unwrap_or(LogTime::Seconds);
    let notify = resource_group::command(fields, &keys::NOTIFY);
    let script_addresses = fields.word(&keys::SCRIPT_ADDRESSES).unwrap_or(ScriptAddresses::Plain);
    let on_exit = fields.word(&keys::ON_EXIT).unwrap_or(OnExit::Handover);
    let extensions = fields.word(&keys::EXTENSIONS) != Some(Extensions::Off);
    let auth = auth::read(fields, document.key_text.as_ref(), extensions);
    let state_directory = directory(fields, &keys::STATE_DIRECTORY, DEFAULT_STATE_DIRECTORY);
    let alone = fields.word(&keys::ALONE).unwrap_or(Alone::Go);
    let realtime = fields.word(&keys::REALTIME).unwrap_or(Realtime::Auto);
    let more_paths = paths::read(fields, ends, extensions);
    let watchdog = watchdog(fields);
    let witness = witness::read(fields, document);
    let ping = isolation::read(fields, ends);
    let ping_timeout = fields.seconds(&keys::PING_TIMEOUT);
    let (local_address, remote_address) = ends?;
    let core = Core {
        local_address,
        remote_address,
        more_paths,
        shared_address,
        netmask,
        port: port?,
        http_port,
        http_address,
        http_host,
        app_address,
        http_control,
        order_tokens,
        run_directory,
        control_group,
        log_file,
        log_syslog,
        log_syslog_server,
        log_level,
        log_time,
        notify,
        script_addresses,
        on_exit,
        extensions,
        state_directory,
        alone,
        realtime,
        watchdog,
        witness,
        ping,
        ping_timeout,
        security,
        auth,
    };
    warn_of_open_doors(fields, &core);
    control_socket::check_length(fields, &core);
    Some(core)
}

/// Both ends of the peer link: of one family, and not the same (A1: 2.0.0 talked to itself for ever).
fn ends(fields: &mut Fields<'_>) -> Option<(IpAddr, IpAddr)> {
    fields.require(&keys::LOCAL_ADDRESS, "the address of this host on the link to its peer");
    fields.require(&keys::REMOTE_ADDRESS, "the address of the peer as seen from this host");
    let (local, remote) =
        (fields.end_address(&keys::LOCAL_ADDRESS), fields.end_address(&keys::REMOTE_ADDRESS));
    let (local, remote) = (local?, remote?);
    let wrong = if local == remote {
        Some(("is also `local-address`", "write the address of the other host"))
    } else if local.is_ipv4() != remote.is_ipv4() {
        Some(("is not of the same family as `local-address`", "both IPv4 or both IPv6"))
    } else {
        None
    };
    if let (Some((what, hint)), Some(entry)) = (wrong, fields.entry(&keys::REMOTE_ADDRESS)) {
        fields.error(&keys::REMOTE_ADDRESS, entry, what, hint);
        return None;
    }
    Some((local, remote))
}

/// 0 or less is no page; so is a text, which 2.0.0 read as 0.
fn http_port(fields: &mut Fields<'_>) -> Option<u16> {
    let entry = fields.entry(&keys::HTTP_PORT)?;
    match leading_integer(&entry.value) {
        Some((number, "")) if number <= 0 => None,
        Some(_) => fields.port(&keys::HTTP_PORT),
        None => {
            fields.warn(
                &keys::HTTP_PORT,
                entry,
                "is not a number: no status page",
                "a number, 0 for no page",
            );
            None
        }
    }
}

/// `log-dir`/`log-file` unless the file is absolute, as 2.0.0 joined them; `log-dir` alone is enough (C4).
fn log_file(fields: &mut Fields<'_>) -> Option<PathBuf> {
    match (fields.path(&keys::LOG_DIR), fields.path(&keys::LOG_FILE)) {
        (Some(dir), Some(file)) => Some(dir.join(file)),
        (Some(dir), None) => Some(dir.join("schrittmacher.log")),
        (None, file) => file,
    }
}

/// Also for a program that looks for the socket.
pub(super) fn run_directory(fields: &mut Fields<'_>) -> PathBuf {
    directory(fields, &keys::RUN_DIRECTORY, schrittmacher_wire::RUN_DIRECTORY)
}

/// The daemon may have another current directory than the next one with the same configuration.
fn directory(fields: &mut Fields<'_>, key: &'static Key, default: &str) -> PathBuf {
    let directory = fields.path(key).unwrap_or_else(|| default.into());
    if let (Some(entry), true) = (fields.entry(key), directory.is_relative()) {
        fields.error(key, entry, "is not an absolute path", "begin it with /");
    }
    directory
}

/// The daemon may have another current directory than the operator.
fn watchdog(fields: &mut Fields<'_>) -> Option<PathBuf> {
    let device = fields.path(&keys::WATCHDOG)?;
    if let (Some(entry), true) = (fields.entry(&keys::WATCHDOG), device.is_relative()) {
        fields.error(&keys::WATCHDOG, entry, "is not an absolute path", "begin it with /");
    }
    Some(device)
}

/// The shortest time of a device is a second.
pub(super) fn check_watchdog(document: &Document, resources: &[Resource], findings: &mut Findings) {
    const LEAST: Duration = Duration::from_secs(1);
    let entry = document.core().and_then(|core| core.entries.get(keys::WATCHDOG.name));
    let Some(entry) = entry.filter(|entry| !entry.value.is_empty()) else { return };
    if let Some(short) = resources.iter().find(|one| one.timeout.saturating_sub(one.heartbeat) < LEAST) {
        let message = format!(
            "`watchdog`: a device has a second at least, but the peer may take {} over {} s after its last heartbeat",
            short.name,
            short.timeout.saturating_sub(short.heartbeat).as_secs_f64()
        );
        findings.warn(
            &entry.at,
            message,
            "`timeout` has to be a second more than `heartbeat`, or both may be hot",
        );
    }
}

/// Without `log-syslog` nothing would be sent to the server that the file names: a mistake.
fn log_syslog_server(fields: &mut Fields<'_>) -> Option<SocketAddr> {
    let key = &keys::LOG_SYSLOG_SERVER;
    let server = fields.server(key)?;
    if let (Some(entry), None) = (fields.entry(key), fields.entry(&keys::LOG_SYSLOG)) {
        let hint = format!("add {}", fields.group.syntax.key_line("log-syslog", "daemon"));
        fields.error(key, entry, "means nothing without `log-syslog`", &hint);
        return None;
    }
    Some(server)
}

/// Legacy's six levels on the five of [`log`]; MINOR and MAJOR are both errors.
fn log_level(fields: &mut Fields<'_>) -> LevelFilter {
    const DEFAULT: LevelFilter = LevelFilter::Info;
    const NAMES: &str =
        "off, panic, major, minor, warning, info, debug, or a number from 5 (panic) to 0 (debug)";
    let Some(entry) = fields.entry(&keys::LOG_LEVEL) else { return DEFAULT };
    match entry.value.to_ascii_lowercase().as_str() {
        "off" => return LevelFilter::Off,
        "panic" | "major" | "minor" | "error" => return LevelFilter::Error,
        "warning" | "warn" => return LevelFilter::Warn,
        "info" => return LevelFilter::Info,
        "debug" => return LevelFilter::Debug,
        _ => {}
    }
    match fields.integer_prefix(&keys::LOG_LEVEL, entry) {
        Some(0) => LevelFilter::Debug,
        Some(1) => LevelFilter::Info,
        Some(2) => LevelFilter::Warn,
        Some(3..=5) => LevelFilter::Error,
        Some(_) | None => {
            fields.warn(&keys::LOG_LEVEL, entry, "is not known, info is used", NAMES);
            DEFAULT
        }
    }
}

/// In strict an order comes by the control socket, or with a token (A5). A token that nobody needs would be pointless.
fn http_control(fields: &mut Fields<'_>, security: Security) -> HttpControl {
    let word = fields.word(&keys::HTTP_CONTROL);
    if security != Security::Strict {
        let has_tokens = fields.entry(&keys::ORDER_TOKEN_FILE).is_some();
        return word.unwrap_or(if has_tokens { HttpControl::None } else { HttpControl::All });
    }
    if let (Some(entry), Some(HttpControl::All | HttpControl::Loopback)) =
        (fields.entry(&keys::HTTP_CONTROL), word)
    {
        let hint = "take it away: `schrittmacherctl` gives orders by the control socket, others with a token of `order-token-file`";
        fields.error(&keys::HTTP_CONTROL, entry, "is weaker than `security` = \"strict\"", hint);
    }
    HttpControl::None
}

/// A5: an open daemon is warned about.
fn warn_of_open_doors(fields: &mut Fields<'_>, core: &Core) {
    if fields.entry(&keys::SECURITY).is_some() {
        return;
    }
    let mut message = "no `security` line: ".to_owned();
    message += &if core.peer_has_to_sign() {
        "any user of this host can speak for the applications".to_owned()
    } else {
        format!("every sender with the address {} is taken for the peer", core.remote_address)
    };
    let syntax = fields.group.syntax;
    let mut hint = format!("if that is meant, add {}", syntax.key_line("security", "legacy"));
    let page_everywhere = core.http_address.is_empty() && !core.local_address.is_loopback();
    let page_obeys = core.http_control == HttpControl::All;
    if let (Some(port), true, true) = (core.http_port, page_everywhere, page_obeys) {
        message += &format!(", and every client of TCP port {port} can switch the resources");
        let line = syntax.key_line("http-control", "loopback");
        hint += &format!("; to take orders from this host alone, add {line}");
    }
    fields.findings.warn(&fields.group.at, message, &hint);
}
