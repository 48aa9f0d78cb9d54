//! Against datagrams of the unmodified legacy programs (origin: tests/data/wire/README.md).
#![expect(clippy::unwrap_used, reason = "clippy spares tests, but not their helpers")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schrittmacher_wire::{AppCode, AppMessage, Code, Message, PeerMessage};
use serde_json::Value;

const DAEMON_2_0_0: &str = include_str!("../../../tests/data/wire/sent_by_daemon_2.0.0.jsonl");
const DAEMON_1_8_2: &str = include_str!("../../../tests/data/wire/sent_by_daemon_1.8.2.jsonl");
const CLIENT_1_18_0: &str = include_str!("../../../tests/data/wire/sent_by_client_1.18.0.jsonl");
const ACCEPT_VECTORS: &str = include_str!("../../../tests/data/wire/accept_vectors.jsonl");

fn rows(jsonl: &str) -> impl Iterator<Item = Value> {
    jsonl.lines().map(|line| serde_json::from_str(line).unwrap())
}

/// Every recorded payload as it was and as we read it.
fn recorded(jsonl: &str) -> Vec<(&'static str, Message<'static>)> {
    let payloads = rows(jsonl).map(|row| &*row["payload"].as_str().unwrap().to_owned().leak());
    payloads.map(|payload| (payload, Message::parse(payload.as_bytes()).unwrap())).collect()
}

#[test]
fn what_the_daemon_sent_is_written_byte_for_byte() {
    let recorded = recorded(DAEMON_2_0_0);
    assert_eq!(recorded.len(), 69);
    for (payload, message) in recorded {
        let Code::Peer(code) = message.code else { panic!("{payload}") };
        assert_eq!(message.kind.as_deref(), Some("schrittmacher"));
        let again = PeerMessage {
            code,
            random: message.random,
            resource: &message.resource,
            reason: message.reason.as_deref(),
            host: message.host.as_deref(),
            priority: message.priority,
            heartbeat: message.heartbeat,
            note: None,
            freeze: None,
            run: None,
            trip: None,
            number: None,
            promise: None,
            epoch: None,
        };
        assert_eq!(String::from_utf8(again.encode()).unwrap(), payload);
    }
}

#[test]
fn what_the_client_library_sent_is_written_byte_for_byte() {
    let recorded = recorded(CLIENT_1_18_0);
    assert_eq!(recorded.len(), 16);
    for (payload, message) in recorded {
        let Code::App(code) = message.code else { panic!("{payload}") };
        let again = AppMessage {
            code,
            resource: &message.resource,
            pid: message.pid,
            reason: message.reason.as_deref(),
            kind: message.kind.as_deref(),
            host: message.host.as_deref(),
            adminweb_port: message.adminweb_port,
            asks_right: message.asks_right,
        };
        assert_eq!(String::from_utf8(again.encode()).unwrap(), payload);
    }
}

#[test]
fn what_the_1_8_daemon_sent_is_read() {
    let recorded = recorded(DAEMON_1_8_2);
    assert_eq!(recorded.len(), 3);
    for (payload, message) in recorded {
        let sent: Value = serde_json::from_str(payload).unwrap();
        assert!(matches!(message.code, Code::Peer(_)), "{payload}");
        assert_eq!(Value::from(message.status), sent["status"]);
        assert_eq!(Value::from(message.resource), sent["resource"]);
        assert_eq!(Value::from(message.priority), sent["priority"]);
        assert_eq!(Value::from(message.random), sent["random"]);
    }
}

/// The datagram of a row; those too long to be stored are made again from beginning and length.
fn vector(row: &Value) -> Vec<u8> {
    if let Some(payload) = row["payload_b64"].as_str() {
        return STANDARD.decode(payload).unwrap();
    }
    let begins = row["payload_begins"].as_str().unwrap();
    let length = usize::try_from(row["length"].as_u64().unwrap()).unwrap();
    let (fill, end) = if begins.ends_with('a') { ("a", "\"}") } else { (" ", "") };
    let filling = fill.repeat(length - begins.len() - end.len());
    format!("{begins}{filling}{end}").into_bytes()
}

#[test]
fn what_the_daemon_accepted_is_accepted_and_only_harmless_more() {
    let mut more = Vec::new();
    for row in rows(ACCEPT_VECTORS) {
        let name = row["name"].as_str().unwrap();
        // The recording counted as accepted what made the daemon act on an LUNK for its resource r1.
        let acted_on = Message::parse(&vector(&row))
            .is_ok_and(|message| message.resource == "r1" && message.code == Code::App(AppCode::Lunk));
        match (row["accepted"].as_bool().unwrap(), acted_on) {
            (true, false) => panic!("legacy accepts {name}"),
            (false, true) => more.push(name.to_owned()),
            (true, true) | (false, false) => {}
        }
    }
    // A report of an application is worth more than its optional numbers: 2.0.0 drops it whole. Its limit of
    // 32 levels protects nothing here.
    let wrong_types = ["pid string", "pid null", "pid array", "adminweb-port string", "adminweb null"];
    assert_eq!(more, [&wrong_types[..], &["deep nest 40"]].concat());
}
