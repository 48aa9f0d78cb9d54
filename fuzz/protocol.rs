//! Anything at all happens to one node, in any order and at any time: P4, P5 and P6 hold, and its deadlines move on.
//!
//! `STEPS=1` writes down what happens.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use schrittmacher_fuzz::bytes::{Bytes, Step, app_code, one_of, peer_code};
use schrittmacher_protocol::{
    Action, Event, FORCED_RANDOM, Machine, OUR_RANDOM, PeerReport, Resource, Segment, Settings, StateName,
    Time,
};
use schrittmacher_wire::{AppCode, PeerCode};

/// The most heartbeats of one input; then it ends.
const TICKS: u32 = 500;

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
            32 => Event::AppDied,
            33 => Event::StartBegan,
            // The executor reports this once for each barrier.
            34..=39 if self.commands => {
                self.commands = false;
                Event::Released
            }
            40 => Event::Failover { force: step.a & 1 != 0 },
            41 => Event::Takeover,
            42 if step.a < 64 => Event::Shutdown,
            43 => Event::Reloaded,
            44 => {
                let settings = bytes.settings();
                self.resource.set_settings(self.now, settings);
                // What was said with the old heartbeat is not held against the new one.
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
        }
    }

    fn give(&mut self, event: Event) {
        let before = self.resource.state().name();
        let actions = self.resource.handle(self.now, event);
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
                Action::Activate => self.interface = true,
                Action::Deactivate { .. } => self.interface = false,
                Action::Barrier => {
                    assert!(!self.commands, "a hand-over within another one");
                    self.commands = true;
                }
                Action::Exit => self.gone = true,
                Action::Start | Action::Stop | Action::Refuse(_) | Action::Notice(_) => {}
            }
        }
        let ordered = matches!(
            event,
            Event::Failover { .. } | Event::Takeover | Event::App(Some(AppCode::Lrfo | AppCode::Lrto))
        );
        if before == self.resource.state().name() && !ordered {
            self.count(messages);
        }
        self.check_rights();
    }

    /// P5: nobody who has the service says that he has it not.
    fn check_message(&self, code: PeerCode, random: u32) {
        use PeerCode::{Fail, Fovr, Hott, Stby, Tcnf, ToHot, ToStandby, Trej, Treq, Unk};
        match code {
            Stby | ToStandby | Fail | Fovr | Tcnf => {
                assert!(!self.interface, "P5: says {code} before deactivate was ordered");
                assert!(!self.commands, "P5: says {code} while the commands of the hand-over run");
            }
            Unk | Hott | Treq | Trej | ToHot => {}
        }
        // W1: only questions have one.
        match code {
            Treq => assert!([OUR_RANDOM, FORCED_RANDOM].contains(&random)),
            Unk => assert_eq!(random, OUR_RANDOM),
            Stby | ToStandby | Fail | Fovr | Tcnf | Hott | Trej | ToHot => assert_eq!(random, 0),
        }
    }

    /// P4, and that who is hot has seen to his interface.
    fn check_rights(&self) {
        let (state, failed) = (self.resource.state().name(), self.resource.machine().app.failed);
        let good = match state {
            StateName::Unknown => !failed,
            StateName::Hot => !failed && self.interface,
            StateName::Standby | StateName::ToStandby => !failed && !self.interface,
            StateName::Failed | StateName::Leaving => !self.interface,
            StateName::ToHot => self.interface,
            StateName::Releasing => !self.interface && self.commands,
        };
        assert!(good || self.gone, "P4: {state}, failed {failed}, interface {}", self.interface);
    }

    /// The flight record says what happened: fed through the machine once more, it happens again. `RECORD=FILE` keeps it, as
    /// a seed for the target `replay`.
    fn check_record(&self) {
        let segments = self.resource.record().segments();
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

    /// P6: whatever others say, a node that stays what it is says only so much in a second: at each of its heartbeats
    /// what it is, twice an echo and a refusal; ten answers of at most two messages in each of two windows; a question
    /// and its repetitions. A window is five heartbeats long if that is less than a second.
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
