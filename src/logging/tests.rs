//! The logger as a whole, with a captured stderr.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};

use log::Level;
use schrittmacher_config::LogTime;

use super::writer::tests::GUARD;
use super::writer::{Sink, Writer};
use super::*;

struct Captured(Sender<String>);

impl Sink for Captured {
    fn write(&mut self, entry: &Entry) -> bool {
        self.0.send(entry.journal_line()).is_ok()
    }
}

fn logging(level: LevelFilter, path: Option<&Path>, retry: Duration) -> (Logging, Receiver<String>) {
    let (lines, captured) = channel();
    let stderr = Writer::start("test-stderr", QUEUE_LINES, Captured(lines)).unwrap();
    let file = path.map(|path| {
        let sink = Retrying::new(LogFile::new(path.to_owned(), LogTime::Seconds), stderr.queue(), retry);
        Writer::start("test-file", QUEUE_LINES, sink).unwrap()
    });
    let level = LogLevel::new(level);
    (Logging { sinks: Arc::new(Sinks::new(level, file.into_iter().collect(), stderr)) }, captured)
}

fn log_line(logging: &Logging, level: Level, target: &str, message: &str) {
    let path = "schrittmacher::daemon";
    logging.log(
        &Record::builder()
            .level(level)
            .target(target)
            .module_path(Some(path))
            .args(format_args!("{message}"))
            .build(),
    );
}

fn info(logging: &Logging, message: &str) {
    log_line(logging, Level::Info, "r1", message);
}

/// The messages of a log file, without the columns before them.
fn messages(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.rsplit('\t').next().unwrap().to_owned()).collect()
}

fn wait_for(captured: &Receiver<String>, text: &str) -> String {
    std::iter::from_fn(|| captured.recv_timeout(GUARD).ok()).find(|line| line.contains(text)).expect(text)
}

/// A thread that has lost its processor while it logs.
#[test]
fn a_line_does_not_wait_for_another_thread_that_logs() {
    let (logging, captured) = logging(LevelFilter::Info, None, retry::PAUSE);
    let held = logging.sinks.budgets.lock().unwrap();
    let other = logging.clone();
    std::thread::spawn(move || info(&other, "written all the same"));
    wait_for(&captured, "written all the same");
    drop(held);
}

#[test]
fn sections_levels_and_foreign_crates() {
    let (logging, captured) = logging(LevelFilter::Info, None, retry::PAUSE);
    log_line(&logging, Level::Info, "schrittmacher::daemon", "no target given");
    log_line(&logging, Level::Error, "smsc-1", "a resource");
    log_line(&logging, Level::Debug, "smsc-1", "too little");
    let foreign = format_args!("inner life of a library");
    logging.log(
        &Record::builder()
            .level(Level::Warn)
            .target("mio")
            .module_path(Some("mio::poll"))
            .args(foreign)
            .build(),
    );
    assert!(logging.finish());
    let lines: Vec<_> = captured.try_iter().collect();
    assert_eq!(lines, ["<6>core: no target given\n", "<3>smsc-1: a resource\n"]);
}

#[test]
fn an_endless_message_is_cut_at_a_character() {
    assert_eq!(beginning("ä".repeat(10_000), MESSAGE_BYTES_MAX).len(), MESSAGE_BYTES_MAX + '…'.len_utf8());
    assert_eq!(
        beginning(format!("x{}", "ä".repeat(10_000)), MESSAGE_BYTES_MAX).len(),
        MESSAGE_BYTES_MAX - 1 + '…'.len_utf8()
    );
    assert_eq!(
        beginning("ä".repeat(MESSAGE_BYTES_MAX / 2), MESSAGE_BYTES_MAX),
        "ä".repeat(MESSAGE_BYTES_MAX / 2)
    );
}

#[test]
fn the_file_is_appended_to_and_not_for_everybody() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("schrittmacher.log");
    for message in ["first start", "second start"] {
        let (logging, _captured) = logging(LevelFilter::Info, Some(&path), retry::PAUSE);
        info(&logging, message);
        logging.shutdown();
    }
    assert_eq!(messages(&path), ["first start", "second start"]);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777 & !0o640, 0, "{mode:o}");
}

#[test]
fn a_renamed_file_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let (path, old) = (dir.path().join("log"), dir.path().join("log.1"));
    let (logging, _captured) = logging(LevelFilter::Info, Some(&path), retry::PAUSE);
    info(&logging, "before");
    let deadline = Instant::now() + GUARD;
    while !path.exists() || messages(&path).is_empty() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(1));
    }
    fs::rename(&path, &old).unwrap();
    info(&logging, "after");
    logging.shutdown();
    assert_eq!(messages(&old), ["before"]);
    assert_eq!(messages(&path), ["after"]);
}

#[test]
fn a_fifo_without_reader_stops_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR).unwrap();
    let (logging, captured) = logging(LevelFilter::Info, Some(&path), retry::PAUSE);

    // On a thread of its own, so that a logger that blocks fails the test instead of hanging it.
    let (done, finished) = channel();
    std::thread::spawn(move || {
        // More than one resource may say.
        let line = |n: usize| log_line(&logging, Level::Info, &format!("r{}", n % 100), &n.to_string());
        (0..3 * QUEUE_LINES).for_each(line);
        logging.shutdown();
        done.send(()).unwrap();
    });
    finished.recv_timeout(GUARD).expect("the logger blocks its caller");
    assert!(captured.try_iter().count() >= QUEUE_LINES, "stderr goes on");
}

#[test]
fn a_full_disk_costs_lines_that_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let (path, real) = (dir.path().join("log"), dir.path().join("real"));
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let (logging, captured) = logging(LevelFilter::Info, Some(&path), Duration::ZERO);
    (0..5).for_each(|n| info(&logging, &format!("early {n}")));
    wait_for(&captured, "cannot write the log file");

    let new = dir.path().join("new");
    std::os::unix::fs::symlink(&real, &new).unwrap();
    fs::rename(&new, &path).unwrap();
    info(&logging, "kept");
    let said = wait_for(&captured, "is written again");
    logging.shutdown();
    assert!(!captured.try_iter().any(|line| line.contains("cannot write")), "told once");

    // How many of the early lines came after the change is up to the writer thread; none may be missing.
    let written = messages(&real);
    let lost = 5 - written.iter().filter(|line| line.starts_with("early")).count();
    assert!(lost >= 1);
    assert!(said.contains(&format!("{lost} log lines lost")), "{said}");
    assert_eq!(written[0], format!("{lost} log lines lost: No space left on device (os error 28)"));
    assert_eq!(written[written.len() - 1], "kept");
}

/// A directory that is missing at first, with the real interval between tries.
#[test]
fn a_missing_directory_is_tried_again_but_not_for_each_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("later/log");
    let retry = Duration::from_secs(3600);
    let (logging, captured) = logging(LevelFilter::Info, Some(&path), retry);
    info(&logging, "lost");
    wait_for(&captured, "cannot write the log file");
    fs::create_dir(dir.path().join("later")).unwrap();
    info(&logging, "too early");
    logging.shutdown();
    assert!(!path.exists());
}

#[test]
fn last_words_reach_stderr_although_the_file_hangs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR).unwrap();
    let (logging, captured) = logging(LevelFilter::Info, Some(&path), retry::PAUSE);
    info(&logging, "queued before");
    logging.last_words("panicked at x");
    let lines: Vec<_> = captured.try_iter().collect();
    assert_eq!(lines, ["<6>r1: queued before\n", "<2>core: panicked at x\n"]);
}

/// Run by the tests below in a process of its own, whose stderr they own.
#[test]
#[ignore = "the child of stderr_lines_suit_their_reader"]
fn child_logs_one_line() {
    let logging = Logging::start(LevelFilter::Info, None, None, None, LogTime::Seconds).unwrap();
    logging.install().unwrap();
    log::warn!(target: "r1", "peer lost");
    logging.shutdown();
    logging.last_words("the end");
}

#[test]
fn stderr_lines_suit_their_reader() {
    use std::os::unix::fs::MetadataExt;
    let stderr_of_child = |journal: fn(&fs::Metadata) -> String| {
        let file = tempfile::NamedTempFile::new().unwrap();
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "logging::tests::child_logs_one_line", "--ignored"])
            .env("JOURNAL_STREAM", journal(&file.as_file().metadata().unwrap()))
            .env("TZ", "UTC")
            .stdout(Stdio::null())
            .stderr(file.reopen().unwrap())
            .status()
            .unwrap();
        assert!(status.success());
        fs::read_to_string(file.path()).unwrap()
    };
    let journal = stderr_of_child(|file| format!("{}:{}", file.dev(), file.ino()));
    assert_eq!(journal, "<4>r1: peer lost\n<2>core: the end\n");

    let elsewhere = stderr_of_child(|file| format!("{}:{}", file.dev(), file.ino() + 1));
    let lines: Vec<_> = elsewhere.lines().collect();
    assert!(lines[0].ends_with(" +0000 WARNING r1: peer lost"), "{elsewhere}");
    assert!(lines[1].ends_with(" +0000 PANIC core: the end"), "{elsewhere}");
}
