//! Start commands that an earlier daemon began and that still run (edge-14): none is begun a second time beside them.
//!
//! The thread that begins a start command notes its process in the state folder. A note is not taken back: a process that
//! has ended, or another one with its number, is told by the time at which it began, and by the boot.

use std::collections::BTreeMap;
use std::fs;

use serde::{Deserialize, Serialize};

use crate::kept::StateFolder;

const FILE: &str = "start-commands";
/// More than a thousand resources need.
const BYTES_MAX: u64 = 1024 * 1024;

/// The last start command of each resource.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct StartCommands {
    boot: String,
    processes: BTreeMap<String, StartProcess>,
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
        let notes = folder.read(FILE, BYTES_MAX).and_then(|text| serde_json::from_str(&text).ok());
        let boot = boot();
        let notes = notes.filter(|notes: &StartCommands| notes.boot == boot && !boot.is_empty());
        notes.unwrap_or(StartCommands { boot, processes: BTreeMap::new() })
    }

    /// Notes that a start command has begun. A folder that can't be written is told by those who keep more there.
    pub(super) fn note(&mut self, folder: &StateFolder, resource: String, pid: u32) {
        let Some(began) = began(pid) else { return };
        self.processes.insert(resource, StartProcess { pid, began });
        if let Ok(text) = serde_json::to_vec(self) {
            let _: std::io::Result<()> = folder.write(FILE, &text);
        }
    }

    /// The start command of a resource that still runs.
    pub(super) fn running(&self, resource: &str) -> Option<StartProcess> {
        self.processes.get(resource).copied().filter(StartProcess::runs)
    }
}

impl StartProcess {
    /// Whether it has not ended.
    pub(super) fn runs(&self) -> bool {
        began(self.pid) == Some(self.began)
    }
}

/// When a living process began. One that has ended and is not waited for yet has ended.
fn began(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program is in brackets and may contain anything. Its state follows, and 19 fields later the start.
    let mut fields = stat.rsplit_once(") ")?.1.split_ascii_whitespace();
    let state = fields.next()?;
    fields.nth(18)?.parse().ok().filter(|_| !matches!(state, "Z" | "X"))
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
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
        notes.note(&folder, "smsc".to_owned(), sleep.id());

        let read = StartCommands::read(&folder);
        assert_eq!(read.running("smsc").map(|process| process.pid), Some(sleep.id()));
        assert_eq!(read.running("other"), None);
        let other_boot = StartCommands { boot: "another".to_owned(), ..read };
        folder.write(FILE, &serde_json::to_vec(&other_boot).expect("JSON")).expect("a file");
        assert_eq!(StartCommands::read(&folder).running("smsc"), None, "numbers begin anew");

        sleep.kill().expect("a process");
        while notes.running("smsc").is_some() {
            std::thread::yield_now();
        }
        sleep.wait().expect("its end");
    }
}
