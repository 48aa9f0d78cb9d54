//! Makes the calls again that were recorded from client library 1.18.0. The same datagrams leave, byte for byte and in
//! the same order, heartbeats included. The properties read the same.

use std::time::{Duration, Instant};

use schrittmacher_wire::AppCode;
use serde_json::Value;

use crate::reporter::Reporter;
use crate::schedule::Schedule;
use crate::settings::{Pid, Settings};
use crate::{CurrentState, WantedState};

const RECORDED: &str = include_str!("../../tests/data/client/calls_of_client_1.18.0.jsonl");
/// From the first datagram; the recorder started the client just before its first call, at 0.037 s.
const PID: u32 = 32409;
const STARTED: f64 = 0.037;

/// The client on a clock of its own.
struct Replay {
    reporter: Reporter,
    schedule: Schedule,
    begin: Instant,
    sent: Vec<String>,
    /// Application functions that were called.
    called: Vec<&'static str>,
}

impl Replay {
    fn new() -> Replay {
        let begin = Instant::now();
        let settings =
            Settings { resource_id: Some("r1".to_owned()), pid: Pid::Fixed(PID), ..Settings::default() };
        let schedule = Schedule::new(begin + Duration::from_secs_f64(STARTED), settings.heartbeat_interval);
        Replay { reporter: Reporter::new(settings), schedule, begin, sent: Vec::new(), called: Vec::new() }
    }

    fn pass_time(&mut self, to: f64) {
        while self.schedule.is_due(self.begin + Duration::from_secs_f64(to)) {
            self.beat();
        }
    }

    fn beat(&mut self) {
        if let Some(beat) = self.reporter.beat() {
            self.send(self.reporter.status_datagram(beat.code).unwrap());
        }
    }

    fn send(&mut self, datagram: Vec<u8>) {
        self.sent.push(String::from_utf8(datagram).unwrap());
    }

    fn report(&mut self, state: CurrentState, reason: Option<&str>) {
        self.reporter.report(state, reason);
        self.beat();
    }

    fn order(&mut self, wanted: WantedState) {
        if self.reporter.order(wanted) {
            self.called.push(if wanted == WantedState::Hot { "go_hot_func" } else { "go_standby_func" });
        }
    }

    /// A call as the recorder noted it, for example `[c reportActive:@"why"]`.
    fn call(&mut self, text: &str) {
        let method = text.strip_prefix("[c ").and_then(|text| text.strip_suffix("]")).unwrap();
        let (name, argument) = method.split_once(':').unwrap_or((method, "nil"));
        let reason: Option<String> =
            argument.strip_prefix('@').map(|text| serde_json::from_str(text).unwrap());
        let reason = reason.as_deref();
        match name {
            "reportActive" => self.report(CurrentState::Active, reason),
            "reportInactive" => self.report(CurrentState::Inactive, reason),
            "reportUnknown" => self.report(CurrentState::Unknown, reason),
            "reportFailed" => self.report(CurrentState::Failed, reason),
            "reportTransitingToHot" => self.report(CurrentState::TransitingToHot, reason),
            "reportTransitingToStandby" => self.report(CurrentState::TransitingToStandby, reason),
            "doHeartbeat" => self.beat(),
            "signalGoHot" => self.order(WantedState::Hot),
            "signalGoStandby" => self.order(WantedState::Standby),
            "requestTakeover" => self.send(self.reporter.request_datagram(AppCode::Lrto).unwrap()),
            "requestFailover" => self.send(self.reporter.request_datagram(AppCode::Lrfo).unwrap()),
            other => panic!("no such method: {other}"),
        }
    }

    fn set(&mut self, properties: &Value) {
        let settings = &mut self.reporter.settings;
        settings.kind = properties["type"].as_str().map(str::to_owned);
        settings.host = properties["host"].as_str().map(str::to_owned);
        settings.adminweb_port = u16::try_from(properties["adminweb_port"].as_u64().unwrap()).unwrap();
    }

    fn check_properties(&self, line: &Value) {
        assert_eq!(self.reporter.current.unwrap().as_str(), line["state"], "{line}");
        if let Some(wanted) = line["wanted"].as_str() {
            assert_eq!(self.reporter.wanted.unwrap().as_str(), wanted);
        }
        if let Some(counter) = line["counter"].as_u64() {
            assert_eq!(u64::from(self.reporter.transiting_counter), counter, "{line}");
        }
    }
}

#[test]
fn does_as_client_1_18_0_did() {
    let mut replay = Replay::new();
    let mut recorded = Vec::new();
    let mut functions = Vec::new();
    for line in RECORDED.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        replay.pass_time(line["t"].as_f64().unwrap());
        if let Some(call) = line["call"].as_str() {
            replay.call(call);
        } else if let Some(datagram) = line["sent"].as_str() {
            recorded.push(datagram.to_owned());
        } else if let Some(function) = line["note"].as_str().and_then(|note| note.strip_suffix(" called")) {
            functions.push(function.to_owned());
        } else if line["set"].is_object() {
            replay.set(&line["set"]);
        } else if line["state"].is_string() {
            replay.check_properties(&line);
        }
        assert!(replay.sent.len() >= recorded.len(), "not sent: {}", recorded[replay.sent.len()]);
        assert_eq!(replay.sent[..recorded.len()], recorded[..]);
    }
    assert_eq!(replay.sent, recorded);
    assert_eq!(replay.called, functions);
    assert_eq!((recorded.len(), functions.len()), (56, 2), "the recording is not whole");
}
