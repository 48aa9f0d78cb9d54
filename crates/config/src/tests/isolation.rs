//! `ping-address`, `ping-timeout` and `on-isolation`.

use super::{errors, file, load};
use crate::{Config, OnIsolationWord};

const TARGETS: &str = "ping-address = 192.0.2.9, fe80::1%eth1\n";
const STEP_DOWN: &str = "on-isolation = step-down\n";

fn config(core: &str, resource: &str) -> Config {
    load(&file(core, resource)).unwrap().config
}

#[test]
fn without_its_keys_nothing_is_asked_and_an_isolated_side_goes_on() {
    let config = config("", "");
    assert!(config.core.ping.is_empty());
    assert_eq!(config.resources[0].on_isolation, OnIsolationWord::Keep);
}

#[test]
fn targets_have_both_families_and_the_time_is_half_of_what_the_peer_waits() {
    let read = config(&format!("{TARGETS}heartbeat = 1\n{STEP_DOWN}"), "");
    let shown: Vec<_> = read.core.ping.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["192.0.2.9", "fe80::1%eth1"]);
    assert_eq!((read.ping_timeout().as_secs_f64(), read.core.ping_timeout), (1.0, None));
    assert_eq!(read.resources[0].on_isolation, OnIsolationWord::StepDown);
    let read = config(&format!("{TARGETS}heartbeat = 1\nping-timeout = 0.5"), "heartbeat-intervall = 0.1");
    assert_eq!(read.ping_timeout().as_secs_f64(), 0.5);
    // The least of the resources counts, and echoes have an end: routers limit them.
    let mixed =
        format!("{}group = resource\nname = other\n", file("heartbeat = 1", "heartbeat-intervall = 0.1\n"));
    assert_eq!(load(&mixed).unwrap().config.ping_timeout().as_secs_f64(), 0.1);
    assert_eq!(config("heartbeat = 0.01", "").ping_timeout().as_secs_f64(), 0.02);
}

#[test]
fn a_target_that_proves_nothing_is_an_error_with_its_line() {
    for (core, part) in [
        ("ping-address = 127.0.0.9", "is this host"),
        ("ping-address = ::1", "is this host"),
        ("ping-address = 0.0.0.0", "is no address of one host"),
        ("ping-address = fe80::1", "is no address of one host"),
        ("ping-address = 192.0.2.9%eth1", "is no address of one host"),
        ("ping-address = gateway", "is no address"),
        (
            "ping-address = 10.9.0.2\nlocal-address-2 = 10.9.0.1\nremote-address-2 = 10.9.0.2",
            "of a path to the peer",
        ),
        (
            "ping-address = 10.2.1.88\nshared-address = 10.2.1.88\nshared-interface = eth0",
            "is a `shared-address`",
        ),
        (STEP_DOWN, "needs a `ping-address`"),
    ] {
        let found = errors(&file(core, "")).join("\n");
        assert!(found.contains(part) && found.starts_with("x.conf:"), "{core}: {found}");
    }
    let own = load(&file("", "")).unwrap().config.core;
    for (address, part) in [(own.local_address, "is this host"), (own.remote_address, "is the peer")] {
        let found = errors(&file(&format!("ping-address = {address}"), "")).join("\n");
        assert!(found.contains(part), "{found}");
    }
}

/// The peer acts two seconds after this side's last heartbeat.
#[test]
fn a_time_that_is_too_long_for_stopping_is_an_error_or_a_warning() {
    let with =
        |ping: &str, more: &str| file(&format!("{TARGETS}heartbeat = 1\nping-timeout = {ping}\n{more}"), "");
    let found = errors(&with("2", STEP_DOWN)).join("\n");
    assert!(found.contains("finds out too late") && found.contains("2 s after"), "{found}");
    let short = file(&format!("{TARGETS}heartbeat = 0.01\n{STEP_DOWN}"), "");
    assert!(errors(&short).join("\n").contains("finds out too late"), "also the default may be too long");
    let warnings = |text: &str| {
        load(text).unwrap().warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert!(warnings(&with("1.6", STEP_DOWN)).contains("less than a quarter"));
    assert!(!warnings(&with("1.5", STEP_DOWN)).contains("ping-timeout"));
    assert!(!warnings(&with("9", "")).contains("ping-timeout"), "nobody steps down");
    let one = file(&format!("ping-address = 192.0.2.9\n{STEP_DOWN}"), "");
    assert!(warnings(&one).contains("names one host"));
}
