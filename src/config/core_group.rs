//! The `core` group.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use log::LevelFilter;

use super::fields::Fields;
use super::number::leading_integer;
use super::{Core, Facility, OnExit, ScriptAddresses, Security};

/// The group, or `None` if a mandatory key is missing or wrong. The times for all resources are not in it:
/// they are in [`super::resource_group::Inherited`].
pub(super) fn read(fields: &mut Fields<'_>) -> Option<Core> {
    let ends = ends(fields);
    fields.require("port", "a line like `port = 7700`");
    let port = fields.port("port");
    let http_port = http_port(fields);
    let http_address = fields.addresses("http-address");
    let http_host = fields.names("http-host");
    let app_address = fields.addresses("app-address");
    let shared_address = fields.address("shared-address");
    let netmask = fields.text("netmask");
    let log_file = log_file(fields);
    let log_syslog = fields.word("log-syslog").and_then(Facility::from_name);
    let log_syslog_server = log_syslog_server(fields);
    let log_level = log_level(fields);
    let script_addresses = match fields.word("script-addresses") {
        Some("legacy") => ScriptAddresses::Legacy,
        Some(_) | None => ScriptAddresses::Plain,
    };
    let on_exit = match fields.word("on-exit") {
        Some("leave") => OnExit::Leave,
        Some(_) | None => OnExit::Handover,
    };
    let extensions = fields.word("extensions") != Some("off");
    let (local_address, remote_address) = ends?;
    let core = Core {
        local_address,
        remote_address,
        shared_address,
        netmask,
        port: port?,
        http_port,
        http_address,
        http_host,
        app_address,
        log_file,
        log_syslog,
        log_syslog_server,
        log_level,
        script_addresses,
        on_exit,
        extensions,
        security: Security::Legacy,
    };
    check_security(fields, &core);
    Some(core)
}

/// Both ends of the peer link: of one family, and not the same (A1: 2.0.0 talked to itself for ever).
fn ends(fields: &mut Fields<'_>) -> Option<(IpAddr, IpAddr)> {
    fields.require("local-address", "the address of this host on the link to its peer");
    fields.require("remote-address", "the address of the peer as seen from this host");
    let (local, remote) = (fields.end_address("local-address"), fields.end_address("remote-address"));
    let (local, remote) = (local?, remote?);
    let wrong = if local == remote {
        Some(("is also `local-address`", "write the address of the other host"))
    } else if local.is_ipv4() != remote.is_ipv4() {
        Some(("is not of the same family as `local-address`", "both IPv4 or both IPv6"))
    } else {
        None
    };
    if let (Some((what, hint)), Some(entry)) = (wrong, fields.entry("remote-address")) {
        fields.error("remote-address", entry, what, hint);
        return None;
    }
    Some((local, remote))
}

/// 0 or less is no page; so is a text, which 2.0.0 read as 0.
fn http_port(fields: &mut Fields<'_>) -> Option<u16> {
    let entry = fields.entry("http-port")?;
    match leading_integer(&entry.value) {
        Some((number, "")) if number <= 0 => None,
        Some(_) => fields.port("http-port"),
        None => {
            fields.warn("http-port", entry, "is not a number: no status page", "a number, 0 for no page");
            None
        }
    }
}

/// `log-dir`/`log-file` unless the file is absolute, as 2.0.0 joined them; `log-dir` alone is enough (C4).
fn log_file(fields: &mut Fields<'_>) -> Option<PathBuf> {
    match (fields.path("log-dir"), fields.path("log-file")) {
        (Some(dir), Some(file)) => Some(dir.join(file)),
        (Some(dir), None) => Some(dir.join("schrittmacher.log")),
        (None, file) => file,
    }
}

/// Without `log-syslog` nothing would be sent there, which nobody can mean who names a server.
fn log_syslog_server(fields: &mut Fields<'_>) -> Option<SocketAddr> {
    const NAME: &str = "log-syslog-server";
    let server = fields.server(NAME)?;
    if let (Some(entry), None) = (fields.entry(NAME), fields.entry("log-syslog")) {
        let hint = format!("add {}", fields.group.syntax.key_line("log-syslog", "daemon"));
        fields.error(NAME, entry, "means nothing without `log-syslog`", &hint);
        return None;
    }
    Some(server)
}

/// Legacy's six levels on the five of [`log`]; MINOR and MAJOR are both errors.
fn log_level(fields: &mut Fields<'_>) -> LevelFilter {
    const DEFAULT: LevelFilter = LevelFilter::Info;
    const NAMES: &str =
        "off, panic, major, minor, warning, info, debug, or a number from 5 (panic) to 0 (debug)";
    let Some(entry) = fields.entry("log-level") else { return DEFAULT };
    match entry.value.to_ascii_lowercase().as_str() {
        "off" => return LevelFilter::Off,
        "panic" | "major" | "minor" | "error" => return LevelFilter::Error,
        "warning" | "warn" => return LevelFilter::Warn,
        "info" => return LevelFilter::Info,
        "debug" => return LevelFilter::Debug,
        _ => {}
    }
    match fields.integer_prefix("log-level", entry) {
        Some(0) => LevelFilter::Debug,
        Some(1) => LevelFilter::Info,
        Some(2) => LevelFilter::Warn,
        Some(3..=5) => LevelFilter::Error,
        Some(_) | None => {
            fields.warn("log-level", entry, "is not known, info is used", NAMES);
            DEFAULT
        }
    }
}

/// A5: nothing is accepted that this version cannot do, and nobody is open without having been told so.
fn check_security(fields: &mut Fields<'_>, core: &Core) {
    if let Some(entry) = fields.entry("security") {
        if fields.word("security") == Some("strict") {
            let line = fields.group.syntax.key_line("security", "legacy");
            let hint = format!("it cannot authenticate the peer yet; write {line}");
            fields.error("security", entry, "is not supported by this version", &hint);
        }
        return;
    }
    let mut message = format!(
        "no `security` line: whoever can send from {} is believed to be the peer",
        core.remote_address
    );
    let syntax = fields.group.syntax;
    let mut hint = format!("if that is meant, add {}", syntax.key_line("security", "legacy"));
    let page_everywhere = core.http_address.is_empty() && !core.local_address.is_loopback();
    if let (Some(port), true) = (core.http_port, page_everywhere) {
        message += &format!(", and whoever reaches TCP port {port} can switch the resources");
        hint += &format!("; to narrow the page, add {}", syntax.key_line("http-address", "127.0.0.1"));
    }
    fields.findings.warn(&fields.group.at, message, &hint);
}
