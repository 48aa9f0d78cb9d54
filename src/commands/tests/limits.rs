//! Limits of the whole process, so each of these runs in a process of its own.

use std::fs;
use std::process;

use super::*;

/// Runs one ignored test of this program under a shell that has done `limit` first.
fn alone(test: &str, limit: &str) {
    let program = std::env::current_exe().expect("this program");
    let script =
        format!("{limit}; exec \"$0\" --exact --ignored --nocapture commands::tests::limits::{test}");
    let output = process::Command::new("sh").arg("-c").arg(script).arg(program).output().expect("a shell");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{output:?}");
}

#[test]
fn gigabyte_passes() {
    alone("gigabyte_passes_inside", ":");
}

#[test]
#[ignore = "run by gigabyte_passes, in a process of its own"]
fn gigabyte_passes_inside() {
    let mut noisy = resource("noisy");
    noisy.start_action = Some("head -c 1000000000 /dev/zero; printf the-end".to_owned());
    noisy.action_timeout = GUARD;
    let mut quiet = resource("quiet");
    quiet.start_action = Some("exit 0".to_owned());
    let mut bench = Bench::new(vec![noisy, quiet]);
    let noisy = |reports: &[CommandReport]| has_finished(reports, 0, CommandKind::Start);
    let quiet = |reports: &[CommandReport]| has_finished(reports, 1, CommandKind::Start);
    // What the first command of all takes for good is not meant.
    bench.executor.order(1, Command::Start, false, bench.now());
    bench.until(|_, reports| quiet(reports));
    let before = resident_kib();
    bench.order(Command::Start);
    bench.until(|bench, reports| bench.executor.has_unread_output() || noisy(reports));
    let mut beside = 0;
    loop {
        bench.executor.order(1, Command::Stop, false, bench.now());
        bench.executor.order(1, Command::Start, false, bench.now());
        let reports = bench.until(|_, reports| noisy(reports) || quiet(reports));
        if noisy(&reports) {
            break;
        }
        beside += 1;
    }
    let outcome = bench.last(0, CommandKind::Start);
    assert!(outcome.ending.is_success(), "{:?}", outcome.ending);
    assert!(outcome.output.ends_with("the-end"));
    assert!(beside >= 5, "only {beside} other commands ran in {:?}", outcome.duration);
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 4096, "{grown} KiB more than before");
}

#[test]
fn two_thousand_runs_leave_no_descriptor_and_no_memory() {
    alone("two_thousand_runs_leave_no_descriptor_and_no_memory_inside", ":");
}

/// RUNS is how many; `make check-many-runs` does 10,000.
#[test]
#[ignore = "run by two_thousand_runs_leave_no_descriptor_and_no_memory, in a process of its own"]
fn two_thousand_runs_leave_no_descriptor_and_no_memory_inside() {
    let runs: u64 = std::env::var("RUNS").map_or(2000, |runs| runs.parse().expect("a number"));
    let mut bench = Bench::with(|resource| {
        resource.start_action = Some("echo hot".to_owned());
        resource.stop_action = Some("echo standby; exit 1".to_owned());
    });
    let descriptors = || fs::read_dir("/proc/self/fd").expect("a directory").count();
    let mut switch = |times: u64| {
        for _ in 0..times {
            bench.outcome(Command::Stop, CommandKind::Stop);
            bench.outcome(Command::Start, CommandKind::Start);
        }
        bench.times(0, CommandKind::Stop)
    };
    // The first ones fill what is kept of them.
    switch(50);
    let before = (descriptors(), resident_kib());
    assert_eq!(switch(runs / 2), 50 + runs / 2);
    assert_eq!(descriptors(), before.0);
    let grown = resident_kib().saturating_sub(before.1);
    assert!(grown < 1024, "{grown} KiB more than before");
}

#[test]
fn refused_spawn_is_a_failed_command() {
    alone("refused_spawn_is_a_failed_command_inside", "ulimit -n 32");
}

#[test]
#[ignore = "run by refused_spawn_is_a_failed_command, in a process of its own"]
fn refused_spawn_is_a_failed_command_inside() {
    let mut bench = Bench::with(|resource| {
        resource.interface_activate = Some("exit 0".to_owned());
        resource.start_action = Some("exit 0".to_owned());
    });
    let mut hoard = Vec::new();
    while let Ok(file) = fs::File::open("/dev/null") {
        hoard.push(file);
    }
    bench.order(Command::Activate);
    let outcome = bench.outcome(Command::Start, CommandKind::Start);
    assert!(outcome.ending.to_string().contains("Too many open files"), "{outcome:?}");
    // Enough for the pipe, not for the process: the pipe must not stay.
    hoard.truncate(hoard.len() - 3);
    // A stop in between makes the next start a new order.
    bench.order(Command::Stop);
    assert!(matches!(bench.outcome(Command::Start, CommandKind::Start).ending, Ending::System(_)));
    assert_eq!(bench.executor.open_pipes(), 0);
    hoard.clear();
    bench.until(|bench, _| bench.times(0, CommandKind::Activate) == 2);
    assert!(bench.last(0, CommandKind::Activate).ending.is_success(), "the retry");
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
