//! A night in which the peer's host was lost, as an operator reads it in the morning.

use std::time::{Duration, SystemTime};

use schrittmacher_protocol::{Event, OUR_RANDOM, PeerReport, Resource};
use schrittmacher_wire::{AppCode, PeerCode};

use super::*;
use crate::compare::compare;
use schrittmacher_record::Snapshot;
use schrittmacher_testkit::settings;

const HEARTBEAT: Duration = Duration::from_secs(2);

/// A node that is given what it waits for.
struct Node {
    now: Time,
    resource: Resource,
}

impl Node {
    fn new() -> Node {
        Node { now: Time::ZERO, resource: Resource::new(settings(0), Time::ZERO) }
    }

    fn give(&mut self, event: Event) {
        self.resource.handle(self.now, event);
    }

    fn peer(&mut self, code: PeerCode) {
        self.give(Event::Peer(PeerReport {
            code: Some(code),
            priority: 5,
            random: OUR_RANDOM,
            host: None,
            has_type: true,
            period: Some(HEARTBEAT),
            note: None,
            promise: None,
            epoch: None,
        }));
    }

    /// A number of heartbeats of ours, with a message of peer and application in each.
    fn beats(&mut self, beats: usize, peer: Option<PeerCode>, app: AppCode) {
        for _ in 0..beats {
            self.now = self.resource.next_deadline();
            self.give(Event::Tick);
            self.now = self.now + Duration::from_millis(100);
            peer.into_iter().for_each(|code| self.peer(code));
            self.give(Event::App(Some(app)));
        }
    }

    /// As it is read after this.
    fn record(&self) -> (Header, ResourceRecord) {
        let resources = vec![];
        let snapshot = Snapshot { taken: SystemTime::UNIX_EPOCH, clock: self.now, resources };
        let segments = self.resource.flight_record().segments();
        let header = Header { program: "3.0.0".into(), ..Header::new(&snapshot, "b") };
        (header, ResourceRecord { resource: "service".into(), segments, facts: Vec::new() })
    }
}

fn night() -> Node {
    let mut node = Node::new();
    node.peer(PeerCode::Treq);
    node.beats(100, Some(PeerCode::Hott), AppCode::Lsby);
    node.beats(4, None, AppCode::Lsby);
    node.give(Event::StartBegan);
    node.give(Event::App(Some(AppCode::Lhot)));
    node.give(Event::Failover { force: false });
    node.beats(100, None, AppCode::Lhot);
    node
}

fn shown(all: bool, (header, record): &(Header, ResourceRecord)) -> String {
    let mut text = Vec::new();
    let mut output = Output::new(&mut text);
    Timeline::new(header, TimeZone::UTC, all).show(record, &mut output);
    output.finish().unwrap();
    drop(output);
    String::from_utf8(text).unwrap()
}

#[test]
fn a_night() {
    let text = shown(false, &night().record());
    assert_eq!(text, include_str!("night.txt"), "{text}");
}

#[test]
fn every_heartbeat_if_that_is_wanted() {
    let (header, record) = night().record();
    let inputs: usize = record.segments.iter().map(|segment| segment.len()).sum();
    let text = shown(true, &(header, record));
    assert!(text.lines().count() > inputs, "{text}");
    assert!(!text.contains(" × "), "{text}");
}

/// The same record with something else in it, at its last place: what this program does in another way.
fn edited(from: &str, to: &str) -> String {
    let (header, record) = night().record();
    let mut text = serde_json::to_string(&record).unwrap();
    let at = text.rfind(from).unwrap();
    text.replace_range(at..at + from.len(), to);
    let record = serde_json::from_str(&text).unwrap();
    let mut text = Vec::new();
    let mut output = Output::new(&mut text);
    let timeline = Timeline::new(&header, TimeZone::UTC, false);
    compare(&record).iter().for_each(|difference| timeline.difference("x", difference, &mut output));
    output.finish().unwrap();
    drop(output);
    String::from_utf8(text).unwrap()
}

#[test]
fn what_the_same_program_did_is_the_same() {
    assert_eq!(compare(&night().record().1), []);
}

#[test]
fn what_this_program_would_do_is_shown_beside_what_was_done() {
    let began = r#"{"cause":"StartBegan","from":"ToHot","to":"ToHot"}"#;
    assert_eq!(
        edited(began, &began.replace(r#""to":"ToHot""#, r#""to":"Failed""#)),
        "1969-12-31 23:56:40.100  DIFFERENT  x, recorded:     start command began                  ToHot -> Failed\n\
         1969-12-31 23:56:40.100  DIFFERENT  x, this program: start command began\n"
    );
    // Nothing of it is in the usual columns.
    let text = edited(r#""extended":true"#, r#""extended":false"#);
    assert!(text.contains("extended: false") && text.contains("extended: true"), "{text}");
}

/// Each segment begins as the one before ends, so nothing can be changed between them either.
#[test]
fn a_segment_that_does_not_follow_from_the_one_before_is_different() {
    let wrong = "DIFFERENT  x: not the state that what was before leads to";
    let text = edited(r#""origin":"Started","began":{"secs":0"#, r#""origin":"Started","began":{"secs":1"#);
    assert!(text.contains(wrong), "{text}");
    let text = edited(r#""origin":"Continued","#, r#""origin":"Reconfigured","#);
    assert!(text.contains(wrong), "{text}");
}

/// A file must not be able to control the terminal.
#[test]
fn names_are_shown_without_control_characters() {
    let (header, record) = night().record();
    let record = ResourceRecord { resource: "\u{1b}[2Jx".into(), ..record };
    let header = Header { host: "\u{7}".into(), program: "\n".into(), ..header };
    let text = shown(false, &(header, record));
    assert!(text.starts_with("\\u{1b}[2Jx on \\u{7}, schrittmacher \\n,"), "{text}");
}
