//! The program in C (`mass.c`), and the moments that it notes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use schrittmacher_harness::{Namespace, Process};

/// Nanoseconds of CLOCK_MONOTONIC, which all that is measured here has in common.
pub type Moment = i64;

pub fn now() -> Moment {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap();
    time.tv_sec() * 1_000_000_000 + time.tv_nsec()
}

pub struct Tool {
    program: PathBuf,
}

/// How a bare loop begins a command.
#[derive(Clone, Copy)]
pub enum Means {
    /// By a shell, which executes it.
    Shell,
    /// The command is the process, as the daemon does it for a program with plain words.
    Program,
}

impl Tool {
    /// Compiles it into this folder.
    pub fn compile(folder: &Path) -> Tool {
        let program = folder.join("mass");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/mass/mass.c");
        let compiled = Command::new("cc").args(["-O2", "-o"]).arg(&program).arg(source).status().unwrap();
        assert!(compiled.success(), "cc {source}");
        Tool { program }
    }

    fn start(&self, words: &[&str], namespace: Option<&Namespace>) -> Process {
        let mut command = Command::new(&self.program);
        command.args(words).stdout(Stdio::null());
        Process::spawn(command, namespace)
    }

    /// The applications of a host, in one process. Each says `word` until its command has run.
    pub fn apps(&self, at: &Namespace, host: &str, count: usize, word: &str, notes: &Notes) -> Process {
        let (port, count) = ((schrittmacher_harness::PORT + 1).to_string(), count.to_string());
        self.start(&["apps", host, &port, &count, word, notes.name()], Some(at))
    }

    /// The applications of a host, a process for each, which take their orders by signal.
    pub fn swarm(&self, at: &Namespace, host: &str, count: usize, notes: &Notes) -> Process {
        let (port, count) = ((schrittmacher_harness::PORT + 1).to_string(), count.to_string());
        self.start(&["swarm", host, &port, &count, notes.name()], Some(at))
    }

    /// The command that notes when it runs.
    pub fn stamp(&self, notes: &Notes, number: usize) -> String {
        format!("{} stamp {} {number}", self.program.display(), notes.name())
    }

    /// From the first to the last of as many commands, which two bare loops begin; nothing else runs beside them but what this
    /// bench has started already.
    pub fn bare(&self, count: usize, means: Means) -> Duration {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let word = match means {
            Means::Shell => "spawn",
            Means::Program => "execute",
        };
        let notes = Notes::new(folder, "bare", count);
        let half = (count / 2).to_string();
        let loops = [("0", half.as_str()), (half.as_str(), &count.to_string())]
            .map(|(from, to)| self.start(&[word, notes.name(), from, to], None));
        loops.iter().for_each(|one| assert_eq!(one.wait_code(Duration::from_secs(60)), 0));
        notes.span()
    }
}

/// A file with a moment for each resource.
pub struct Notes {
    name: String,
}

impl Notes {
    pub fn new(folder: &Path, name: &str, count: usize) -> Notes {
        let path = folder.join(name);
        fs::write(&path, vec![0; count * 8]).unwrap();
        Notes { name: path.to_str().unwrap().to_owned() }
    }

    fn name(&self) -> &str {
        &self.name
    }

    /// Those that are there, in order.
    pub fn moments(&self) -> Vec<Moment> {
        let bytes = fs::read(&self.name).unwrap();
        let numbers = bytes.chunks_exact(8).map(|bytes| i64::from_ne_bytes(bytes.try_into().unwrap()));
        let mut moments: Vec<i64> = numbers.filter(|moment| *moment > 0).collect();
        moments.sort_unstable();
        moments
    }

    /// Waits until all of them are there.
    pub fn wait(&self, count: usize, expected: Duration) -> Vec<Moment> {
        let look = || Some(self.moments()).filter(|moments| moments.len() == count);
        schrittmacher_harness::wait_for("all commands to have run", expected, look)
    }

    fn span(&self) -> Duration {
        let moments = self.moments();
        between(moments[0], moments[moments.len() - 1])
    }
}

pub fn between(earlier: Moment, later: Moment) -> Duration {
    Duration::from_nanos(u64::try_from(later - earlier).unwrap_or_default())
}
