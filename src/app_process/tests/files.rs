//! `pid-file`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;

use super::*;

/// A resource with a pid file in a directory of its own.
struct Files {
    bench: Bench,
    path: PathBuf,
    _directory: tempfile::TempDir,
}

impl Files {
    fn new() -> Files {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("smsc.pid");
        let bench = Bench::with(|resource| resource.pid_file = Some(path.clone()));
        Files { bench, path, _directory: directory }
    }

    fn write(&self, text: &str) {
        fs::write(&self.path, text).expect("a file");
    }

    /// A message without pid, later than all others; waits for what becomes of it.
    fn message(&mut self) {
        self.bench.now = self.bench.now + Duration::from_secs(20);
        let source = SocketAddr::from(([127, 0, 0, 1], 9));
        self.bench.processes.heard(0, Some(AppCode::Lsby), None, &Sender::Udp(source), self.bench.now);
        self.bench.worker();
    }

    #[track_caller]
    fn refused(&mut self, why: &str) {
        self.message();
        assert_eq!(self.bench.believed(), None);
        let doubt = self.bench.doubt().map(|doubt| doubt.to_string()).unwrap_or_default();
        assert!(doubt.contains(why), "{doubt:?}");
    }
}

#[test]
fn pid_file_names_the_process() {
    let mut files = Files::new();
    let mut app = Guarded::sleeper(&[]);
    files.write(&app.pid().to_string());
    files.message();
    assert_eq!(files.bench.believed(), Some(app.pid()), "{:?}", files.bench.doubt());

    app.0.kill().expect("a process");
    files.bench.event(PROCESS);
    assert!(files.bench.processes.on_pidfd(0));
    let next = Guarded::sleeper(&[]);
    files.write(&format!("{}\n", next.pid()));
    files.message();
    assert_eq!(files.bench.believed(), Some(next.pid()));

    let restarted = Guarded::sleeper(&[]);
    files.write(&restarted.pid().to_string());
    files.message();
    assert_eq!(files.bench.believed(), Some(restarted.pid()), "the file is followed while the old one lives");
}

#[test]
fn order_has_the_pid_file_read() {
    let mut files = Files::new();
    let mut app = Guarded::with_handler();
    files.write(&app.pid().to_string());
    assert!(files.bench.processes.signal(0, Signal::SIGUSR1, Time::ZERO).is_err());
    files.bench.worker();
    files.bench.processes.signal(0, Signal::SIGUSR1, Time::ZERO).expect("a signal");
    assert_eq!(app.0.wait().expect("its end").code(), Some(7));
}

/// door-3: an order to go hot killed the application, on both hosts.
#[test]
fn process_without_a_handler_is_not_signalled() {
    let mut files = Files::new();
    let mut app = Guarded::sleeper(&[]);
    files.write(&app.pid().to_string());
    files.message();
    let processes = &mut files.bench.processes;
    let mut now = Time::ZERO;
    assert_eq!(processes.take_ready(now), [0], "it is known");
    // It may have been woken just now, so it is looked at more than once. That ends, and begins only once.
    let mut looks = 1;
    while let Err(SignalError::LookAgain { .. }) = processes.signal(0, Signal::SIGUSR1, now) {
        looks += 1;
        assert_eq!(processes.take_ready(now), [0; 0], "not yet");
        now = processes.next_deadline().expect("another look");
        assert_eq!(processes.take_ready(now), [0]);
    }
    assert_eq!((looks, now.since_origin()), (5, Duration::from_millis(1 + 4 + 16 + 64)));
    let refused = processes.signal(0, Signal::SIGUSR1, now);
    assert!(matches!(refused, Err(SignalError::NoHandler { .. })), "{refused:?}");
    assert_eq!(processes.next_deadline(), None);
    assert!(app.0.try_wait().expect("a child").is_none());
}

/// It got the signal, and was ended by it: its name could not be read.
#[test]
fn process_whose_name_is_no_utf8_is_looked_at_like_any_other() {
    let script = r"printf '\377' >/proc/$$/comm; read";
    let mut command = Command::new("bash");
    let app = Guarded(command.args(["-c", script]).stdin(Stdio::piped()).spawn().expect("bash"));
    let began = Instant::now();
    while !fs::read(format!("/proc/{}/comm", app.pid())).is_ok_and(|name| name == b"\xff\n") {
        assert!(began.elapsed() < GUARD, "no name");
        std::thread::yield_now();
    }
    assert!(Sight::of(app.pid()).is_ended_by(Signal::SIGUSR1));
    assert!(crate::app_process::began(app.pid()).is_some());
}

/// An application that was just woken from sigwait(3) seemed to take no signal, and got it a second later.
#[test]
fn process_that_takes_the_signal_a_moment_later_gets_it_then() {
    let mut files = Files::new();
    let script = "read; trap 'exit 7' USR1; while :; do sleep 0.05; done";
    let mut command = Command::new("bash");
    let mut app = Guarded(command.args(["-c", script]).stdin(Stdio::piped()).spawn().expect("bash"));
    files.write(&app.pid().to_string());
    files.message();
    let processes = &mut files.bench.processes;
    assert_eq!(processes.take_ready(Time::ZERO), [0], "it is known");
    let refused = processes.signal(0, Signal::SIGUSR1, Time::ZERO);
    assert!(matches!(refused, Err(SignalError::LookAgain { .. })), "{refused:?}");
    drop(app.0.stdin.take());
    let began = Instant::now();
    while Sight::of(app.pid()).is_ended_by(Signal::SIGUSR1) {
        assert!(began.elapsed() < GUARD, "no handler");
        std::thread::yield_now();
    }
    let again = processes.next_deadline().expect("another look");
    assert_eq!(again.since_origin(), Duration::from_millis(1));
    assert_eq!(processes.take_ready(again), [0]);
    processes.signal(0, Signal::SIGUSR1, again).expect("a signal");
    assert_eq!(processes.next_deadline(), None);
    assert_eq!(app.0.wait().expect("its end").code(), Some(7));
}

/// door-3: a file that was left behind names whatever program has the number now.
#[test]
fn process_that_is_younger_than_the_file_is_refused() {
    let mut files = Files::new();
    let app = Guarded::sleeper(&[]);
    files.write(&app.pid().to_string());
    let file = fs::File::options().write(true).open(&files.path).expect("the file");
    file.set_modified(std::time::SystemTime::now() - Duration::from_secs(3600)).expect("a time");
    files.refused("is older than that process");
}

#[test]
fn pid_file_is_read_once_a_second() {
    let mut files = Files::new();
    let source = SocketAddr::from(([127, 0, 0, 1], 9));
    files.refused("No such file");
    let last = files.bench.now;
    let app = Guarded::sleeper(&[]);
    files.write(&app.pid().to_string());
    files.bench.processes.heard(
        0,
        Some(AppCode::Lsby),
        None,
        &Sender::Udp(source),
        last + Duration::from_millis(999),
    );
    assert!(!files.bench.has_event(WAKER, Duration::from_millis(200)));
    files.bench.processes.heard(
        0,
        Some(AppCode::Lsby),
        None,
        &Sender::Udp(source),
        last + Duration::from_secs(1),
    );
    files.bench.worker();
    assert_eq!(files.bench.believed(), Some(app.pid()));
}

#[test]
fn strange_pid_files_are_refused() {
    let mut files = Files::new();
    let app = Guarded::sleeper(&[]);
    for text in [
        "",
        "x",
        "-5",
        "+5",
        "0",
        "12 13",
        "99999999999999999999",
        &format!("{}{}", " ".repeat(100), app.pid()),
    ] {
        files.write(text);
        files.refused("holds no process number");
    }
    files.write("1");
    files.refused("process 1");
    files.write(&i32::MAX.to_string());
    files.refused("no such process");

    files.write(&app.pid().to_string());
    fs::set_permissions(&files.path, fs::Permissions::from_mode(0o646)).expect("permissions");
    files.refused("everybody may write it");

    fs::remove_file(&files.path).expect("a file");
    fs::create_dir(&files.path).expect("a directory");
    files.refused("not a regular file");
    fs::remove_dir(&files.path).expect("a directory");
    nix::unistd::mkfifo(&files.path, nix::sys::stat::Mode::S_IRWXU).expect("a FIFO");
    files.refused("not a regular file");
}

#[test]
fn owner_of_the_pid_file_must_be_allowed_to_signal() {
    if !is_root_for("owner_of_the_pid_file_must_be_allowed_to_signal") {
        return;
    }
    let mut files = Files::new();
    let (roots, nobodys) = (Guarded::sleeper(&[]), Guarded::sleeper(&NOBODY));
    files.write(&roots.pid().to_string());
    chown(&files.path, Some(65534), Some(65534)).expect("root may");
    files.refused("it belongs to user 65534");
    fs::set_permissions(&files.path, fs::Permissions::from_mode(0o664)).expect("permissions");
    chown(&files.path, Some(0), Some(65534)).expect("root may");
    files.refused("its group may write it");

    files.write(&nobodys.pid().to_string());
    chown(&files.path, Some(65534), Some(65534)).expect("root may");
    files.message();
    assert_eq!(files.bench.believed(), Some(nobodys.pid()), "{:?}", files.bench.doubt());
}
