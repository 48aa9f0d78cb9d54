//! Any bytes as a datagram: `Message::parse` against a second reader, which is slow and plain.
#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use schrittmacher_wire::{
    AppMessage, BatchKind, Code, MAX_DATAGRAM, MAX_RECEIVED, Message, Numbers, PeerDatagram, PeerMessage,
    Run, Trip, encode_batch, host, is_sendable_name,
};
use serde_json::Value;

fuzz_target!(|datagram: &[u8]| -> Corpus {
    let plain = plain(datagram);
    match (Message::parse(datagram), &plain) {
        (Ok(message), Some(plain)) => {
            // Only the known members count. Their order, blanks and other members do not.
            let text = plain.to_string();
            let mut again = Message::parse(text.as_bytes()).expect("no less than before");
            let (reason, before) = (again.reason.as_deref(), message.reason.as_deref());
            if json(reason).is_some_and(|reason| Some(reason) == json(before)) {
                // The members of an object have another order now.
                again.reason.clone_from(&message.reason);
            }
            if is_exact(plain) {
                assert_eq!(again, message, "{plain}");
            }
            check(&message);
            let of_peer = PeerDatagram::parse(datagram, false).expect("no less for a peer");
            assert_eq!(of_peer, PeerDatagram::Message(Box::new(message)));
            Corpus::Keep
        }
        (Err(_), None) => {
            if let Ok(PeerDatagram::Batch(batch)) = PeerDatagram::parse(datagram, false) {
                check_list(&batch.says);
                check_list(&batch.unknown);
            }
            Corpus::Keep
        }
        (parsed, _) => panic!("read as {parsed:?}, plainly as {plain:?}"),
    }
});

/// What a batch says is bounded, and read again as it was written.
fn check_list(list: &Numbers) {
    let numbers: Vec<u64> = list.iter().collect();
    assert!(numbers.len() <= 4096 && numbers.is_sorted_by(|one, next| one < next));
    let (run, trip) = (Run { own: 1, peer: None }, Trip { number: 1, time: 1, echo: None });
    let (mut rest, mut read) = (&numbers[..], Vec::new());
    while !rest.is_empty() {
        let (datagram, after) = encode_batch(BatchKind::Says, rest, run, trip, 160);
        assert!(datagram.len() + 160 <= MAX_DATAGRAM && after.len() < rest.len());
        let Ok(PeerDatagram::Batch(batch)) = PeerDatagram::parse(&datagram, true) else { panic!("a batch") };
        read.extend(batch.says.iter());
        rest = after;
    }
    assert_eq!(read, numbers);
}

fn json(reason: Option<&str>) -> Option<Value> {
    serde_json::from_str(reason?).ok()
}

/// The members that mean something, written anew; none if this is no message.
fn plain(datagram: &[u8]) -> Option<Value> {
    let datagram = &datagram[..datagram.len().min(MAX_RECEIVED)];
    let Ok(Value::Object(mut members)) = serde_json::from_slice(datagram) else { return None };
    let is_text = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    if !["resource", "status"].iter().all(|key| members.get(*key).is_some_and(is_text)) {
        return None;
    }
    const KEYS: [&str; 19] = [
        "resource",
        "status",
        "priority",
        "random",
        "type",
        "host",
        "reason",
        "pid",
        "adminweb-port",
        "location",
        "heartbeat-ms",
        "note",
        "freeze",
        "run",
        "trip",
        "batch",
        "promise",
        "epoch",
        "asks",
    ];
    members.retain(|key, _| KEYS.contains(&key.as_str()));
    Some(Value::Object(members))
}

/// Without fractions, which may change in the last place when they are written and read again.
fn is_exact(value: &Value) -> bool {
    match value {
        Value::Number(number) => !number.is_f64(),
        Value::Array(values) => values.iter().all(is_exact),
        Value::Object(members) => members.values().all(is_exact),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

fn check(message: &Message<'_>) {
    assert!(message.pid.is_none_or(|pid| (1..=0x7fff_ffff).contains(&pid)));
    assert!(message.adminweb_port.is_none_or(|port| port > 0));
    assert!(message.heartbeat.is_none_or(|period| (3..=20_000).contains(&period.as_millis())));
    if let Some(address) = message.host.as_deref().and_then(host::parse) {
        assert_eq!(host::parse(&host::unified(address)), Some(address));
    }
    let again = match message.code {
        Code::Peer(code) => PeerMessage {
            code,
            random: message.random,
            resource: &message.resource,
            reason: message.reason.as_deref(),
            host: message.host.as_deref(),
            priority: message.priority,
            heartbeat: message.heartbeat,
            note: message.note,
            freeze: message.freeze,
            run: message.run,
            trip: message.trip,
            number: message.number,
            promise: message.promise,
            epoch: message.epoch,
        }
        .encode(),
        Code::App(code) => AppMessage {
            code,
            resource: &message.resource,
            pid: message.pid,
            reason: message.reason.as_deref(),
            kind: message.kind.as_deref(),
            host: message.host.as_deref(),
            adminweb_port: message.adminweb_port,
            asks_right: message.asks_right,
        }
        .encode(),
        Code::Unknown => return,
    };
    // The sender has made sure that the names are not too long.
    let names = [Some(&message.resource), message.kind.as_ref(), message.host.as_ref()];
    if names.into_iter().flatten().all(|name| is_sendable_name(name)) {
        assert!(again.len() <= MAX_DATAGRAM);
    }
    let read = Message::parse(&again).expect("what we write we read");
    assert_eq!((&read.resource, read.code), (&message.resource, message.code));
    assert_eq!((&read.host, read.heartbeat), (&message.host, message.heartbeat.filter(|_| is_peer(message))));
    if is_peer(message) {
        assert_eq!((read.random, read.priority), (message.random, message.priority));
    } else {
        assert_eq!(
            (read.pid, read.adminweb_port, &read.kind),
            (message.pid, message.adminweb_port, &message.kind)
        );
    }
    let (read, sent) = (read.reason.unwrap_or_default(), message.reason.as_deref().unwrap_or_default());
    assert!(sent.starts_with(&*read), "{read:?} is no beginning of {sent:?}");
}

fn is_peer(message: &Message<'_>) -> bool {
    matches!(message.code, Code::Peer(_))
}
