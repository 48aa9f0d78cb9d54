//! The inputs of commands, and how their ends are seen.

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
    let outcome = bench.outcome(Command::Start, CommandKind::Start);
    assert!(outcome.ending.is_success(), "{outcome:?}");
    let lines: Vec<&str> = outcome.output.lines().collect();
    for expected in [
        "ACTION=start",
        "RESOURCE_NAME=smsc",
        "LOCAL_ADDRESS=127.0.0.2",
        "REMOTE_ADDRESS=127.0.0.3",
        "HEARTBEAT_INTERVAL=2.000000",
        "RESOURCE_PID=4711",
        "LAST_LOCAL_REASON=all  well",
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
    for action in [Command::Activate, Command::Start, Command::Barrier] {
        bench.order(action);
    }
    let released = CommandReport::Released { resource: 0 };
    let reports = bench.until(|_, reports| reports.contains(&released));
    let told = reports.iter().map(|report| match report {
        CommandReport::StartBegan { .. } => "start began".to_owned(),
        CommandReport::Released { .. } => "released".to_owned(),
        CommandReport::Signal { order, .. } => format!("signal {order}"),
        CommandReport::Finished { outcome, .. } => format!("{} ended", outcome.kind),
        CommandReport::Interrupted { .. }
        | CommandReport::CutOff { .. }
        | CommandReport::StillCutOff { .. }
        | CommandReport::Reconnected { .. }
        | CommandReport::AddressForeign { .. }
        | CommandReport::AddressPutBack { .. }
        | CommandReport::AddressHolder { .. } => "interface".to_owned(),
        CommandReport::Unit { .. } => "unit".to_owned(),
    });
    assert_eq!(told.collect::<Vec<_>>(), ["activate ended", "start began", "start ended", "released"]);
}

#[test]
fn start_and_stop_without_command_are_signals_for_the_caller() {
    let mut bench = Bench::with(|resource| resource.start_action = Some("  ".to_owned()));
    for action in [Command::Activate, Command::Start, Command::Barrier] {
        bench.order(action);
    }
    let signal = |order| CommandReport::Signal { resource: 0, order };
    let released = CommandReport::Released { resource: 0 };
    assert_eq!(
        bench.turn(),
        [CommandReport::StartBegan { resource: 0 }, signal(CommandKind::Start), released]
    );
    bench.order(Command::Stop);
    assert_eq!(bench.turn(), [signal(CommandKind::Stop)]);
}

/// D27, D28: the legacy took every end of a command for a success.
#[test]
fn failure_is_seen_and_kept() {
    let mut bench = Bench::with(|resource| {
        resource.start_action = Some("echo broken >&2; exit 3".to_owned());
        resource.stop_action = Some("/no/such/program".to_owned());
    });
    let outcome = bench.outcome(Command::Start, CommandKind::Start);
    assert_eq!(outcome.ending.to_string(), "exit status: 3");
    assert_eq!((outcome.output.as_str(), outcome.failures), ("broken\n", 1));
    let outcome = bench.outcome(Command::Stop, CommandKind::Stop);
    assert!(outcome.ending.is_not_executable(), "{outcome}");
    assert!(outcome.to_string().contains("exit status: 127 (not found)"), "{outcome}");
    assert_eq!(outcome.failures, 1);
}

/// edge-6: the same failure is told when it has happened 1, 2, 4 … times, and a success tells of its end.
#[test]
fn a_failure_that_goes_on_is_counted() {
    let directory = tempfile::tempdir().expect("a directory");
    let works = directory.path().join("works");
    let mut bench =
        Bench::with(|resource| resource.stop_action = Some(format!("test -e {}", works.display())));
    let stop = |bench: &mut Bench| {
        // A start in between makes every stop a new order.
        bench.order(Command::Start);
        bench.outcome(Command::Stop, CommandKind::Stop)
    };
    assert_eq!([stop(&mut bench).failures, stop(&mut bench).failures, stop(&mut bench).failures], [1, 2, 3]);
    std::fs::write(&works, "").expect("a file");
    let outcome = stop(&mut bench);
    assert_eq!((outcome.failures, outcome.is_trouble()), (0, false));
}

/// edge-6.
#[test]
fn an_address_that_is_not_there_at_the_start_is_no_trouble() {
    let mut bench = Bench::with(|resource| {
        resource.interface_deactivate = Some("echo Cannot assign; exit 2".to_owned());
    });
    let outcome = bench.outcome(Command::Deactivate { urgent: false }, CommandKind::Deactivate);
    assert!(!outcome.ending.is_success() && !outcome.is_trouble(), "{outcome:?}");
    assert_eq!(bench.executor.next_deadline(), None, "not tried again");
}

/// edge-7: the standby's deactivate goes on failing while another resource has brought the same address up.
#[test]
fn a_retry_does_not_take_an_address_from_another_resource() {
    let directory = tempfile::tempdir().expect("a directory");
    let log = directory.path().join("log");
    let with_address = |name: &str| {
        resource_with(name, |one| {
            one.interface_activate = Some(format!("echo {name} up 192.0.2.1 >> {}", log.display()));
            one.interface_deactivate =
                Some(format!("echo {name} down 192.0.2.1 >> {}; exit 1", log.display()));
        })
    };
    let mut bench = Bench::new(vec![with_address("a"), with_address("b")]);
    bench.outcome(Command::Activate, CommandKind::Activate);
    let outcome = bench.outcome(Command::Deactivate { urgent: true }, CommandKind::Deactivate);
    assert!(outcome.is_trouble(), "it would be tried again: {outcome:?}");
    bench.executor.order(1, Command::Activate, false, bench.now());
    bench.until(|bench, _| bench.times(1, CommandKind::Activate) == 1);
    bench.until(|bench, _| bench.executor.next_deadline().is_none());
    let text = std::fs::read_to_string(&log).expect("a log");
    assert_eq!(text, "a up 192.0.2.1\na down 192.0.2.1\nb up 192.0.2.1\n");
}

/// edge-8.
#[test]
fn changed_interface_commands_move_an_address_that_is_up() {
    let directory = tempfile::tempdir().expect("a directory");
    let log = directory.path().join("log");
    let at = |address: &str| {
        let command =
            |what: &str| Some(format!("echo {what} {address} $SHARED_ADDRESS >> {}", log.display()));
        resource_with("smsc", |smsc| {
            smsc.interface_activate = command("up");
            smsc.interface_deactivate = command("down");
        })
    };
    let mut bench = Bench::new(vec![at("192.0.2.1")]);
    bench.outcome(Command::Activate, CommandKind::Activate);
    bench.executor.configure(0, &core(), &at("192.0.2.1"), Time::ZERO);
    bench.executor.configure(0, &core(), &at("192.0.2.2"), Time::ZERO);
    bench.until(|bench, _| bench.times(0, CommandKind::Activate) == 2);
    let mut shared = core();
    shared.shared_address = Some([192, 0, 2, 7].into());
    bench.executor.configure(0, &shared, &at("192.0.2.2"), Time::ZERO);
    bench.until(|bench, _| bench.times(0, CommandKind::Activate) == 3);
    bench.outcome(Command::Deactivate { urgent: false }, CommandKind::Deactivate);
    let text = std::fs::read_to_string(&log).expect("a log");
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    assert_eq!(
        lines,
        [
            "up 192.0.2.1",
            "down 192.0.2.1",
            "up 192.0.2.2",
            "down 192.0.2.2",
            "up 192.0.2.2 192.0.2.7",
            "down 192.0.2.2 192.0.2.7",
        ]
    );
    bench.executor.configure(0, &core(), &at("192.0.2.3"), Time::ZERO);
    assert_eq!(bench.turn(), [], "nothing is up");
}

/// edge-17: the legacy repository's own example has `kill -SIGUSR1`, which the `kill` of dash refuses.
#[test]
fn signal_names_as_the_program_kill_takes_them_work_under_any_shell() {
    let mut bench = Bench::with(|resource| {
        let command = "trap 'echo told; exit 0' USR1; kill -SIGUSR1 `echo $$`; echo not told";
        resource.start_action = Some(command.to_owned());
    });
    let outcome = bench.outcome(Command::Start, CommandKind::Start);
    assert_eq!((outcome.output.as_str(), outcome.ending.is_success()), ("told\n", true), "{outcome}");
}

/// edge-14: the daemon was restarted while a start command of six seconds ran, and a second one ran beside it.
#[test]
fn a_start_command_is_not_begun_beside_one_of_an_earlier_daemon() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| directory.path().join(name);
    let (log, go) = (path("log"), path("go"));
    let command = format!(
        "echo began >> {log}; while ! [ -e {go} ]; do sleep 0.02; done; echo ended >> {log}",
        log = log.display(),
        go = go.display()
    );
    let core = schrittmacher_config::Core { state_directory: directory.path().to_owned(), ..core() };
    let folder = StateFolder::open(&core).expect("a folder");
    let smsc = resource_with("smsc", |smsc| smsc.start_action = Some(command));
    let read = || std::fs::read_to_string(&log).unwrap_or_default();

    let mut first = Bench::after(vec![smsc.clone()], Some(folder.clone()));
    first.order(Command::Start);
    first
        .until(|_, _| read() == "began\n" && earlier::StartCommands::read(&folder).running("smsc").is_some());
    let mut second = Bench::after(vec![smsc], Some(folder));
    second.order(Command::Start);
    for _ in 0..50 {
        assert_eq!(second.turn(), []);
    }
    std::fs::write(&go, "").expect("a file");
    // It is the first one's child, and has to be waited for.
    first.until(|bench, _| bench.times(0, CommandKind::Start) == 1);
    second.until(|bench, _| bench.times(0, CommandKind::Start) == 1);
    assert_eq!(read(), "began\nended\nbegan\nended\n");
}

/// edge-25.
#[test]
fn an_application_that_is_hot_is_not_started() {
    let mut bench = Bench::with(|resource| resource.start_action = Some("exit 0".to_owned()));
    bench.executor.order(0, Command::Start, true, Time::ZERO);
    assert_eq!(bench.turn(), [CommandReport::StartBegan { resource: 0 }]);
    bench.order(Command::Barrier);
    assert_eq!(bench.turn(), [CommandReport::Released { resource: 0 }], "no command runs");
}

/// edge-26.
#[test]
fn a_resource_under_way_goes_on_before_others_begin() {
    let resources = (0..100).map(|index| {
        resource_with(&format!("r{index}"), |one| {
            one.interface_activate = Some("exit 0".to_owned());
            one.start_action = Some("exit 0".to_owned());
        })
    });
    let mut bench = Bench::new(resources.collect());
    for index in 0..100 {
        bench.executor.order(index, Command::Activate, false, Time::ZERO);
        bench.executor.order(index, Command::Start, false, Time::ZERO);
    }
    bench.until(|bench, _| bench.ended.keys().any(|(_, kind)| *kind == CommandKind::Start));
    let activated = bench.ended.keys().filter(|(_, kind)| *kind == CommandKind::Activate).count();
    assert!(activated < 60, "{activated} of 100 activates before the first start was over");
}

/// D28: the legacy let every command inherit its sockets and log files.
#[test]
fn command_has_no_descriptor_but_three() {
    let leaked = nix::unistd::dup(std::io::stderr()).expect("a descriptor");
    crate::startup::descriptors::close_on_exec_all().expect("/dev/fd");
    let _socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let command = "for fd in 0 1 2; do readlink /proc/$$/fd/$fd; done; ls /proc/$$/fd; true";
    let mut bench = Bench::with(|resource| resource.start_action = Some(command.to_owned()));
    let outcome = bench.outcome(Command::Start, CommandKind::Start);
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
    let outcome = bench.outcome(Command::Start, CommandKind::Start);
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
    let outcome = bench.outcome(Command::Start, CommandKind::Start);
    assert_eq!(outcome.ending, Ending::TimedOut(Duration::from_millis(1500)));
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
    let outcome = bench.outcome(Command::Start, CommandKind::Start);
    assert!(outcome.to_string().contains("terminated after its `action-timeout` of 0.1 s"), "{outcome}");
    assert!(outcome.duration >= Duration::from_millis(2100), "{outcome:?}");
}

#[test]
fn urgent_deactivate_does_not_wait_for_activate() {
    let mut bench = Bench::with(|resource| {
        resource.interface_activate = Some("sleep 100".to_owned());
        resource.interface_deactivate = Some("exit 0".to_owned());
        resource.interface_timeout = GUARD;
    });
    bench.order(Command::Activate);
    bench.turn();
    assert_eq!(bench.executor.running(0, Lane::Interface), Some(CommandKind::Activate));
    let outcome = bench.outcome(Command::Deactivate { urgent: true }, CommandKind::Deactivate);
    assert!(outcome.ending.is_success(), "{outcome:?}");
    assert_eq!(bench.last(0, CommandKind::Activate).ending, Ending::Overtaken);
}

#[test]
fn background_process_holds_nothing_and_lives_on() {
    let directory = tempfile::tempdir().expect("a directory");
    let proof = directory.path().join("printed");
    // More than a pipe holds: it would hang if nobody read, and die if nobody could.
    let command = format!("(head -c 1000000 /dev/zero && echo > {}) & echo begun", proof.display());
    let mut bench = Bench::with(|resource| resource.start_action = Some(command));
    let outcome = bench.outcome(Command::Start, CommandKind::Start);
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
    let first = bench.outcome(Command::Start, CommandKind::Start).output;
    for _ in 0..10 {
        bench.outcome(Command::Stop, CommandKind::Stop);
        bench.until(|bench, _| bench.executor.open_pipes() == 1);
        let others = bench.outcome(Command::Start, CommandKind::Start).output;
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
        bench.order(Command::Stop);
        bench.outcome(Command::Start, CommandKind::Start);
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
    let resources = (0..12).map(|index| {
        resource_with(&format!("r{index}"), |one| {
            one.interface_deactivate = Some("sleep 0.1; echo $RESOURCE_NAME $ACTION".to_owned());
            one.stop_action = Some("sleep 0.1; echo $RESOURCE_NAME $ACTION".to_owned());
        })
    });
    let mut bench = Bench::new(resources.collect());
    for index in 0..12 {
        bench.executor.order(index, Command::Deactivate { urgent: true }, false, Time::ZERO);
        bench.executor.order(index, Command::Stop, false, Time::ZERO);
    }
    let finished = |reports: &[CommandReport]| {
        reports.iter().filter(|report| matches!(report, CommandReport::Finished { .. })).count()
    };
    bench.until(|_, reports| finished(reports) == 24);
    for index in 0..12 {
        for order in [CommandKind::Stop, CommandKind::Deactivate] {
            assert_eq!(bench.last(index, order).output, format!("r{index} {order}\n"));
        }
    }
}

#[test]
fn processes_are_begun_a_few_at_a_time() {
    let resources = (0..40)
        .map(|index| resource_with(&format!("r{index}"), |one| one.start_action = Some("exit 0".to_owned())));
    let mut bench = Bench::new(resources.collect());
    for index in 0..40 {
        bench.executor.order(index, Command::Start, false, Time::ZERO);
    }
    assert_eq!(bench.executor.next_deadline(), Some(Time::ZERO));
    bench.executor.run(bench.now(), |_| None);
    assert_eq!(bench.executor.open_pipes(), 8);
    assert_ne!(bench.executor.next_deadline(), Some(Time::ZERO), "nothing to do before there is room");
    // Each turn of the loop took a look at all 10,000 that waited.
    assert_eq!(bench.executor.looked_at_next(), 0);
    let begun = |report: &&CommandReport| matches!(report, CommandReport::StartBegan { .. });
    bench.until(|_, reports| reports.iter().filter(begun).count() == 40);
}

/// They waited for the commands of others, which they have nothing to do with.
#[test]
fn signals_need_no_room() {
    let resources = (0..40).map(|index| {
        let command = (index < 39).then(|| "exit 0".to_owned());
        resource_with(&format!("r{index}"), |one| one.start_action = command)
    });
    let mut bench = Bench::new(resources.collect());
    for index in 0..40 {
        bench.executor.order(index, Command::Activate, false, Time::ZERO);
        bench.executor.order(index, Command::Start, false, Time::ZERO);
    }
    bench.executor.run(bench.now(), |_| None);
    let reports: Vec<CommandReport> = std::iter::from_fn(|| bench.executor.next_report()).collect();
    let signal = CommandReport::Signal { resource: 39, order: CommandKind::Start };
    assert_eq!(reports, [CommandReport::StartBegan { resource: 39 }, signal]);
}

/// What waits for room is not looked at, but its check that runs has its time limit all the same.
#[test]
fn a_resource_that_waits_for_room_keeps_its_deadlines() {
    let check = schrittmacher_config::Check {
        command: "sleep 100".to_owned(),
        interval: Duration::from_secs(1),
        timeout: Duration::from_secs(5),
        rise: 1,
        fall: 1,
    };
    let others = (1..40)
        .map(|index| resource_with(&format!("r{index}"), |one| one.start_action = Some("exit 0".to_owned())));
    let checked = resource_with("r0", |one| {
        one.stop_action = Some("exit 0".to_owned());
        one.check = Some(check);
    });
    let mut bench = Bench::new(std::iter::once(checked).chain(others).collect());
    bench.until(|bench, _| bench.executor.running(0, Lane::Check).is_some());
    let limit = bench.executor.next_deadline();
    for index in (1..40).chain([0]) {
        let order = if index == 0 { Command::Stop } else { Command::Start };
        bench.executor.order(index, order, false, Time::ZERO);
    }
    bench.executor.run(bench.now(), |_| None);
    assert!(bench.executor.waits_for_others(0, bench.now()));
    assert_eq!(bench.executor.next_deadline(), limit);
}

/// T4: the time of an application does not run meanwhile.
#[test]
fn a_command_without_room_waits_for_others_as_long_as_any_begin() {
    let resources = (0..40)
        .map(|index| resource_with(&format!("r{index}"), |one| one.start_action = Some("exit 0".to_owned())));
    let mut bench = Bench::new(resources.collect());
    for index in 0..39 {
        bench.executor.order(index, Command::Start, false, Time::ZERO);
    }
    let waiting = |bench: &Bench, now: Time| -> Vec<usize> {
        (0..40).filter(|index| bench.executor.waits_for_others(*index, now)).collect()
    };
    assert!(waiting(&bench, bench.now()).is_empty(), "there is room for each");
    let now = bench.now();
    bench.executor.run(now, |_| None);
    // Eight are handed over, and the last resource has no order.
    assert_eq!(waiting(&bench, now), Vec::from_iter(8..39));
    assert!(waiting(&bench, now + Duration::from_secs(6)).is_empty(), "the thread hangs");
    let begun = |report: &&CommandReport| matches!(report, CommandReport::StartBegan { .. });
    bench.until(|_, reports| reports.iter().filter(begun).count() == 39);
    assert!(waiting(&bench, bench.now()).is_empty());
}

/// A thousand of them stood before the commands of all others, and their applications had no time left.
#[test]
fn a_command_after_an_address_waits_for_room_like_any_other() {
    let resources = (0..40).map(|index| {
        resource_with(&format!("r{index}"), |one| {
            let address = Network { ip: [192, 0, 2, 7].into(), prefix: 32 };
            one.shared = Some(SharedAddress::new("none0", vec![address]));
            one.interface_activate = Some("echo $ACTION".to_owned());
            one.start_action = Some("exit 0".to_owned());
        })
    });
    let mut bench = Bench::new(resources.collect());
    let now = bench.now();
    for index in 0..40 {
        bench.executor.order_with_address(index, now);
        bench.executor.order(index, Command::Start, false, now);
    }
    bench.executor.run(now, |_| None);
    assert_eq!(bench.executor.open_pipes(), 8);
    let waiting: Vec<usize> = (0..40).filter(|one| bench.executor.waits_for_others(*one, now)).collect();
    assert_eq!(waiting, Vec::from_iter(8..40));
    // Nor does their own time run: what has not begun has none. That of those that have begun is 5 s.
    let deadline = bench.executor.next_deadline().expect("the end of those that run");
    assert!(deadline > now && deadline.since(now) <= Duration::from_secs(5), "{deadline:?}");
    bench.until(|bench, _| (0..40).all(|index| bench.times(index, CommandKind::Start) == 1));
}

fn kill(pid: &str) {
    let pid = Pid::from_raw(pid.trim().parse().expect("a number"));
    nix::sys::signal::kill(pid, Signal::SIGKILL).expect("a process of our own");
}

/// Gone, or waiting for its parent to reap it.
fn is_dead(pid: &str) -> bool {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid).join("stat"));
    status.map_or(true, |status| status.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')))
}

/// edge-2.
#[test]
fn an_address_is_announced_by_its_own_command_or_by_activate_once_more() {
    let directory = tempfile::tempdir().expect("a directory");
    for (announce, action) in [(None, "activate"), (Some("echo other $ACTION"), "other announce")] {
        let log = directory.path().join(if announce.is_none() { "repeated" } else { "announced" });
        let mut bench = Bench::with(|resource| {
            resource.interface_activate =
                Some(format!("echo $ACTION >> {0}; ! test -s {0}.up", log.display()));
            resource.interface_announce = announce.map(|text| format!("{text} >> {}; exit 2", log.display()));
        });
        bench.outcome(Command::Activate, CommandKind::Activate);
        std::fs::write(log.with_extension("up"), "up").expect("a file");
        bench.executor.announce(0, Contest::Left, bench.now());
        assert_eq!(bench.executor.next_deadline(), None, "after a planned switch");
        bench.executor.announce(0, Contest::Open, bench.now());
        let text = || std::fs::read_to_string(&log).expect("a log");
        bench.until(|bench, _| {
            text().lines().count() == 2 && bench.executor.running(0, Lane::Interface).is_none()
        });
        assert_eq!(text().lines().last(), Some(action));
        // The exit status is 1 or 2, and that is no failure: nothing is reported, nothing tried again.
        assert_eq!(bench.turn(), []);
        let again = bench.executor.next_deadline().expect("the second announcement");
        assert!(again.since(bench.now()) > Duration::from_secs(3), "a retry comes after a second");
        assert_eq!(bench.times(0, CommandKind::Announce), 0);
    }
}
