//! Reading a datagram.

use serde_json::Value;
use std::time::Duration;

use crate::{Code, coerce, heartbeat, members};

/// The size of the legacy receive buffer, in bytes. What a longer datagram has beyond is not looked at, so
/// that an object followed by blanks is still read and anything else is not JSON.
pub const MAX_RECEIVED: usize = 32_768;

/// A received datagram, from a peer or from an application.
///
/// Texts are as the sender wrote them and may contain anything, line feeds included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The resource's name.
    pub resource: String,
    /// The status.
    pub code: Code,
    /// The status as it was written; of interest when the code is [`Code::Unknown`].
    pub status: String,
    /// The sender's priority; 0 if missing or of no use. Applications always send 0.
    pub priority: i32,
    /// The sender's random number; 4294967295 in a forced takeover, 0 if missing or of no use.
    pub random: u32,
    /// `type`: `schrittmacher` from a daemon, from an application whatever it calls itself.
    pub kind: Option<String>,
    /// The sender's host: a daemon's address in the unified form (see [`crate::host`]).
    pub host: Option<String>,
    /// Why the sender is in its state; empty is not the same as absent. A value that is no string is here as
    /// its JSON text (W2).
    pub reason: Option<String>,
    /// The application's process, 1 to 2147483647. Anything else counts as absent, a wrong type too, where
    /// the legacy daemon drops the datagram.
    pub pid: Option<u32>,
    /// The port of the application's own web page, 1 to 65535; anything else counts as absent.
    pub adminweb_port: Option<u16>,
    /// Where the sender is; no known program sends it (D47).
    pub location: Option<String>,
    /// The sender's heartbeat period, 10 ms to 20 s; its presence proves a peer of ours (W4, T2).
    pub heartbeat: Option<Duration>,
}

/// Why a datagram was dropped.
#[derive(Debug, thiserror::Error)]
pub enum Rejected {
    /// It is not one JSON value, is not UTF-8, or is nested more than 127 levels deep.
    #[error("not JSON: {problem}")]
    NotJson {
        /// What is wrong, and where.
        problem: serde_json::Error,
    },
    /// It is a JSON value, but not an object.
    #[error("JSON, but not an object")]
    NotAnObject,
    /// `resource` is missing, null, an array or an object.
    #[error("no resource name in it")]
    NoResource,
    /// `status` is missing, null, an array or an object.
    #[error("no status in it")]
    NoStatus,
}

impl Message {
    /// Reads a datagram with the leniency of the legacy daemon 2.0.0 (W2).
    ///
    /// Accepted beyond what 2.0.0 takes: up to 127 levels of nesting (32), and a `pid` or `adminweb-port` of
    /// a wrong type. Not accepted although 2.0.0 does: an unfinished token after the object, `-.5`, an
    /// exponent that wraps at 16 bits, and over-long UTF-8; all accidents of its parser. Of a key given
    /// twice the last counts.
    ///
    /// # Errors
    ///
    /// [`Rejected`] says why there is no message in the datagram. An unknown status is no error.
    pub fn parse(datagram: &[u8]) -> Result<Message, Rejected> {
        let datagram = datagram.get(..MAX_RECEIVED).unwrap_or(datagram);
        let members = members::read(datagram).map_err(|problem| Rejected::NotJson { problem })?;
        let members = members.ok_or(Rejected::NotAnObject)?;

        let resource = members.resource.and_then(coerce::text).ok_or(Rejected::NoResource)?;
        let status = members.status.and_then(coerce::text).ok_or(Rejected::NoStatus)?;
        Ok(Message {
            resource,
            code: Code::from_text(&status),
            status,
            priority: coerce::int(members.priority.as_ref()),
            random: coerce::int(members.random.as_ref()).cast_unsigned(),
            kind: string(members.kind),
            host: string(members.host),
            reason: reason(members.reason),
            pid: positive(members.pid.as_ref())
                .and_then(|pid| i32::try_from(pid).ok())
                .map(i32::cast_unsigned),
            adminweb_port: positive(members.adminweb_port.as_ref()).and_then(|port| u16::try_from(port).ok()),
            location: string(members.location),
            heartbeat: members.heartbeat.as_ref().map(heartbeat::from_value),
        })
    }
}

fn string(value: Option<Value>) -> Option<String> {
    match value {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// A number above 0; the legacy daemon ignores the others too.
fn positive(value: Option<&Value>) -> Option<i64> {
    value.and_then(coerce::whole).filter(|number| *number > 0)
}

fn reason(value: Option<Value>) -> Option<String> {
    match value {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text),
        Some(other) => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AppCode, PeerCode};

    /// A message whose further members are `members`.
    fn with(members: &str) -> Message {
        Message::parse(format!(r#"{{"resource":"r1","status":"LHOT",{members}}}"#).as_bytes()).unwrap()
    }

    #[test]
    fn every_member_is_read() {
        let datagram = br#"{"status":"TREQ","random":4294967295,"resource":"r1","reason":"why","host":"h",
            "priority":-3,"type":"t","pid":7,"adminweb-port":8080,"location":"l","heartbeat-ms":250}"#;
        let expected = Message {
            resource: "r1".into(),
            code: Code::Peer(PeerCode::Treq),
            status: "TREQ".into(),
            priority: -3,
            random: u32::MAX,
            kind: Some("t".into()),
            host: Some("h".into()),
            reason: Some("why".into()),
            pid: Some(7),
            adminweb_port: Some(8080),
            location: Some("l".into()),
            heartbeat: Some(Duration::from_millis(250)),
        };
        assert_eq!(Message::parse(datagram).unwrap(), expected);
    }

    #[test]
    fn of_a_key_given_twice_the_last_counts() {
        let message = with(r#""status":"LSBY","priority":1,"priority":2"#);
        assert_eq!((message.code, message.priority), (Code::App(AppCode::Lsby), 2));
    }

    #[test]
    fn a_pid_is_a_possible_process_or_nothing() {
        let rows = [
            ("1", Some(1)),
            ("32409.9", Some(32409)),
            ("2147483647", Some(2_147_483_647)),
            ("2147483648", None),
            ("4294967295", None),
            ("18446744073709551615", None),
            ("1e99", None),
            ("0", None),
            ("-1", None),
            ("true", None),
            (r#""7""#, None),
            ("null", None),
            ("[7]", None),
        ];
        for (json, pid) in rows {
            assert_eq!(with(&format!(r#""pid":{json}"#)).pid, pid, "{json}");
        }
    }

    #[test]
    fn an_adminweb_port_is_a_possible_port_or_nothing() {
        for (json, port) in [("65535", Some(65535)), ("65536", None), ("0", None), (r#""80""#, None)] {
            assert_eq!(with(&format!(r#""adminweb-port":{json}"#)).adminweb_port, port, "{json}");
        }
    }

    #[test]
    fn a_reason_that_is_no_string_becomes_one() {
        let rows = [
            (r#""""#, Some("")),
            ("null", None),
            ("5", Some("5")),
            ("5.5", Some("5.5")),
            ("true", Some("true")),
            ("[1, 2]", Some("[1,2]")),
            (r#"{"a": "b"}"#, Some(r#"{"a":"b"}"#)),
        ];
        for (json, reason) in rows {
            assert_eq!(with(&format!(r#""reason":{json}"#)).reason.as_deref(), reason, "{json}");
        }
    }

    #[test]
    fn a_rejection_says_why() {
        let rows: [(&[u8], &str); 6] = [
            (b"", "not JSON: EOF while parsing a value at line 1 column 0"),
            (b"{\n  \"status\": LHOT\n}", "not JSON: expected value at line 2 column 13"),
            (b"[]", "JSON, but not an object"),
            (br#"{"status":"LHOT"}"#, "no resource name in it"),
            (br#"{"resource":null,"status":"LHOT"}"#, "no resource name in it"),
            (br#"{"resource":"r1","status":[]}"#, "no status in it"),
        ];
        for (datagram, text) in rows {
            assert_eq!(Message::parse(datagram).unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn deep_nesting_is_refused_without_a_stack_overflow() {
        let bombs = [
            "[".repeat(MAX_RECEIVED),
            r#"{"x":"#.repeat(MAX_RECEIVED / 5),
            format!(
                r#"{{"resource":"r1","status":"LHOT","x":{}1{}}}"#,
                "[".repeat(16_000),
                "]".repeat(16_000)
            ),
        ];
        for bomb in bombs {
            assert!(matches!(Message::parse(bomb.as_bytes()), Err(Rejected::NotJson { .. })));
        }
    }
}
