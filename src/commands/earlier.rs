//! Start commands that an earlier daemon began and that still run (edge-14): none is begun a second time beside them.
//!
//! The thread that begins a start command notes its process in the state folder: a line for each, the last one of a resource
//! counts. A note is not taken back: a process that has ended, or another one with its number, is told by the time at which it
//! began, and by the boot. So it need not reach the disk, which would delay each command.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::app_process::began;
use crate::kept::{StateFolder, boot};

const FILE: &str = "start-commands";
/// Of ten thousand resources with long names, noted twice.
const BYTES_MAX: u64 = 16 << 20;

/// The last start command of each resource.
#[derive(Debug, Default)]
pub(super) struct StartCommands {
    boot: String,
    processes: BTreeMap<String, StartProcess>,
    /// Lines that may still be added to the file before it is written anew; 0: this daemon has not written it.
    room: usize,
}

/// A process that cannot be mistaken for another one of this boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StartProcess {
    pub(super) pid: u32,
    /// Clock ticks since boot.
    began: u64,
}

impl StartCommands {
    /// The notes of this boot.
    pub(super) fn read(folder: &StateFolder) -> StartCommands {
        let (text, boot) = (folder.read(FILE, BYTES_MAX).unwrap_or_default(), boot().unwrap_or_default());
        let mut lines = text.lines();
        let is_of_boot = !boot.is_empty() && lines.next() == Some(&boot);
        // A line that a daemon was killed in is none.
        let notes = lines.filter(|_| is_of_boot).filter_map(|line| serde_json::from_str(line).ok());
        StartCommands { boot, processes: notes.collect(), room: 0 }
    }

    /// Notes that a start command has begun. A folder that can't be written is told by those who keep more there.
    pub(super) fn note(&mut self, folder: &StateFolder, resource: &str, pid: u32) {
        let Some(began) = began(pid) else { return };
        let process = StartProcess { pid, began };
        self.processes.insert(resource.to_owned(), process);
        let is_added = self.room > 0 && folder.append(FILE, line(resource, &process).as_bytes()).is_ok();
        if is_added {
            self.room -= 1;
        } else {
            self.write(folder);
        }
    }

    /// Writes all notes anew, so that the file does not grow with each start.
    fn write(&mut self, folder: &StateFolder) {
        let notes = self.processes.iter().map(|(resource, process)| line(resource, process));
        let text: String = std::iter::once(format!("{}\n", self.boot)).chain(notes).collect();
        let is_written = folder.write(FILE, text.as_bytes()).is_ok();
        self.room = if is_written { self.processes.len().max(ROOM_MIN) } else { 0 };
    }

    /// The start command of a resource that still runs.
    pub(super) fn running(&self, resource: &str) -> Option<StartProcess> {
        self.processes.get(resource).copied().filter(StartProcess::runs)
    }
}

/// As many lines may be added as there are resources, and at least this number.
const ROOM_MIN: usize = 1024;

fn line(resource: &str, process: &StartProcess) -> String {
    // Neither refuses to be serialised, and a line feed in a name is escaped.
    serde_json::to_string(&(resource, process)).map_or_else(|_| String::new(), |text| text + "\n")
}

impl StartProcess {
    /// Whether it has not ended.
    pub(super) fn runs(&self) -> bool {
        began(self.pid) == Some(self.began)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::process::Command;

    use super::*;
    use schrittmacher_config::Core;
    use schrittmacher_testkit::config::core;

    #[test]
    fn a_process_that_runs_is_found_and_one_that_has_ended_is_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let core = Core { state_directory: directory.path().to_owned(), ..core() };
        let folder = StateFolder::open(&core).expect("a folder");
        let mut sleep = Command::new("sleep").arg("100").spawn().expect("sleep");
        let mut notes = StartCommands::read(&folder);
        notes.note(&folder, "smsc", sleep.id());

        let read = StartCommands::read(&folder);
        assert_eq!(read.running("smsc").map(|process| process.pid), Some(sleep.id()));
        assert_eq!(read.running("other"), None);
        let text = folder.read(FILE, BYTES_MAX).expect("a file");
        folder.write(FILE, format!("another{text}").as_bytes()).expect("a file");
        assert_eq!(StartCommands::read(&folder).running("smsc"), None, "numbers begin anew");

        sleep.kill().expect("a process");
        while notes.running("smsc").is_some() {
            std::thread::yield_now();
        }
        sleep.wait().expect("its end");
    }

    #[test]
    fn the_last_note_counts_and_the_file_does_not_grow_without_end() {
        let directory = tempfile::tempdir().expect("a directory");
        let core = Core { state_directory: directory.path().to_owned(), ..core() };
        let folder = StateFolder::open(&core).expect("a folder");
        let own = std::process::id();
        let mut notes = StartCommands::read(&folder);
        let mut lengths = Vec::new();
        for number in 0..3 * ROOM_MIN {
            let pid = if number % 2 == 0 { own } else { 1 };
            notes.note(&folder, "line\nfeed", pid);
            lengths.push(folder.read(FILE, BYTES_MAX).expect("a file").lines().count());
        }
        assert_eq!(lengths.iter().max(), Some(&(ROOM_MIN + 2)), "the boot, the resource, and what is added");
        let read = StartCommands::read(&folder);
        assert_eq!(read.running("line\nfeed").map(|process| process.pid), Some(1));
        // A daemon was killed while it wrote.
        folder.append(FILE, b"[\"other\",{\"pi").expect("a file");
        let read = StartCommands::read(&folder);
        assert_eq!((read.running("line\nfeed").is_some(), read.running("other")), (true, None));
    }
}
