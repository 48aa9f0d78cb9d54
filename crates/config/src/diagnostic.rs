//! What is wrong with a configuration, where, and how to mend it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

/// How many errors, and how many warnings, are kept of one configuration.
const SHOWN_MAX: usize = 100;

/// How much of a line or value a message repeats, in characters.
const EXCERPT_MAX: usize = 60;

/// A place in a configuration: a file, and mostly a line in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// The file as the operator named it; of an include: the path it was found under.
    pub file: Arc<str>,
    /// Counted from 1; `None` where something is missing from the file as a whole.
    pub line: Option<usize>,
}

/// One thing that is wrong or worth knowing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The file as the operator named it; of an include: the path it was found under.
    pub file: String,
    /// Counted from 1; `None` where something is missing from the file as a whole.
    pub line: Option<usize>,
    /// What is wrong, without a full stop.
    pub message: String,
    /// How to mend it, where that can be said.
    pub hint: Option<String>,
}

impl Diagnostic {
    pub(super) fn new(at: &Position, message: String, hint: &str) -> Diagnostic {
        let hint = (!hint.is_empty()).then(|| hint.to_owned());
        Diagnostic { file: at.file.to_string(), line: at.line, message, hint }
    }
}

/// `FILE:LINE: message (hint)`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// Collects errors and warnings, so that an operator sees all of them in one run.
#[derive(Debug, Default)]
pub(super) struct Findings {
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Findings {
    /// The configuration can't be used. An empty `hint` is none.
    pub fn error(&mut self, at: &Position, message: impl Into<String>, hint: &str) {
        keep(&mut self.errors, Diagnostic::new(at, message.into(), hint));
    }

    /// The configuration can be used, but perhaps not as it was meant. An empty `hint` is none.
    pub fn warn(&mut self, at: &Position, message: impl Into<String>, hint: &str) {
        keep(&mut self.warnings, Diagnostic::new(at, message.into(), hint));
    }

    /// Whether further warnings are dropped, so that it is not worth while to work them out.
    pub fn warned_enough(&self) -> bool {
        self.warnings.len() >= SHOWN_MAX
    }

    /// Whether there is an error.
    pub fn failed(&self) -> bool {
        !self.errors.is_empty()
    }

    /// (errors, warnings), each in the order of the lines, the file `first` before those it includes.
    pub fn sorted(mut self, first: &str) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        let key = |d: &Diagnostic| (d.file != first, d.file.clone(), d.line.unwrap_or(usize::MAX));
        self.errors.sort_by_key(key);
        self.warnings.sort_by_key(key);
        (self.errors, self.warnings)
    }
}

fn keep(list: &mut Vec<Diagnostic>, diagnostic: Diagnostic) {
    if list.len() < SHOWN_MAX {
        list.push(diagnostic);
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file is missing, can't be read, or is no regular file.
    #[error("{}: cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file as the operator named it.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The file was read and is wrong; one error a line.
    #[error("{}", lines(errors))]
    Wrong {
        /// At least one and at most 100, in the order of the lines.
        errors: Vec<Diagnostic>,
        /// What was suspicious besides and may be the cause; at most 100.
        warnings: Vec<Diagnostic>,
    },
}

impl LoadError {
    /// The exit status that goes with it: 66 (`EX_NOINPUT`) or 78 (`EX_CONFIG`).
    pub fn exit_code(&self) -> u8 {
        match self {
            LoadError::Unreadable { .. } => 66,
            LoadError::Wrong { .. } => 78,
        }
    }
}

fn lines(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n")
}

/// The text in double quotes, short and on one line, whatever is in it.
pub(super) fn excerpt(text: &str) -> String {
    let mut shown: String = text.chars().take(EXCERPT_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// The text with its control characters escaped, so that it can't play with a terminal.
pub(super) fn printable(text: &str) -> String {
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(file: &str, line: usize) -> Position {
        Position { file: file.into(), line: Some(line) }
    }

    #[test]
    fn a_diagnostic_reads_file_line_message_hint() {
        let with_hint = Diagnostic::new(&at("a.conf", 3), "wrong".into(), "mend it");
        assert_eq!(with_hint.to_string(), "a.conf:3: wrong (mend it)");
        let whole_file = Position { file: "a.conf".into(), line: None };
        assert_eq!(Diagnostic::new(&whole_file, "empty".into(), "").to_string(), "a.conf: empty");
    }

    #[test]
    fn the_main_file_comes_first_and_lines_are_in_order() {
        let mut findings = Findings::default();
        findings.error(&at("a/included.conf", 1), "3", "");
        findings.error(&at("main.conf", 10), "2", "");
        findings.error(&at("main.conf", 9), "1", "");
        let (errors, _) = findings.sorted("main.conf");
        assert_eq!(errors.iter().map(|d| d.message.as_str()).collect::<Vec<_>>(), ["1", "2", "3"]);
    }

    #[test]
    fn a_hopeless_file_does_not_flood_the_terminal() {
        let mut findings = Findings::default();
        for line in 1..=1000 {
            findings.error(&at("a.conf", line), "wrong", "");
        }
        assert_eq!(findings.sorted("a.conf").0.len(), SHOWN_MAX);
    }

    #[test]
    fn an_excerpt_is_short_and_printable() {
        assert_eq!(excerpt("a\x1b[2J\n"), r#""a\u{1b}[2J\n""#);
        assert_eq!(excerpt(&"ä".repeat(1000)).chars().count(), EXCERPT_MAX + 3);
    }
}
