//! SIGHUP: a new configuration while everything runs (C4).

use std::fs;
use std::time::Duration;

use nix::sys::signal::Signal;

use schrittmacher_harness::{AT_ONCE, Pair, Setup, Side, wait_for};

const IN_FORCE: &str = "the new configuration is in force";

/// A pair that is hot on host a.
fn pair() -> Pair {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    pair
}

/// Changes the file of host a and says so to its daemon; gives the line that it answers with. Forgets what
/// was before.
fn reload(pair: &mut Pair, change: impl FnOnce(String) -> String, answer: &str) -> String {
    let file = pair[Side::A].files.config();
    let old = fs::read_to_string(&file).unwrap();
    let new = change(old.clone());
    assert_ne!(old, new, "nothing was changed");
    fs::write(&file, new).unwrap();
    pair.forget();
    pair[Side::A].daemon().signal(Signal::SIGHUP);
    pair[Side::A].log.wait(answer, AT_ONCE)
}

/// Neither side has done anything, and both go on as before.
fn undisturbed(pair: &Pair) {
    pair.settles(Side::A, Duration::ZERO);
    for side in [Side::A, Side::B] {
        assert_eq!(pair[side].log.transitions(), []);
        pair.journal.expect(side, &[]);
    }
}

#[test]
fn new_times_and_commands_are_in_force_and_disturb_nobody() {
    let mut pair = pair();
    let proof = pair.folder().join("new-command");
    let command = format!("stop-action = touch {}; ", proof.display());
    let said = reload(
        &mut pair,
        |text| {
            text.replace("heartbeat = 0.2", "heartbeat = 0.1")
                .replace("timeout = 3", "timeout = 2")
                .replace("priority = 0", "priority = 7")
                .replace("stop-action = ", &command)
        },
        IN_FORCE,
    );
    assert!(said.ends_with("changed: service"), "{said}");
    undisturbed(&pair);
    pair[Side::A].page("?failover=service");
    pair.wait_settled(Side::B, Duration::ZERO);
    assert!(proof.exists(), "the old command ran");
}

/// edge-8: otherwise the hot side would never have the new address, and would keep the old one after a failover.
#[test]
fn changed_interface_commands_move_the_address_of_the_hot_side() {
    let mut pair = pair();
    reload(&mut pair, |text| text.replace("a activate", "a new-activate"), IN_FORCE);
    pair.journal.expect(Side::A, &["deactivate", "new-activate"]);
    pair.settles(Side::A, Duration::ZERO);
    assert_eq!(pair[Side::A].log.transitions(), []);
}

#[test]
fn a_wrong_file_changes_nothing_and_is_told() {
    let mut pair = pair();
    let said =
        reload(&mut pair, |text| text.replace("heartbeat = 0.2", "heartbeat = 0.1\nport"), "no `=` in");
    let line = 1 + fs::read_to_string(pair[Side::A].files.config())
        .unwrap()
        .lines()
        .position(|l| l == "port")
        .unwrap();
    assert!(said.contains(&format!("a.conf:{line}: ")), "{said}");
    pair[Side::A].log.wait("the one in force stays", AT_ONCE);
    undisturbed(&pair);
}

#[test]
fn what_cannot_change_is_named_and_then_nothing_changes() {
    let mut pair = pair();
    let said = reload(
        &mut pair,
        |text| {
            text.replace(
                "\nport = 7700",
                "\nport = 7702\nlog-level = debug\n\
                 log-syslog = user\nlog-syslog-server = 127.0.0.1",
            )
            .replace("http-port = 7780", "http-port = 7781")
            .replace("name = service", "name = another")
        },
        "can't change while the daemon runs",
    );
    assert!(said.contains("`port`, `http-port`, `log-syslog`, `log-syslog-server` can't"), "{said}");
    undisturbed(&pair);
    assert!(!pair[Side::A].log.has("to peer:"), "the log level has changed");
    let page = pair[Side::A].page("");
    assert!(page.contains("service") && !page.contains("another"), "{page}");
}

#[test]
fn the_log_level_changes_and_the_log_is_opened_anew() {
    let mut pair = pair();
    let rotated = pair.folder().join("rotated");
    fs::rename(pair[Side::A].files.log(), &rotated).unwrap();
    pair[Side::A].log.begin_run();
    reload(&mut pair, |text| text.replace("security", "log-level = debug\nsecurity"), IN_FORCE);
    pair[Side::A].log.wait("to peer: HOTT", AT_ONCE);
    assert!(!fs::read_to_string(rotated).unwrap().contains(IN_FORCE));
}

#[test]
fn a_resource_comes_and_goes_beside_a_running_one() {
    let mut pair = pair();
    let said = reload(&mut pair, |text| text + "group = resource\nname = another\n", IN_FORCE);
    assert!(said.ends_with("added: another"), "{said}");
    assert!(pair[Side::A].page("").contains("another"));
    undisturbed(&pair);

    let said = reload(&mut pair, |text| text.replace("group = resource\nname = another\n", ""), IN_FORCE);
    assert!(said.ends_with("removed: another"), "{said}");
    assert!(!pair[Side::A].page("").contains("another"));
    undisturbed(&pair);
}

/// As at SIGTERM: a hot resource goes to the other side first. When it comes back, it begins anew.
#[test]
fn a_hot_resource_that_is_removed_is_handed_over() {
    let mut pair = pair();
    let rename = |from: &'static str, to: &'static str| {
        move |text: String| text.replace(&format!("name = {from}"), &format!("name = {to}"))
    };
    let said = reload(&mut pair, rename("service", "another"), IN_FORCE);
    assert!(said.ends_with("added: another; removed: service"), "{said}");
    pair.wait_hot(Side::B, Duration::ZERO);
    pair[Side::A].app().wait_state("standby", AT_ONCE);
    pair.journal.expect(Side::B, &["activate", "start"]);
    pair.journal.expect_order((Side::A, "deactivate"), (Side::B, "activate"));
    pair[Side::A].log.wait("\tservice\t\t(null)\tremoved", AT_ONCE);

    let said = reload(&mut pair, rename("another", "service"), IN_FORCE);
    assert!(said.contains("added: service"), "{said}");
    pair[Side::A].log.wait("\tservice\t\t(null)\tUnknown -> Standby", Duration::from_secs(1));
    wait_for("the page", AT_ONCE, || pair[Side::A].page("").contains("service").then_some(()));
    assert_eq!(pair[Side::B].log.state(), "Hot");
}

#[test]
fn with_on_exit_leave_a_resource_that_is_removed_is_left_alone() {
    let mut pair = pair();
    reload(
        &mut pair,
        |text| {
            text.replace("security", "on-exit = leave\nsecurity").replace("name = service", "name = another")
        },
        IN_FORCE,
    );
    pair[Side::A].log.wait("\tservice\t\t(null)\tremoved", AT_ONCE);
    assert_eq!(pair[Side::A].app().state().as_deref(), Some("hot"));
    assert!(!pair[Side::A].log.has("stop begins"));
}
