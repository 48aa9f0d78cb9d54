//! Reading a datagram.

use std::borrow::Cow;
use std::time::Duration;

use crate::freeze::{self, Freeze};
use crate::given::Given;
use crate::members::Members;
use crate::note::{self, Note};
use crate::{
    Batch, Code, Promised, Run, Trip, batch, coerce, epoch, heartbeat, members, promise, right, run, trip,
};

/// The size of the legacy receive buffer, in bytes. The rest of a longer datagram is ignored. An object followed
/// by blanks is still read; anything else is not JSON.
pub const MAX_RECEIVED: usize = 32_768;

/// A received datagram, from a peer or from an application.
///
/// Texts are as the sender wrote them and may contain anything, line feeds included. They are parts of the datagram, so that
/// reading one allocates nothing; those with escapes are copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The resource's name.
    pub resource: Cow<'a, str>,
    pub code: Code,
    /// The status as it was written; of interest when the code is [`Code::Unknown`].
    pub status: Cow<'a, str>,
    /// The sender's priority; 0 if missing or of no use. Applications always send 0.
    pub priority: i32,
    /// The sender's random number; 4294967295 in a forced takeover, 0 if missing or of no use.
    pub random: u32,
    /// `type`: `schrittmacher` from a daemon, any text from an application.
    pub kind: Option<Cow<'a, str>>,
    /// The sender's host: a daemon's address in the unified form (see [`crate::host`]).
    pub host: Option<Cow<'a, str>>,
    /// Why the sender is in its state; empty is not the same as absent. A value that is no string is here as
    /// its JSON text (W2).
    pub reason: Option<Cow<'a, str>>,
    /// The application's process, 1 to 2147483647. Anything else counts as absent, a wrong type too, where
    /// the legacy daemon drops the datagram.
    pub pid: Option<u32>,
    /// The port of the application's own web page, 1 to 65535; anything else counts as absent.
    pub adminweb_port: Option<u16>,
    /// Where the sender is; no known program sends it (D47).
    pub location: Option<Cow<'a, str>>,
    /// The sender's heartbeat period, 3 ms to 20 s; its presence proves a peer of ours (W4, T2).
    pub heartbeat: Option<Duration>,
    /// The sender's note beside its state; from a peer of ours only.
    pub note: Option<Note>,
    /// A freeze by an operator; from a peer of ours only.
    pub freeze: Option<Freeze>,
    /// The runs of both daemons; from a peer of ours only.
    pub run: Option<Run>,
    /// For the measurement of the way; from a peer of ours only.
    pub trip: Option<Trip>,
    /// Its number in batches, if the sender reads them; from a peer of ours only.
    pub number: Option<u64>,
    /// For how long the sender takes no role; from a peer of ours only.
    pub promise: Option<Promised>,
    /// The number of a promotion; from a peer of ours only.
    pub epoch: Option<u64>,
    /// The application wants to know until when it may serve; from this version's client library only.
    pub asks_right: bool,
}

/// A received datagram of the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerDatagram<'a> {
    /// One word about one resource.
    Message(Box<Message<'a>>),
    /// What was said before of many resources is said again.
    Batch(Batch),
}

impl PeerDatagram<'_> {
    /// Reads a datagram of the peer as [`Message::parse`] does. In a signed one, which no program of another kind reads, a key has
    /// one value.
    ///
    /// # Errors
    ///
    /// [`Rejected`] says why there is nothing in the datagram.
    pub fn parse(datagram: &[u8], is_signed: bool) -> Result<PeerDatagram<'_>, Rejected> {
        let datagram = datagram.get(..MAX_RECEIVED).unwrap_or(datagram);
        let mut members = Members::default();
        read_object(datagram, &mut members)?;
        if is_signed && members.has_repeated_key {
            return Err(Rejected::RepeatedKey);
        }
        let has_list = members.says.is_some() || members.unknown.is_some();
        if has_list && members.resource.is_none() && members.status.is_none() {
            let Members { run, trip, says, unknown, .. } = &members;
            let batch = Batch::from_values(run.as_ref(), trip.as_ref(), says.as_ref(), unknown.as_ref());
            return batch.map(PeerDatagram::Batch).ok_or(Rejected::NoList);
        }
        Message::from_members(members).map(Box::new).map(PeerDatagram::Message)
    }
}

/// Why a datagram was dropped.
#[derive(Debug, thiserror::Error)]
pub enum Rejected {
    /// It is not one JSON value, is not UTF-8, or is nested more than 127 levels deep.
    #[error("not JSON: {problem}")]
    NotJson {
        /// The mistake and its place.
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
    /// A key has two values, in a datagram that may mean one thing alone.
    #[error("a key is in it twice")]
    RepeatedKey,
    /// A batch whose list of numbers cannot be read.
    #[error("a batch without a readable list")]
    NoList,
}

impl Message<'_> {
    /// Reads a datagram with the leniency of the legacy daemon 2.0.0 (W2).
    ///
    /// Accepted beyond what 2.0.0 takes: up to 127 levels of nesting (32), and a `pid` or `adminweb-port` of
    /// a wrong type. Not accepted are four accidents of its parser: an unfinished token after the object, `-.5`,
    /// an exponent that wraps at 16 bits, and over-long UTF-8. The last one of a repeated key counts.
    ///
    /// # Errors
    ///
    /// [`Rejected`] says why there is no message in the datagram. An unknown status is no error.
    pub fn parse(datagram: &[u8]) -> Result<Message<'_>, Rejected> {
        let datagram = datagram.get(..MAX_RECEIVED).unwrap_or(datagram);
        let mut members = Members::default();
        read_object(datagram, &mut members)?;
        Message::from_members(members)
    }

    fn from_members(members: Members<'_>) -> Result<Message<'_>, Rejected> {
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
            note: members.note.as_ref().and_then(note::from_value),
            freeze: members.freeze.as_ref().and_then(freeze::from_value),
            run: members.run.as_ref().and_then(run::from_value),
            trip: members.trip.as_ref().and_then(trip::from_value),
            number: members.batch.as_ref().and_then(batch::number_from_value),
            promise: members.promise.as_ref().map(promise::from_value),
            epoch: members.epoch.as_ref().and_then(epoch::from_value),
            asks_right: members.asks.is_some_and(|asks| asks.as_str() == Some(right::RIGHT)),
        })
    }
}

fn read_object<'a>(datagram: &'a [u8], members: &mut Members<'a>) -> Result<(), Rejected> {
    let object = members::read(datagram, members).map_err(|problem| Rejected::NotJson { problem })?;
    object.ok_or(Rejected::NotAnObject)
}

fn string(value: Option<Given<'_>>) -> Option<Cow<'_, str>> {
    match value {
        Some(Given::Text(text)) => Some(text),
        _ => None,
    }
}

/// A number above 0. The legacy daemon ignores others, too.
fn positive(value: Option<&Given<'_>>) -> Option<i64> {
    value.and_then(coerce::whole).filter(|number| *number > 0)
}

fn reason(value: Option<Given<'_>>) -> Option<Cow<'_, str>> {
    match value {
        // What is nested was given as its text.
        None | Some(Given::Null | Given::Nested) => None,
        Some(Given::Text(text)) => Some(text),
        Some(Given::Bool(flag)) => Some(if flag { "true" } else { "false" }.into()),
        Some(Given::Number(number)) => Some(number.to_string().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AppCode, PeerCode};

    /// A message whose further members are `members`.
    fn with(members: &str) -> Message<'static> {
        let datagram = format!(r#"{{"resource":"r1","status":"LHOT",{members}}}"#);
        Message::parse(datagram.leak().as_bytes()).unwrap()
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
            note: None,
            freeze: None,
            run: None,
            trip: None,
            number: None,
            promise: None,
            epoch: None,
            asks_right: false,
        };
        assert_eq!(Message::parse(datagram).unwrap(), expected);
    }

    /// Thousands of applications report each second.
    #[test]
    fn reading_a_report_copies_no_text() {
        let datagram = crate::AppMessage {
            code: AppCode::Lhot,
            resource: "r1",
            pid: Some(7),
            reason: Some("all is well"),
            kind: Some("smsc"),
            host: Some("é"),
            adminweb_port: None,
            asks_right: true,
        }
        .encode();
        let message = Message::parse(&datagram).unwrap();
        let texts =
            [Some(message.resource), Some(message.status), message.kind, message.host, message.reason];
        for text in texts {
            assert!(matches!(text, Some(Cow::Borrowed(_))), "{text:?}");
        }
        assert!(matches!(with(r#""reason":"\n""#).reason, Some(Cow::Owned(_))));
    }

    #[test]
    fn of_a_key_given_twice_the_last_counts() {
        let message = with(r#""status":"LSBY","priority":1,"priority":2"#);
        assert_eq!((message.code, message.priority), (Code::App(AppCode::Lsby), 2));
    }

    /// Escapes included: a reader of another kind may take the first one.
    #[test]
    fn in_a_signed_datagram_a_key_has_one_value() {
        let good = br#"{"resource":"r1","status":"HOTT","reason":"x","more":1,"more":2}"#;
        let message = PeerDatagram::Message(Box::new(Message::parse(good).unwrap()));
        assert_eq!(PeerDatagram::parse(good, true).unwrap(), message);
        for second in
            [r#""status":"HOTT""#, r#""\u0073tatus":"FAIL""#, r#""reason":[]"#, r#""note":null,"note":1"#]
        {
            let datagram = format!(r#"{{"resource":"r1","status":"HOTT","reason":"x",{second}}}"#);
            assert!(Message::parse(datagram.as_bytes()).is_ok());
            let rejected = PeerDatagram::parse(datagram.as_bytes(), true);
            assert!(matches!(rejected, Err(Rejected::RepeatedKey)), "{second}: {rejected:?}");
        }
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
