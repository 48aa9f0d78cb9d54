//! The legacy reader against what 2.0.0 was recorded to read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::diagnostic::Findings;
use crate::document::Document;
use crate::{LoadError, legacy};

/// Every input that is read otherwise than 2.0.0 read it, with the first error, or with the values read instead.
/// Each has a reason in decision C1.
const DIFFERENCES: &[(&str, Differs)] = &[
    // A repeated key made a list, and every key that 2.0.0 used ended the program if it was a list.
    ("empty value then dup", Differs::Fails(3, "again, first in line 2")),
    ("triple key", Differs::Fails(3, "again, first in line 2")),
    ("dup key case", Differs::Fails(3, "again, first in line 2")),
    // A file with one wrong byte was an empty configuration.
    ("latin1", Differs::Fails(2, "not UTF-8")),
    ("utf16", Differs::Fails(1, "not UTF-8")),
    // An include that was not found was left out in silence; <FILE> was never found.
    ("include missing file", Differs::Fails(2, "cannot include")),
    ("include dir", Differs::Fails(2, "not a regular file")),
    ("include <>", Differs::Reads("name2", "inc")),
];

#[derive(Clone, Copy)]
enum Differs {
    Fails(usize, &'static str),
    Reads(&'static str, &'static str),
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/config")
}

/// The exact bytes of an input; those that are no text or were shortened in the recording stand here.
fn input(name: &str, vector: &Value) -> Option<Vec<u8>> {
    let long = || [b"group = core\na = ".to_vec(), vec![b'x'; 70_000], b"\n".to_vec()].concat();
    match name {
        "latin1" => Some(b"group = core\na = caf\xe9\n".to_vec()),
        "utf16" => Some("\u{feff}group = core\na = 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        "long line" => Some(long()),
        "relative ./" => Some(b"group = core\ninclude \"inc/x.conf\"\n".to_vec()),
        _ => vector["input"].as_str().map(|text| text.as_bytes().to_vec()),
    }
}

/// The document in the form of the recording.
fn as_recorded(document: &Document) -> Value {
    let groups = document.groups.iter().map(|group| {
        let mut keys: Map<_, _> =
            group.entries.iter().map(|(key, entry)| (key.clone(), json!(entry.value))).collect();
        keys.insert("group".to_owned(), json!(group.kind.name()));
        (group.kind.name(), Value::Object(keys))
    });
    let mut core = Value::Null;
    let mut resources = Vec::new();
    for (kind, keys) in groups {
        match kind {
            "core" => core = keys,
            _ => resources.push(keys),
        }
    }
    json!({ "core": core, "resource": if resources.is_empty() { Value::Null } else { json!(resources) } })
}

/// The line in a legacy message: `'./t6.conf:2'` or `./t69.conf line 2`.
fn line_in(message: &str) -> Option<usize> {
    let (_, after) = message.split_once(".conf:").or_else(|| message.split_once(".conf line "))?;
    after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[test]
fn every_recorded_input_is_read_as_recorded_or_is_a_listed_difference() {
    let text = std::fs::read_to_string(data().join("vectors.jsonl")).unwrap();
    let mut listed: BTreeSet<&str> = DIFFERENCES.iter().map(|(name, _)| *name).collect();
    let mut compared = 0;
    for line in text.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let name = vector["name"].as_str().unwrap();
        // Not the reader's: see a_missing_file_and_a_directory_are_no_configuration.
        let Some(input) = input(name, &vector) else { continue };
        let mut findings = Findings::default();
        let file = data().join("t.conf");
        let read = legacy::read(&file, &input, &mut findings);
        // An input that is no text at all has no document.
        let document = read.unwrap_or_else(|| Document::empty(&file));
        let (errors, warnings) = findings.sorted(&document.name);
        let first = errors.first().map(|error| (error.line.unwrap(), error.message.as_str()));
        compared += 1;

        let same = match (vector.get("error").and_then(Value::as_str), first) {
            (None, None) if name == "long line" => as_recorded(&document)["core"]["a"] == "x".repeat(70_000),
            (None, None) => as_recorded(&document) == vector["result"],
            (Some(legacy), Some((line, _))) => line_in(legacy).is_none_or(|legacy_line| legacy_line == line),
            (None, Some(_)) | (Some(_), None) => false,
        };
        let difference = DIFFERENCES.iter().find(|(listed, _)| *listed == name);
        match (same, difference) {
            (true, None) => {}
            (true, Some(_)) => panic!("{name}: listed as a difference, but there is none any more"),
            (false, None) => panic!("{name}: {first:?}, {}, legacy: {vector}", as_recorded(&document)),
            (false, Some((_, Differs::Fails(line, message)))) => {
                let (found_line, found) = first.unwrap_or_else(|| panic!("{name}: no error"));
                assert!(found_line == *line && found.contains(message), "{name}: {found_line}: {found}");
            }
            (false, Some((_, Differs::Reads(key, value)))) => {
                assert_eq!(first, None, "{name}");
                assert_eq!(as_recorded(&document)["core"][key], *value, "{name}");
            }
        }
        listed.remove(name);

        let ignored_group = vector["stderr"].as_str().filter(|text| text.contains("how to parse group"));
        if let Some(line) = ignored_group.and_then(line_in) {
            let told = warnings.iter().any(|d| d.line == Some(line) && d.message.contains("unknown group"));
            assert!(told, "{name}: {warnings:?}");
        }
    }
    assert_eq!(listed, BTreeSet::new(), "listed, but not in the recording");
    assert!(compared >= 60, "only {compared} inputs were compared");
}

#[test]
fn a_missing_file_and_a_directory_are_no_configuration() {
    for path in [data().join("missing.conf"), data().join("inc")] {
        let error = crate::load(&path).unwrap_err();
        assert!(matches!(error, LoadError::Unreadable { .. }), "{error}");
        assert_eq!(error.exit_code(), 66);
        assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
    }
}
