//! Faults and orders, and the end of each.

use std::time::Duration;

use schrittmacher_simulator::{Chance, Disorder, Disorders, Loss, Report, Spread};

use crate::plan::{RESOURCES, SWITCHING, any_report};

/// Something on the agenda of a run.
#[derive(Clone, Copy, Debug)]
pub enum Happening {
    Fault(Fault),
    Mark(Mark),
}

/// The expectation from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Everything works, and no order is under way.
    Calm,
    /// The pair is settled (P2), and only what is no cause for a change happens from now on (P3).
    Settled,
    /// Faults begin again.
    Over,
    /// Orderly ends of daemons are next.
    Ends,
    /// The orderly ends of daemons, the last of the run, are over (P10).
    Ended,
}

/// Something that happens; most of it comes with an end, somebody's mending.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The messages of this node are lost.
    Cut(usize),
    Heal(usize),
    /// The weather for the messages of this node.
    Weather(usize, Weather),
    GoodWeather(usize),
    KillApp(usize, usize),
    /// A new application in the place of one that does not work.
    StartApp(usize, usize, Report, Duration),
    HangApp(usize, usize),
    WakeApp(usize, usize),
    FailApp(usize, usize),
    /// It needs so long to follow an order, more than its daemon may have patience for.
    SlowApp(usize, usize, Duration),
    /// Commands of ours fail or hang, or work again.
    Commands(usize, usize, Disorders),
    /// Clients cannot reach this host, if it is ours; the peer can.
    CutOff(usize),
    Reconnect(usize),
    KillDaemon(usize),
    StartDaemon(usize),
    KillHost(usize),
    Pause(usize),
    Resume(usize),
    /// The wall clock is set, by so much, forward or (`true`) back.
    Clock(usize, Duration, bool),
    Failover(usize, usize, bool),
    /// Failovers of this resource, one after the other, as fast as the pair follows.
    Failovers(usize),
    Takeover(usize, usize),
    /// An operator freezes a resource, on both sides.
    Freeze(usize),
    Thaw(usize),
    Shutdown(usize),
    /// The configuration is read again, with another heartbeat perhaps.
    Reload(usize, Duration),
    /// The configuration file of this side is broken: it starts nothing (edge-11).
    BreakFile(usize),
    MendFile(usize),
}

/// One direction of the link.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    pub loss: Loss,
    /// Of a thousand datagrams.
    pub doubles: u32,
    pub spread: Spread,
}

const SECOND: Duration = Duration::from_secs(1);

impl Fault {
    /// How many resources it concerns, if it is a fault or an order and not somebody's mending.
    pub fn weight(self) -> u64 {
        match self {
            Fault::KillApp(..)
            | Fault::HangApp(..)
            | Fault::FailApp(..)
            | Fault::SlowApp(..)
            | Fault::Commands(..)
            | Fault::Failover(..)
            | Fault::Failovers(_)
            | Fault::Takeover(..)
            | Fault::Freeze(_) => 1,
            Fault::Cut(_)
            | Fault::CutOff(_)
            | Fault::Weather(..)
            | Fault::KillDaemon(_)
            | Fault::KillHost(_)
            | Fault::Pause(_)
            | Fault::Clock(..)
            | Fault::BreakFile(_)
            | Fault::Shutdown(_) => RESOURCES as u64,
            Fault::Heal(_)
            | Fault::Reconnect(_)
            | Fault::GoodWeather(_)
            | Fault::StartApp(..)
            | Fault::WakeApp(..)
            | Fault::StartDaemon(_)
            | Fault::Resume(_)
            | Fault::Thaw(_)
            | Fault::MendFile(_)
            | Fault::Reload(..) => 0,
        }
    }
}

impl Weather {
    /// Every datagram arrives once and in time.
    pub const GOOD: Weather = Weather { loss: Loss::NONE, doubles: 0, spread: Spread::None };

    /// Weather that is no cause (P3): one datagram in a row is lost, and delays are a quarter of a heartbeat at most.
    pub fn harmless(heartbeat: Duration) -> Weather {
        Weather {
            loss: Loss::independent(0.2).at_most(1),
            doubles: 100,
            spread: Spread::Uniform(heartbeat / 4),
        }
    }

    fn any(chance: &mut Chance) -> Weather {
        let rate = 0.4 * chance.unit();
        let length = chance.one_of(&[1.0, 1.0, 3.0, 10.0, 30.0]);
        let spread = [
            Spread::None,
            Spread::Uniform(chance.duration(3 * SECOND)),
            Spread::Exponential(chance.duration(SECOND)),
            Spread::HeavyTail(chance.duration(SECOND / 5)),
        ];
        Weather {
            loss: Loss::in_bursts(rate, length),
            doubles: chance.below(200),
            spread: chance.one_of(&spread),
        }
    }
}

/// Takes faults down. Some of them come with others.
struct Notes<'a> {
    faults: &'a mut Vec<(Duration, Fault)>,
    chance: &'a mut Chance,
    node: usize,
    resource: usize,
    at: Duration,
    over: Duration,
}

/// One thing goes wrong, or somebody wants something; and when it is over.
pub fn add_fault(faults: &mut Vec<(Duration, Fault)>, at: Duration, chance: &mut Chance) {
    let node = usize::from(chance.permille(500));
    let resource = chance.index(RESOURCES);
    let longest = chance.one_of(&[SECOND, 5 * SECOND, 20 * SECOND, 60 * SECOND]);
    let over = at + chance.duration(longest);
    let kind = chance.below(30);
    let mut notes = Notes { faults, chance, node, resource, at, over };
    match kind {
        0 => notes.on_both(Fault::Cut, Fault::Heal),
        1 => notes.until_over(Fault::Cut(node), Fault::Heal(node)),
        2 => notes.flap(),
        3 | 4 => {
            let weather = Weather::any(notes.chance);
            notes.on_both(|side| Fault::Weather(side, weather), Fault::GoodWeather);
        }
        5 => {
            let weather = Weather::any(notes.chance);
            notes.until_over(Fault::Weather(node, weather), Fault::GoodWeather(node));
        }
        6 | 7 => notes.until_started(Fault::KillApp(node, resource)),
        8 => notes.until_over(Fault::HangApp(node, resource), Fault::WakeApp(node, resource)),
        9 => notes.until_started(Fault::FailApp(node, resource)),
        10 => {
            let switching = SWITCHING + notes.chance.duration(60 * SECOND);
            notes.until_started(Fault::SlowApp(node, resource, switching));
        }
        11 | 12 => notes.until_over(Fault::KillDaemon(node), Fault::StartDaemon(node)),
        13 => notes.lose_host(),
        14 => notes.until_over(Fault::Pause(node), Fault::Resume(node)),
        15 => notes.freeze_host(),
        16 => notes.set_clock(),
        17 | 18 => {
            let force = notes.chance.permille(300);
            notes.now(Fault::Failover(node, resource, force));
        }
        19 => notes.now(Fault::Takeover(node, resource)),
        20 => {
            notes.over = at + 15 * SECOND;
            notes.until_over(Fault::Shutdown(node), Fault::StartDaemon(node));
        }
        21 => {
            let heartbeat = notes.chance.one_of(&[200, 500, 1000, 2000]);
            notes.now(Fault::Reload(node, Duration::from_millis(heartbeat)));
        }
        22 => notes.two_orders(),
        23 | 24 => {
            let disorders = any_disorders(notes.chance);
            let fault = |disorders| Fault::Commands(node, resource, disorders);
            notes.until_over(fault(disorders), fault(Disorders::default()));
        }
        25 => notes.until_over(Fault::Freeze(resource), Fault::Thaw(resource)),
        26 => notes.crash_while_cut(),
        27 => notes.until_over(Fault::CutOff(node), Fault::Reconnect(node)),
        28 => notes.on_both(Fault::CutOff, Fault::Reconnect),
        _ => notes.lose_network(),
    }
}

/// One of the commands fails or hangs.
fn any_disorders(chance: &mut Chance) -> Disorders {
    let disorder = chance.one_of(&[Disorder::Fails, Disorder::Fails, Disorder::Hangs]);
    let none = Disorders::default();
    chance.one_of(&[
        Disorders { activate: disorder, ..none },
        Disorders { stop: disorder, ..none },
        Disorders { deactivate: disorder, ..none },
    ])
}

impl Notes<'_> {
    fn now(&mut self, fault: Fault) {
        self.faults.push((self.at, fault));
    }

    fn until_over(&mut self, fault: Fault, mend: Fault) {
        self.faults.extend([(self.at, fault), (self.over, mend)]);
    }

    fn on_both(&mut self, fault: impl Fn(usize) -> Fault, mend: impl Fn(usize) -> Fault) {
        for side in 0..2 {
            self.until_over(fault(side), mend(side));
        }
    }

    fn until_started(&mut self, fault: Fault) {
        let start = self.start_app(self.resource);
        self.until_over(fault, start);
    }

    fn start_app(&mut self, resource: usize) -> Fault {
        Fault::StartApp(self.node, resource, any_report(self.chance), self.chance.duration(SWITCHING))
    }

    /// The link comes and goes.
    fn flap(&mut self) {
        for _ in 0..3 + self.chance.below(10) {
            self.over = self.at + self.chance.duration(2 * SECOND);
            self.on_both(Fault::Cut, Fault::Heal);
            self.at = self.over + self.chance.duration(SECOND);
        }
    }

    fn lose_host(&mut self) {
        self.until_over(Fault::KillHost(self.node), Fault::StartDaemon(self.node));
        for resource in 0..RESOURCES {
            let start = self.start_app(resource);
            self.faults.push((self.over + self.chance.duration(5 * SECOND), start));
        }
    }

    /// A virtual machine that is stopped: daemon and applications lose the same time.
    fn freeze_host(&mut self) {
        self.until_over(Fault::Pause(self.node), Fault::Resume(self.node));
        for resource in 0..RESOURCES {
            self.until_over(Fault::HangApp(self.node, resource), Fault::WakeApp(self.node, resource));
        }
    }

    /// Whose timers go by the wall clock is silent for as long as it was set back.
    fn set_clock(&mut self) {
        let by = self.chance.one_of(&[SECOND / 2, 5 * SECOND, 30 * SECOND]);
        let back = self.chance.permille(500);
        self.now(Fault::Clock(self.node, by, back));
    }

    /// Two orders in the same instant.
    fn two_orders(&mut self) {
        for side in 0..2 {
            let orders = [Fault::Takeover(side, self.resource), Fault::Failover(side, self.resource, false)];
            let order = self.chance.one_of(&orders);
            self.now(order);
        }
    }

    /// Clients and peer go by the same switch.
    fn lose_network(&mut self) {
        self.until_over(Fault::CutOff(self.node), Fault::Reconnect(self.node));
        self.on_both(Fault::Cut, Fault::Heal);
    }

    fn crash_while_cut(&mut self) {
        self.until_over(Fault::KillDaemon(self.node), Fault::StartDaemon(self.node));
        self.over += self.chance.duration(20 * SECOND);
        self.on_both(Fault::Cut, Fault::Heal);
    }
}
