//! The members of a received object, without a tree of everything else that is in it.
//!
//! Anybody can send 32 KiB of nested arrays. As a `serde_json::Value` they would take megabytes, and milliseconds
//! of the daemon's one thread. So a value that is skipped is read and not kept. An array or object in the place
//! of a plain value becomes an empty one; as a reason it becomes its text.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The value received for each key; the last one of a repeated key.
#[derive(Default)]
pub(crate) struct Members {
    pub resource: Option<Value>,
    pub status: Option<Value>,
    pub priority: Option<Value>,
    pub random: Option<Value>,
    pub kind: Option<Value>,
    pub host: Option<Value>,
    pub reason: Option<Value>,
    pub pid: Option<Value>,
    pub adminweb_port: Option<Value>,
    pub location: Option<Value>,
    pub heartbeat: Option<Value>,
    pub note: Option<Value>,
    pub freeze: Option<Value>,
    pub run: Option<Value>,
    pub trip: Option<Value>,
    pub batch: Option<Value>,
    pub says: Option<Value>,
    pub unknown: Option<Value>,
    pub promise: Option<Value>,
    pub epoch: Option<Value>,
    pub asks: Option<Value>,
    /// One of these keys came again.
    pub has_repeated_key: bool,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "kebab-case")]
enum Key {
    Resource,
    Status,
    Priority,
    Random,
    #[serde(rename = "type")]
    Kind,
    Host,
    Reason,
    Pid,
    AdminwebPort,
    Location,
    #[serde(rename = "heartbeat-ms")]
    Heartbeat,
    Note,
    Freeze,
    Run,
    Trip,
    Batch,
    Says,
    Unknown,
    Promise,
    Epoch,
    Asks,
    #[serde(other)]
    Other,
}

/// Reads one JSON value; `None` if it is not an object.
pub(crate) fn read(json: &[u8]) -> Result<Option<Members>, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let first = json.iter().find(|byte| !byte.is_ascii_whitespace());
    let members = match first {
        Some(b'{') => Some(reader.deserialize_map(MembersVisitor)?),
        _ => {
            Shallow::default().deserialize(&mut reader)?;
            None
        }
    };
    reader.end()?;
    Ok(members)
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Members::default();
        while let Some(key) = map.next_key()? {
            let slot = match key {
                Key::Resource => &mut members.resource,
                Key::Status => &mut members.status,
                Key::Priority => &mut members.priority,
                Key::Random => &mut members.random,
                Key::Kind => &mut members.kind,
                Key::Host => &mut members.host,
                Key::Reason => {
                    members.has_repeated_key |= members.reason.is_some();
                    members.reason = Some(reason(&mut map)?);
                    continue;
                }
                Key::Pid => &mut members.pid,
                Key::AdminwebPort => &mut members.adminweb_port,
                Key::Location => &mut members.location,
                Key::Heartbeat => &mut members.heartbeat,
                Key::Note => &mut members.note,
                Key::Freeze => &mut members.freeze,
                Key::Run => &mut members.run,
                Key::Trip => &mut members.trip,
                Key::Batch => &mut members.batch,
                Key::Says => &mut members.says,
                Key::Unknown => &mut members.unknown,
                Key::Promise => &mut members.promise,
                Key::Epoch => &mut members.epoch,
                Key::Asks => &mut members.asks,
                Key::Other => {
                    map.next_value_seed(Shallow { nested: true, ..Shallow::default() })?;
                    continue;
                }
            };
            let before = slot.replace(map.next_value_seed(Shallow::default())?);
            members.has_repeated_key |= before.is_some();
        }
        Ok(members)
    }
}

/// A reason; an array or object becomes its text.
fn reason<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Value, A::Error> {
    let mut text = Vec::new();
    let value = map.next_value_seed(Shallow { text: Some(&mut text), ..Shallow::default() })?;
    Ok(match value {
        Value::Array(_) | Value::Object(_) => Value::String(String::from_utf8(text).unwrap_or_default()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    })
}

/// Reads a value as `serde_json::Value` does, with the same limit of nesting, but keeps nothing from inside an
/// array or object.
#[derive(Default)]
struct Shallow<'a> {
    /// Inside an array or object, or of no interest: null takes its place.
    nested: bool,
    /// Where to write the value as JSON without blanks.
    text: Option<&'a mut Vec<u8>>,
    /// To be written before the value.
    separator: &'static str,
}

impl<'de> DeserializeSeed<'de> for Shallow<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Shallow<'_> {
    fn write(&mut self, text: &str) {
        if let Some(out) = &mut self.text {
            out.extend_from_slice(text.as_bytes());
        }
    }

    fn scalar<E: Error>(mut self, value: impl Serialize + Into<Value>) -> Result<Value, E> {
        self.write(self.separator);
        if let Some(out) = self.text {
            serde_json::to_writer(out, &value).map_err(E::custom)?;
        }
        Ok(if self.nested { Value::Null } else { value.into() })
    }

    /// The reader of what is inside.
    fn inner(&mut self, separator: &'static str) -> Shallow<'_> {
        Shallow { nested: true, text: self.text.as_deref_mut(), separator }
    }
}

impl<'de> Visitor<'de> for Shallow<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        self.scalar(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        self.scalar(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        self.scalar(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        self.scalar(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        self.scalar(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.scalar(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Value, A::Error> {
        self.write(self.separator);
        self.write("[");
        let mut separator = "";
        while seq.next_element_seed(self.inner(separator))?.is_some() {
            separator = ",";
        }
        self.write("]");
        Ok(if self.nested { Value::Null } else { Value::Array(Vec::new()) })
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        self.write(self.separator);
        self.write("{");
        let mut separator = "";
        while map.next_key_seed(self.inner(separator))?.is_some() {
            map.next_value_seed(self.inner(":"))?;
            separator = ",";
        }
        self.write("}");
        Ok(if self.nested { Value::Null } else { Value::Object(Map::new()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn members(json: &str) -> Members {
        read(json.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn nothing_is_kept_of_arrays_and_objects() {
        let read = members(r#"{"priority":[1,[2]],"pid":{"a":{"b":"c"}},"status":"LHOT","x":["y"]}"#);
        assert_eq!((read.priority, read.pid), (Some(json!([])), Some(json!({}))));
        assert_eq!((read.status, read.resource), (Some(json!("LHOT")), None));
    }

    #[test]
    fn a_reason_is_kept_as_its_text() {
        let rows = [
            (r#"[ 1 , -2, 0.5,1e3 ]"#, "[1,-2,0.5,1000.0]"),
            (
                r#"{ "b": [true, {"\u0061\n": null}], "a": "\"\u00e9" , "c":{}}"#,
                r#"{"b":[true,{"a\n":null}],"a":"\"é","c":{}}"#,
            ),
            ("[[],[[]]]", "[[],[[]]]"),
        ];
        for (json, text) in rows {
            assert_eq!(members(&format!(r#"{{"reason":{json}}}"#)).reason, Some(json!(text)));
        }
    }

    #[test]
    fn keys_may_be_escaped_and_come_again() {
        let read =
            members(r#"{"\u0073tatus":"LSBY","status":"LHOT","type":1,"adminweb-port":2,"heartbeat-ms":3}"#);
        assert_eq!(read.status, Some(json!("LHOT")));
        assert_eq!(
            [read.kind, read.adminweb_port, read.heartbeat],
            [1, 2, 3].map(|number| Some(json!(number)))
        );
    }
}
