//! The members of a received object, without a tree of everything else that is in it.
//!
//! Anybody can send 32 KiB of nested arrays. As a `serde_json::Value` they would take megabytes, and milliseconds
//! of the daemon's one thread. So a value that is skipped is read and not kept. An array or object in the place
//! of a plain value becomes an empty one; as a reason it becomes its text.
//!
//! * `plain`: objects as programs of ours and the older ones write them, in a fifth of the time

mod plain;

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::given::Given;

/// The value received for each key; the last one of a repeated key.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Members<'a> {
    pub resource: Option<Given<'a>>,
    pub status: Option<Given<'a>>,
    pub priority: Option<Given<'a>>,
    pub random: Option<Given<'a>>,
    pub kind: Option<Given<'a>>,
    pub host: Option<Given<'a>>,
    pub reason: Option<Given<'a>>,
    pub pid: Option<Given<'a>>,
    pub adminweb_port: Option<Given<'a>>,
    pub location: Option<Given<'a>>,
    pub heartbeat: Option<Given<'a>>,
    pub note: Option<Given<'a>>,
    pub freeze: Option<Given<'a>>,
    pub run: Option<Given<'a>>,
    pub trip: Option<Given<'a>>,
    pub batch: Option<Given<'a>>,
    pub says: Option<Given<'a>>,
    pub unknown: Option<Given<'a>>,
    pub promise: Option<Given<'a>>,
    pub epoch: Option<Given<'a>>,
    pub asks: Option<Given<'a>>,
    /// One of these keys came again.
    pub has_repeated_key: bool,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier, rename_all = "kebab-case")]
pub(crate) enum Key {
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

impl<'a> Members<'a> {
    /// Takes a value that was received.
    pub fn put(&mut self, key: Key, value: Given<'a>) {
        let slot = match key {
            Key::Resource => &mut self.resource,
            Key::Status => &mut self.status,
            Key::Priority => &mut self.priority,
            Key::Random => &mut self.random,
            Key::Kind => &mut self.kind,
            Key::Host => &mut self.host,
            Key::Reason => &mut self.reason,
            Key::Pid => &mut self.pid,
            Key::AdminwebPort => &mut self.adminweb_port,
            Key::Location => &mut self.location,
            Key::Heartbeat => &mut self.heartbeat,
            Key::Note => &mut self.note,
            Key::Freeze => &mut self.freeze,
            Key::Run => &mut self.run,
            Key::Trip => &mut self.trip,
            Key::Batch => &mut self.batch,
            Key::Says => &mut self.says,
            Key::Unknown => &mut self.unknown,
            Key::Promise => &mut self.promise,
            Key::Epoch => &mut self.epoch,
            Key::Asks => &mut self.asks,
            Key::Other => return,
        };
        self.has_repeated_key |= slot.replace(value).is_some();
    }
}

/// Reads one JSON value into members that are empty; `None` if it is not an object. They are large, and are not moved.
pub(crate) fn read<'a>(json: &'a [u8], members: &mut Members<'a>) -> Result<Option<()>, serde_json::Error> {
    if plain::read(json, members).is_none() {
        let Some(read) = read_any(json)? else { return Ok(None) };
        *members = read;
    }
    Ok(Some(()))
}

fn read_any(json: &[u8]) -> Result<Option<Members<'_>>, serde_json::Error> {
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
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
        while let Some(key) = map.next_key()? {
            let nested = matches!(key, Key::Other);
            let value = if matches!(key, Key::Reason) {
                reason(&mut map)?
            } else {
                map.next_value_seed(Shallow { nested, ..Shallow::default() })?
            };
            members.put(key, value);
        }
        Ok(members)
    }
}

/// A reason; an array or object becomes its text.
fn reason<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Given<'de>, A::Error> {
    let mut text = Vec::new();
    let value = map.next_value_seed(Shallow { text: Some(&mut text), ..Shallow::default() })?;
    Ok(match value {
        Given::Nested => Given::Text(String::from_utf8(text).unwrap_or_default().into()),
        Given::Null | Given::Bool(_) | Given::Number(_) | Given::Text(_) => value,
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
    type Value = Given<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Given<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Shallow<'_> {
    fn write(&mut self, text: &str) {
        if let Some(out) = &mut self.text {
            out.extend_from_slice(text.as_bytes());
        }
    }

    fn scalar<'a, T: Serialize, E: Error>(
        mut self,
        value: T,
        kept: impl FnOnce(T) -> Given<'a>,
    ) -> Result<Given<'a>, E> {
        self.write(self.separator);
        if let Some(out) = self.text {
            serde_json::to_writer(out, &value).map_err(E::custom)?;
        }
        Ok(if self.nested { Given::Null } else { kept(value) })
    }

    /// The reader of what is inside.
    fn inner(&mut self, separator: &'static str) -> Shallow<'_> {
        Shallow { nested: true, text: self.text.as_deref_mut(), separator }
    }
}

impl<'de> Visitor<'de> for Shallow<'_> {
    type Value = Given<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Given<'de>, E> {
        self.scalar((), |()| Given::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Given<'de>, E> {
        self.scalar(value, Given::Bool)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Given<'de>, E> {
        self.scalar(value, |value| Given::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Given<'de>, E> {
        self.scalar(value, |value| Given::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Given<'de>, E> {
        self.scalar(value, |value| Number::from_f64(value).map_or(Given::Null, Given::Number))
    }

    /// A text with escapes.
    fn visit_str<E: Error>(self, value: &str) -> Result<Given<'de>, E> {
        self.scalar(value, |value| Given::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Given<'de>, E> {
        self.scalar(value, |value| Given::Text(Cow::Borrowed(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Given<'de>, A::Error> {
        self.write(self.separator);
        self.write("[");
        let mut separator = "";
        while seq.next_element_seed(self.inner(separator))?.is_some() {
            separator = ",";
        }
        self.write("]");
        Ok(if self.nested { Given::Null } else { Given::Nested })
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Given<'de>, A::Error> {
        self.write(self.separator);
        self.write("{");
        let mut separator = "";
        while map.next_key_seed(self.inner(separator))?.is_some() {
            map.next_value_seed(self.inner(":"))?;
            separator = ",";
        }
        self.write("}");
        Ok(if self.nested { Given::Null } else { Given::Nested })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// As it was received.
    fn given(value: serde_json::Value) -> Option<Given<'static>> {
        Some(value.into())
    }

    fn members(json: &str) -> Members<'_> {
        let mut members = Members::default();
        read(json.as_bytes(), &mut members).unwrap().unwrap();
        members
    }

    #[test]
    fn nothing_is_kept_of_arrays_and_objects() {
        let read = members(r#"{"priority":[1,[2]],"pid":{"a":{"b":"c"}},"status":"LHOT","x":["y"]}"#);
        assert_eq!((read.priority, read.pid), (given(json!([])), given(json!({}))));
        assert_eq!((read.status, read.resource), (given(json!("LHOT")), None));
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
            assert_eq!(members(&format!(r#"{{"reason":{json}}}"#)).reason, given(json!(text)));
        }
    }

    #[test]
    fn keys_may_be_escaped_and_come_again() {
        let read =
            members(r#"{"\u0073tatus":"LSBY","status":"LHOT","type":1,"adminweb-port":2,"heartbeat-ms":3}"#);
        assert_eq!(read.status, given(json!("LHOT")));
        assert_eq!(
            [read.kind, read.adminweb_port, read.heartbeat],
            [1, 2, 3].map(|number| given(json!(number)))
        );
    }
}
