//! The legacy's table and its recorded vectors (`tests/data/protocol`).

use std::collections::BTreeMap;

use schrittmacher_protocol::StateName;
use serde_json::Value;

use super::deviations::Legacy;
use super::situation::{Condition, Situation, What};

const TABLE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/protocol/state_table_2.0.0.jsonl"));
const VECTORS: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/protocol/state_vectors_2.0.0.tsv"));

/// A row of the table: what 2.0.0 does.
#[derive(Clone, Debug)]
pub struct Row {
    pub state: StateName,
    pub what: What,
    pub when: BTreeMap<String, Vec<String>>,
    pub next: StateName,
    /// In the words of [`Outcome::does`](super::step::Outcome::does).
    pub does: Vec<String>,
    /// The flag afterwards, if the row sets it.
    pub failed: Option<bool>,
}

/// A vector, as many times as it was recorded.
pub struct Vector {
    pub line: usize,
    pub count: usize,
    pub columns: BTreeMap<&'static str, &'static str>,
}

impl Vector {
    pub fn is(&self, column: &str, value: &str) -> bool {
        self.columns[column] == value
    }
}

pub fn rows() -> Vec<Row> {
    TABLE.lines().map(row).collect()
}

fn row(line: &str) -> Row {
    let row: Value = serde_json::from_str(line).unwrap();
    let text = |key: &str| row[key].as_str().unwrap();
    let when = row["when"].as_object().unwrap().iter().map(|(key, values)| {
        let values = match values {
            Value::Array(values) => values.iter().map(|value| value.as_str().unwrap().into()).collect(),
            one => vec![one.as_str().unwrap().into()],
        };
        (key.clone(), values)
    });
    let random = row["random"].as_str();
    Row {
        state: state(text("state")).unwrap(),
        what: What::from_name(text("event")).unwrap(),
        when: when.collect(),
        next: state(text("next")).unwrap(),
        does: row["actions"].as_array().unwrap().iter().map(|a| word(a.as_str().unwrap(), random)).collect(),
        failed: row["local_failed"].as_u64().map(|flag| flag == 1),
    }
}

pub fn state(name: &str) -> Option<StateName> {
    StateName::ALL.into_iter().find(|state| state.as_str() == name)
}

/// An action in our words. The random of a message is checked to be of the class that belongs to it.
fn word(action: &str, random: Option<&str>) -> String {
    match action {
        "start_action" => "start".into(),
        "stop_action" => "stop".into(),
        "activate" | "deactivate" => action.into(),
        _ => {
            let code = action.strip_prefix("send:").unwrap();
            match (code, random.unwrap()) {
                ("TREQ", "max") => "TREQ!".into(),
                // Any value below the two greatest; ours is the second greatest, always (S2, D14).
                ("TREQ" | "UNK", "fresh") => code.into(),
                (_, "zero") => code.into(),
                (code, random) => format!("{code}:{random}"),
            }
        }
    }
}

pub fn vectors() -> Vec<Vector> {
    let mut lines = VECTORS.lines();
    let names: Vec<&str> = lines.next().unwrap().trim_start_matches("# ").split('\t').collect();
    lines
        .enumerate()
        .map(|(index, line)| {
            let columns: BTreeMap<_, _> = names.iter().copied().zip(line.split('\t')).collect();
            assert_eq!(columns.len(), names.len(), "{line}");
            Vector { line: index + 2, count: columns["count"].parse().unwrap(), columns }
        })
        .collect()
}

/// The actions column of a vector in our words.
pub fn words(actions: &str) -> Vec<String> {
    if actions == "-" {
        return vec![];
    }
    actions
        .split(',')
        .map(|action| match action.rsplit_once(':') {
            Some((send, random)) => word(send, Some(random)),
            None => word(action, None),
        })
        .collect()
}

impl Row {
    /// The action of 2.0.0 in this situation, which fits the row.
    pub fn outcome(&self, s: &Situation) -> Legacy<'_> {
        Legacy { next: self.next, does: &self.does, failed: self.failed.unwrap_or(s.failed) }
    }

    /// Whether the row is for this situation, if 2.0.0's comparison of a request came out as `won`.
    pub fn applies(&self, s: &Situation, won: bool) -> bool {
        self.state == s.state
            && self.what == s.what
            && self.when.iter().all(|(key, values)| {
                values.iter().any(|value| match (key.as_str(), value.as_str()) {
                    ("local_failed", value) => s.value(Condition::Failed) == value,
                    ("time_in_state", "below_hot" | "below_sby") => !s.late,
                    ("time_in_state", "above_hot" | "above_sby") => s.late,
                    ("last_hot_sent" | "last_standby_sent", "recent") => s.recent,
                    ("last_hot_sent" | "last_standby_sent", "nil" | "old") => !s.recent,
                    ("challenge", "won") => won,
                    ("challenge", "lost_or_tied") => !won,
                    other => panic!("unknown condition {other:?}"),
                })
            })
    }
}
