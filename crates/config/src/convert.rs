//! A configuration file in the other of both formats.

use std::path::{Path, PathBuf};

use super::diagnostic::Findings;
use super::document::{Document, Entry, Group, GroupKind, Syntax};
use super::keys::{self, Kind};
use super::load::{Loaded, load_text, read};

impl Loaded {
    /// The text of the file in the format that it is not in. Included files are part of it, comments are not.
    ///
    /// # Errors
    ///
    /// The other format cannot say it, with the place.
    pub fn in_other_format(&self) -> Result<String, String> {
        let document = &self.document;
        let (syntax, ending) = match document.syntax {
            Syntax::Legacy => (Syntax::Toml, "toml"),
            Syntax::Toml => (Syntax::Legacy, "conf"),
        };
        let text = written(document, syntax);
        // It is not taken on trust that both mean the same. Paths in it are relative to nothing else.
        let path: PathBuf = Path::new(&*document.name).with_extension(ending);
        if load_text(&path, &text).is_ok_and(|other| other.config == self.config) {
            return Ok(text);
        }
        let again = read(&path, text.as_bytes(), &mut Findings::default());
        let place = again.as_ref().and_then(|again| first_difference(document, again));
        Err(place.unwrap_or_else(|| format!("{}: the other format cannot say the same", document.name)))
    }
}

fn written(document: &Document, syntax: Syntax) -> String {
    let mut text =
        format!("# From {}, by schrittmacherctl convert. Comments were left out.\n", document.name);
    for group in &document.groups {
        text += &match (syntax, group.kind) {
            (Syntax::Legacy, kind) => format!("\ngroup = {}\n", kind.name()),
            (Syntax::Toml, GroupKind::Core) => "\n[core]\n".to_owned(),
            (Syntax::Toml, GroupKind::Resource) => "\n[[resource]]\n".to_owned(),
        };
        // As they were written.
        let mut entries: Vec<(&String, &Entry)> = group.entries.iter().collect();
        entries.sort_by_key(|(_, entry)| entry.at.line);
        for (key, entry) in entries {
            text += &match syntax {
                Syntax::Legacy => format!("{key} = {}\n", legacy_value(&entry.value)),
                Syntax::Toml => format!("{} = {}\n", toml_key(key), toml_value(key, &entry.value)),
            };
        }
    }
    text
}

fn legacy_value(value: &str) -> String {
    // Blanks at the ends are kept by quotes alone.
    if value.trim() == value { value.to_owned() } else { format!("\"{value}\"") }
}

fn toml_key(key: &str) -> String {
    let is_bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if is_bare { key.to_owned() } else { quoted(key) }
}

/// A number or a truth as such, if the key takes one and it is written in the plain way; else a text, which means the same.
fn toml_value(key: &str, value: &str) -> String {
    let kind = keys::find(key).map(|key| key.kind);
    match kind {
        Some(Kind::Seconds { .. } | Kind::Integer | Kind::Count { .. } | Kind::Port { .. })
            if is_plain_number(value) =>
        {
            value.to_owned()
        }
        Some(Kind::YesNo) if value == "yes" => "true".to_owned(),
        Some(Kind::YesNo) if value == "no" => "false".to_owned(),
        _ => quoted(value),
    }
}

/// A number as TOML writes it, too.
fn is_plain_number(value: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    let unsigned = value.strip_prefix('-').unwrap_or(value);
    let (whole, rest) =
        unsigned.split_once('.').map_or((unsigned, None), |(whole, rest)| (whole, Some(rest)));
    digits(whole) && (whole == "0" || !whole.starts_with('0')) && rest.is_none_or(digits)
}

/// The escapes of JSON are some of TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// The first value that has become another one, for people.
fn first_difference(before: &Document, after: &Document) -> Option<String> {
    let groups = before.groups.iter().zip(after.groups.iter().map(Some).chain(std::iter::repeat(None)));
    groups.into_iter().find_map(|(group, other)| {
        let (key, entry) =
            group.entries.iter().find(|(key, entry)| value(other, key) != Some(&entry.value))?;
        let at = &entry.at;
        let line = at.line.map(|line| format!("{line}:")).unwrap_or_default();
        Some(format!("{}:{line} the other format cannot hold the value of `{key}`", at.file))
    })
}

fn value<'a>(group: Option<&'a Group>, key: &str) -> Option<&'a String> {
    group.and_then(|group| group.entries.get(key)).map(|entry| &entry.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: &str = "group = core\nlocal-address = 127.0.0.2\nremote-address = 127.0.0.3\nport = 7700\nsecurity = legacy\n";

    fn loaded(name: &str, text: &str) -> Loaded {
        load_text(Path::new(name), text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    #[test]
    fn a_file_means_the_same_in_both_formats() {
        let text = format!(
            "{PAIR}heartbeat = 0.50\ntimeout = 2s\n# words\n[resource]\nname = smsc 1\npriority = -3\npreempt = yes\n\
             start-action = \"echo \"a\\b\" 'c' #d\"\nstop-action = true\n\
             interface-activate =   ip addr add x \ninterface-deactivate = \tfalse\n"
        );
        let before = loaded("a.conf", &text);
        let toml = before.in_other_format().unwrap();
        assert!(toml.contains("\nheartbeat = 0.50\ntimeout = \"2s\"\n"), "{toml}");
        assert!(toml.contains("\nname = \"smsc 1\"\npriority = -3\npreempt = true\n"), "{toml}");
        let after = loaded("a.toml", &toml);
        assert_eq!(after.config, before.config);
        let back = loaded("a.conf", &after.in_other_format().unwrap());
        assert_eq!(back.config, before.config);
    }

    #[test]
    fn the_examples_can_be_converted_and_back() {
        for text in [
            include_str!("../../../docs/examples/node-a.conf"),
            include_str!("../../../docs/examples/manual-example.conf"),
        ] {
            let before = loaded("x.conf", text);
            let toml = before.in_other_format().unwrap();
            assert_eq!(loaded("x.toml", &toml).config, before.config, "{toml}");
        }
    }

    #[test]
    fn a_value_that_the_other_format_cannot_hold_is_named() {
        let text = "[core]\nlocal-address = \"127.0.0.2\"\nremote-address = \"127.0.0.3\"\nport = 7700\n\
                    security = \"legacy\"\n[[resource]]\nname = \"x\"\nstart-action = \"echo \\\"\"\nstop-action = \"true\"\n";
        let error = loaded("a.toml", text).in_other_format().unwrap_err();
        assert_eq!(error, "a.toml:8: the other format cannot hold the value of `start-action`");
        let lines = text.replace("echo \\\"", "one\\ntwo");
        assert!(loaded("a.toml", &lines).in_other_format().unwrap_err().contains("a.toml:8: "));
    }

    #[test]
    fn numbers_that_toml_writes_otherwise_stay_texts() {
        for number in ["0", "7", "-3", "0.5", "10.25"] {
            assert!(is_plain_number(number), "{number}");
        }
        for text in ["", "-", "+1", "007", ".5", "5.", "1e3", "2s", "0x10", "1.2.3"] {
            assert!(!is_plain_number(text), "{text}");
        }
    }
}
