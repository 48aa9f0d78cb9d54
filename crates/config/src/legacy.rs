//! Reads the legacy configuration format: `key = value` lines in groups, with includes.
//!
//! The grammar is that of version 2.0.0, its oddities included, with the repairs of decision C1. `[core]` without
//! `=` opens a group. An include is looked for beside the file that includes it. A missing include, a repeated
//! key and text that is not UTF-8 are errors with a line number.

use std::collections::btree_map::{BTreeMap, Entry as MapEntry};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::{Findings, Position, excerpt};
use super::document::{Document, Entry, Group, GroupKind, Syntax};
use super::{exposure, source};

/// How deep includes may be nested.
const DEPTH_MAX: usize = 16;

/// Reads `bytes`, the contents of the file `path`, and the files it includes. `None` if it is no text at all: nothing
/// more can be said about it than that.
pub(super) fn read(path: &Path, bytes: &[u8], findings: &mut Findings) -> Option<Document> {
    let mut reader = Reader {
        document: Document::empty(path),
        findings,
        open: Open::NotYet,
        core: None,
        files: Vec::new(),
        bytes_left: source::BYTES_MAX.saturating_sub(bytes.len()),
    };
    reader.file(path, bytes).then_some(reader.document)
}

/// Where keys go.
enum Open {
    /// No group line was seen yet.
    NotYet,
    /// Into `document.groups[_]`.
    Group(usize),
    /// Into a group whose name means nothing: ignored, the group line has been warned about.
    Unknown,
    /// `end-group` was seen.
    Ended,
}

struct Reader<'a> {
    document: Document,
    findings: &'a mut Findings,
    open: Open,
    /// The index of the `core` group, and its line.
    core: Option<(usize, usize)>,
    /// The files being read: the main file, the one it includes, and so on.
    files: Vec<OpenFile>,
    bytes_left: usize,
}

struct OpenFile {
    /// The directory of relative includes.
    directory: PathBuf,
    /// Tells whether two paths name the same file.
    canonical: PathBuf,
}

impl Reader<'_> {
    /// Reads one file; `false` if it is no text.
    fn file(&mut self, path: &Path, bytes: &[u8]) -> bool {
        let file: Arc<str> = path.display().to_string().into();
        let Some(text) = source::text(bytes, &file, self.findings) else { return false };
        self.files.push(OpenFile {
            directory: path.parent().map(Path::to_path_buf).unwrap_or_default(),
            canonical: fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf()),
        });
        for (index, raw) in text.split('\n').enumerate() {
            let at = Position { file: Arc::clone(&file), line: Some(index + 1) };
            self.line(raw, at);
        }
        self.files.pop();
        true
    }

    fn line(&mut self, raw: &str, at: Position) {
        // Legacy looks for includes in the untrimmed line, before anything else.
        if let Some(rest) = raw.strip_prefix("include") {
            return self.include(rest, &at);
        }
        let line = trim(raw);
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        if line == "end-group" {
            self.open = Open::Ended;
            return;
        }
        if line.starts_with("include") {
            let message = format!("{} is ignored, because it is indented", excerpt(line));
            return self.findings.warn(&at, message, "an include begins in the first column");
        }
        let Some((left, right)) = line.split_once('=') else {
            match header(&line.to_lowercase()) {
                Some(name) => self.group(name, at),
                None => self.findings.error(&at, format!("no `=` in {}", excerpt(line)), LINE_HINT),
            }
            return;
        };
        let key = trim(left).to_lowercase();
        // Legacy strips every quote at both ends, balanced or not, and trims no second time.
        let value = trim(right).trim_matches('"');
        if key.is_empty() {
            self.findings.error(&at, "nothing before the `=`", LINE_HINT);
        } else if let Some(name) = header(&key) {
            self.group(name, at);
        } else if key == "group" {
            self.group(value, at);
        } else {
            self.entry(key, Entry { value: value.to_owned(), at });
        }
    }

    fn group(&mut self, name: &str, at: Position) {
        let Some(kind) = GroupKind::from_name(name) else {
            self.open = Open::Unknown;
            let message = format!("unknown group {}: its keys are ignored", excerpt(name));
            return self.findings.warn(&at, message, "the groups are `core` and `resource`, in lower case");
        };
        if let (GroupKind::Core, Some((index, first))) = (kind, self.core) {
            // Its keys join those of the first one: that tells more about the file than to drop them.
            self.open = Open::Group(index);
            let message = format!("a second `core` group, the first is in line {first}");
            return self.findings.error(&at, message, "put all keys of `core` into one group");
        }
        let index = self.document.groups.len();
        if kind == GroupKind::Core {
            self.core = Some((index, at.line.unwrap_or_default()));
        }
        self.open = Open::Group(index);
        self.document.groups.push(Group { kind, syntax: Syntax::Legacy, at, entries: BTreeMap::new() });
    }

    fn entry(&mut self, key: String, entry: Entry) {
        let group = match self.open {
            Open::Group(index) => self.document.groups.get_mut(index),
            Open::Unknown => None,
            Open::NotYet | Open::Ended => {
                let place = if matches!(self.open, Open::Ended) {
                    "after `end-group`"
                } else {
                    "before the first group"
                };
                let message = format!("{} stands {place}: ignored", excerpt(&key));
                return self.findings.warn(&entry.at, message, OUTSIDE_HINT);
            }
        };
        match group.map(|group| group.entries.entry(key)) {
            None => {}
            Some(MapEntry::Vacant(place)) => {
                place.insert(entry);
            }
            Some(MapEntry::Occupied(first)) => {
                let line = first.get().at.line.unwrap_or_default();
                let message = format!("{} again, first in line {line}", excerpt(first.key()));
                self.findings.error(&entry.at, message, REPEATED_HINT);
            }
        }
    }

    fn include(&mut self, rest: &str, at: &Position) {
        let Some(target) = include_target(rest) else {
            let message = format!("cannot make sense of {}", excerpt(&format!("include{rest}")));
            return self.findings.error(at, message, "write `include \"FILE\"`, and nothing after it");
        };
        let Some(including) = self.files.last() else { return };
        let path = including.directory.join(target);
        let canonical = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        if self.files.iter().any(|file| file.canonical == canonical) {
            let message = format!("{} includes itself", path.display());
            return self.findings.error(at, message, "remove one of the includes");
        }
        if self.files.len() > DEPTH_MAX {
            return self.findings.error(at, format!("includes nested deeper than {DEPTH_MAX}"), "");
        }
        match source::read(&path, self.bytes_left) {
            Ok(bytes) => {
                self.bytes_left -= bytes.len();
                let file = Position { file: path.display().to_string().into(), line: None };
                exposure::check_file(&path, &file, self.findings);
                exposure::check_secrecy(&path, &file, self.findings);
                self.file(&path, &bytes);
            }
            Err(error) => {
                let message = format!("cannot include {}: {error}", path.display());
                self.findings.error(at, message, "a relative path is relative to the file with the include");
            }
        }
    }
}

const LINE_HINT: &str =
    "a line is `key = value`, `group = NAME`, `[NAME]`, `include \"FILE\"`, `end-group` or a # comment";
const OUTSIDE_HINT: &str = "a `group = core` or `group = resource` line has to come before it";
const REPEATED_HINT: &str = "is a `group = resource` line missing above it? else remove one of the two";

/// The white space of the legacy reader: Unicode's, NUL and the Mongolian vowel separator.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || c == '\0' || c == '\u{180e}'
}

fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// The group's name if `key` is `[NAME]`.
fn header(key: &str) -> Option<&str> {
    key.strip_prefix('[')?.strip_suffix(']')
}

/// The file named by what follows `include`: `"FILE"`, `<FILE>`, `= "FILE"`, `= <FILE>` or `= FILE`.
fn include_target(rest: &str) -> Option<&str> {
    let rest = trim(rest);
    let (rest, bare_allowed) = match rest.strip_prefix('=') {
        Some(value) => (trim(value), true),
        None => (rest, false),
    };
    let enclosed = |open, close| rest.strip_prefix(open)?.strip_suffix(close);
    let target = match rest.chars().next()? {
        '"' => enclosed('"', '"')?,
        '<' => enclosed('<', '>')?,
        _ if bare_allowed => rest,
        _ => return None,
    };
    (!target.is_empty() && !target.contains(['"', '<', '>', '\0'])).then_some(target)
}
