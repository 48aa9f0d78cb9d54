//! `docs/migration.md`, step by step, with the double in the place of the old daemons. The applications go on running.

use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::harness::{AT_ONCE, PORT, Pair, Process, RESOURCE, Setup, Side, program, wait_for};

/// A legacy daemon beats every two seconds, and takes several of them for most things.
const LEGACY: Duration = Duration::from_secs(5);

/// Starts a legacy daemon in the place of ours. It sends signals, as a daemon without commands does.
fn start_legacy(pair: &Pair, side: Side) -> Process {
    let mut command = Command::new(program("schrittmacher-legacy-double"));
    let output = pair.folder().join(format!("legacy.{}", side.name()));
    command
        .args(["--generation", "2.0.0", "--resource", RESOURCE, "--port", &PORT.to_string()])
        .args(["--local", &pair[side].address.to_string()])
        .args(["--remote", &pair[side.other()].address.to_string()])
        // It ends with its standard input.
        .stdin(Stdio::piped())
        .stdout(File::options().create(true).append(true).open(output).unwrap());
    Process::spawn(command, None)
}

fn stop(daemon: &Process) {
    daemon.signal(Signal::SIGTERM);
    daemon.wait_exit(AT_ONCE);
}

/// What both applications have gone through so far.
fn history(pair: &Pair) -> [Vec<String>; 2] {
    [Side::A, Side::B].map(|side| {
        let lines = pair[side].app().output.lines();
        lines.into_iter().filter(|line| line.starts_with("STATE ")).collect()
    })
}

/// Waits for the end of a planned switch.
fn switched(pair: &Pair, hot: Side) {
    pair[hot].app().wait_state("hot", LEGACY);
    pair[hot.other()].app().wait_state("standby", LEGACY);
}

/// A step of the way that must not touch the service.
fn without_a_switch<T>(pair: &mut Pair, step: impl FnOnce(&mut Pair) -> T) -> T {
    let before = history(pair);
    let done = step(pair);
    assert_eq!(history(pair), before, "the service was touched");
    done
}

/// Stops the legacy daemon of a standby host and starts ours, which has to find out what is going on.
fn replace_by_ours(pair: &mut Pair, side: Side, legacy: &Process) {
    without_a_switch(pair, |pair| {
        stop(legacy);
        pair.start_daemon(side);
        pair[side].log.wait_state("Standby", LEGACY);
        pair[side].log.wait_in_run("peer is heard", LEGACY);
        pair.stays_for(3.0);
    });
}

/// And back again.
fn replace_by_legacy(pair: &mut Pair, side: Side) -> Process {
    without_a_switch(pair, |pair| {
        pair[side].daemon().signal(Signal::SIGTERM);
        assert_eq!(pair[side].daemon().wait_code(AT_ONCE), 0);
        let legacy = start_legacy(pair, side);
        let output = pair.folder().join(format!("legacy.{}", side.name()));
        wait_for("the legacy daemon to be standby", LEGACY, || {
            let text = std::fs::read_to_string(&output).unwrap();
            text.lines().rev().find(|line| line.starts_with("STATE "))?.contains("Standby").then_some(())
        });
        pair.stays_for(3.0);
        legacy
    })
}

#[test]
fn host_by_host_and_back_with_one_switch_for_each_host() {
    let mut pair = Pair::new(Setup { heartbeat: 2.0, timeout: 6.0, ..Setup::default() });
    let old_b = start_legacy(&pair, Side::B);
    pair[Side::B].start_app("--start-as standby");
    let old_a = start_legacy(&pair, Side::A);
    pair[Side::A].start_app("--start-as hot");
    switched(&pair, Side::A);

    // 2: the standby host.
    replace_by_ours(&mut pair, Side::B, &old_b);
    // 3: the first planned switch, ordered at the new daemon.
    pair[Side::B].page(&format!("?takeover={RESOURCE}"));
    switched(&pair, Side::B);
    pair[Side::B].log.wait_state("Hot", LEGACY);
    // 4: the other host.
    replace_by_ours(&mut pair, Side::A, &old_a);
    // 5: the second one.
    pair[Side::A].page(&format!("?takeover={RESOURCE}"));
    pair.settles(Side::A, LEGACY);
    assert_eq!(history(&pair)[0], ["STATE hot", "STATE standby", "STATE hot"]);
    assert_eq!(history(&pair)[1], ["STATE standby", "STATE hot", "STATE standby"]);

    // The way back, from the other end.
    let mut old_b = replace_by_legacy(&mut pair, Side::B);
    old_b.tell("takeover");
    switched(&pair, Side::B);
    pair[Side::A].log.wait_state("Standby", LEGACY);
    let _old_a = replace_by_legacy(&mut pair, Side::A);
    assert_eq!(history(&pair)[1].last().map(String::as_str), Some("STATE hot"));
}
