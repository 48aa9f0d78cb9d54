//! The history of this daemon: what happened to its resources, in a bounded journal that survives restarts.
//!
//! Two files of [`FILE_BYTES`] each, the older one complete. Lines are written as soon as the thread gets them, and reach the disk
//! (`fdatasync`) with the batch that they came in. A disk that hangs, is full or cannot be written costs history, and
//! nothing else: the threads that tell never wait.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use schrittmacher_api::{HistoryEntry, HistoryKind};
use schrittmacher_text::beginning;

use super::StateFolder;
use crate::bounded::{BoundedReceiver, BoundedSender, bounded};

/// A file is put aside when it has this many bytes: some five thousand entries.
const FILE_BYTES: u64 = 1 << 20;
const FILE: &str = "history.jsonl";
const OLDER_FILE: &str = "history.old.jsonl";

/// Entries that wait for the disk.
const WAITING: usize = 4096;

/// The part of a text that is kept, in bytes.
const TEXT: usize = 480;

/// How long the end of the daemon waits for the last entries.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// The end of the history that is told. A clone tells the same one.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Without a folder there is none.
    jobs: Option<BoundedSender<Job>>,
    missing: Arc<AtomicUsize>,
}

#[derive(Debug)]
enum Job {
    Entry(Told),
    /// Answer when everything before this is written.
    Flush(SyncSender<()>),
}

/// An entry to come, as it is told: a thousand resources may switch in one moment, and each allocation is freed by the other thread.
#[derive(Debug)]
struct Told {
    at: Timestamp,
    resource: Arc<str>,
    kind: HistoryKind,
    state: Option<&'static str>,
    text: String,
    by: Option<String>,
}

impl Told {
    fn entry(self) -> HistoryEntry {
        let Told { at, resource, kind, state, text, by } = self;
        HistoryEntry {
            time: at.to_string(),
            resource: resource.to_string(),
            kind,
            state: state.map(str::to_owned),
            text: beginning(text, TEXT),
            by,
        }
    }
}

impl History {
    /// A history in this folder.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start(folder: Option<StateFolder>) -> io::Result<History> {
        let Some(folder) = folder else { return Ok(History::default()) };
        let (jobs, queue) = bounded(WAITING);
        let missing = Arc::new(AtomicUsize::new(0));
        let mut writer = Writer { folder, missing: Arc::clone(&missing), has_complained: false };
        thread::Builder::new().name("history".to_owned()).spawn(move || writer.run(&queue))?;
        Ok(History { jobs: Some(jobs), missing })
    }

    /// Tells what has happened just now. Never waits.
    pub fn tell(&self, resource: impl Into<Arc<str>>, kind: HistoryKind, text: String, by: Option<String>) {
        self.add(Told { at: Timestamp::now(), resource: resource.into(), kind, state: None, text, by });
    }

    /// The same of a change of state.
    pub fn tell_state(&self, resource: impl Into<Arc<str>>, state: &'static str, text: String) {
        let (at, resource, kind) = (Timestamp::now(), resource.into(), HistoryKind::State);
        self.add(Told { at, resource, kind, state: Some(state), text, by: None });
    }

    fn add(&self, told: Told) {
        let Some(jobs) = &self.jobs else { return };
        if jobs.try_send(Job::Entry(told)).is_err() {
            self.missing.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything is written, but not for a disk that hangs.
    pub fn finish(&self) {
        let (done, is_done) = sync_channel(1);
        if let Some(jobs) = &self.jobs
            && jobs.try_send(Job::Flush(done)).is_ok()
        {
            let _ = is_done.recv_timeout(LAST_WRITE);
        }
    }
}

/// What tells that the files in a folder are still those that were read.
pub type Stamp = [Option<(u64, SystemTime)>; 2];

/// The present stamp of the files in a folder.
pub fn stamp(folder: &StateFolder) -> Stamp {
    [OLDER_FILE, FILE].map(|name| {
        let about = fs::metadata(folder.path(name)).ok()?;
        Some((about.len(), about.modified().ok()?))
    })
}

/// The entries in a folder, oldest first. Lines that are damaged are left out.
pub fn entries(folder: &StateFolder) -> Vec<HistoryEntry> {
    let text = |name| folder.read(name, 2 * FILE_BYTES).unwrap_or_default();
    let files = [text(OLDER_FILE), text(FILE)];
    files.iter().flat_map(|text| text.lines()).filter_map(|line| serde_json::from_str(line).ok()).collect()
}

struct Writer {
    folder: StateFolder,
    missing: Arc<AtomicUsize>,
    has_complained: bool,
}

impl Writer {
    fn run(&mut self, queue: &BoundedReceiver<Job>) {
        while let Ok(first) = queue.recv() {
            let mut lines = Vec::new();
            let mut flushed = Vec::new();
            for job in std::iter::once(first).chain(queue.try_iter().take(WAITING)) {
                match job {
                    Job::Entry(told) => add(&mut lines, &told.entry()),
                    Job::Flush(done) => flushed.push(done),
                }
            }
            let lost = self.missing.swap(0, Ordering::Relaxed);
            if lost > 0 {
                let text = format!("{lost} entries are missing: the disk was too slow");
                let time = Timestamp::now().to_string();
                let kind = HistoryKind::Service;
                let resource = String::new();
                add(&mut lines, &HistoryEntry { time, resource, kind, state: None, text, by: None });
            }
            if let Err(error) = self.append(&lines)
                && !std::mem::replace(&mut self.has_complained, true)
            {
                log::warn!("`state-directory`: the history cannot be written ({error}): it has gaps");
            }
            // The daemon has gone on without us, if it does not listen.
            for done in flushed {
                let _ = done.try_send(());
            }
        }
    }

    fn append(&self, lines: &[u8]) -> io::Result<()> {
        let path = self.folder.path(FILE);
        let mut file = open(&path)?;
        if file.metadata()?.len() + lines.len() as u64 > FILE_BYTES {
            fs::rename(&path, self.folder.path(OLDER_FILE))?;
            file = open(&path)?;
        }
        file.write_all(lines)?;
        file.sync_data()
    }
}

fn open(path: &std::path::Path) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(flags).open(path)
}

fn add(lines: &mut Vec<u8>, entry: &HistoryEntry) {
    // No entry refuses to be serialised: it has texts alone.
    if let Ok(line) = serde_json::to_vec(entry) {
        lines.extend(line);
        lines.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schrittmacher_config::Core;
    use schrittmacher_testkit::config::core;

    fn folder(place: &tempfile::TempDir) -> StateFolder {
        StateFolder::open(&Core { state_directory: place.path().to_owned(), ..core() }).unwrap()
    }

    #[test]
    fn what_was_told_is_there_after_a_restart_in_its_order() {
        let place = tempfile::tempdir().unwrap();
        for round in 0..2 {
            let history = History::start(Some(folder(&place))).unwrap();
            for number in 0..10 {
                let by = (number == 3).then(|| "user 0".to_owned());
                history.tell("smsc", HistoryKind::State, format!("{round}.{number}\n"), by);
            }
            history.finish();
        }
        let entries = entries(&folder(&place));
        let texts: Vec<_> = entries.iter().map(|entry| entry.text.trim()).collect();
        let expected: Vec<_> = (0..20).map(|at| format!("{}.{}", at / 10, at % 10)).collect();
        assert_eq!(texts, expected);
        assert_eq!(entries[13].by.as_deref(), Some("user 0"));
    }

    #[test]
    fn it_does_not_grow_without_bound_and_the_newest_is_kept() {
        let place = tempfile::tempdir().unwrap();
        let history = History::start(Some(folder(&place))).unwrap();
        for number in 0..12_000 {
            history.tell("smsc", HistoryKind::State, format!("{number} {}", "x".repeat(4000)), None);
            if number % 1000 == 0 {
                history.finish();
            }
        }
        history.finish();
        let sizes = [FILE, OLDER_FILE].map(|name| fs::metadata(folder(&place).path(name)).unwrap().len());
        assert!(sizes.iter().all(|size| *size <= FILE_BYTES), "{sizes:?}");
        let entries = entries(&folder(&place));
        assert!(entries.last().unwrap().text.starts_with("11999 "), "{:?}", entries.last());
        assert!(entries.len() > 1000, "{}", entries.len());
    }

    #[test]
    fn a_damaged_line_and_a_place_that_cannot_be_written_cost_history_alone() {
        let place = tempfile::tempdir().unwrap();
        let state = folder(&place);
        fs::write(state.path(FILE), "half a li").unwrap();
        let history = History::start(Some(state.clone())).unwrap();
        history.tell("smsc", HistoryKind::State, "lost with the half line".into(), None);
        history.finish();
        history.tell("smsc", HistoryKind::State, "whole".into(), None);
        history.finish();
        assert_eq!(entries(&state).len(), 1);
        fs::remove_file(state.path(FILE)).unwrap();
        fs::create_dir(state.path(FILE)).unwrap();
        history.tell("smsc", HistoryKind::State, "nowhere".into(), None);
        history.finish();
        assert_eq!(entries(&state), []);
        History::default().tell("smsc", HistoryKind::State, "no folder".into(), None);
    }
}
