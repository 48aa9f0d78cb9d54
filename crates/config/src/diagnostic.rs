//! Errors and warnings about a configuration: the mistake, its place, its remedy.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// How many errors, and how many warnings, are kept of one configuration.
const SHOWN_MAX: usize = 100;

/// How much of a line or value a message repeats, in characters.
const EXCERPT_MAX: usize = 60;

/// A place in a configuration: a file, and mostly a line in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The mistake, without a full stop.
    pub message: String,
    /// How to mend it, if that is known.
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
    /// Files that others can change.
    exposed: Vec<Diagnostic>,
    /// Files whose text is not repeated.
    secret: BTreeSet<Arc<str>>,
}

impl Findings {
    /// Not everybody may read this file, and the log has other readers: its text is not repeated from now on (door-14).
    pub fn keep_secret(&mut self, file: Arc<str>) {
        self.secret.insert(file);
    }

    fn diagnostic(&self, at: &Position, message: String, hint: &str) -> Diagnostic {
        let message = if self.secret.contains(&at.file) { without_quotes(&message) } else { message };
        Diagnostic::new(at, message, hint)
    }

    /// The configuration can't be used. An empty `hint` is none.
    pub fn error(&mut self, at: &Position, message: impl Into<String>, hint: &str) {
        let diagnostic = self.diagnostic(at, message.into(), hint);
        keep(&mut self.errors, diagnostic);
    }

    /// The configuration can be used, but perhaps not as it was meant. An empty `hint` is none.
    pub fn warn(&mut self, at: &Position, message: impl Into<String>, hint: &str) {
        let diagnostic = self.diagnostic(at, message.into(), hint);
        keep(&mut self.warnings, diagnostic);
    }

    /// Others can change a file: an error or a warning, as [`Findings::judge_exposed`] is told later.
    pub fn exposed(&mut self, at: &Position, message: String, hint: &str) {
        keep(&mut self.exposed, Diagnostic::new(at, message, hint));
    }

    /// Makes errors of the files that others can change, or warnings.
    pub fn judge_exposed(&mut self, is_strict: bool) {
        let list = if is_strict { &mut self.errors } else { &mut self.warnings };
        self.exposed.drain(..).for_each(|diagnostic| keep(list, diagnostic));
    }

    /// Whether further warnings are dropped, so that they need not be worked out.
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
        /// The system's words.
        reason: io::Error,
    },
    /// The file was read and is wrong; one error a line.
    #[error("{}", lines(errors))]
    Wrong {
        /// At least one and at most 100, in the order of the lines.
        errors: Vec<Diagnostic>,
        /// The warnings, since one of them may name the cause; at most 100.
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

/// The text in double quotes, short and on one line.
pub(super) fn excerpt(text: &str) -> String {
    let mut shown: String = text.chars().take(EXCERPT_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// The message without what [`excerpt`] has put into it.
fn without_quotes(message: &str) -> String {
    let (mut shown, mut chars, mut quoted) = (String::new(), message.chars(), false);
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                shown.push_str(if quoted { "(not shown" } else { ")" });
            }
            '\\' if quoted => drop(chars.next()),
            c if !quoted => shown.push(c),
            _ => {}
        }
    }
    shown
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
    fn a_secret_file_is_not_repeated() {
        let mut findings = Findings::default();
        findings.keep_secret("key.conf".into());
        let message = || format!("no `=` in {}, nor in {}", excerpt("a \"b\\"), excerpt("c"));
        findings.error(&at("key.conf", 1), message(), "mend it");
        findings.warn(&at("other.conf", 1), message(), "");
        let (errors, warnings) = findings.sorted("other.conf");
        assert_eq!(errors[0].to_string(), "key.conf:1: no `=` in (not shown), nor in (not shown) (mend it)");
        assert_eq!(warnings[0].message, message());
    }

    #[test]
    fn an_exposed_file_is_an_error_only_where_that_is_wanted() {
        for (is_strict, expected) in [(false, (0, 1)), (true, (1, 0))] {
            let mut findings = Findings::default();
            findings.exposed(&at("a.conf", 1), "others can change this file".to_owned(), "");
            findings.judge_exposed(is_strict);
            let (errors, warnings) = findings.sorted("a.conf");
            assert_eq!((errors.len(), warnings.len()), expected);
        }
    }

    #[test]
    fn an_excerpt_is_short_and_printable() {
        assert_eq!(excerpt("a\x1b[2J\n"), r#""a\u{1b}[2J\n""#);
        assert_eq!(excerpt(&"ä".repeat(1000)).chars().count(), EXCERPT_MAX + 3);
    }
}
