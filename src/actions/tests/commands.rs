//! What commands are given, and how their ends are seen.

use std::path::Path;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::*;

#[test]
fn start_runs_under_a_shell_with_its_environment() {
    // The manual's commands use back-ticks (D29).
    let mut bench =
        Bench::with(|resource| resource.start_action = Some("env; echo tick `echo tock`".to_owned()));
    bench.executor.facts_mut(0).expect("a resource").local_reason = Some("all\0 well".to_owned());
    let outcome = bench.outcome(Action::Start, Order::Start);
    assert!(outcome.ending.is_success(), "{outcome:?}");
    let lines: Vec<&str> = outcome.output.lines().collect();
    for expected in [
        "ACTION=start",
        "RESOURCE_NAME=smsc",
        "LOCAL_ADDRESS=127.0.0.2",
        "REMOTE_ADDRESS=127.0.0.3",
        "HEARTBEAT_INTERVAL=2.000000",
        "RESOURCE_PID=4711",
        "LAST_LOCAL_REASON=all well",
        "tick tock",
    ] {
        assert!(lines.contains(&expected), "{expected} not in {lines:?}");
    }
}

#[test]
fn orders_become_reports_in_order() {
    let mut bench = Bench::with(|resource| {
        resource.interface_activate = Some("exit 0".to_owned());
        resource.start_action = Some("exit 0".to_owned());
    });
    for action in [Action::Activate, Action::Start, Action::Barrier] {
        bench.order(action);
    }
    let released = Report::Released { resource: 0 };
    let reports = bench.until(|_, reports| reports.contains(&released));
    let finished = |order| Report::Finished { resource: 0, order };
    assert_eq!(
        reports,
        [finished(Order::Activate), Report::StartBegan { resource: 0 }, finished(Order::Start), released]
    );
}

#[test]
fn start_and_stop_without_command_are_signals_for_the_caller() {
    let mut bench = Bench::with(|resource| resource.start_action = Some("  ".to_owned()));
    for action in [Action::Activate, Action::Start, Action::Barrier] {
        bench.order(action);
    }
    let signal = |order| Report::Signal { resource: 0, order };
    let released = Report::Released { resource: 0 };
    assert_eq!(bench.turn(), [Report::StartBegan { resource: 0 }, signal(Order::Start), released]);
    bench.order(Action::Stop);
    assert_eq!(bench.turn(), [signal(Order::Stop)]);
}

/// D27, D28: the legacy took every end of a command for a success.
#[test]
fn failure_is_seen_and_kept() {
    let mut bench = Bench::with(|resource| {
        resource.start_action = Some("echo broken >&2; exit 3".to_owned());
        resource.stop_action = Some("/no/such/program".to_owned());
    });
    let outcome = bench.outcome(Action::Start, Order::Start);
    assert_eq!(outcome.ending.to_string(), "exit status: 3");
    assert_eq!((outcome.output.as_str(), outcome.printed), ("broken\n", 7));
    let outcome = bench.outcome(Action::Stop, Order::Stop);
    assert_eq!(outcome.ending.to_string(), "exit status: 127", "{}", outcome.output);
    let history = bench.executor.history(0, Order::Stop).expect("a history");
    assert_eq!((history.ended, history.failed), (1, 1));
}

/// D28: the legacy let every command inherit its sockets and log files.
#[test]
fn command_has_no_descriptor_but_three() {
    let leaked = nix::unistd::dup(std::io::stderr()).expect("a descriptor");
    close_on_exec_all().expect("/dev/fd");
    let _socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let command = "for fd in 0 1 2; do readlink /proc/$$/fd/$fd; done; ls /proc/$$/fd; true";
    let mut bench = Bench::with(|resource| resource.start_action = Some(command.to_owned()));
    let outcome = bench.outcome(Action::Start, Order::Start);
    let lines: Vec<&str> = outcome.output.lines().collect();
    assert_eq!(lines[0], "/dev/null");
    assert!(lines[1].starts_with("pipe:"), "{lines:?}");
    assert_eq!(lines[1], lines[2]);
    assert_eq!(lines[3..], ["0", "1", "2"]);
    drop(leaked);
}

#[test]
fn command_leads_its_own_group() {
    let command = "cut -d' ' -f5 /proc/$$/stat; echo $$";
    let mut bench = Bench::with(|resource| resource.start_action = Some(command.to_owned()));
    let outcome = bench.outcome(Action::Start, Order::Start);
    let lines: Vec<&str> = outcome.output.lines().collect();
    assert_eq!(lines[0], lines[1]);
}

#[test]
fn hung_command_is_killed_with_its_group() {
    // The shell dies of SIGTERM, its child does not.
    let command = "sh -c 'trap \"\" TERM; echo $$; exec sleep 100' & wait";
    let mut bench = Bench::with(|resource| {
        resource.start_action = Some(command.to_owned());
        resource.action_timeout = Duration::from_millis(1500);
    });
    let outcome = bench.outcome(Action::Start, Order::Start);
    assert_eq!(outcome.ending, Ending::TimedOut);
    let pid = outcome.output.trim();
    assert!(!pid.is_empty(), "the child did not get its turn in time");
    bench.until(|_, _| is_dead(pid));
}

#[test]
fn command_that_ignores_sigterm_is_killed_two_seconds_later() {
    let mut bench = Bench::with(|resource| {
        resource.start_action = Some("trap '' TERM; sleep 100; sleep 100".to_owned());
        resource.action_timeout = Duration::from_millis(100);
    });
    let outcome = bench.outcome(Action::Start, Order::Start);
    assert_eq!(outcome.ending, Ending::TimedOut);
    assert!(outcome.duration >= Duration::from_millis(2100), "{outcome:?}");
}

#[test]
fn urgent_deactivate_does_not_wait_for_activate() {
    let mut bench = Bench::with(|resource| {
        resource.interface_activate = Some("sleep 100".to_owned());
        resource.interface_deactivate = Some("exit 0".to_owned());
        resource.interface_timeout = GUARD;
    });
    bench.order(Action::Activate);
    bench.turn();
    assert_eq!(bench.executor.running(0, Lane::Interface), Some(Order::Activate));
    let outcome = bench.outcome(Action::Deactivate { urgent: true }, Order::Deactivate);
    assert!(outcome.ending.is_success(), "{outcome:?}");
    assert_eq!(bench.last(Order::Activate).ending, Ending::Overtaken);
}

#[test]
fn background_process_holds_nothing_and_lives_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let proof = directory.path().join("printed");
    // More than a pipe holds: it would hang if nobody read, and die if nobody could.
    let command = format!("(head -c 1000000 /dev/zero && echo > {}) & echo begun", proof.display());
    let mut bench = Bench::with(|resource| resource.start_action = Some(command));
    let outcome = bench.outcome(Action::Start, Order::Start);
    assert!(outcome.ending.is_success(), "{outcome:?}");
    bench.until(|_, _| proof.exists());
    bench.until(|bench, _| bench.executor.open_pipes() == 0);
}

#[test]
fn background_processes_that_end_do_not_count() {
    let mut bench = Bench::with(|resource| {
        resource.start_action = Some("sleep 100 & echo $!".to_owned());
        resource.stop_action = Some("sleep 0.01 &".to_owned());
    });
    let first = bench.outcome(Action::Start, Order::Start).output;
    for _ in 0..10 {
        bench.outcome(Action::Stop, Order::Stop);
        bench.until(|bench, _| bench.executor.open_pipes() == 1);
        let others = bench.outcome(Action::Start, Order::Start).output;
        kill(&others);
        bench.until(|bench, _| bench.executor.open_pipes() == 1);
    }
    assert!(!is_dead(first.trim()));
    kill(&first);
    bench.until(|bench, _| bench.executor.open_pipes() == 0);
}

#[test]
fn background_processes_beyond_the_bound_lose_their_pipe() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (go, pids) = (path("go"), path("pids"));
    // Each prints as soon as the file is there; then it lives, or dies of SIGPIPE.
    let child = format!(
        "echo $$ >> {pids}; for i in $(seq 3000); do [ -e {go} ] && break; sleep 0.02; done; echo x; exec sleep 100"
    );
    let mut bench = Bench::with(|resource| resource.start_action = Some(format!("sh -c '{child}' &")));
    for _ in 0..9 {
        // A stop in between makes every start a new order.
        bench.order(Action::Stop);
        bench.outcome(Action::Start, Order::Start);
    }
    let read = || std::fs::read_to_string(&pids).unwrap_or_default();
    bench.until(|_, _| read().lines().count() == 9);
    assert_eq!(bench.executor.open_pipes(), 8);
    std::fs::write(&go, "").expect("a file");
    bench.until(|_, _| read().lines().any(is_dead));
    let dead = read().lines().filter(|pid| is_dead(pid)).count();
    read().lines().filter(|pid| !is_dead(pid)).for_each(kill);
    assert_eq!(dead, 1, "only the oldest");
}

/// D24: with twelve resources the legacy gave most commands another one's environment or none.
#[test]
fn commands_that_run_at_once_have_their_own_environment() {
    let resources = (0..12).map(|index| Resource {
        interface_deactivate: Some("sleep 0.1; echo $RESOURCE_NAME $ACTION".to_owned()),
        stop_action: Some("sleep 0.1; echo $RESOURCE_NAME $ACTION".to_owned()),
        ..resource(&format!("r{index}"))
    });
    let mut bench = Bench::new(resources.collect());
    for index in 0..12 {
        bench.executor.order(index, Action::Deactivate { urgent: true }, Time::ZERO);
        bench.executor.order(index, Action::Stop, Time::ZERO);
    }
    let finished = |reports: &[Report]| {
        reports.iter().filter(|report| matches!(report, Report::Finished { .. })).count()
    };
    bench.until(|_, reports| finished(reports) == 24);
    for index in 0..12 {
        for order in [Order::Stop, Order::Deactivate] {
            let last = bench.executor.history(index, order).and_then(|history| history.last.as_ref());
            assert_eq!(
                last.map(|outcome| outcome.output.as_str()),
                Some(format!("r{index} {order}\n").as_str())
            );
        }
    }
}

#[test]
fn processes_are_begun_a_few_at_a_time() {
    let resources = (0..40).map(|index| resource(&format!("r{index}")));
    let command = |resource| Resource { start_action: Some("exit 0".to_owned()), ..resource };
    let mut bench = Bench::new(resources.map(command).collect());
    for index in 0..40 {
        bench.executor.order(index, Action::Start, Time::ZERO);
    }
    assert_eq!(bench.executor.next_deadline(), Some(Time::ZERO));
    bench.executor.run(bench.now(), |_| None);
    assert_eq!(bench.executor.open_pipes(), 16);
    assert_ne!(bench.executor.next_deadline(), Some(Time::ZERO), "nothing to do before there is room");
    let begun = |report: &&Report| matches!(report, Report::StartBegan { .. });
    bench.until(|_, reports| reports.iter().filter(begun).count() == 40);
}

fn kill(pid: &str) {
    let pid = Pid::from_raw(pid.trim().parse().expect("a number"));
    nix::sys::signal::kill(pid, Signal::SIGKILL).expect("a process of our own");
}

/// Gone, or waiting for whoever has to reap it.
fn is_dead(pid: &str) -> bool {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    status.map_or(true, |status| status.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')))
}
