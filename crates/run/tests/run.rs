//! `schrittmacher-run` with real commands, led hot and standby as a daemon would.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod harness;

use std::fs;
use std::io::Write;
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal::{SIGSTOP, SIGTERM, SIGUSR1, SIGUSR2};

use harness::{Daemon, Run, is_gone, wait_for};

/// Says so, and lives until it is told to end.
const COMMAND: &str = "trap 'echo ended; exit 0' TERM; echo begun $$; while :; do sleep 0.01; done";

#[test]
fn a_command_is_started_and_stopped_as_ordered() {
    let daemon = Daemon::new();
    let run = Run::start(&daemon, &[], COMMAND);
    daemon.hear("LUNK");
    for _ in 0..2 {
        run.signal(SIGUSR1);
        daemon.hear("LHOT");
        run.wait_output("begun");
        run.signal(SIGUSR2);
        daemon.hear("LSBY");
        run.wait_output("ended");
    }
    run.signal(SIGUSR1);
    run.wait_output("begun");
    // The end of schrittmacher-run is that of the command too, and is reported.
    run.signal(SIGTERM);
    run.wait_output("ended");
    assert_eq!(run.wait_code(), 0);
    assert_eq!(daemon.hear("LFAI")["reason"], "schrittmacher-run ended");
}

#[test]
fn a_command_that_ends_by_itself_is_a_failure_for_a_while() {
    let daemon = Daemon::new();
    let run = Run::start(&daemon, &["--recover-after", "1"], "exit 3");
    daemon.hear("LUNK");
    run.signal(SIGUSR1);
    assert_eq!(daemon.hear("LFAI")["reason"], "the command exited with status 3");
    // The daemon's answer to a failure is the order to stop, which mends nothing.
    run.signal(SIGUSR2);
    daemon.hear("LFAI");
    assert_eq!(daemon.hear("LSBY")["reason"], "ready again after a failure");
    run.wait_said("failed: the command exited with status 3");
}

#[test]
fn a_command_is_hot_when_it_has_passed_its_check() {
    let daemon = Daemon::new();
    let health = daemon.file("health");
    let check = format!("echo noise; test -e {} || {{ echo no file >&2; false; }}", health.display());
    let options = ["--check", &check, "--check-interval", "1", "--recover-after", "0"];
    let run = Run::start(&daemon, &options, COMMAND);
    daemon.hear("LUNK");
    run.signal(SIGUSR1);
    daemon.hear("L2HT");
    fs::write(&health, "").unwrap();
    daemon.hear("LHOT");
    fs::remove_file(&health).unwrap();
    assert_eq!(daemon.hear("LFAI")["reason"], "the check exited with status 1");
    run.wait_output("ended");
    run.wait_said("no file");
    assert!(!run.output().contains("noise"), "a check that passes is no news");
}

#[test]
fn a_check_that_hangs_is_a_failure() {
    let daemon = Daemon::new();
    let hang = daemon.file("hang");
    let check = format!("test ! -e {} || sleep 60", hang.display());
    let run = Run::start(&daemon, &["--check", &check, "--check-interval", "1"], COMMAND);
    daemon.hear("LUNK");
    run.signal(SIGUSR1);
    daemon.hear("LHOT");
    fs::write(hang, "").unwrap();
    assert_eq!(daemon.hear("LFAI")["reason"], "the check took longer than 1 s (--check-interval)");
    run.wait_output("ended");
}

#[test]
fn run_1_a_missing_daemon_is_told() {
    let daemon = Daemon::new();
    let port = daemon.port().to_string();
    let run = Run::start(&daemon, &[], COMMAND);
    daemon.hear("LUNK");
    drop(daemon);
    run.wait_said(&format!("no daemon listens at 127.0.0.1 port {port}"));
}

#[test]
fn run_1_a_daemon_that_orders_nothing_is_told() {
    let daemon = Daemon::new();
    let run = Run::start(&daemon, &[], COMMAND);
    run.wait_said("has ordered nothing yet; is \"r1\" a resource of its configuration");
}

#[test]
fn run_1_port_and_address_come_from_the_configuration() {
    let daemon = Daemon::at("127.0.0.7:0");
    let config = daemon.file("config");
    fs::write(&config, daemon.config("web")).unwrap();
    let run = Run::start_with(&["--resource", "wbe", "--config", config.to_str().unwrap()], COMMAND);
    assert_eq!(daemon.hear("LUNK")["resource"], "wbe");
    run.wait_said("has no resource \"wbe\", so the daemon will order nothing; it has: web");
    fs::write(&config, "group = core\nport = 0\n").unwrap();
    let wrong = Run::start_with(&["--resource", "web", "--config", config.to_str().unwrap()], COMMAND);
    assert_eq!(wrong.wait_code(), 78);
    wrong.wait_said(&format!("the daemon's configuration: {}:", config.display()));
    let missing = Run::start_with(&["--resource", "web", "--config", "/does/not/exist"], COMMAND);
    assert_eq!(missing.wait_code(), 66);
}

#[test]
fn run_2_what_cannot_be_executed_has_failed_without_being_hot() {
    let daemon = Daemon::new();
    let port = daemon.port().to_string();
    let run = Run::start_with(&["--resource", "r1", "--port", &port, "--", "/does/not/exist"], "");
    daemon.hear("LUNK");
    run.signal(SIGUSR1);
    let failure = daemon.hear_first_of(&["LHOT", "LFAI"]);
    assert_eq!(failure["status"], "LFAI");
    let why = "cannot execute /does/not/exist: No such file or directory (os error 2)";
    assert_eq!(failure["reason"], why);
    run.wait_said(why);
}

#[test]
fn run_3_a_command_that_goes_to_the_background_is_caught() {
    let daemon = Daemon::new();
    let run = Run::start(&daemon, &[], "setsid sh -c 'echo begun $$; sleep 60 & wait' & exit 0");
    daemon.hear("LUNK");
    run.signal(SIGUSR1);
    let failure = daemon.hear("LFAI");
    let reason = failure["reason"].as_str().unwrap();
    assert!(reason.starts_with("the command went to the background: process "), "{reason}");
    run.wait_said("killed what the command has left: ");
    run.wait_gone();
}

#[test]
fn run_3_what_the_command_has_detached_is_stopped_with_the_rest() {
    let daemon = Daemon::new();
    let detached = daemon.file("detached");
    let detach = format!("setsid sh -c 'echo $$ >{}; sleep 60 & wait' &", detached.display());
    let run = Run::start(&daemon, &[], &format!("{detach} {COMMAND}"));
    daemon.hear("LUNK");
    run.signal(SIGUSR1);
    daemon.hear("LHOT");
    let pid = wait_for("the detached process", || {
        fs::read_to_string(&detached).ok().and_then(|text| text.trim().parse().ok())
    });
    run.wait_output("begun");
    run.signal(SIGUSR2);
    let reason = daemon.hear("LSBY")["reason"].to_string();
    assert!(is_gone(pid), "the detached process lives when standby is reported");
    assert!(reason.contains("killed what the command has left: "), "{reason}");
}

#[test]
fn run_4_the_signal_that_stops_can_be_chosen() {
    for name in ["INT", "sigint", "2"] {
        let daemon = Daemon::new();
        let run = Run::start(&daemon, &["--stop-signal", name], &COMMAND.replace("TERM", "INT"));
        daemon.hear("LUNK");
        run.signal(SIGUSR1);
        run.wait_output("begun");
        run.signal(SIGUSR2);
        daemon.hear("LSBY");
        run.wait_output("ended");
        run.wait_said("stopping the command with SIGINT");
    }
    for name in ["STOP", "99", "NONSENSE"] {
        assert_eq!(Run::start_with(&["--resource", "r1", "--stop-signal", name], COMMAND).wait_code(), 64);
    }
}

#[test]
fn run_4_a_needed_sigkill_is_told() {
    let daemon = Daemon::new();
    let stubborn = "trap '' TERM; echo begun $$; while :; do sleep 0.01; done";
    let run = Run::start(&daemon, &["--stop-timeout", "1"], stubborn);
    daemon.hear("LUNK");
    run.signal(SIGUSR1);
    run.wait_output("begun");
    run.signal(SIGUSR2);
    let told = "the command did not end within 1 s of SIGTERM and was killed";
    assert_eq!(daemon.hear("LSBY")["reason"], told);
    run.wait_said(told);
    run.wait_said("the command was ended by signal 9 (SIGKILL)");
}

/// A debugger, or job control: a stop signal would wait for the continuation, and the switch for SIGKILL.
#[test]
fn a_command_that_is_stopped_can_still_end_by_itself() {
    let daemon = Daemon::new();
    let run = Run::start(&daemon, &[], COMMAND);
    daemon.hear("LUNK");
    run.signal(SIGUSR1);
    let command = run.wait_output("begun").split(' ').nth(1).unwrap().parse().unwrap();
    harness::signal(command, SIGSTOP);
    run.signal(SIGUSR2);
    let reason = daemon.hear("LSBY")["reason"].to_string();
    assert!(!reason.contains("killed"), "{reason}");
    run.wait_output("ended");
}

/// The command has filled the log's pipe, and its reader hangs. Heartbeats and orders come from the thread that logs.
#[test]
fn a_log_that_nobody_reads_delays_nothing() {
    let (_reader, mut writer) = std::io::pipe().unwrap();
    let has_room = |pipe: &dyn AsFd| {
        poll(&mut [PollFd::new(pipe.as_fd(), PollFlags::POLLOUT)], PollTimeout::ZERO).unwrap() > 0
    };
    while has_room(&writer) {
        writer.write_all(&[b'x'; 4096]).unwrap();
    }
    let daemon = Daemon::new();
    let port = daemon.port().to_string();
    let run = Run::start_logging_to(writer.into(), &["--resource", "r1", "--port", &port], COMMAND);
    daemon.hear("LUNK");
    for (order, status) in [(SIGUSR1, "LHOT"), (SIGUSR2, "LSBY")] {
        run.signal(order);
        daemon.hear(status);
    }
}

#[test]
fn run_5_standby_is_reported_when_the_command_has_ended() {
    let daemon = Daemon::new();
    let folder = tempfile::tempdir().unwrap();
    let go_on = folder.path().join("go-on");
    let slow = format!("trap 'while [ ! -e {} ]; do sleep 0.01; done; exit 0' TERM", go_on.display());
    let run = Run::start(&daemon, &[], &format!("{slow}; echo begun $$; while :; do sleep 0.01; done"));
    daemon.hear("LUNK");
    run.signal(SIGUSR1);
    run.wait_output("begun");
    run.signal(SIGUSR2);
    assert_eq!(daemon.hear_first_of(&["L2SB", "LSBY"])["status"], "L2SB");
    // The heartbeat repeats it while the command takes its time.
    assert_eq!(daemon.hear_first_of(&["L2SB", "LSBY"])["status"], "L2SB");
    fs::write(go_on, "").unwrap();
    daemon.hear("LSBY");
    run.wait_gone();
}

#[test]
fn run_6_orphans_do_not_stay_as_zombies() {
    let daemon = Daemon::new();
    let run = Run::start(&daemon, &[], &format!("( (sleep 0.01) & ); {COMMAND}"));
    daemon.hear("LUNK");
    run.signal(SIGUSR1);
    let command = run.wait_output("begun").split(' ').nth(1).unwrap().to_owned();
    wait_for("the orphan to be reaped", || (run.children() == [command.as_str()]).then_some(()));
}

#[test]
fn run_6_in_a_pid_namespace_the_remedy_is_named() {
    if !nix::unistd::geteuid().is_root() {
        println!("SKIPPED: run_6_in_a_pid_namespace_the_remedy_is_named: pid namespaces need root");
        return;
    }
    let daemon = Daemon::new();
    let run =
        Run::start_by(&["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"], &daemon, COMMAND);
    daemon.hear("LUNK");
    run.wait_said("share the host's (docker run --pid=host), or let start-action and stop-action");
    // The second remedy: a signal from outside, which `docker kill` sends.
    let inside = run.children()[0].parse().unwrap();
    for (order, status) in [(SIGUSR1, "LHOT"), (SIGUSR2, "LSBY")] {
        harness::signal(inside, order);
        daemon.hear(status);
    }
    harness::signal(inside, SIGTERM);
    assert_eq!(run.wait_code(), 0);
}

#[test]
fn edge_12_a_lost_daemon_stops_the_command_if_it_is_asked_for() {
    for (options, is_stopped) in [(&["--daemon-lost", "1"][..], true), (&[], false)] {
        let daemon = Daemon::new();
        let run = Run::start(&daemon, options, COMMAND);
        daemon.hear("LUNK");
        run.signal(SIGUSR1);
        daemon.hear("LHOT");
        run.wait_output("begun");
        let address = daemon.address();
        drop(daemon);
        run.wait_said("does not listen any more");
        if is_stopped {
            run.wait_output("ended");
            run.wait_said("the daemon has not listened for 1 s");
            // It is ready for a daemon that comes back.
            assert_eq!(Daemon::at(&address).hear("LSBY")["reason"], "stopped when the daemon was lost");
        } else {
            assert_eq!(run.children().len(), 1, "the command has to go on");
        }
    }
}

/// The other host takes over meanwhile: an order from before the loss does not count any more.
#[test]
fn edge_12_a_command_that_is_being_stopped_is_not_started_again_when_the_daemon_is_lost() {
    let daemon = Daemon::new();
    let folder = tempfile::tempdir().unwrap();
    let go_on = folder.path().join("go-on");
    let slow =
        format!("trap 'while [ ! -e {} ]; do sleep 0.01; done; echo ended; exit 0' TERM", go_on.display());
    let slow = format!("{slow}; echo begun; while :; do sleep 0.01; done");
    let run = Run::start(&daemon, &["--daemon-lost", "1", "--stop-timeout", "60"], &slow);
    daemon.hear("LUNK");
    run.signal(SIGUSR1);
    daemon.hear("LHOT");
    run.wait_output("begun");
    run.signal(SIGUSR2);
    daemon.hear("L2SB");
    run.signal(SIGUSR1);
    daemon.hear("L2HT");
    drop(daemon);
    run.wait_said("the daemon has not listened for 1 s");
    fs::write(&go_on, "").unwrap();
    run.wait_output("ended");
    run.wait_said("standby, until a daemon is back and orders something");
    assert_eq!(run.children().len(), 0);
}

#[test]
fn edge_12_a_daemon_that_has_left_the_command_alone_on_purpose_does_not_stop_it() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::at("127.0.0.7:0");
    let config = folder.path().join("config");
    let state = format!("state-directory = {}\nport =", folder.path().display());
    fs::write(&config, daemon.config("r1").replace("port =", &state)).unwrap();
    let state = folder.path().join(format!("127.0.0.7-{}", daemon.port() - 1));
    fs::create_dir(&state).unwrap();
    fs::write(state.join("left-alone"), "").unwrap();
    let options = ["--resource", "r1", "--config", config.to_str().unwrap(), "--daemon-lost", "1"];
    let run = Run::start_with(&options, COMMAND);
    daemon.hear("LUNK");
    run.signal(SIGUSR1);
    daemon.hear("LHOT");
    run.wait_output("begun");
    drop(daemon);
    run.wait_said("has ended and left the command alone on purpose");
    assert_eq!(run.children().len(), 1, "the command has to go on");
}
