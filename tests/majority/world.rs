//! Two hosts, the witness, and the three links between them, in virtual time.

use std::time::Duration;

use schrittmacher_protocol::{
    Action, Answer, Command, Event, Fenced, Machine, OnIsolation, PeerReport, Policy, Settings, StateName,
    Time, WitnessOrder,
};
use schrittmacher_simulator::Chance;

use crate::faults::Unsettled;
use crate::fence;
use crate::host::{App, Heard, Host, Message, Setup, faster};

/// A part of the rule that is taken out, to see that it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Without {
    /// The wait of a daemon that has just started.
    StartWait,
    /// A side's own promise does not bind it.
    OwnPromise,
    /// A promise counts from its arrival.
    Acknowledgement,
    /// A lease counts from its arrival.
    LeaseFromSending,
    /// A promise counts though it acknowledges a message in which this side has promised.
    LaterThanOwn,
    /// The time for stopping the application: it needs longer than is kept for it.
    TimeToStop,
    /// The role waits for the fence.
    Fence,
    /// A fence that is confirmed has turned the host off.
    TrueFence,
}

/// Parts of `policy = consistent`.
pub const RULES: [Without; 6] = [
    Without::StartWait,
    Without::OwnPromise,
    Without::Acknowledgement,
    Without::LeaseFromSending,
    Without::LaterThanOwn,
    Without::TimeToStop,
];

/// The links: between the hosts, and of each host to the witness.
pub const PEERS: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Parcel {
    ToPeer(Message),
    /// A question or order, and when it was asked by the asker's clock.
    ToWitness(WitnessOrder, Time),
    FromWitness(bool, Time),
    /// The asker has waited long enough.
    NoAnswer(Time),
    /// A fence device acts on this host.
    SwitchOff,
    SwitchOn,
    /// What became of the fence that was asked for then.
    Fenced(Time, Fenced),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Flight {
    arrives: Duration,
    number: u64,
    /// The host that it comes from, or goes to.
    side: usize,
    parcel: Parcel,
}

/// The witness: grants the lease to one side at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Witness {
    holder: Option<usize>,
    since: Duration,
    /// The holder's newest question that was granted, by its clock.
    question: Time,
}

/// What was seen of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub two: Duration,
    pub none: Duration,
    /// Times at which an application became hot.
    pub starts: u64,
    /// When two served first.
    pub first_two: Option<Duration>,
    /// What is wrong when everything works again.
    pub unsettled: Option<Unsettled>,
    /// Questions to the witness.
    pub questions: u64,
    /// The role was taken from a silent peer by force.
    pub forced: bool,
    /// Such orders that were refused, and such without force that were obeyed.
    pub wrong_orders: u64,
    /// Two served, and the one that took the role last had done so when the other's host had to be off.
    pub two_fenced: Duration,
    /// Shots, and takeovers after one that was confirmed.
    pub fences: u64,
    pub fenced: u64,
}

#[derive(Clone, Debug)]
pub struct World {
    pub now: Duration,
    pub setup: Setup,
    pub hosts: [Host; 2],
    /// Working links: of host 0 to the witness, of host 1, and between the hosts.
    pub links: [bool; 3],
    pub witness_is_up: bool,
    witness: Witness,
    flying: Vec<Flight>,
    sent: u64,
    pub latency: Duration,
    /// Delays and losses; without it every message takes the latency.
    pub weather: Option<Weather>,
    pub without: Option<Without>,
    pub seen: Seen,
    /// What draws how fences end; without it they work.
    pub devices: Option<Chance>,
    /// The role was taken last by a side whose peer's host had to be off.
    pub is_fenced: bool,
}

#[derive(Clone, Debug)]
pub struct Weather {
    pub chance: Chance,
    /// Of a thousand messages.
    pub lost: u32,
    pub longest_delay: Duration,
}

impl World {
    pub fn new(setup: Setup) -> World {
        World {
            now: Duration::ZERO,
            setup,
            hosts: [0, 1].map(|side| Host::new(&setup, side)),
            links: [true; 3],
            witness_is_up: true,
            witness: Witness::default(),
            flying: Vec::new(),
            sent: 0,
            latency: Duration::from_micros(500),
            weather: None,
            without: None,
            seen: Seen::default(),
            devices: None,
            is_fenced: false,
        }
    }

    pub fn run_until(&mut self, end: Duration) {
        let end = end.max(self.now);
        loop {
            let hosts = (0..2).map(|side| self.hosts[side].next(side, self.setup.run)).min();
            let flight = self.flying.iter().map(|flight| flight.arrives).min();
            let next = [hosts, flight].into_iter().flatten().min().unwrap_or(end).max(self.now);
            self.pass(next.min(end));
            if next >= end {
                return;
            }
            if flight.is_some_and(|at| at <= next) {
                self.arrive();
            } else {
                (0..2).for_each(|side| self.turn(side));
            }
        }
    }

    fn pass(&mut self, to: Duration) {
        let serving = self.hosts.iter().filter(|host| host.app.serves()).count();
        let passed = to - self.now;
        match serving {
            0 => self.seen.none += passed,
            2 => {
                self.seen.two += passed;
                if self.is_fenced {
                    self.seen.two_fenced += passed;
                }
                if !passed.is_zero() {
                    self.seen.first_two.get_or_insert(self.now);
                }
            }
            _ => {}
        }
        self.now = to;
    }

    fn turn(&mut self, side: usize) {
        let now = self.now;
        let local = self.hosts[side].local(side, now);
        if self.setup.run && self.hosts[side].deadline.is_some_and(|at| at <= local) {
            self.hosts[side].deadline = None;
            if self.hosts[side].app.serves() || matches!(self.hosts[side].app, App::Starting(_)) {
                self.end_app(side);
            }
        }
        if let Some(event) = self.hosts[side].send_echoes(now, self.setup.ping_timeout) {
            self.give(side, event);
        }
        let was_hot = self.hosts[side].app == App::Hot;
        for event in self.hosts[side].turn_app(now) {
            self.give(side, event);
        }
        self.seen.starts += u64::from(!was_hot && self.hosts[side].app == App::Hot);
        let host = &self.hosts[side];
        let is_due =
            host.machine.as_ref().is_some_and(|machine| machine.next_deadline(&host.settings) <= local);
        if is_due && !host.paused {
            self.give(side, Event::Tick);
        }
    }

    fn arrive(&mut self) {
        let first = self.flying.iter().enumerate().min_by_key(|(_, flight)| (flight.arrives, flight.number));
        let Some((at, _)) = first else { return };
        let Flight { side, parcel, .. } = self.flying.swap_remove(at);
        match parcel {
            Parcel::ToPeer(message) => {
                if self.links[PEERS] {
                    self.hear(side, message);
                }
            }
            Parcel::ToWitness(order, asked) => {
                if self.links[side] && self.witness_is_up {
                    self.ask_witness(side, order, asked);
                }
            }
            Parcel::FromWitness(granted, asked) => {
                if self.links[side] && self.is_open(side, asked) {
                    let asked = self.counted(side, asked);
                    let answer = if granted { Answer::Granted(asked) } else { Answer::Refused };
                    self.give(side, Event::Witness(answer));
                }
            }
            Parcel::NoAnswer(asked) => {
                if self.is_open(side, asked) {
                    self.give(side, Event::Witness(Answer::Unreachable));
                }
            }
            Parcel::SwitchOff => self.switch_off(side),
            Parcel::SwitchOn => self.start_daemon(side),
            Parcel::Fenced(asked, outcome) => self.give(side, Event::Fenced(asked, outcome)),
        }
    }

    /// A daemon that asks waits for one answer at a time.
    fn is_open(&self, side: usize, asked: Time) -> bool {
        self.hosts[side].machine.as_ref().is_some_and(|machine| machine.majority.asked == Some(asked))
    }

    fn counted(&mut self, side: usize, asked: Time) -> Time {
        if self.without != Some(Without::LeaseFromSending) {
            return asked;
        }
        let local = self.hosts[side].local(side, self.now);
        if let Some(machine) = &mut self.hosts[side].machine {
            machine.majority.asked = Some(local);
        }
        local
    }

    fn ask_witness(&mut self, side: usize, order: WitnessOrder, asked: Time) {
        let now = faster(self.now, self.setup.rates[2]);
        let witness = &mut self.witness;
        match order {
            WitnessOrder::GiveBack => {
                // One that comes after a later question has no effect: the key has another revision by then.
                if witness.holder == Some(side) && asked >= witness.question {
                    witness.holder = None;
                }
            }
            WitnessOrder::Ask => {
                let is_free = witness.holder.is_none_or(|holder| holder == side)
                    || now >= witness.since + self.setup.promise();
                if is_free {
                    let before = if witness.holder == Some(side) { witness.question } else { Time::ZERO };
                    *witness = Witness { holder: Some(side), since: now, question: asked.max(before) };
                }
                if self.links[side] {
                    self.launch(side, Parcel::FromWitness(is_free, asked));
                }
            }
        }
    }

    fn hear(&mut self, side: usize, message: Message) {
        let local = self.hosts[side].local(side, self.now);
        let host = &mut self.hosts[side];
        if host.machine.is_none() {
            return;
        }
        let mut promise = host.read_promise(&message);
        let is_newest =
            host.heard.is_none_or(|heard| heard.run != message.run || message.number > heard.number);
        if is_newest {
            let Message { run, number, sent, .. } = message;
            host.heard = Some(Heard { run, number, sent, at: local });
        }
        if self.without == Some(Without::Acknowledgement)
            && let Some(promise) = &mut promise
        {
            promise.acknowledged = promise.acknowledged.map(|_| local);
        }
        if self.without == Some(Without::LaterThanOwn)
            && let Some(machine) = &mut host.machine
        {
            machine.majority.promised_at = None;
        }
        self.give(side, Event::Peer(PeerReport { promise, ..message.report }));
    }

    /// Gives a daemon an event: now, or when it goes on.
    pub fn give(&mut self, side: usize, event: Event) {
        let now = self.now;
        let local = self.hosts[side].local(side, now);
        let host = &mut self.hosts[side];
        if host.paused {
            if host.inbox.len() < 100 {
                host.inbox.push_back(event);
            }
            return;
        }
        let Some(machine) = &mut host.machine else { return };
        if self.without == Some(Without::OwnPromise) {
            machine.majority.promised_until = Time::ZERO;
        }
        let takes = may_take_by_force(machine, &host.settings);
        // A daemon that was stopped for longer than the command may take counts it as not confirmed.
        let mut event = event;
        if let Event::Fenced(asked, outcome) = &mut event
            && fence::is_late(*asked, local)
        {
            *outcome = Fenced::NotConfirmed;
        }
        let before = machine.clone();
        let reaction = machine.handle(&host.settings, local, event);
        if let Event::Takeover { force } = event {
            // From a silent peer by force alone, and then at once.
            let is_wrong =
                takes && force != matches!(machine.state.name(), StateName::ToHot | StateName::Hot);
            self.seen.wrong_orders += u64::from(is_wrong);
            self.seen.forced |= takes && force;
        }
        self.note_role(side, &before, event);
        for action in reaction.actions {
            self.carry_out(side, action, local);
        }
        let host = &mut self.hosts[side];
        host.deadline =
            host.machine.as_ref().and_then(|machine| machine.right(&host.settings)).map(|right| right.0);
    }

    fn carry_out(&mut self, side: usize, action: Action, local: Time) {
        let (now, setup) = (self.now, self.setup);
        let host = &mut self.hosts[side];
        match action {
            Action::Send { code, random, extended, note, promise, epoch } => {
                host.number += 1;
                let since = host.heard.map_or(local, |heard| heard.at);
                let report = PeerReport {
                    code: Some(code),
                    priority: host.settings.priority,
                    random,
                    host: Some(host.settings.local),
                    has_type: true,
                    period: extended.then_some(host.settings.heartbeat),
                    note,
                    promise: None,
                    epoch,
                };
                let message = Message {
                    report,
                    number: host.number,
                    sent: local,
                    run: host.run,
                    echo: host.heard.map(|heard| (heard.run, heard.sent)),
                    promise: promise
                        .map(|until| u64::try_from(until.since(since).as_millis()).unwrap_or_default()),
                };
                if self.links[PEERS] {
                    self.launch(1 - side, Parcel::ToPeer(message));
                }
            }
            Action::Witness(order) => {
                if self.links[side] && self.witness_is_up {
                    self.launch(side, Parcel::ToWitness(order, local));
                }
                if order == WitnessOrder::Ask {
                    self.seen.questions += 1;
                    self.launch_at(now + setup.promise() / 3, side, Parcel::NoAnswer(local));
                }
            }
            Action::Command(Command::Start) => host.start(now, setup.starts),
            Action::Command(Command::Stop) => {
                let late = self.without == Some(Without::TimeToStop);
                host.stop(now, if late { setup.promise() } else { setup.stops });
            }
            Action::Command(Command::Barrier) => host.barrier = true,
            Action::Exit => self.end_daemon(side),
            Action::Command(Command::Activate | Command::Deactivate { .. })
            | Action::Refuse(_)
            | Action::Notice(_) => {}
            Action::Fence(asked) => self.shoot(side, asked),
        }
    }

    fn launch(&mut self, side: usize, parcel: Parcel) {
        let mut arrives = self.now + self.latency;
        if let Some(Weather { chance, lost, longest_delay }) = &mut self.weather {
            if chance.permille(*lost) {
                return;
            }
            // Most come soon, and some very late.
            if chance.permille(300) {
                let longest = chance.duration(*longest_delay);
                arrives += chance.duration(longest);
            }
        }
        self.launch_at(arrives, side, parcel);
    }

    pub fn launch_at(&mut self, arrives: Duration, side: usize, parcel: Parcel) {
        self.sent += 1;
        self.flying.push(Flight { arrives, number: self.sent, side, parcel });
    }
}

/// Under `policy = manual`, with a peer that is silent and may serve.
fn may_take_by_force(machine: &Machine, settings: &Settings) -> bool {
    use StateName::{Standby, ToStandby};
    let is_idle = matches!(machine.state.name(), Standby | ToStandby);
    let is_isolated = machine.isolation.isolated && settings.on_isolation == OnIsolation::StepDown;
    settings.policy == Policy::Manual && is_idle && machine.peer.lost && !is_isolated
}
