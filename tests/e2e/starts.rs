//! Starts and ends that are not ordinary: with a broken file, on purpose without a hand-over, as process 1 of a container.

use std::fs;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::restart::nothing_was_switched;
use schrittmacher_harness::{AT_ONCE, Pair, Process, Setup, Side, is_root, program, skip, wait_for};

/// Changes the file of host a.
fn rewrite(pair: &Pair, from: &str, to: &str) {
    let file = pair[Side::A].files.config();
    let old = fs::read_to_string(&file).unwrap();
    assert!(old.contains(from), "{old}");
    fs::write(&file, old.replacen(from, to, 1)).unwrap();
}

/// A pair that is hot on host a, whose configuration is kept.
fn pair() -> Pair {
    let mut pair = Pair::new(Setup { timeout: 6.0, ..Setup::default() });
    pair.start(Side::A);
    wait_for("the kept configuration", AT_ONCE, || kept(&pair).exists().then_some(()));
    pair
}

fn kept(pair: &Pair) -> std::path::PathBuf {
    let host = &pair[Side::A];
    let folder = format!("{}-{}", host.address, schrittmacher_harness::PORT);
    host.files.state().join(folder).join("last-good.json")
}

/// `systemctl restart` is SIGQUIT and a start.
#[test]
fn edge_11_a_restart_with_a_broken_file_leaves_the_service_as_it_is() {
    let mut pair = pair();
    rewrite(&pair, "\nport = ", "\nport ");
    pair[Side::A].daemon().signal(Signal::SIGQUIT);
    assert_eq!(pair[Side::A].daemon().wait_code(AT_ONCE), 0);
    let told = pair[Side::A].log.wait("the configuration file is broken", AT_ONCE);
    assert!(told.contains("\tMAJOR\t"), "{told}");

    pair.start_daemon(Side::A);
    let told =
        pair[Side::A].log.wait("is broken: going on with the configuration that was in force", AT_ONCE);
    assert!(told.contains("\tMAJOR\t"), "{told}");
    assert!(pair[Side::A].log.has("no `=` in \"port 7700\""), "the reason is told, too");
    nothing_was_switched(&mut pair);

    rewrite(&pair, "\nport ", "\nport = ");
    pair[Side::A].daemon().signal(Signal::SIGHUP);
    pair[Side::A].log.wait("the new configuration is in force", AT_ONCE);
}

/// Such a file does not say where the copy is.
#[test]
fn edge_11_a_restart_without_a_file_leaves_the_service_as_it_is() {
    let mut pair = pair();
    let file = pair[Side::A].files.config();
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    pair[Side::A].daemon().signal(Signal::SIGQUIT);
    assert_eq!(pair[Side::A].daemon().wait_code(AT_ONCE), 0);
    pair[Side::A].log.wait("the next start goes on with the last good configuration", AT_ONCE);

    pair.start_daemon(Side::A);
    pair[Side::A].log.wait("is broken: going on with the configuration that was in force", AT_ONCE);
    nothing_was_switched(&mut pair);
}

#[test]
fn edge_11_a_restart_that_will_fail_is_told_before() {
    let pair = pair();
    fs::remove_file(kept(&pair)).unwrap();
    rewrite(&pair, "\nport = ", "\nport ");
    pair[Side::A].daemon().signal(Signal::SIGQUIT);
    assert_eq!(pair[Side::A].daemon().wait_code(AT_ONCE), 0);
    pair[Side::A].log.wait("no copy of the last good configuration is found", AT_ONCE);
}

/// With a broken file a standby keeps nothing alive, and starts nothing: the service may be on purpose where it is.
#[test]
fn edge_11_with_a_broken_file_nothing_is_started_until_it_is_corrected() {
    let mut pair = Pair::new(Setup { timeout: 0.6, ..Setup::default() });
    pair.start(Side::B);
    wait_for("the kept configuration", AT_ONCE, || kept(&pair).exists().then_some(()));
    rewrite(&pair, "\nport = ", "\nport ");
    pair[Side::A].daemon().signal(Signal::SIGQUIT);
    assert_eq!(pair[Side::A].daemon().wait_code(AT_ONCE), 0);
    pair.forget();
    pair.start_daemon(Side::A);
    pair[Side::A].log.wait("hot on the other side", Duration::from_secs(1));
    pair.forget();
    pair[Side::B].kill();
    pair[Side::A].log.wait("peer is silent", Duration::from_secs(2));
    pair.stays_for(2.0);
    assert!(!pair.journal.has(Side::A, "start"), "it was started");

    rewrite(&pair, "\nport ", "\nport = ");
    pair[Side::A].daemon().signal(Signal::SIGHUP);
    pair[Side::A].log.wait_state("Hot", Duration::from_secs(2));
}

#[test]
fn edge_11_a_broken_file_that_asks_for_security_is_not_replaced() {
    let mut pair = pair();
    rewrite(&pair, "security = legacy", "security = strict");
    pair[Side::A].daemon().signal(Signal::SIGQUIT);
    assert_eq!(pair[Side::A].daemon().wait_code(AT_ONCE), 0);
    pair.start_daemon(Side::A);
    assert_eq!(pair[Side::A].daemon().wait_code(AT_ONCE), 78);
    pair[Side::A].stderr.wait("the file may ask for more security", AT_ONCE);
}

#[test]
fn edge_11_a_first_start_with_a_broken_file_is_none() {
    let mut pair = Pair::new(Setup::default());
    rewrite(&pair, "\nport = ", "\nport ");
    pair.start_daemon(Side::A);
    assert_eq!(pair[Side::A].daemon().wait_code(AT_ONCE), 78);
}

#[test]
fn edge_12_a_daemon_that_leaves_its_application_alone_says_so_by_a_file() {
    let mut pair = pair();
    let sign = kept(&pair).with_file_name("left-alone");
    pair[Side::A].daemon().signal(Signal::SIGQUIT);
    assert_eq!(pair[Side::A].daemon().wait_code(AT_ONCE), 0);
    assert!(sign.exists());
    pair.start_daemon(Side::A);
    wait_for("the end of the sign", AT_ONCE, || (!sign.exists()).then_some(()));
    pair[Side::A].log.wait_state("Hot", Duration::from_secs(1));

    // A hand-over is no such end.
    pair[Side::A].daemon().signal(Signal::SIGTERM);
    assert_eq!(pair[Side::A].daemon().wait_code(Duration::from_secs(2)), 0);
    assert!(!sign.exists());
}

/// A wrong `remote-address`, another `port` there, a daemon that was not started: nothing tells them apart at first.
#[test]
fn edge_13_a_node_that_has_never_heard_its_peer_waits_and_says_what_is_wrong() {
    let mut pair = Pair::new(Setup { core: "alone = wait", timeout: 0.6, ..Setup::default() });
    pair.start_daemon(Side::A);
    pair[Side::A].start_app("--start-as standby");
    pair[Side::A].log.wait("has never been heard: until it is", AT_ONCE);
    pair[Side::A].log.wait("nothing listens at the peer's", Duration::from_secs(1));
    pair[Side::A].log.wait_state("Standby", Duration::from_secs(1));
    // A classic peer would be given 10 s.
    pair.stays_for(11.0);
    assert!(!pair.journal.has(Side::A, "start"), "it has started alone");

    pair.start_daemon(Side::B);
    pair[Side::A].log.wait("is heard for the first time", Duration::from_secs(1));
    pair[Side::B].start_app("--start-as standby");
    pair.wait_hot(Side::B, Duration::from_secs(1));

    // From now on it is remembered: host a serves alone after a restart.
    pair[Side::B].daemon().kill();
    pair[Side::A].daemon().signal(Signal::SIGQUIT);
    assert_eq!(pair[Side::A].daemon().wait_code(AT_ONCE), 0);
    pair.start_daemon(Side::A);
    pair[Side::A].log.wait_state("Hot", Duration::from_secs(12));
}

#[test]
fn edge_13_a_takeover_by_force_ends_the_wait() {
    let mut pair = Pair::new(Setup { core: "alone = wait", timeout: 0.6, ..Setup::default() });
    pair.start_daemon(Side::A);
    pair[Side::A].start_app("--start-as standby");
    pair[Side::A].log.wait_state("Standby", Duration::from_secs(1));
    let refused = pair[Side::A].page("?takeover=service");
    assert!(refused.contains("starts nothing by itself"), "{refused}");
    pair[Side::A].page("?takeover=service&force=yes");
    pair[Side::A].log.wait_state("Hot", Duration::from_secs(12));
}

#[test]
fn a_state_directory_that_cannot_be_written_is_told_once_and_costs_nothing_else() {
    let mut pair = Pair::new(Setup::default());
    rewrite(&pair, "state-directory = ", "state-directory = /proc/no");
    pair.start(Side::A);
    let text = pair[Side::A].log.text();
    assert_eq!(text.lines().filter(|line| line.contains("state-directory")).count(), 1, "{text}");
}

#[test]
fn edge_16_as_process_1_the_daemon_leaves_no_zombie() {
    if !is_root() {
        return skip("edge_16_as_process_1_the_daemon_leaves_no_zombie", "needs root");
    }
    let mut pair = Pair::new(Setup::default());
    let ended = pair.folder().join("orphan");
    // The command leaves a process behind, which ends later.
    rewrite(
        &pair,
        "interface-deactivate = ",
        &format!("interface-deactivate = (sleep 0.1; touch {}) & ", ended.display()),
    );
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child"]).arg(program("schrittmacher"));
    command.arg(pair[Side::A].files.config());
    let unshare = Process::spawn(command, None);
    pair[Side::A].start_app("--start-as standby");
    wait_for("the orphan", Duration::from_secs(1), || ended.exists().then_some(()));
    let first = wait_for("process 1", AT_ONCE, || children(unshare.pid()).first().copied());
    wait_for("an end without zombies", AT_ONCE, || {
        let children = children(first);
        (!children.is_empty() && children.iter().all(|child| state(*child) != Some('Z'))).then_some(())
    });
}

fn children(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

fn state(pid: u32) -> Option<char> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text.rsplit(") ").next()?.chars().next()
}
