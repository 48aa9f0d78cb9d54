//! Reads the configuration as TOML: the same keys in a table `core` and an array of tables `resource` (C2).
//!
//! Values become the texts of the legacy format, so that every check, default and message is the same. One thing is
//! stricter: a value is what TOML says it is. There are no includes, and no quotes are stripped.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as MapEntry;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Findings, Position, excerpt};
use super::document::{Document, Entry, Group, GroupKind, Syntax};
use super::keys::{self, Kind};
use super::source;

/// Reads `bytes`, the contents of the file `path`; `None` if that is no TOML.
pub(super) fn read(path: &Path, bytes: &[u8], findings: &mut Findings) -> Option<Document> {
    let name: Arc<str> = path.display().to_string().into();
    let text = source::text(bytes, &name, findings)?;
    let lines = Lines::new(Arc::clone(&name), text);
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = lines.position(&error.span().unwrap_or_default());
        let repeated = error.message().contains("duplicate key");
        findings.error(&at, error.message(), if repeated { REPEATED_HINT } else { LINE_HINT });
    }
    if !errors.is_empty() {
        return None;
    }
    let document = Document::named(name, Syntax::Toml);
    let mut reader = Reader { document, findings, lines };
    reader.root(root.get_ref());
    Some(reader.document)
}

/// Finds the line of a byte.
struct Lines {
    file: Arc<str>,
    /// Where each line begins.
    starts: Vec<usize>,
}

impl Lines {
    fn new(file: Arc<str>, text: &str) -> Lines {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Lines { file, starts: std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect() }
    }

    fn position(&self, span: &Range<usize>) -> Position {
        let line = self.starts.partition_point(|start| *start <= span.start);
        Position { file: Arc::clone(&self.file), line: Some(line) }
    }
}

struct Reader<'a> {
    document: Document,
    findings: &'a mut Findings,
    lines: Lines,
}

impl Reader<'_> {
    fn root(&mut self, root: &DeTable<'_>) {
        // The table is in the order of its keys; groups are wanted in that of the file.
        let mut items: Vec<_> = root.iter().collect();
        items.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in items {
            let name = key.get_ref().as_ref();
            let at = self.lines.position(&key.span());
            match (GroupKind::from_name(name), value.get_ref()) {
                (Some(GroupKind::Core), DeValue::Table(table)) => self.group(GroupKind::Core, at, table),
                (Some(GroupKind::Resource), DeValue::Array(tables)) => self.resources(tables),
                (Some(kind), _) => {
                    let hint = format!("begin it with a line {}", Syntax::Toml.group_line(kind));
                    self.findings.error(
                        &at,
                        format!("`{name}` is not the kind of table it has to be"),
                        &hint,
                    );
                }
                (None, DeValue::Table(_) | DeValue::Array(_)) => {
                    let message = format!("unknown group {}: its keys are ignored", excerpt(name));
                    self.findings.warn(
                        &at,
                        message,
                        "the groups are `[core]` and `[[resource]]`, in lower case",
                    );
                }
                (None, _) => {
                    let message = format!("{} stands before the first group: ignored", excerpt(name));
                    self.findings.warn(
                        &at,
                        message,
                        "a `[core]` or `[[resource]]` line has to come before it",
                    );
                }
            }
        }
    }

    fn resources(&mut self, tables: &[Spanned<DeValue<'_>>]) {
        for table in tables {
            let at = self.lines.position(&table.span());
            if let DeValue::Table(table) = table.get_ref() {
                self.group(GroupKind::Resource, at, table);
            } else {
                let hint = format!("begin it with a line {}", Syntax::Toml.group_line(GroupKind::Resource));
                self.findings.error(&at, "a resource that is no table", &hint);
            }
        }
    }

    fn group(&mut self, kind: GroupKind, at: Position, table: &DeTable<'_>) {
        let mut entries = BTreeMap::new();
        for (key, value) in table {
            let at = self.lines.position(&key.span());
            // Any case will do, as in the legacy format.
            let name = key.get_ref().to_lowercase();
            let Some(value) = self.value(&name, value.get_ref(), &at) else { continue };
            match entries.entry(name) {
                MapEntry::Vacant(place) => drop(place.insert(Entry { value, at })),
                MapEntry::Occupied(other) => {
                    let message = format!("{} is there twice, in different case", excerpt(other.key()));
                    self.findings.error(&at, message, "remove one of the two");
                }
            }
        }
        self.document.groups.push(Group { kind, syntax: Syntax::Toml, at, entries });
    }

    /// The value as the legacy format would have it.
    fn value(&mut self, key: &str, value: &DeValue<'_>, at: &Position) -> Option<String> {
        let is_list = keys::find(key).is_some_and(|key| matches!(key.kind, Kind::Addresses | Kind::Names));
        let text = match value {
            DeValue::String(text) => Some(text.to_string()),
            DeValue::Integer(number) => {
                // More than 64 bits is out of any range; as digits it is told so like any other number.
                let decimal = i64::from_str_radix(number.as_str(), number.radix());
                Some(decimal.map_or_else(|_| number.as_str().to_owned(), |number| number.to_string()))
            }
            DeValue::Float(number) => Some(number.as_str().to_owned()),
            DeValue::Boolean(flag) => Some(if *flag { "yes" } else { "no" }.to_owned()),
            DeValue::Array(items) if is_list => {
                let text = |item: &Spanned<DeValue<'_>>| item.get_ref().as_str().map(str::to_owned);
                items.iter().map(text).collect::<Option<Vec<_>>>().map(|items| items.join(", "))
            }
            DeValue::Array(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
        };
        if text.is_none() {
            let what =
                if is_list { "a text, or an array of texts" } else { "a text, a number, or true or false" };
            self.findings.error(
                at,
                format!("`{key}` has a value of the wrong kind"),
                &format!("write {what}"),
            );
        }
        text
    }
}

const LINE_HINT: &str =
    "a line is `[core]`, `[[resource]]`, `key = \"text\"`, `key = 1` or a # comment; addresses are texts";
const REPEATED_HINT: &str = "is a `[[resource]]` line missing above it? else remove one of the two";
