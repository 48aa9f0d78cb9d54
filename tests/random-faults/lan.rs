//! The service network: one address, the hosts that have it, and a client that sends to it all the time (P11).
//!
//! The built-in address is announced as the daemon does it, commands announce nothing. The network loses announcements
//! now and then, never two of a host in a row.

use std::ops::AddAssign;
use std::time::Duration;

use schrittmacher_address::AnnounceSchedule;
use schrittmacher_protocol::{Action, Command, Contest, StateName};
use schrittmacher_simulator::{Chance, Daemon, Host, Link, Step};
use schrittmacher_testkit::program::Program;

use crate::book::is_hot;
use crate::neighbour::Neighbour;

/// `announce-refresh`.
const REFRESH: Duration = Duration::from_secs(60);

/// The longest time after the end of a change (P11).
const LONGEST: Duration = Duration::from_secs(1);

/// The network of one resource.
pub struct Lan {
    /// The part of each host that announces. Without it the address is added by commands.
    announcers: Option<[Announcer; 2]>,
    /// The client's entry for the address.
    neighbour: Neighbour,
    /// The side that the client does not reach though it serves alone, and since when.
    out: Option<(usize, Duration)>,
    /// The sides that had the address.
    had_address: [bool; 2],
    end: End,
    pub outages: Outages,
    chance: Chance,
}

/// Both sides had the address, and one has let it go: whether the other one has heard of it. Before that the client may be
/// out for any time (P8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It has.
    Known,
    /// It hears of it as soon as the daemons have heard each other for a heartbeat, which they do since then.
    Awaited(Option<Duration>),
    /// It cannot: it has never heard that the other side took the address.
    NeverBegan,
}

/// The time in which one side alone had service and address, knew it, and the client did not reach it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outages {
    pub longest: Duration,
    pub total: Duration,
}

impl AddAssign for Outages {
    fn add_assign(&mut self, other: Outages) {
        self.longest = self.longest.max(other.longest);
        self.total += other.total;
    }
}

/// One host's announcements.
struct Announcer {
    schedule: AnnounceSchedule,
    /// This run of the daemon has ordered the address to be up.
    is_wanted: bool,
    /// After its daemon's last step.
    contest: Contest,
    /// The last announcement was lost.
    has_lost: bool,
}

/// What the network sees of the hosts.
#[derive(Clone, Copy)]
pub struct View {
    has_address: [bool; 2],
    /// Its daemon runs.
    announces: [bool; 2],
    /// Its daemon knows that the other side may have the address.
    is_contested: [bool; 2],
    /// The side that is hot, serves, and is the only one that has the address.
    serves_alone: Option<usize>,
    /// Both daemons run, the link is good, and neither hands over: that one says HOTT until all is released.
    is_whole: bool,
    /// Of the slower side.
    heartbeat: Duration,
}

impl Lan {
    pub fn new(seed: u64, built_in: bool) -> Lan {
        Lan {
            announcers: built_in.then(|| [Announcer::new(), Announcer::new()]),
            neighbour: Neighbour::new(),
            out: None,
            had_address: [false; 2],
            end: End::Known,
            outages: Outages::default(),
            chance: Chance::new(seed ^ 0xadd7),
        }
    }

    /// A daemon has taken a step.
    pub fn step(&mut self, now: Duration, step: &Step<'_>, hosts: &[Host<Program>; 2]) {
        let Some(announcers) = &mut self.announcers else { return };
        let announcer = &mut announcers[step.side];
        // A legacy daemon has no built-in address.
        let Some(resource) = hosts[step.side].nodes[step.resource].daemon().resource() else { return };
        if step.event.is_none() {
            announcer.let_go();
        }
        for action in step.actions {
            match action {
                Action::Command(Command::Activate) => announcer.is_wanted = true,
                Action::Command(Command::Deactivate { .. }) | Action::Exit => announcer.let_go(),
                Action::Command(Command::Start | Command::Stop | Command::Barrier)
                | Action::Send { .. }
                | Action::Refuse(_)
                | Action::Witness(_)
                | Action::Fence(_)
                | Action::Notice(_) => {}
            }
        }
        if announcer.schedule.due().is_some() && resource.machine().has_prevailed(announcer.contest) {
            announcer.schedule.restart(now);
        }
        announcer.contest = resource.machine().contest();
    }

    /// Lets time pass in which the hosts do not change. True if an outage gets longer than P11 allows.
    pub fn pass(&mut self, from: Duration, to: Duration, view: &View) -> bool {
        for (side, announcer) in self.announcers.iter_mut().flatten().enumerate() {
            announcer.see(from, view.has_address[side]);
        }
        self.note_end(from, view);
        let (mut now, mut is_over) = (from, false);
        loop {
            let due = self.due(view).max(from);
            let until = due.min(to);
            is_over |= self.count(now, until, view);
            if due >= to {
                return is_over;
            }
            now = due;
            self.act(now, view);
        }
    }

    fn note_end(&mut self, now: Duration, view: &View) {
        let had_address = std::mem::replace(&mut self.had_address, view.has_address);
        if had_address == [true; 2]
            && let Some(holder) = (0..2).find(|side| view.has_address[*side] && !view.has_address[1 - side])
        {
            self.end = if view.is_contested[holder] { End::Awaited(None) } else { End::NeverBegan };
        }
        if let End::Awaited(since) = &mut self.end {
            let talk = *since.get_or_insert(now);
            if !view.is_whole {
                *since = None;
            } else if now - talk >= view.heartbeat {
                self.end = End::Known;
            }
        }
    }

    fn due(&self, view: &View) -> Duration {
        let announcers =
            self.announcers.iter().flatten().zip(view.announces).filter(|(_, announces)| *announces);
        let due = announcers.filter_map(|(announcer, _)| announcer.schedule.due()).min();
        due.unwrap_or(Duration::MAX).min(self.neighbour.due())
    }

    fn act(&mut self, now: Duration, view: &View) {
        for (side, announcer) in self.announcers.iter_mut().flatten().enumerate() {
            if view.announces[side] && announcer.schedule.take(now) {
                announcer.has_lost = !announcer.has_lost && self.chance.permille(500);
                if !announcer.has_lost {
                    self.neighbour.learn(now, side, &mut self.chance);
                }
            }
        }
        self.neighbour.act(now, view.has_address, &mut self.chance);
    }

    /// Takes note of whether the client is out.
    fn count(&mut self, from: Duration, to: Duration, view: &View) -> bool {
        let is_reached = view.serves_alone.is_some() && self.neighbour.side() == view.serves_alone;
        if is_reached {
            self.end = End::Known;
        }
        let Some(side) = view.serves_alone.filter(|_| !is_reached && self.end == End::Known) else {
            self.out = None;
            return false;
        };
        let since = self.out.filter(|(before, _)| *before == side).map_or(from, |(_, since)| since);
        self.out = Some((side, since));
        self.outages.total += to - from;
        self.outages.longest = self.outages.longest.max(to - since);
        from - since <= LONGEST && to - since > LONGEST
    }
}

impl Announcer {
    fn new() -> Announcer {
        Announcer {
            schedule: AnnounceSchedule::new(REFRESH),
            is_wanted: false,
            contest: Contest::No,
            has_lost: false,
        }
    }

    /// The address is wanted no more, or the daemon is gone.
    fn let_go(&mut self) {
        self.is_wanted = false;
        self.schedule.stop();
    }

    /// An address that is wanted and up is announced.
    fn see(&mut self, now: Duration, has_address: bool) {
        if self.is_wanted && has_address && self.schedule.due().is_none() {
            self.schedule.restart(now);
        }
    }
}

impl View {
    pub fn of(hosts: &[Host<Program>; 2], link: &Link, resource: usize) -> View {
        let nodes = hosts.each_ref().map(|host| &host.nodes[resource]);
        let has_address = nodes.map(|node| node.commands().interface_is_up());
        let announces = hosts.each_ref().map(|host| host.nodes[resource].is_up() && !host.is_paused());
        let serves_alone = (0..2).find(|&side| {
            let node = nodes[side];
            is_hot(node)
                && announces[side]
                && node.app().is_serving()
                && has_address[side]
                && !has_address[1 - side]
        });
        let heartbeat = nodes.map(|node| node.daemon().heartbeat()).into_iter().max().unwrap_or_default();
        let is_contested = nodes.map(|node| {
            node.daemon().resource().is_none_or(|resource| resource.machine().contest() != Contest::No)
        });
        let hands_over = nodes.iter().any(|node| node.daemon().state() == StateName::Releasing);
        let is_whole = announces == [true; 2] && link.is_good() && !hands_over;
        View { has_address, announces, is_contested, serves_alone, is_whole, heartbeat }
    }
}
