//! The application's process (A3): a pid that is not believed gets no signal, and its reports still count.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use schrittmacher_harness::{AT_ONCE, Pair, Process, RESOURCE, Setup, Side, is_root, program, skip};

const APP_TIMEOUT: f64 = 2.0;

/// Without commands, so that a daemon that believes a wrong pid would signal it.
fn setup() -> Setup {
    Setup { app_timeout: APP_TIMEOUT, start: None, stop: None, ..Setup::default() }
}

/// Starts `a` with this application and makes it hot, then standby, then hot again: all of it without a
/// signal. Its messages count as life, and its silence as failure.
fn lives_by_its_messages(pair: &mut Pair, application: Command, why: &str) {
    pair.start_daemon(Side::B);
    pair[Side::B].start_app("--start-as standby");
    pair[Side::B].log.wait_state("Standby", AT_ONCE);
    pair.start_daemon(Side::A);
    pair[Side::A].start_app_by(application);
    pair[Side::A].log.wait_state("transiting_to_hot", AT_ONCE);
    pair[Side::A].log.wait(NOT_TOLD, AT_ONCE);
    pair[Side::A].tell_app("hot");
    pair.wait_settled(Side::A, AT_ONCE);
    pair.stays_for(2.0 * APP_TIMEOUT);

    pair[Side::A].page(&format!("?failover={RESOURCE}"));
    pair[Side::A].tell_app("standby");
    pair.settles(Side::B, Duration::ZERO);
    assert!(!pair[Side::A].app().output.has("SIGNAL"), "{}", pair[Side::A].app().output.text());

    let warnings: Vec<_> = pair[Side::A].log.lines().into_iter().filter(|line| line.contains(why)).collect();
    assert_eq!(warnings.len(), 1, "one warning, not one a message: {warnings:#?}");
    pair[Side::A].app().process.signal_group(Signal::SIGSTOP);
    pair[Side::A].log.wait_state("failed", Duration::from_secs_f64(APP_TIMEOUT));
}

/// The daemon's words when it has no process to signal.
const NOT_TOLD: &str = "the application is not told";

/// A process that ends when it is signalled.
fn victim() -> Process {
    let mut sleep = Command::new("sleep");
    sleep.arg("600").stdin(Stdio::null());
    Process::spawn(sleep, None)
}

/// The application at a place that every user may enter.
pub fn copied_testapp(pair: &Pair) -> PathBuf {
    let copy = pair.folder().join("testapp");
    if !copy.exists() {
        // By a process of its own: no other test's child can inherit its descriptor, and with it "text file busy".
        let cp = Command::new("cp").arg(program("schrittmacher-testapp")).arg(&copy).status();
        assert!(cp.unwrap().success());
    }
    copy
}

/// Legacy applications that fork after they have made their client report a dead pid for ever. Here it is
/// even a zombie, which has not been waited for.
#[test]
fn fork_after_init() {
    let mut pair = Pair::new(setup());
    let mut application = Command::new(program("schrittmacher-testapp"));
    pair[Side::A].app_options(&mut application, "--fork-after-init");
    lives_by_its_messages(&mut pair, application, "there is no such process");
}

/// A container's number that here, by chance, is a process that could be signalled; and the container's root
/// says so.
#[test]
fn a_number_from_another_pid_namespace() {
    const NAME: &str = "a_number_from_another_pid_namespace";
    if !is_root() {
        return skip(NAME, "pid namespaces need root");
    }
    let mut pair = Pair::new(setup());
    let victim = victim();
    let mut application = Command::new("unshare");
    application.args(["--pid", "--fork", "--kill-child", "sh", "-c"]);
    let number_before = victim.pid() - 1;
    application.arg(format!("echo {number_before} >/proc/sys/kernel/ns_last_pid; \"$@\"; exit"));
    application.arg("sh").arg(program("schrittmacher-testapp"));
    pair[Side::A].app_options(&mut application, "");
    lives_by_its_messages(&mut pair, application, "process numbers of its own");
    assert_eq!(pair[Side::A].app().pid(), victim.pid(), "the test did what it says");
    assert_eq!(victim.exited(), None, "somebody else's process was signalled");
}

#[test]
fn a_process_of_another_user() {
    const NAME: &str = "a_process_of_another_user";
    if !is_root() {
        return skip(NAME, "another user's process needs root");
    }
    let mut pair = Pair::new(setup());
    let victim = victim();
    let mut application = Command::new("setpriv");
    // Another user's process is not told of the end of its parent unless it asks for it.
    application.args(["--pdeathsig", "KILL", "--reuid", "65534", "--regid", "65534", "--clear-groups"]);
    application.arg(copied_testapp(&pair));
    pair[Side::A].app_options(&mut application, &format!("--pid {}", victim.pid()));
    lives_by_its_messages(&mut pair, application, "it belongs to user");
    assert_eq!(victim.exited(), None, "somebody else's process was signalled");
}

/// A script that reports for an application, one process a report: none of them is ever believed.
#[test]
fn a_one_shot_reporter() {
    // The script is no application that could be told anything.
    let start = Some("{note}; test {host} = a || kill -10 `cat {pid-file}`");
    let mut pair = Pair::new(Setup { start, stop: Some("{note}"), ..setup() });
    let mut script = Command::new("sh");
    script.args(["-c", "while \"$@\"; do sleep 0.2; done", "sh"]);
    script.arg(program("schrittmacher-testapp"));
    pair[Side::A].app_options(&mut script, "--one-shot --start-as hot");
    pair[Side::A].start_app_by(script);
    pair.start_daemon(Side::A);
    // Before the other side, which would not wait for its first report for ever.
    pair.wait_hot(Side::A, pair.timeout());
    pair.start_daemon(Side::B);
    pair[Side::B].start_app("--start-as standby");
    pair.wait_settled(Side::A, Duration::from_secs(2));
    pair.forget();
    pair.stays_for(2.0 * APP_TIMEOUT);
    assert_eq!(pair[Side::A].log.transitions(), []);
    let lines = pair[Side::A].log.lines();
    let warnings: Vec<_> = lines.iter().filter(|line| line.contains("WARNING")).collect();
    assert!(warnings.len() <= 1, "one warning, not one a message: {warnings:#?}");

    pair[Side::A].app().process.signal_group(Signal::SIGSTOP);
    pair.wait_hot(Side::B, Duration::from_secs_f64(APP_TIMEOUT));
}
