//! With the recorded inputs at the recorded times, the double sends the same as the real daemon: every datagram, byte for
//! byte, in order, and nothing else.
//!
//! Two things are taken from the recording instead of being predicted. The first are the random numbers: the double draws
//! the recorded ones. The second is the lateness of a timer's message. The legacy timers never fire early. They fire late by
//! the time of the scheduler and the loop, count on from there, and speak from a thread that may be later still. So where
//! the double's timer is due, it fires when the recording shows its message, if that is at most [`LATE`] later. The greatest
//! lateness in the recordings is 88 ms, one twentieth of a period. It cannot hide a missing or an additional heartbeat, a
//! time-out one heartbeat off or a wrong limit of repetition.
#![expect(clippy::unwrap_used, reason = "clippy spares tests, but not their helpers")]

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schrittmacher_testkit::double::{Config, Daemon, Door, Event, Generation, Output, Settings};
use serde_json::Value;

/// How late what a timer causes may be seen.
const LATE: Duration = Duration::from_millis(100);
/// How much of that the timer counts on from.
const DRIFT: Duration = Duration::from_millis(5);
/// How long an answer took at most.
const PROMPT: Duration = Duration::from_millis(25);
/// The recorded times are whole milliseconds.
const ROUNDING: Duration = Duration::from_millis(1);

/// How much too early, by its own period, the unrecorded application's next report may be.
const WOBBLE: Duration = Duration::from_millis(15);

const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 77, 0, 2));
const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 77, 0, 3));

fn seconds(text: &Value) -> Duration {
    Duration::from_secs_f64(text.as_f64().unwrap())
}

fn rows(recording: &str) -> Vec<Value> {
    recording.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Something the daemon is told.
#[derive(Clone, Debug)]
enum Input {
    Datagram {
        door: Door,
        from: IpAddr,
        bytes: Vec<u8>,
    },
    Failover,
    Takeover,
    /// The application stops reporting.
    AppSilent,
    /// The application reports again, what it was last ordered.
    AppBack,
    /// From here on what the daemon says is not recorded.
    Blind,
    /// From here on it is.
    Seeing,
}

/// The inputs and outputs of one daemon.
struct Recording {
    config: Config,
    inputs: Vec<(Duration, Input)>,
    said: Vec<(Duration, Vec<u8>)>,
    /// A recording without its application's datagrams: that reports once a second what it was last ordered,
    /// first at this time.
    app_from: Option<Duration>,
    end: Duration,
}

fn config(generation: Generation, local: IpAddr, remote: IpAddr, resource: &str, priority: i32) -> Config {
    let settings = Settings { generation, priority, heartbeat_intervall: Duration::from_secs(2) };
    Config { settings, resource: resource.to_owned(), local, remote }
}

/// The application that was not recorded.
#[derive(Clone)]
struct HiddenApp {
    next: Duration,
    reports: Option<&'static str>,
    silent: bool,
}

struct Replay {
    daemon: Daemon,
    drawn: VecDeque<u32>,
    /// Said by the double and not yet seen in the recording.
    pending: VecDeque<(Duration, Vec<u8>)>,
    app: Option<HiddenApp>,
    /// Messages before this are not recorded.
    seeing_from: Duration,
}

impl Replay {
    /// Starts the double when the real one said its first word, and checks all that was recorded.
    fn check(recording: &Recording) {
        let mut drawn: VecDeque<u32> = recording.said.iter().filter_map(|(_, bytes)| random(bytes)).collect();
        let first = recording.said[0].0;
        let (daemon, outputs) =
            Daemon::start(recording.config.clone(), first, &mut || drawn.pop_front().unwrap());
        let app = recording.app_from.map(|next| HiddenApp { next, reports: None, silent: false });
        let mut replay = Replay { daemon, drawn, pending: VecDeque::new(), app, seeing_from: Duration::ZERO };
        replay.note(first, outputs);

        // Earlier datagrams were not heard: the socket was not there yet.
        let mut inputs = recording.inputs.iter().filter(|(at, _)| *at >= first).peekable();
        for (at, bytes) in &recording.said {
            while let Some((time, input)) = inputs.next_if(|(time, _)| time <= at) {
                replay.input(*time, input);
            }
            replay.heard(*at, bytes);
        }
        for (time, input) in inputs {
            replay.input(*time, input);
        }
        replay.pass(recording.end);
        assert!(replay.pending.is_empty(), "said more than the real one: {}", replay.head());
    }

    /// The real daemon said `bytes` at `at`.
    fn heard(&mut self, at: Duration, bytes: &[u8]) {
        self.pass(at);
        while self.pending.is_empty() {
            self.cause(at, bytes);
        }
        let (_, ours) = self.pending.pop_front().unwrap();
        assert_eq!(text(&ours), text(bytes), "at {at:?}");
    }

    /// Lets happen what made the daemon speak at `at`: an unrecorded report of the application, or a timer.
    fn cause(&mut self, at: Duration, bytes: &[u8]) {
        if let Some(app) = self.app.clone().filter(|app| at + WOBBLE >= app.next && !app.silent) {
            let mut trial = self.daemon.clone();
            let said = beat(&mut trial, at, &app);
            if said.first() == Some(&Output::Datagram(bytes.to_vec())) {
                return self.app_beats(at, at);
            }
        }
        let due = self.daemon.next_deadline();
        assert!(due <= at + ROUNDING, "the double says nothing at {at:?}, the real one {}", text(bytes));
        if at.saturating_sub(due) <= LATE {
            self.fire(at.clamp(due, due + DRIFT), at.max(due));
        } else {
            self.fire(due, due);
        }
    }

    /// Lets time pass until just before `until`: what is overdue by more than its lateness happens.
    fn pass(&mut self, until: Duration) {
        loop {
            if let Some((at, _)) = self.pending.front() {
                assert!(*at + PROMPT >= until, "the real one doesn't say {} at {at:?}", self.head());
            }
            let due = self.daemon.next_deadline();
            let beat = self.app.as_ref().filter(|app| !app.silent).map_or(Duration::MAX, |app| app.next);
            if beat.saturating_add(LATE) < until && beat <= due {
                // It may have come this much earlier: the limit of one repetition a second falls in between.
                self.app_beats(beat - ROUNDING, beat);
            } else if due + LATE < until {
                self.fire(due, due);
            } else {
                return;
            }
        }
    }

    fn input(&mut self, at: Duration, input: &Input) {
        self.pass(at);
        let drawn = &mut self.drawn;
        let mut draw = || drawn.pop_front().unwrap_or(0);
        let outputs = match input {
            Input::Datagram { door, from, bytes } => self.daemon.receive(at, *door, *from, bytes, &mut draw),
            Input::Failover => self.daemon.handle(at, Event::Failover, &mut draw),
            Input::Takeover => self.daemon.handle(at, Event::Takeover, &mut draw),
            Input::AppSilent | Input::AppBack => {
                let app = self.app.as_mut().unwrap();
                app.silent = matches!(input, Input::AppSilent);
                while app.next < at {
                    app.next += Duration::from_secs(1);
                }
                Vec::new()
            }
            Input::Blind | Input::Seeing => {
                self.seeing_from = if matches!(input, Input::Blind) { Duration::MAX } else { at };
                Vec::new()
            }
        };
        self.note(at, outputs);
    }

    /// The timer fires; what it causes is seen at `seen`.
    fn fire(&mut self, at: Duration, seen: Duration) {
        let drawn = &mut self.drawn;
        let outputs = self.daemon.handle(at, Event::Timer, &mut || drawn.pop_front().unwrap_or(0));
        self.note(seen, outputs);
    }

    fn app_beats(&mut self, at: Duration, counted_from: Duration) {
        let app = self.app.as_mut().unwrap();
        app.next = counted_from + Duration::from_secs(1);
        let app = app.clone();
        let outputs = beat(&mut self.daemon, at, &app);
        self.note(at, outputs);
    }

    fn note(&mut self, at: Duration, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Datagram(bytes) if at >= self.seeing_from => self.pending.push_back((at, bytes)),
                Output::Start => self.order("LHOT"),
                Output::Stop => self.order("LSBY"),
                Output::Datagram(_) | Output::Activate | Output::Deactivate => {}
            }
        }
    }

    fn order(&mut self, reports: &'static str) {
        if let Some(app) = &mut self.app {
            app.reports = Some(reports);
        }
    }

    fn head(&self) -> String {
        self.pending.front().map(|(_, bytes)| text(bytes)).unwrap_or_default()
    }
}

/// A report of the application that was not recorded. It never makes the daemon draw.
fn beat(daemon: &mut Daemon, at: Duration, app: &HiddenApp) -> Vec<Output> {
    let Some(status) = app.reports else { return Vec::new() };
    let datagram = format!(r#"{{"resource":"r1","status":"{status}"}}"#);
    daemon.receive(at, Door::Local, LOOPBACK, datagram.as_bytes(), &mut || unreachable!())
}

const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The number that was drawn for a datagram; of a forced request it is not known, and 0 serves.
fn random(bytes: &[u8]) -> Option<u32> {
    let sent: Value = serde_json::from_slice(bytes).ok()?;
    let random = u32::try_from(sent["random"].as_u64()?).ok()?;
    let drawn = if random == u32::MAX { 0 } else { random };
    matches!(sent["status"].as_str()?, "UNK" | "TREQ").then_some(drawn)
}

fn payload(row: &Value) -> Vec<u8> {
    STANDARD.decode(row["b64"].as_str().unwrap()).unwrap()
}

fn address(row: &Value, key: &str) -> (IpAddr, u16) {
    let (host, port) = row[key].as_str().unwrap().rsplit_once(':').unwrap();
    (host.parse().unwrap(), port.parse().unwrap())
}

/// A recording of one daemon, A, whose peer and application were played by the recording script.
fn lone(generation: Generation, recording: &str, resource: &str, priority: i32) -> Recording {
    let (mut inputs, mut said, mut end) = (Vec::new(), Vec::new(), Duration::ZERO);
    for (number, row) in (0..).zip(rows(recording)) {
        let mut at = seconds(&row["t"]);
        if generation == Generation::V182 {
            // What it heard and said was recorded in one place: the order of the file holds within a millisecond.
            at += Duration::from_micros(number);
        }
        match row["dir"].as_str().unwrap() {
            "daemon->peer" => {
                let bytes = payload(&row);
                if text(&bytes).contains(&format!("\"resource\": \"{resource}\"")) {
                    said.push((at, bytes));
                }
            }
            dir @ ("app->daemon" | "peer->daemon") => {
                let (to, port) = address(&row, "dst");
                // A datagram to an address of the own machine comes from that address.
                let from = if dir == "peer->daemon" { B } else { to };
                let door = if port == 17_700 { Door::Peer } else { Door::Local };
                inputs.push((at, Input::Datagram { door, from, bytes: payload(&row) }));
            }
            "note" => inputs.extend(noted(row["text"].as_str().unwrap()).map(|input| (at, input))),
            _ => {}
        }
        // A daemon that was told to end says nothing any more; when it was told is not recorded.
        if row["text"] != "daemon exit 0" {
            end = at;
        }
    }
    let config = config(generation, A, B, resource, priority);
    Recording { config, inputs, said, app_from: None, end }
}

/// Inputs that only a note tells of.
fn noted(text: &str) -> Option<Input> {
    let local = br#"{"resource": "r1", "status": "LUNK"}"#.to_vec();
    let remote = br#"{"resource": "r1", "status": "UNK", "priority": 1, "random": 1}"#.to_vec();
    let datagram =
        |door, from: &str, bytes| Some(Input::Datagram { door, from: from.parse().unwrap(), bytes });
    match text {
        "http takeover" | "http takeover while transiting" => Some(Input::Takeover),
        "http failover" => Some(Input::Failover),
        "probe: local msg to [::1]:17701" => datagram(Door::Local, "::1", local),
        "probe: local msg to [::1]:17700" => datagram(Door::Peer, "::1", local),
        "probe: remote msg UNK from peer host, other source port" => {
            datagram(Door::Peer, "10.77.0.3", remote)
        }
        "probe: remote msg UNK from other host 10.77.0.44 to 17700" => {
            datagram(Door::Peer, "10.77.0.44", remote)
        }
        "probe: LOCAL msg LUNK from other host 10.77.0.44 to 17701" => {
            datagram(Door::Local, "10.77.0.44", local)
        }
        "probe: remote msg via IPv6 fd77::3 -> fd77::2" => datagram(Door::Peer, "fd77::3", remote),
        _ => None,
    }
}

/// One of two daemons that talked to each other, between two times.
fn of_pair(local: IpAddr, priority: i32, from: f64, to: f64) -> Recording {
    let (from, to) = (Duration::from_secs_f64(from), Duration::from_secs_f64(to));
    let remote = if local == A { B } else { A };
    let (mut inputs, mut said) = (Vec::new(), Vec::new());
    for row in rows(include_str!("../../../tests/data/legacy/wire_pair_two_daemons.jsonl")) {
        let at = seconds(&row["t"]);
        if at < from || at > to {
            continue;
        }
        match row["dir"].as_str().unwrap() {
            "note" => inputs.extend(noted_of_pair(row["text"].as_str().unwrap(), local).map(|i| (at, i))),
            _ if address(&row, "src").0 == local => said.push((at, payload(&row))),
            _ => {
                inputs.push((at, Input::Datagram { door: Door::Peer, from: remote, bytes: payload(&row) }));
            }
        }
    }
    let config = config(Generation::V200, local, remote, "r1", priority);
    let app_from = Some(said[0].0.max(from) + Duration::from_millis(900));
    Recording { config, inputs, said, app_from, end: to }
}

fn noted_of_pair(text: &str, local: IpAddr) -> Option<Input> {
    match text {
        // The request to B had no effect in the recording: had it reached B, B would have said FAIL.
        "http failover on B and A" if local == A => Some(Input::Failover),
        "http takeover on A" if local == A => Some(Input::Takeover),
        "app A silent" if local == A => Some(Input::AppSilent),
        "app A back (with its last commanded state)" if local == A => Some(Input::AppBack),
        "cut link" => Some(Input::Blind),
        "link up" if local == A => Some(Input::Seeing),
        _ => None,
    }
}

#[test]
fn alone_without_an_application_2_0_0() {
    let recording = include_str!("../../../tests/data/legacy/wire_startup_nopeer_noapp.jsonl");
    Replay::check(&lone(Generation::V200, recording, "r1", 10));
}

#[test]
fn alone_without_an_application_1_8_2() {
    let recording = include_str!("../../../tests/data/legacy/wire182_startup_nopeer_noapp.jsonl");
    let mut recording = lone(Generation::V182, recording, "r1", 10);
    // The request for the page interrupted the last wait for a datagram.
    let (at, _) = recording.said.pop().unwrap();
    recording.end = at;
    assert_eq!(recording.said.len(), 70);
    Replay::check(&recording);
}

/// D30: three applications of one daemon report so evenly that it never looks at its clock. It answers all the same.
#[test]
fn three_resources_of_1_8_2_starve_its_clock() {
    let recording = include_str!("../../../tests/data/legacy/wire182_starved.jsonl");
    for (resource, said) in [("r0", 3), ("r1", 2), ("r2", 2)] {
        let recording = lone(Generation::V182, recording, resource, 5);
        assert_eq!(recording.said.len(), said, "without one heartbeat");
        Replay::check(&recording);
    }
}

#[test]
fn two_resources_of_1_8_2_do_not() {
    let recording = include_str!("../../../tests/data/legacy/wire182_two_resources.jsonl");
    for (resource, said) in [("r0", 16), ("r1", 15)] {
        let recording = lone(Generation::V182, recording, resource, 5);
        assert_eq!(recording.said.len(), said);
        Replay::check(&recording);
    }
}

#[test]
fn an_application_through_all_its_words() {
    let recording = include_str!("../../../tests/data/legacy/wire_app_lhot_nopeer.jsonl");
    Replay::check(&lone(Generation::V200, recording, "r1", 10));
}

#[test]
fn negotiation_with_a_peer() {
    let recording = include_str!("../../../tests/data/legacy/wire_peer_negotiation.jsonl");
    Replay::check(&lone(Generation::V200, recording, "r1", 10));
}

#[test]
fn who_is_heard_at_which_door() {
    let recording = include_str!("../../../tests/data/legacy/wire_source_and_port_rules.jsonl");
    let recording = lone(Generation::V200, recording, "r1", 10);
    assert_eq!(recording.inputs.len(), 16);
    Replay::check(&recording);
}

#[test]
fn two_resources_of_one_daemon() {
    let recording = include_str!("../../../tests/data/legacy/wire_scripts.jsonl");
    Replay::check(&lone(Generation::V200, recording, "s1", 3));
    Replay::check(&lone(Generation::V200, recording, "nf", 0));
}

#[test]
fn two_daemons_the_first() {
    Replay::check(&of_pair(A, 20, 0.0, 90.3));
}

#[test]
fn two_daemons_the_second_until_it_is_killed() {
    Replay::check(&of_pair(B, 10, 0.0, 42.08));
}

#[test]
fn two_daemons_the_second_after_its_restart() {
    let mut recording = of_pair(B, 10, 56.1, 90.3);
    // Three of its last messages during the cut waited for the link and arrived when it was up. From then on the recording is
    // complete again.
    let up = Duration::from_secs_f64(78.1505);
    let (waited, said): (Vec<_>, Vec<_>) =
        recording.said.into_iter().partition(|(at, _)| *at > Duration::from_secs(78) && *at < up);
    assert_eq!(waited.len(), 3);
    assert!(waited.iter().all(|(_, bytes)| text(bytes).contains("HOTT")), "hot during the cut");
    recording.said = said;
    recording.inputs.push((up, Input::Seeing));
    recording.inputs.sort_by_key(|(at, _)| *at);
    Replay::check(&recording);
}
