//! Any events for one node, in any order and at any time: P4, P5 and P6 hold, and its deadlines move on.
//!
//! `STEPS=1` writes down what happens.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use schrittmacher_fuzz::bytes::{Bytes, Step, app_code, one_of, peer_code};
use schrittmacher_protocol::{
    Action, Answer, AppFailure, Bond, Command, Epochs, Event, FORCED_RANDOM, Fenced, HELD_BACK_RANDOM,
    Machine, OUR_RANDOM, PeerReport, Promise, Resource, Segment, Settings, State, StateName, Time,
};
use schrittmacher_wire::{AppCode, Note, PeerCode};

/// The most heartbeats of one input; then it ends.
const TICKS: u32 = 500;

/// The demands of a set.
const BONDS: [Option<Bond>; 5] = [
    None,
    Some(Bond { waits: false, other_side_lacks: false }),
    Some(Bond { waits: true, other_side_lacks: false }),
    Some(Bond { waits: false, other_side_lacks: true }),
    Some(Bond { waits: true, other_side_lacks: true }),
];

const NOTES: [Option<Note>; 8] = [
    None,
    Some(Note::Claim),
    Some(Note::Leaving),
    Some(Note::HandsOver),
    None,
    Some(Note::CutOff),
    Some(Note::Held),
    Some(Note::GoingHot),
];

/// The ends of commands.
const COMMANDS: [Event; 4] =
    [Event::ActivateFailed, Event::Activated, Event::StopFailed, Event::DeactivateFailed];

fuzz_target!(|input: &[u8]| {
    let mut bytes = Bytes::new(input);
    let settings = bytes.settings();
    let mut node = Node::new(settings, input.len().is_multiple_of(2));
    while let Some(step) = bytes.step() {
        node.wait(step);
        let repeats = if step.what & 0x40 != 0 { step.b } else { 1 };
        for _ in 0..repeats {
            if node.gone || node.ticks > TICKS {
                return node.check_record();
            }
            node.happen(step, &mut bytes);
        }
    }
    node.check_record();
});

struct Node {
    resource: Resource,
    now: Time,
    /// The last order about the interface was to bring it up.
    interface: bool,
    /// This run has brought it up: else all is as an earlier run has left it.
    activated: bool,
    /// The commands of a hand-over run.
    commands: bool,
    gone: bool,
    /// Write down what happens.
    shown: bool,
    ticks: u32,
    /// Messages that neither a change of state nor an order explains, in the second that ends then.
    chatter: (u32, Time),
}

impl Node {
    fn new(settings: Settings, interface: bool) -> Node {
        let resource = Resource::new(settings, Time::ZERO);
        Node {
            resource,
            now: Time::ZERO,
            interface,
            activated: false,
            commands: false,
            gone: false,
            shown: std::env::var_os("STEPS").is_some(),
            ticks: 0,
            chatter: (0, Time::ZERO),
        }
    }

    /// Time passes; with the highest bit the process does not run meanwhile.
    fn wait(&mut self, step: Step) {
        let end = self.now + step.wait;
        if step.what & 0x80 == 0 {
            while !self.gone && self.ticks <= TICKS && self.resource.next_deadline() <= end {
                self.now = self.resource.next_deadline().max(self.now);
                self.tick();
            }
        }
        self.now = end;
    }

    /// Does what is due. A machine whose next deadline is not in the future then would have its daemon spin.
    fn tick(&mut self) {
        // The second one is for what waited in the sockets while the process did not run.
        for _ in 0..2 {
            self.ticks += 1;
            self.give(Event::Tick);
            if self.gone || self.resource.next_deadline() > self.now {
                return;
            }
        }
        panic!("the deadline stands still in {:?}", self.resource.machine());
    }

    fn happen(&mut self, step: Step, bytes: &mut Bytes<'_>) {
        let event = match step.what & 0x3f {
            0..=15 => Event::Peer(self.peer_report(step)),
            16..=31 => Event::App(app_code(step.a)),
            32 => Event::AppFailed(AppFailure::Ended),
            33 => Event::StartBegan,
            // The executor reports this once for each barrier.
            34..=39 if self.commands => {
                self.commands = false;
                Event::Released
            }
            40 => Event::Failover { force: step.a & 1 != 0 },
            41 => Event::Takeover { force: step.a & 1 != 0 },
            42 if step.a < 64 => Event::Shutdown,
            43 if step.a < 128 => Event::Freeze(step.a & 1 != 0),
            43 if step.a < 192 => Event::LeftHot(Duration::from_millis(100 * u64::from(step.a))),
            43 if step.a < 208 => Event::Reloaded,
            43 if step.a < 224 => Event::Epochs(Epochs { own: step.b.into(), greatest: u64::MAX }),
            43 => Event::CommandWaits,
            45 => Event::Bond(one_of(step.a, &BONDS)),
            46 => Event::Follow { force: step.a & 1 != 0 },
            47 if step.a & 1 == 0 => Event::CutOff,
            47 => Event::Reconnected,
            50 => Event::Isolated(step.a & 1 == 0),
            52 => Event::HostSilent(self.now - Duration::from_millis(100 * u64::from(step.a))),
            51 => Event::Fenced(
                self.resource.machine().fence.asked.unwrap_or(self.now),
                one_of(step.a, &[Fenced::Off, Fenced::NotConfirmed]),
            ),
            48 => one_of(step.a, &COMMANDS),
            49 => Event::Witness(one_of(
                step.a,
                &[
                    Answer::Granted(self.resource.machine().majority.asked.unwrap_or(self.now)),
                    Answer::Refused,
                    Answer::Unreachable,
                    Answer::Granted(self.now),
                ],
            )),
            44 => {
                let settings = bytes.settings();
                self.resource.set_settings(self.now, settings);
                // Messages of the old heartbeat do not count against the new one.
                self.chatter = (0, self.now);
                return;
            }
            _ => {
                if self.resource.next_deadline() <= self.now {
                    self.tick();
                }
                return;
            }
        };
        self.give(event);
    }

    fn peer_report(&self, step: Step) -> PeerReport {
        let ours = self.resource.settings().priority;
        PeerReport {
            code: peer_code(step.a),
            priority: one_of(step.b, &[ours, ours.saturating_add(1), ours.saturating_sub(1), 0]),
            random: one_of(step.b >> 2, &[1000, OUR_RANDOM, FORCED_RANDOM, 0]),
            host: one_of(step.b >> 4, &[None, Some([10, 0, 0, 2].into()), Some([10, 0, 0, 0].into())]),
            has_type: step.a & 0x80 == 0,
            period: one_of(step.a >> 4, &[None, Some(2000), Some(10), Some(20_000)])
                .map(Duration::from_millis),
            note: one_of(step.b >> 5, &NOTES),
            promise: one_of(step.what >> 5, &[None, Some(Duration::ZERO), Some(Duration::from_secs(3))])
                .map(|lasts| Promise { acknowledged: Some(self.now), lasts }),
            epoch: one_of(step.b >> 3, &[None, Some(u64::from(step.a)), Some(u64::MAX)]),
        }
    }

    fn give(&mut self, event: Event) {
        let before = self.resource.state().name();
        let actions = self.resource.handle(self.now, event).actions;
        if self.shown {
            let (now, after) = (self.now.since_origin(), self.resource.state().name());
            eprintln!("{now:10.3?}  {before} -> {after}  {event:?}\n            {actions:?}");
        }
        let mut messages = 0;
        for action in actions {
            assert!(!self.gone || matches!(action, Action::Notice(_)), "{action:?} after the end");
            match action {
                Action::Send { code, random, .. } => {
                    self.check_message(code, random);
                    messages += 1;
                }
                Action::Command(Command::Activate) => (self.interface, self.activated) = (true, true),
                Action::Command(Command::Deactivate { .. }) => self.interface = false,
                Action::Command(Command::Barrier) => {
                    assert!(!self.commands, "a hand-over within another one");
                    self.commands = true;
                }
                Action::Exit => self.gone = true,
                Action::Command(Command::Start | Command::Stop)
                | Action::Refuse(_)
                | Action::Notice(_)
                | Action::Witness(_)
                | Action::Fence(_) => {}
            }
        }
        let ordered = matches!(
            event,
            Event::Failover { .. }
                | Event::Follow { .. }
                | Event::Takeover { .. }
                | Event::App(Some(AppCode::Lrfo | AppCode::Lrto))
        );
        if before == self.resource.state().name() && !ordered {
            self.count(messages);
        }
        self.check_rights(event);
    }

    /// P5: a node that has the service does not say that it has released it.
    fn check_message(&self, code: PeerCode, random: u32) {
        use PeerCode::{Fail, Fovr, Hott, Stby, Tcnf, ToHot, ToStandby, Trej, Treq, Unk};
        match code {
            Stby | ToStandby | Fail | Fovr | Tcnf => {
                let is_left = self.is_as_it_was_left();
                assert!(!self.interface || is_left, "P5: says {code} before deactivate was ordered");
                assert!(!self.commands, "P5: says {code} while the commands of the hand-over run");
            }
            Unk | Hott | Treq | Trej | ToHot => {}
        }
        // W1: only questions have one.
        match code {
            // A smaller one is for how long this side has been hot.
            Treq => assert!(random >= OUR_RANDOM || self.resource.state().name() == StateName::Hot),
            Unk => assert_eq!(random, OUR_RANDOM),
            // The machine checks after each of its transitions whether this side is held back. It may be so no longer
            // at the end of the event.
            Fail => assert!([0, HELD_BACK_RANDOM].contains(&random)),
            Stby | ToStandby | Fovr | Tcnf | Hott | Trej | ToHot => assert_eq!(random, 0),
        }
    }

    fn is_waiting_for_app(&self) -> bool {
        matches!(self.resource.state(), State::Releasing(release) if release.waits_until.is_some())
    }

    /// A node that yields before its application has reported orders nothing (P9): the interface is as an earlier run has
    /// left it.
    fn is_as_it_was_left(&self) -> bool {
        !self.activated && !self.resource.machine().app.reported
    }

    /// P4, and a hot node has activated its interface.
    fn check_rights(&self, event: Event) {
        let state = self.resource.state().name();
        let failed = matches!(event, Event::AppFailed(_) | Event::App(Some(AppCode::Lfai)));
        let down = !self.interface || self.is_as_it_was_left();
        let good = match state {
            StateName::Unknown => !failed,
            StateName::Hot => !failed && self.interface,
            StateName::Standby | StateName::ToStandby => !failed && down,
            StateName::Failed | StateName::Leaving => down,
            StateName::ToHot => self.interface,
            // Its commands run, or are over and the application is waited for (run-5).
            StateName::Releasing => !self.interface && self.commands != self.is_waiting_for_app(),
        };
        assert!(good || self.gone, "P4: {state}, failed {failed}, interface {}", self.interface);
    }

    /// The flight record repeats the run: fed through the machine once more, the same happens. `RECORD=FILE` keeps it, as
    /// a seed for the target `replay`.
    fn check_record(&self) {
        let segments = self.resource.flight_record().segments();
        let json = serde_json::to_vec(&segments).expect("JSON");
        let read: Vec<Segment> = serde_json::from_slice(&json).expect("what was written");
        assert_eq!(read, segments);
        let mut before: Option<(&Segment, Machine)> = None;
        for segment in &read {
            let machine = before.filter(|(before, _)| segment.follows(before)).map(|(_, machine)| machine);
            assert!(segment.begins_right(machine.as_ref()));
            let mut replay = segment.replay();
            assert!(replay.by_ref().all(|input| !input.differs()));
            before = Some((segment, replay.machine().clone()));
        }
        if let Some(file) = std::env::var_os("RECORD") {
            std::fs::write(file, json).expect("a file that can be written");
        }
    }

    /// P6: a node that stays in its state sends a bounded number of messages in a second. At each of its heartbeats:
    /// its state, two echoes and a refusal. In each of two windows: ten answers of at most two messages. And a request
    /// with its repetitions. A window is five heartbeats long if that is less than a second.
    fn count(&mut self, messages: u32) {
        if self.now >= self.chatter.1 {
            self.chatter = (0, self.now + Duration::from_secs(1));
        }
        self.chatter.0 += messages;
        let beat = self.resource.settings().heartbeat.min(Duration::from_secs(2));
        let beats = 1 + u32::try_from(1000 / beat.as_millis()).expect("at most a hundred");
        let most = 50 + 10 * beats;
        assert!(self.chatter.0 <= most, "P6: {} messages in a second", self.chatter.0);
    }
}
