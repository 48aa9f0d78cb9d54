//! Properties of every message, and of every datagram from anywhere.

use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use schrittmacher_wire::*;
use std::net::IpAddr;
use std::time::Duration;

/// Names that can be sent, with what has to be escaped.
fn name() -> impl Strategy<Value = String> {
    "[ -~\\x00-\\x1fé語😀]{1,60}".prop_filter("too long", |name| is_sendable_name(name))
}

/// Reasons from nothing to far more than a datagram holds.
fn reason() -> impl Strategy<Value = String> {
    prop_oneof![".{0,20}", vec(any::<char>(), 0..3000).prop_map(String::from_iter), "[\\x00-\\x1f\"]{0,3000}"]
}

/// Checks a sent reason: whole if it fits, else its beginning, as much of it as fits.
fn check_reason(sent: Option<&str>, read: Option<&str>, datagram: &[u8]) -> Result<(), TestCaseError> {
    prop_assert!(datagram.len() <= MAX_DATAGRAM);
    if sent == read {
        return Ok(());
    }
    prop_assert!(sent.zip(read).is_some_and(|(sent, read)| sent.starts_with(read)));
    // One more character takes at most six bytes.
    prop_assert!(datagram.len() + 6 > MAX_DATAGRAM, "cut to {}", datagram.len());
    Ok(())
}

/// Any JSON value, as text.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|flag| flag.to_string()),
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?",
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|values| format!("[{}]", values.join(","))),
            inner.prop_map(|value| format!("{{\"k\":{value}}}")),
        ]
    })
}

/// The members that are read, apart from the two that must be there.
const OPTIONAL: [&str; 9] =
    ["priority", "random", "type", "host", "reason", "pid", "adminweb-port", "location", "heartbeat-ms"];

proptest! {
    // A failing case goes into a unit test, not into a file that proptest writes.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_peer_message_is_read_as_it_was_sent(
        code in select(PeerCode::ALL), random: u32, priority: i32, resource in name(),
        reason in option::of(reason()), host in option::of(any::<IpAddr>().prop_map(host::unified)),
        heartbeat in option::of((3..=20_000u64).prop_map(Duration::from_millis)), run: Option<(u64, Option<u64>)>,
        trip: Option<(u32, u32, Option<(u32, u32)>)>, number in option::of(0..=999_999_999_999_999_999_u64),
        promise in option::of((0..=3_600_000_u64, option::of(0..=999_999_999_999_999_999_u64))), epoch in option::of(1..=1_u64 << 53),
    ) {
        let (reason, host) = (reason.as_deref(), host.as_deref());
        let run = run.map(|(own, peer)| Run { own, peer });
        let promise = promise.map(|(ms, acknowledged)| Promised { lasts: Duration::from_millis(ms), acknowledged });
        let trip = trip.map(|(number, time, echo)| Trip {
            number: number.into(),
            time: time.into(),
            echo: echo.map(|(time, held)| Echo { time: time.into(), held: held.into() }),
        });
        let sent = PeerMessage {
            code, random, resource: &resource, reason, host, priority, heartbeat, note: None, freeze: None, run, trip, number, promise, epoch,
        };
        let datagram = sent.encode();
        let read = Message::parse(&datagram).unwrap();

        check_reason(reason, read.reason.as_deref(), &datagram)?;
        let expected = Message {
            code: Code::Peer(code),
            status: code.as_str().into(),
            resource: resource.as_str().into(),
            host: host.map(Into::into),
            reason: read.reason.clone(),
            kind: Some("schrittmacher".into()),
            random, priority, heartbeat, note: None, freeze: None, run, trip, number, promise, epoch,
            pid: None, adminweb_port: None, location: None, asks_right: false,
        };
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn an_app_message_is_read_as_it_was_sent(
        code in select(AppCode::ALL), resource in name(), pid in option::of(1..=0x7fff_ffffu32),
        reason in option::of(reason()), kind in option::of(name()), host in option::of(name()),
        adminweb_port in option::of(1..=u16::MAX), asks_right: bool,
    ) {
        let reason = reason.as_deref().filter(|reason| !reason.is_empty());
        let (kind, host) = (kind.as_deref(), host.as_deref());
        let sent = AppMessage { code, resource: &resource, pid, reason, kind, host, adminweb_port, asks_right };
        let datagram = sent.encode();
        let read = Message::parse(&datagram).unwrap();

        check_reason(reason, read.reason.as_deref(), &datagram)?;
        let expected = Message {
            code: Code::App(code),
            status: code.as_str().into(),
            resource: resource.as_str().into(),
            host: host.map(Into::into),
            reason: read.reason.clone(),
            kind: kind.map(Into::into),
            pid, adminweb_port,
            random: 0, priority: 0, heartbeat: None, note: None, freeze: None, run: None, trip: None, number: None, promise: None, epoch: None, asks_right, location: None,
        };
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn any_address_survives_its_text(address: IpAddr) {
        prop_assert_eq!(host::parse(&host::unified(address)), Some(address.to_canonical()));
    }

    #[test]
    fn no_bytes_and_no_text_make_it_panic(bytes in vec(any::<u8>(), 0..2000), text: String) {
        let _ = Message::parse(&bytes);
        let _ = Message::parse(text.as_bytes());
        let _ = host::parse(&text);
    }

    #[test]
    fn no_damaged_datagram_makes_it_panic(at: Index, byte: u8, length: Index) {
        let message = PeerMessage {
            code: PeerCode::Treq, random: u32::MAX, resource: "r1", reason: Some("é\n\0"), host: Some("ipv4:10.0.0.1"),
            priority: i32::MIN, heartbeat: Some(Duration::from_secs(2)), note: None, freeze: None, run: None, trip: None, number: None, promise: None, epoch: None,
        };
        let mut datagram = message.encode();
        let at = at.index(datagram.len());
        datagram[at] = byte;
        let _ = Message::parse(&datagram);
        let _ = Message::parse(&datagram[..length.index(datagram.len())]);
    }

    #[test]
    fn batches_are_read_as_they_were_sent_and_are_no_message(numbers in btree_set(1..5000_u64, 0..2000), room in 0..=250_usize, cut: Index) {
        let all: Vec<u64> = numbers.into_iter().collect();
        let (run, trip) = (Run { own: 1, peer: Some(2) }, Trip { number: 3, time: 4, echo: None });
        let (mut rest, mut read) = (&all[..], Vec::new());
        while !rest.is_empty() {
            let (datagram, after) = encode_batch(BatchKind::Says, rest, run, trip, room);
            prop_assert!(datagram.len() + room <= MAX_DATAGRAM && after.len() < rest.len());
            // As for every legacy daemon: tests/data/wire/accept_vectors.jsonl, "no resource" and "no status".
            prop_assert!(matches!(Message::parse(&datagram), Err(Rejected::NoResource)));
            let Ok(PeerDatagram::Batch(batch)) = PeerDatagram::parse(&datagram, true) else { panic!("no batch") };
            prop_assert_eq!((batch.run, batch.trip, batch.unknown.is_empty()), (Some(run), Some(trip), true));
            read.extend(batch.says.iter());
            let cut_short = &datagram[..cut.index(datagram.len())];
            prop_assert!(PeerDatagram::parse(cut_short, false).is_err());
            rest = after;
        }
        prop_assert_eq!(read, all);
    }

    #[test]
    fn no_value_of_an_optional_member_spoils_a_message(
        members in vec((select(&OPTIONAL[..]), json()), 0..12)
    ) {
        let members: String = members.iter().map(|(key, value)| format!("\"{key}\":{value},")).collect();
        let datagram = format!("{{{members}\"resource\":\"r1\",\"status\":\"LHOT\"}}");
        let message = Message::parse(datagram.as_bytes()).unwrap();
        prop_assert_eq!(message.code, Code::App(AppCode::Lhot));
        prop_assert!(message.pid.is_none_or(|pid| (1..=0x7fff_ffff).contains(&pid)));
        let periods = Duration::from_millis(3)..=Duration::from_secs(20);
        prop_assert!(message.heartbeat.is_none_or(|period| periods.contains(&period)));
    }
}

#[test]
fn the_longest_names_leave_room_for_a_reason() {
    let (name, reason) = ("n".repeat(MAX_NAME), "r".repeat(100_000));
    let message = AppMessage {
        code: AppCode::Lfai,
        resource: &name,
        pid: Some(u32::MAX),
        reason: Some(&reason),
        kind: Some(&name),
        host: Some(&name),
        adminweb_port: Some(u16::MAX),
        asks_right: false,
    };
    let datagram = message.encode();
    assert_eq!(datagram.len(), MAX_DATAGRAM);
    assert!(Message::parse(&datagram).unwrap().reason.unwrap().len() > 400);
}

#[test]
fn a_name_that_is_too_long_is_neither_cut_nor_a_panic() {
    let name = "n".repeat(100_000);
    let message = PeerMessage {
        code: PeerCode::Hott,
        random: 0,
        resource: &name,
        reason: Some("why"),
        host: None,
        priority: 0,
        heartbeat: None,
        note: None,
        freeze: None,
        run: None,
        trip: None,
        number: None,
        promise: None,
        epoch: None,
    };
    let datagram = String::from_utf8(message.encode()).unwrap();
    assert!(datagram.contains(&format!("\"{name}\"")) && datagram.contains("\"reason\": \"\""));
}
