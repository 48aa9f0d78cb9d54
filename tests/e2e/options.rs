//! The options of the manual: `--daemonize`, `--pidfile`, `--make-pidfile`, `--parachute` (C3, D36).

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgid, getsid};

use crate::restart::nothing_was_switched;
use schrittmacher_harness::{AT_ONCE, Pair, Setup, Side, program, wait_for};

/// The time to start a daemon, or to hand over.
const SOON: Duration = Duration::from_millis(500);

/// Processes that are not ours: a daemon in the background, or the daemon under a supervisor. They end with
/// the test.
struct Strangers(Vec<Pid>);

impl Drop for Strangers {
    fn drop(&mut self) {
        // The supervisor stands first, so that it starts none of the others again.
        for pid in self.0.iter().flat_map(|pid| [Some(*pid), child_of(*pid)]).flatten() {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}

fn is_alive(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // One that nobody has waited for yet is a zombie.
    stat.rsplit(") ").next().is_some_and(|state| !state.is_empty() && !state.starts_with('Z'))
}

fn child_of(pid: Pid) -> Option<Pid> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok().map(Pid::from_raw)
}

fn supervisor(pair: &Pair) -> Pid {
    Pid::from_raw(pair[Side::A].daemon().pid().cast_signed())
}

/// Waits for the daemon of a supervisor; another one than `before`.
fn daemon_of(supervisor: Pid, before: Option<Pid>) -> Pid {
    wait_for("a daemon under the supervisor", AT_ONCE, || {
        child_of(supervisor).filter(|daemon| Some(*daemon) != before)
    })
}

fn pid_file(pair: &Pair) -> PathBuf {
    pair.folder().join("daemon.pid")
}

fn pid_in(file: &PathBuf) -> Pid {
    Pid::from_raw(fs::read_to_string(file).unwrap().trim_end().parse().unwrap())
}

/// Runs the program on host a until it returns, as a start script does. Every process that has its output has to
/// close it.
fn run(pair: &Pair, options: &[&str]) -> (i32, String) {
    let mut command = Command::new(program("schrittmacher"));
    command.args(options).arg(pair[Side::A].files.config());
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn daemonize_returns_when_the_daemon_is_ready() {
    let pair = Pair::new(Setup::default());
    let file = pid_file(&pair);
    // A descriptor that a careless caller passes on (door-14).
    let secret = File::create(pair.folder().join("secret")).unwrap();
    fcntl(&secret, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    let (code, said) = run(&pair, &["--daemonize", "--make-pidfile", "--pidfile", file.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    let daemon = pid_in(&file);
    let _strangers = Strangers(vec![daemon]);
    assert!(pair[Side::A].page("").contains("service"), "it is not ready");
    assert_eq!(getsid(Some(daemon)), Ok(daemon), "it is in our session");
    for descriptor in 0..3 {
        let open = fs::read_link(format!("/proc/{daemon}/fd/{descriptor}")).unwrap();
        assert_eq!(open, PathBuf::from("/dev/null"));
    }
    let open = fs::read_dir(format!("/proc/{daemon}/fd")).unwrap();
    let open: Vec<PathBuf> = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok()).collect();
    assert!(!open.iter().any(|path| path.ends_with("secret")), "{open:?}");
    kill(daemon, Signal::SIGTERM).unwrap();
    wait_for("the end of the daemon", SOON, || (!is_alive(daemon)).then_some(()));
    assert!(!file.exists(), "the pid file is left behind");
}

#[test]
fn daemonize_reports_a_start_that_fails() {
    let mut pair = Pair::new(Setup { core: "port = 1", ..Setup::default() });
    for options in [["--daemonize"].as_slice(), &["--daemonize", "--parachute"]] {
        let (code, said) = run(&pair, options);
        assert_eq!(code, 78, "{said}");
        assert!(said.contains("a.conf:") && said.contains("\"port\" again"), "{said}");
    }
    pair = Pair::new(Setup::default());
    pair.start_daemon(Side::A);
    pair[Side::A].log.wait("starts", SOON);
    pair[Side::A].wait_page();
    for options in [["--daemonize"].as_slice(), &["--daemonize", "--parachute"]] {
        let (code, said) = run(&pair, options);
        assert_eq!(code, 71, "{said}");
        assert!(said.contains("is in use: another daemon"), "{said}");
    }
}

#[test]
fn a_second_daemon_is_told_who_has_the_pid_file() {
    let mut pair = Pair::new(Setup::default());
    let file = pid_file(&pair);
    let options = ["--make-pidfile", "--pidfile", file.to_str().unwrap()];
    pair[Side::A].options = vec!["--make-pidfile", "--pidfile", file.to_str().unwrap().to_owned().leak()];
    pair.start_daemon(Side::A);
    let number = pair[Side::A].daemon().pid();
    wait_for("the pid file", SOON, || {
        fs::read_to_string(&file).is_ok_and(|text| !text.is_empty()).then_some(())
    });
    let (code, said) = run(&pair, &options);
    assert_eq!(code, 73, "{said}");
    assert!(said.contains(&format!("process {number}")), "{said}");
    assert_eq!(pid_in(&file), Pid::from_raw(number.cast_signed()));
}

#[test]
fn without_make_pidfile_only_a_file_that_is_there_is_written() {
    let mut pair = Pair::new(Setup::default());
    let file = pid_file(&pair);
    pair[Side::A].options = vec!["--pidfile", file.to_str().unwrap().to_owned().leak()];
    pair.start_daemon(Side::A);
    pair[Side::A].stderr.wait("does not exist, and --make-pidfile is not given", SOON);
    pair[Side::A].wait_page();
    assert!(!file.exists());
    pair[Side::A].daemon().kill();

    fs::write(&file, "").unwrap();
    pair.start_daemon(Side::A);
    pair[Side::A].wait_page();
    assert_eq!(pid_in(&file), supervisor(&pair));
    pair[Side::A].daemon().signal(Signal::SIGTERM);
    pair[Side::A].daemon().wait_code(SOON);
    assert_eq!(fs::read_to_string(&file).unwrap(), "");
}

/// The pair with a supervised daemon on the hot side.
fn supervised_pair() -> (Pair, Strangers) {
    let mut pair = Pair::new(Setup { timeout: 6.0, ..Setup::default() });
    pair[Side::A].options = vec!["--parachute"];
    pair.start(Side::A);
    let strangers = Strangers(vec![supervisor(&pair)]);
    (pair, strangers)
}

#[test]
fn a_daemon_that_dies_under_its_parachute_is_back_and_nothing_switches() {
    let (mut pair, _strangers) = supervised_pair();
    let daemon = daemon_of(supervisor(&pair), None);
    pair.journal.daemon_starts('a');
    pair[Side::A].log.begin_run();
    kill(daemon, Signal::SIGABRT).unwrap();
    daemon_of(supervisor(&pair), Some(daemon));
    let said = pair[Side::A].log.wait("started again", SOON);
    assert!(said.contains(&format!("process {daemon}, was ended by SIGABRT")), "{said}");
    nothing_was_switched(&mut pair);
}

/// One signal, although a terminal sends it to the whole group: a second one would cut the hand-over short.
#[test]
fn the_parachute_passes_a_signal_on_once_and_waits_for_the_end() {
    let (pair, _strangers) = supervised_pair();
    let daemon = daemon_of(supervisor(&pair), None);
    assert_eq!(getpgid(Some(daemon)), Ok(daemon), "the terminal reaches it too");
    pair[Side::A].daemon().signal_group(Signal::SIGINT);
    assert_eq!(pair[Side::A].daemon().wait_code(SOON), 0);
    assert!(!is_alive(daemon), "the supervisor ended first");
    pair.wait_hot(Side::B, Duration::ZERO);
    pair.stays();
    pair.journal.expect(Side::A, &["stop", "deactivate"]);
    pair.journal.expect(Side::B, &["activate", "start"]);
}

#[test]
fn sigquit_through_the_parachute_leaves_everything_alone() {
    let (mut pair, _strangers) = supervised_pair();
    pair[Side::A].daemon().signal(Signal::SIGQUIT);
    assert_eq!(pair[Side::A].daemon().wait_code(SOON), 0);
    pair[Side::A].options.clear();
    pair.start_daemon(Side::A);
    nothing_was_switched(&mut pair);
}

#[test]
fn the_parachute_gives_up_a_daemon_that_cannot_start() {
    let mut pair = Pair::new(Setup { core: "port = 1", ..Setup::default() });
    pair[Side::A].options = vec!["--parachute"];
    pair.start_daemon(Side::A);
    assert_eq!(pair[Side::A].daemon().wait_code(SOON), 78);
    assert!(pair[Side::A].stderr.has("a.conf:"));
}

/// A broken file is not mended by trying again, and the service manager sees why. There is no last good configuration.
#[test]
fn the_parachute_gives_up_when_the_configuration_has_become_wrong() {
    let mut pair = Pair::new(Setup::default());
    pair[Side::A].options = vec!["--parachute"];
    pair.start_daemon(Side::A);
    pair[Side::A].wait_page();
    let _strangers = Strangers(vec![supervisor(&pair)]);
    fs::write(pair[Side::A].files.config(), "port").unwrap();
    fs::remove_dir_all(pair[Side::A].files.state()).unwrap();
    kill(daemon_of(supervisor(&pair), None), Signal::SIGKILL).unwrap();
    assert_eq!(pair[Side::A].daemon().wait_code(SOON), 78);
}

#[test]
fn in_the_background_the_pid_file_names_the_supervisor() {
    let pair = Pair::new(Setup::default());
    let file = pid_file(&pair);
    let options = ["--parachute", "--daemonize", "--make-pidfile", "--pidfile", file.to_str().unwrap()];
    let (code, said) = run(&pair, &options);
    assert_eq!(code, 0, "{said}");
    let supervisor = pid_in(&file);
    let _strangers = Strangers(vec![supervisor]);
    let daemon = daemon_of(supervisor, None);
    assert!(pair[Side::A].page("").contains("service"), "it is not ready");

    kill(daemon, Signal::SIGKILL).unwrap();
    let daemon = daemon_of(supervisor, Some(daemon));
    pair[Side::A].wait_page();
    kill(supervisor, Signal::SIGTERM).unwrap();
    wait_for("the end of the supervisor", SOON, || (!is_alive(supervisor)).then_some(()));
    assert!(!is_alive(daemon) && !file.exists());
}

/// The pid file stays locked as long as the daemon lives, also without its supervisor.
#[test]
fn without_its_supervisor_the_daemon_goes_on() {
    let mut pair = Pair::new(Setup::default());
    let file = pid_file(&pair);
    let path: &'static str = file.to_str().unwrap().to_owned().leak();
    pair[Side::A].options = vec!["--parachute", "--make-pidfile", "--pidfile", path];
    pair.start_daemon(Side::A);
    pair[Side::A].wait_page();
    let supervisor = supervisor(&pair);
    let daemon = daemon_of(supervisor, None);
    let _strangers = Strangers(vec![daemon]);
    pair[Side::A].daemon().kill();
    let (code, said) = run(&pair, &["--pidfile", path]);
    assert_eq!(code, 73, "{said}");
    assert!(is_alive(daemon));
}
