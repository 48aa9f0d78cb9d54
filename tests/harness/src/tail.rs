//! A file that another process writes.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::wait_for;

/// The lines of a file that grows; complete ones only.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    skipped: usize,
}

impl Tail {
    /// The file need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Tail {
        Tail { path: path.into(), skipped: 0 }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Everything in it.
    pub fn text(&self) -> String {
        fs::read(&self.path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The lines since [`Tail::skip`] was called last.
    pub fn lines(&self) -> Vec<String> {
        let text = self.text();
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        complete.lines().skip(self.skipped).map(str::to_owned).collect()
    }

    /// Forgets the lines that are there now.
    pub fn skip(&mut self) {
        self.skipped += self.lines().len();
    }

    /// Waits for a line that contains `text`.
    pub fn wait(&self, text: &str, expected: Duration) -> String {
        let what = format!("a line with {text:?} in {}", self.path.display());
        wait_for(&what, expected, || self.lines().into_iter().find(|line| line.contains(text)))
    }

    /// Whether a line contains `text`.
    pub fn has(&self, text: &str) -> bool {
        self.lines().iter().any(|line| line.contains(text))
    }
}
