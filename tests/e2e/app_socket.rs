//! The Unix socket for applications: whose reports count, and by which way they come.

use std::fs::{self, Permissions};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::app_process::copied_testapp;
use schrittmacher_harness::{
    AT_ONCE, Cable, PORT, Pair, RESOURCE, Setup, Side, is_root, program, report, skip,
};

const BOTH: [Side; 2] = [Side::A, Side::B];

/// Two reports a second apart name a process.
const A_PROOF: Duration = Duration::from_secs(3);

/// Without commands, so that the daemon has to know the process.
fn setup(resource: &'static str) -> Setup {
    Setup { start: None, stop: None, resource, ..Setup::default() }
}

/// The application, as soon as the socket is there.
fn start_app(pair: &mut Pair, side: Side, mut command: Command, options: &str) {
    by_socket(pair, side, &mut command, options);
    pair[side].start_app_by(command);
}

/// Adds the options of an application that finds the socket, and waits for it.
fn by_socket(pair: &Pair, side: Side, command: &mut Command, options: &str) {
    pair[side].log.wait("application socket", AT_ONCE);
    let run = pair[side].files.run_directory().display().to_string();
    pair[side].app_options(command, &format!("--run-directory {run} {options}"));
}

/// The application as a process of this user.
fn as_user(pair: &Pair, user: u32) -> Command {
    let mut command = Command::new("setpriv");
    // Another user's process is not told of the end of its parent unless it asks for it.
    command.args(["--pdeathsig", "KILL", "--regid", "65534", "--clear-groups", "--reuid", &user.to_string()]);
    command.arg(copied_testapp(pair));
    command
}

/// Both daemons have one port, and the applications are not root's. Nobody else can end the service.
#[test]
fn door_5_only_the_app_user_speaks_for_the_application() {
    const NAME: &str = "door_5_only_the_app_user_speaks_for_the_application";
    if !is_root() {
        return skip(NAME, "another user's process needs root");
    }
    let mut pair = Pair::new(setup("app-user = 65534"));
    for side in [Side::B, Side::A] {
        pair.start_daemon(side);
        let nobody = as_user(&pair, 65534);
        start_app(&mut pair, side, nobody, "--start-as standby");
    }
    let hot = pair.wait_either(pair.timeout());
    // It was told by a signal, so its process is believed.
    pair[hot].app().output.wait("SIGNAL USR1", AT_ONCE);
    pair.stays();

    let by_udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    for status in ["LFAI", "LRFO", "LSBY"] {
        by_udp.send_to(report(status, RESOURCE).as_bytes(), (pair[hot].address, PORT + 1)).unwrap();
    }
    pair[hot].log.wait("from 127.0.0.1 is ignored: `app-user` is 65534", AT_ONCE);
    let mut intruder = as_user(&pair, 65533);
    by_socket(&pair, hot, &mut intruder, "--one-shot --start-as standby");
    assert!(pair[hot].spawn(intruder).wait_code(AT_ONCE) == 0);
    pair[hot].log.wait("from user 65533 is ignored: `app-user` is 65534", AT_ONCE);
    pair.stays();

    // The application itself can fail.
    pair[hot].tell_app("fail");
    pair.wait_hot(hot.other(), AT_ONCE);
}

/// Root in a container: the socket shows the user that it is outside, and UDP shows no root at all.
#[test]
fn root_of_a_user_namespace_is_the_user_outside() {
    const NAME: &str = "root_of_a_user_namespace_is_the_user_outside";
    if !is_root() {
        return skip(NAME, "another user's process needs root");
    }
    let contained = |pair: &Pair| {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--regid", "65533", "--clear-groups", "--reuid", "65533"]);
        command.args(["unshare", "--user", "--map-root-user"]).arg(copied_testapp(pair));
        command
    };
    let mut pair = Pair::new(setup("app-user = 0"));
    let may = Command::new("unshare").args(["--user", "--map-root-user", "true"]).output();
    if !may.is_ok_and(|output| output.status.success()) {
        return skip(NAME, "this system refuses user namespaces");
    }
    pair.start_daemon(Side::A);
    let mut root = contained(&pair);
    by_socket(&pair, Side::A, &mut root, "--one-shot --start-as standby");
    pair[Side::A].spawn(root).wait_code(AT_ONCE);
    pair[Side::A].log.wait("from user 65533 is ignored: `app-user` is 0", AT_ONCE);
    let mut root = contained(&pair);
    pair[Side::A].app_options(&mut root, "--run-directory /nowhere --one-shot --start-as standby");
    pair[Side::A].spawn(root).wait_code(AT_ONCE);
    pair[Side::A].log.wait("from 127.0.0.1 is ignored: `app-user` is 0", AT_ONCE);
    assert_ne!(pair[Side::A].log.state(), "Standby");
}

/// The client library finds the daemon's new socket by itself.
#[test]
fn a_daemon_that_comes_back_is_reported_to_by_the_socket_again() {
    let mut pair = Pair::new(setup("app-user = 0"));
    if !is_root() {
        return skip("a_daemon_that_comes_back_is_reported_to_by_the_socket_again", "app-user is root");
    }
    for side in [Side::B, Side::A] {
        pair.start_daemon(side);
        start_app(&mut pair, side, Command::new(program("schrittmacher-testapp")), "--start-as standby");
    }
    let hot = pair.wait_either(pair.timeout());
    let standby = hot.other();
    pair[standby].daemon().kill();
    pair[standby].start_daemon();
    pair[standby].log.wait_in_run("application socket", AT_ONCE);
    // Reports by UDP do not count, so the state is known by the socket.
    pair.wait_settled(hot, AT_ONCE);
}

/// Containers that share a file system have the same addresses and ports, and one run directory.
#[test]
fn applications_of_two_networks_never_reach_each_others_daemon() {
    const NAME: &str = "applications_of_two_networks_never_reach_each_others_daemon";
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(why) => return skip(NAME, why),
    };
    let mut pair = Pair::at(setup("app-user = 0"), &cable, ["fd00::1", "fd00::2"]);
    for side in [Side::B, Side::A] {
        pair.start_daemon(side);
        start_app(&mut pair, side, Command::new(program("schrittmacher-testapp")), "--start-as standby");
    }
    let names = fs::read_dir(pair[Side::A].files.run_directory()).unwrap().flatten();
    let names: Vec<String> = names.map(|entry| entry.file_name().into_string().unwrap()).collect();
    let of_one_port: Vec<&String> =
        names.iter().filter(|name| name.starts_with("127.0.0.1:7701.net")).collect();
    assert_eq!(of_one_port.len(), 2, "one for each network: {names:?}");
    let hot = pair.wait_either(pair.timeout());
    // Each daemon knows its own application.
    for side in BOTH {
        let pid = pair[side].app().pid();
        pair[side].log.wait(&format!("process {pid} is the application"), AT_ONCE);
    }
    pair[hot].tell_app("fail");
    pair.wait_hot(hot.other(), AT_ONCE);
}

/// Without `app-user`, and although the application is of the same user.
#[test]
fn in_strict_root_and_the_daemons_user_alone_report() {
    let mut pair = Pair::new(Setup { core: "auth-key-file = {folder}/peer.key", ..setup("") });
    let key = pair.folder().join("peer.key");
    fs::write(&key, format!("00000001 {}00000001\n", "0123456789abcdef".repeat(4))).unwrap();
    fs::set_permissions(key, Permissions::from_mode(0o600)).unwrap();
    for side in [Side::B, Side::A] {
        let file = pair[side].files.config();
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace("security = legacy", "security = strict")).unwrap();
        pair.start_daemon(side);
        start_app(&mut pair, side, Command::new(program("schrittmacher-testapp")), "--start-as standby");
    }
    let hot = pair.wait_either(pair.timeout());
    let by_udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    for status in ["LFAI", "LRFO"] {
        by_udp.send_to(report(status, RESOURCE).as_bytes(), (pair[hot].address, PORT + 1)).unwrap();
    }
    pair[hot].log.wait("from 127.0.0.1 is ignored: `security` is strict and there is no `app-user`", AT_ONCE);
    if is_root() {
        let mut nobody = as_user(&pair, 65534);
        by_socket(&pair, hot, &mut nobody, "--one-shot --start-as standby");
        pair[hot].spawn(nobody).wait_code(AT_ONCE);
        pair[hot].log.wait("from user 65534 is ignored: `security` is strict", AT_ONCE);
    }
    pair.stays();
}

/// The faster one is believed, until root reports.
#[test]
fn door_4_root_displaces_a_user_who_was_faster_and_both_are_named() {
    const NAME: &str = "door_4_root_displaces_a_user_who_was_faster_and_both_are_named";
    if !is_root() {
        return skip(NAME, "another user's process needs root");
    }
    let mut pair = Pair::new(setup(""));
    pair.start_daemon(Side::A);
    let mut intruder = as_user(&pair, 65534);
    by_socket(&pair, Side::A, &mut intruder, "--start-as standby");
    let intruder = pair[Side::A].spawn(intruder);
    pair[Side::A].log.wait(&format!("process {} is the application", intruder.pid()), A_PROOF);
    start_app(&mut pair, Side::A, Command::new(program("schrittmacher-testapp")), "--start-as standby");
    let app = pair[Side::A].app().pid();
    pair[Side::A].log.wait(&format!("process {app} is the application"), A_PROOF);
    let warning = pair[Side::A].log.wait("two users report for this resource", AT_ONCE);
    assert!(
        warning.contains("user 65534") && warning.contains("user 0") && warning.contains("app-user"),
        "{warning}"
    );
    assert_eq!(pair[Side::A].log.text().matches("two users report").count(), 1, "once an hour");
}

/// A second process that was started by mistake, or does not serve yet, says what it likes: the first one goes on, unsignalled. One that is
/// hot is the successor, and then the first one may end (edge-18).
#[test]
fn a_second_process_does_not_disturb_the_first_until_it_is_hot() {
    let mut pair = Pair::new(setup(""));
    for side in [Side::B, Side::A] {
        pair.start_daemon(side);
        start_app(&mut pair, side, Command::new(program("schrittmacher-testapp")), "--start-as standby");
        let app = pair[side].app().pid();
        pair[side].log.wait(&format!("process {app} is the application"), A_PROOF);
    }
    let hot = pair.wait_either(pair.timeout());
    pair.wait_settled(hot, pair.timeout());
    pair.forget();
    let first = pair[hot].app().pid();
    let start = |pair: &Pair, options: &str, by_udp: bool| {
        let mut command = Command::new(program("schrittmacher-testapp"));
        let run = pair[hot].files.run_directory().display().to_string();
        let by = if by_udp { String::new() } else { format!("--run-directory {run} ") };
        pair[hot].app_options(&mut command, &(by + options));
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        pair[hot].spawn(command)
    };
    let others =
        [("unknown", false), ("standby", false), ("fail", false), ("unknown", true), ("standby", true)]
            .map(|(state, by_udp)| start(&pair, &format!("--start-as {state}"), by_udp));
    let warning = pair[hot].log.wait("two processes report for this resource", AT_ONCE);
    assert!(warning.contains(&format!("{first} says LHOT")), "{warning}");
    // Each has to be heard more often than an order is repeated.
    pair.stays_for(4.0);
    drop(others);
    pair.stays_for(0.5);
    assert!(!pair[hot].log.has("SIGUSR"), "{}", pair[hot].log.text());

    let successor = start(&pair, "--start-as hot", false);
    pair[hot].log.wait(&format!("process {} is the application", successor.pid()), A_PROOF);
    pair[hot].app().process.kill();
    pair.stays_for(1.0);
    successor.kill();
    pair[hot].log.wait_state("failed", AT_ONCE);
    pair.wait_hot(hot.other(), AT_ONCE);
}

/// What a report by UDP proves is said once, with the way out.
#[test]
fn one_warning_says_what_is_open_while_applications_report_by_udp() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    for side in BOTH {
        let text = pair[side].log.text();
        assert_eq!(text.matches("any user of this host can report for it").count(), 1, "{text}");
    }
}
