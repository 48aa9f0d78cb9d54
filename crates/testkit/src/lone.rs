//! One node, its peer and its application played by the test.

use std::time::Duration;

use schrittmacher_protocol::{Action, Event, OUR_RANDOM, PeerReport, Resource, Settings, StateName, Time};
use schrittmacher_wire::{AppCode, PeerCode};

use crate::settings;

/// One node whose peer and application say what the test wants, when it wants.
pub struct Lone {
    pub now: Time,
    pub resource: Resource,
    /// The peer's next datagrams, but for status and random.
    pub peer: PeerReport,
}

/// A peer of 2.0.0.
pub fn modern() -> PeerReport {
    PeerReport {
        code: None,
        priority: 0,
        random: 0,
        host: Some([10, 0, 0, 2].into()),
        has_type: true,
        period: None,
        note: None,
        promise: None,
        epoch: None,
    }
}

/// A peer of 1.8.2.
pub fn classic() -> PeerReport {
    PeerReport { has_type: false, host: None, ..modern() }
}

/// A peer of ours with a heartbeat of two seconds.
pub fn ours() -> PeerReport {
    PeerReport { period: Some(Duration::from_secs(2)), ..modern() }
}

impl Lone {
    /// A daemon that has just started and has said its first UNK.
    pub fn new(settings: Settings, peer: PeerReport) -> Lone {
        let mut lone = Lone { now: Time::ZERO, resource: Resource::new(settings, Time::ZERO), peer };
        lone.tick();
        lone
    }

    /// One that is hot, with a standby peer.
    pub fn hot(settings: Settings, peer: PeerReport) -> Lone {
        let mut lone = Lone::new(settings, peer);
        lone.app(AppCode::Lsby);
        lone.hears(PeerCode::Fail);
        lone.app(AppCode::Lhot);
        lone.hears(PeerCode::Stby);
        assert_eq!(lone.state(), StateName::Hot);
        lone.run(Duration::from_secs(3), &[PeerCode::Stby], &[AppCode::Lhot]);
        lone
    }

    /// One that is standby, with a hot peer.
    pub fn standby(settings: Settings, peer: PeerReport) -> Lone {
        let mut lone = Lone::new(settings, peer);
        lone.app(AppCode::Lsby);
        lone.hears(PeerCode::Hott);
        lone.run(Duration::from_secs(3), &[PeerCode::Hott], &[AppCode::Lsby]);
        assert_eq!(lone.state(), StateName::Standby);
        lone
    }

    /// The application is standby and the commands of a hand-over are over.
    pub fn release(&mut self) -> Vec<Action> {
        let mut actions = self.app(AppCode::Lsby);
        actions.extend(self.give(Event::Released));
        actions
    }

    pub fn plain(peer: PeerReport) -> Lone {
        Lone::new(settings(0), peer)
    }

    pub fn state(&self) -> StateName {
        self.resource.state().name()
    }

    pub fn give(&mut self, event: Event) -> Vec<Action> {
        self.resource.handle(self.now, event).actions.into_vec()
    }

    pub fn tick(&mut self) -> Vec<Action> {
        self.give(Event::Tick)
    }

    pub fn app(&mut self, code: AppCode) -> Vec<Action> {
        self.give(Event::App(Some(code)))
    }

    /// The peer says this, with the random that belongs to it.
    pub fn hears(&mut self, code: PeerCode) -> Vec<Action> {
        let random = if matches!(code, PeerCode::Unk | PeerCode::Treq) {
            if self.peer.period.is_some() { OUR_RANDOM } else { 1000 }
        } else {
            0
        };
        self.hears_random(code, random)
    }

    pub fn hears_random(&mut self, code: PeerCode, random: u32) -> Vec<Action> {
        self.give(Event::Peer(PeerReport { code: Some(code), random, ..self.peer }))
    }

    /// Lets time pass in silence; ticks when due. Returns the actions and their times.
    pub fn pass(&mut self, duration: Duration) -> Vec<(Time, Action)> {
        self.run(duration, &[], &[])
    }

    /// Lets time pass; every second peer and application say these.
    pub fn run(&mut self, duration: Duration, peer: &[PeerCode], app: &[AppCode]) -> Vec<(Time, Action)> {
        let end = self.now + duration;
        let mut said = self.now;
        let mut done = Vec::new();
        let mut turns = 0;
        while self.now < end {
            turns += 1;
            assert!(turns < 100_000, "deadlines that do not move on");
            let mut actions = Vec::new();
            if said <= self.now {
                said = said + Duration::from_secs(1);
                actions.extend(peer.iter().flat_map(|code| self.hears(*code)));
                actions.extend(app.iter().flat_map(|code| self.app(*code)));
            }
            if self.resource.next_deadline() <= self.now {
                actions.extend(self.tick());
            }
            let exit = actions.contains(&Action::Exit);
            done.extend(actions.into_iter().map(|action| (self.now, action)));
            if exit {
                break;
            }
            self.now = self.resource.next_deadline().min(said).min(end).max(self.now);
        }
        done
    }

    /// Time passes in which the process does not run.
    pub fn sleep(&mut self, duration: Duration) {
        self.now = self.now + duration;
    }
}

/// The statuses among these actions.
pub fn sent(actions: &[Action]) -> Vec<PeerCode> {
    actions
        .iter()
        .filter_map(|action| if let Action::Send { code, .. } = action { Some(*code) } else { None })
        .collect()
}
