//! `fence-action`, `fence-timeout` and `fence-retries`.

use std::time::Duration;

use super::{errors, file, load};
use crate::FenceAction;

fn fence(core: &str, resource: &str) -> Option<FenceAction> {
    load(&file(core, resource)).unwrap().config.resources[0].fence.clone()
}

fn warnings(core: &str, resource: &str) -> String {
    let loaded = load(&file(core, resource)).unwrap();
    loaded.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_resource_has_its_own_fence_or_that_of_core() {
    assert_eq!(fence("fence-timeout = 5", ""), None, "no command, no fence");
    let (second, of) = (Duration::from_secs(1), |command: &str, timeout, retries| {
        Some(FenceAction { command: command.to_owned(), timeout, retries })
    });
    assert_eq!(fence("fence-action = /opt/fence", ""), of("/opt/fence", 20 * second, 2));
    let core = "fence-action = /opt/fence\nfence-timeout = 5\nfence-retries = 4";
    assert_eq!(fence(core, "fence-action = /opt/own"), of("/opt/own", 5 * second, 4));
    let own = "fence-timeout = 7\nfence-retries = 0";
    assert_eq!(fence(core, own), of("/opt/fence", 7 * second, 0));
    assert_eq!(fence(core, own).unwrap().longest(), 7 * second);
    assert_eq!(fence(core, "").unwrap().longest(), 25 * second);
    for wrong in ["fence-retries = -1", "fence-retries = 101", "fence-retries = often"] {
        assert!(errors(&file(core, wrong)).join("\n").contains("is no number of times"), "{wrong}");
    }
}

#[test]
fn a_fence_that_may_take_long_is_a_warning_with_the_time_until_this_side_serves() {
    let quick = "heartbeat = 1\nfence-action = /opt/fence\nfence-timeout = 10\nfence-retries = 2";
    assert_eq!(warnings(quick, ""), "", "30 s beside 3 s");
    let slow = "heartbeat = 1\nfence-action = /opt/fence\nfence-timeout = 20\nfence-retries = 2";
    let found = warnings(slow, "");
    assert!(found.contains("may take 60 s (3 runs of `fence-timeout`) beside a `timeout` of 3 s"), "{found}");
    assert!(found.contains("this side serves after 63 s"), "{found}");
    let found = warnings(slow, "policy = manual");
    assert!(found.contains("knows after 63 s, and waits for an operator"), "{found}");
}

#[test]
fn a_fence_that_brings_the_host_back_is_a_warning_and_so_is_one_without_a_command() {
    let found = warnings("fence-action = ipmitool -H bmc chassis power cycle", "");
    assert!(found.contains("has the word `cycle`") && found.starts_with("x.conf:"), "{found}");
    assert_eq!(warnings("fence-action = /opt/recycle-host off", ""), "");
    let found = warnings("fence-retries = 1", "fence-timeout = 3");
    for key in ["fence-retries", "fence-timeout"] {
        assert!(found.contains(&format!("`{key}` has no effect without a `fence-action`")), "{found}");
    }
}
