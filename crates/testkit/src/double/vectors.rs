//! The double of 2.0.0 against single steps recorded from its unmodified classes. This is what makes it
//! independent of our own protocol.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::IpAddr;
use std::time::Duration;

use schrittmacher_wire::{AppCode, PeerCode};
use serde_json::{Map, Value, json};

use super::legacy::Around;
use super::table::Cause;
use super::{Action, Config, Daemon, Door, Event, Generation, Legacy, Output, Settings, State};

const RECORDED: &[u8] = include_bytes!("../../../../tests/data/legacy/state_vectors.jsonl.gz");

/// When everything happens; long after the start.
const NOW: Duration = Duration::from_secs(1000);
/// The value that the generator gives.
const DRAWN: u32 = 123_456_789;
const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 77, 0, 3));

fn rows() -> Vec<Map<String, Value>> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(RECORDED).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Why a row says nothing about a daemon that runs.
fn left_out(row: &Map<String, Value>) -> Option<&'static str> {
    if row["state"] == "none" && !(row["event"] == "actionStart" && row["local_failed"] == 0) {
        // Before the start and with a failed application at the start: the wedge, and an impossibility.
        return Some("no state yet");
    }
    if row.contains_key("exception") {
        return Some("the legacy program throws, with its lock held");
    }
    (row["event"] == "state.eventForceFailover").then_some("dead code")
}

fn state(name: &str) -> State {
    match name {
        "none" | "Unknown" => State::Unknown,
        "Standby" => State::Standby,
        "transiting_to_hot" => State::ToHot,
        "Hot" => State::Hot,
        "transiting_to_standby" => State::ToStandby,
        "failed" => State::Failed,
        other => panic!("{other}"),
    }
}

fn number(row: &Map<String, Value>, key: &str) -> u8 {
    u8::try_from(row[key].as_u64().unwrap()).unwrap()
}

/// The message that gives the role in a state; the only one whose time matters there.
fn role(state: State) -> (PeerCode, &'static str) {
    if state == State::Hot {
        (PeerCode::Hott, "last_hot_sent")
    } else {
        (PeerCode::Stby, "last_standby_sent")
    }
}

/// The daemon before the step.
fn before(row: &Map<String, Value>) -> Daemon {
    let settings = Settings {
        generation: Generation::V200,
        priority: row["local_priority"].as_str().unwrap().parse().unwrap(),
        heartbeat_intervall: Duration::from_secs(2),
    };
    let config =
        Config { settings, resource: "r1".to_owned(), local: IpAddr::from([10, 77, 0, 2]), remote: PEER };
    let (mut daemon, _) = Daemon::start(config, NOW, &mut || DRAWN);
    daemon.reason = Some("PREV-LR".to_owned());
    let core = &mut daemon.core;
    core.state = state(row["state"].as_str().unwrap());
    core.local_failed = row["local_failed"] == 1;
    core.remote_failed = row["remote_failed"] == 1;
    core.random = row["local_random"].as_str().unwrap().parse().unwrap();
    core.entered = match row["time_in_state"].as_str().unwrap() {
        "above_hot" => NOW - Duration::from_millis(20_001),
        "below_hot" => NOW - Duration::from_millis(19_999),
        "above_sby" => NOW - Duration::from_millis(6_001),
        "below_sby" => NOW - Duration::from_millis(5_999),
        _ => NOW - Duration::from_secs(60),
    };
    core.next_tick = NOW;
    let (code, key) = role(core.state);
    let Around::V200 { outstanding_local, outstanding_remote, said_role } = &mut core.around else {
        unreachable!()
    };
    *outstanding_local = number(row, "outstanding_local");
    *outstanding_remote = number(row, "outstanding_remote");
    *said_role = match row[key].as_str().unwrap() {
        "recent" => Some((code, NOW - Duration::from_millis(999))),
        "old" => Some((code, NOW - Duration::from_millis(1001))),
        _ => None,
    };
    daemon
}

/// Makes the step.
fn step(daemon: &mut Daemon, row: &Map<String, Value>) -> Vec<Output> {
    let mut draw = || DRAWN;
    let event = match row["event"].as_str().unwrap() {
        "actionStart" => {
            let (core, actions) = Legacy::start(daemon.core.settings(), NOW, &mut draw);
            daemon.core = core;
            return daemon.say(actions);
        }
        "eventForceFailover" => Event::Failover,
        "eventForceTakeover" => Event::Takeover,
        "eventHeartbeat" => Event::Timer,
        // The parts of a heartbeat, called by themselves.
        "state.eventHeartbeat" => return take(daemon, Cause::Tick),
        "eventLocalTimeout" => return take(daemon, Cause::LocalTimeout),
        "eventRemoteTimeout" => return take(daemon, Cause::RemoteTimeout),
        status => {
            let mut message = match row.get("message_json") {
                Some(text) => serde_json::from_str(text.as_str().unwrap()).unwrap(),
                None => Map::new(),
            };
            message.insert("resource".to_owned(), json!("r1"));
            message.insert("status".to_owned(), json!(status));
            if let Some(reason) = row["reason_in"].as_str() {
                message.insert("reason".to_owned(), json!(reason));
            }
            let datagram = Value::from(message).to_string();
            return daemon.receive(NOW, Door::Peer, PEER, datagram.as_bytes(), &mut draw);
        }
    };
    daemon.handle(NOW, event, &mut draw)
}

fn take(daemon: &mut Daemon, cause: Cause) -> Vec<Output> {
    let mut out: Vec<Action> = Vec::new();
    daemon.core.take(NOW, cause, false, &mut || DRAWN, &mut out);
    daemon.say(out)
}

/// The daemon's reaction in the words of the recording: the actions, and its messages.
fn in_recorded_words(outputs: &[Output]) -> (Value, Value) {
    let (mut actions, mut sends) = (Vec::new(), Vec::new());
    for output in outputs {
        actions.push(match output {
            Output::Activate => "activate".to_owned(),
            Output::Deactivate => "deactivate".to_owned(),
            Output::Start => "start_action".to_owned(),
            Output::Stop => "stop_action".to_owned(),
            Output::Datagram(bytes) => {
                let sent: Value = serde_json::from_slice(bytes).unwrap();
                let kind = match sent["random"].as_u64().unwrap() {
                    0 => "zero",
                    random if random == u64::from(DRAWN) => "fresh",
                    random if random == u64::from(u32::MAX) => "max",
                    other => panic!("random {other}"),
                };
                let status = sent["status"].as_str().unwrap();
                sends.push(json!({"random_kind": kind, "reason": sent["reason"], "status": status}));
                format!("send:{status}")
            }
        });
    }
    (json!(actions), json!(sends))
}

/// The daemon after the step, as far as the recording tells.
fn check_after(daemon: &Daemon, row: &Map<String, Value>) {
    let core = &daemon.core;
    assert_eq!(core.state, state(row["next_state"].as_str().unwrap()));
    assert_eq!(u8::from(core.local_failed), number(row, "local_failed_after"));
    assert_eq!(u8::from(core.remote_failed), number(row, "remote_failed_after"));
    let redrawn = row["local_random_changed"] == 1;
    if redrawn {
        assert_eq!(core.random, DRAWN);
    } else {
        assert_eq!(core.random.to_string(), row["local_random"].as_str().unwrap());
    }
    // 2.0.0 counts on beyond its limit of four; nothing depends on it.
    let Around::V200 { outstanding_local, outstanding_remote, said_role } = core.around else {
        unreachable!()
    };
    assert_eq!(outstanding_local.min(5), number(row, "outstanding_local_after").min(5));
    assert_eq!(outstanding_remote.min(5), number(row, "outstanding_remote_after").min(5));
    if row["new_state_object"] == "new" && row["state"] != "none" {
        assert_eq!(core.entered, NOW, "a new state begins now");
    }
    assert_eq!(json!(daemon.reason), row["last_local_reason"]);

    let sent = |code| said_role.is_some_and(|said| said == (code, NOW));
    assert_eq!(sent(PeerCode::Hott), row["last_hot_sent_after"] == "now");
    assert_eq!(sent(PeerCode::Stby), row["last_standby_sent_after"] == "now");
    let (code, key) = role(state(row["state"].as_str().unwrap()));
    let kept = row[&format!("{key}_after")] == "unchanged" && row[key] != "nil";
    assert_eq!(said_role.is_some_and(|(said, at)| said == code && at != NOW), kept);
}

#[test]
fn every_recorded_step_that_applies_is_repeated() {
    let mut checked: BTreeMap<String, usize> = BTreeMap::new();
    let mut out: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows() {
        if let Some(why) = left_out(&row) {
            *out.entry(why).or_default() += 1;
            continue;
        }
        let mut daemon = before(&row);
        let outputs = step(&mut daemon, &row);
        let (actions, mut sends) = in_recorded_words(&outputs);
        if row["event"] == "actionStart" {
            // A daemon that starts has an empty reason; the recording planted another.
            sends[0]["reason"] = json!("PREV-LR");
        }
        let context = || serde_json::to_string_pretty(&row).unwrap();
        assert_eq!(actions, row["actions"], "{}", context());
        assert_eq!(sends, row["sends"], "{}", context());
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check_after(&daemon, &row)));
        assert!(result.is_ok(), "{}", context());
        *checked.entry(row["group"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(checked.values().sum::<usize>() + out.values().sum::<usize>(), 5143);
    assert_eq!(
        out.into_iter().collect::<Vec<_>>(),
        [("dead code", 64), ("no state yet", 15), ("the legacy program throws, with its lock held", 10),]
    );
    assert_eq!(checked["base"], 1920);
}

#[test]
fn each_code_is_one_of_the_tables() {
    assert_eq!((PeerCode::ALL.len(), AppCode::ALL.len()), (10, 8), "a new code needs a look at the tables");
}
