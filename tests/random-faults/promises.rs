//! P1 to P6, P9 and P10 (`docs/protocol.md`), held against a run. P4 to P6 are about ours alone, P9 and P10 about two of
//! ours.

use std::time::Duration;

use schrittmacher_protocol::{
    Action, Command, Ending, Event, FORCED_RANDOM, Note, Notice, Policy, Resource, Said, State, StateName,
};
use schrittmacher_simulator::{Daemon, Disorder, Host, Link, Node, Step};
use schrittmacher_testkit::invariants::Invariants;
use schrittmacher_testkit::program::Program;
use schrittmacher_wire::PeerCode;

use crate::book::{could_serve, is_hot};
use crate::epochs::Epochs;
use crate::faults::{Fault, Mark};
use crate::plan::{RESOURCES, SWITCHING};
use crate::program::LEGACY_HEARTBEAT;
use crate::run::FLAPPING;
use crate::sets;

/// The facts of a run.
pub struct Promises {
    nodes: [[Kept; RESOURCES]; 2],
    /// The slower side's heartbeat, and when it was last so.
    heartbeat: (Duration, Duration),
    both_hot: [Option<Duration>; RESOURCES],
    /// When the first HOTT arrived at a side that is not heard: before it, that side cannot know of the other one.
    unheard: [Option<Duration>; RESOURCES],
    /// A clock was set back, and is not set right yet.
    clock_back: bool,
    both_serve: [Option<Duration>; RESOURCES],
    epochs: Epochs,
    /// Both sides are ours.
    are_ours: bool,
    /// The resources of a host are a set.
    pub is_set: bool,
    /// The application of [`FLAPPING`] ends whenever it is hot: it changes sides rarely, and is not settled.
    pub flaps: bool,
    /// The side where that application was hot last.
    flapped: Option<usize>,
    calm: Option<Calm>,
    /// How long the slowest pair of a calm took until it was settled for good.
    pub settled_after: Duration,
    /// The most messages of one resource in one second, by side.
    pub most_messages: [u32; 2],
    /// With their times.
    pub broken: Vec<(Duration, String)>,
}

/// The facts of a node.
#[derive(Clone, Copy, Default)]
struct Kept {
    invariants: Invariants,
    /// As far as the daemon knows its application serves, or may serve since before it started (P9).
    serves: bool,
    /// Messages in the running second, and its end.
    sent: (u32, Duration),
}

/// A stretch without faults.
struct Calm {
    since: Duration,
    /// It has gone on for so long that nothing may change any more.
    settled: bool,
    /// When a pair was last seen that was not settled.
    unsettled: Duration,
    /// How often the application that flaps has changed sides.
    flaps: u32,
    /// Resources in whose way a 1.8.2 stands that does not notice its application's failure, as its clock starves (D30).
    unnoticed: [bool; RESOURCES],
}

/// The most messages of one resource on one node in one second (P6). Alone they are: two heartbeats, three echoes of
/// reports, ten answers, a request, and the messages at changes of state. With the shortest heartbeat here, 200 ms, five
/// heartbeats.
const MOST_PER_SECOND: u32 = 30;

/// How often an application that ends when it is hot may change sides in a calm of some 70 s at most (edge-19). Undamped it
/// does every two or three seconds.
const MOST_FLAPS: u32 = 10;

/// P1 allows this beyond two heartbeats: the time of an answer, which is longer than a short heartbeat.
const SLACK: Duration = Duration::from_millis(100);

/// Beyond four heartbeats with one direction cut: a side that has had no reaction since it heard nothing at all waits for
/// one second more, and then for the next HOTT.
const LINK_TIME: Duration = Duration::from_secs(1);

/// A 1.8.2 that is not disturbed looks at its clock once a second at least.
const CLOCK_AGE: Duration = Duration::from_millis(1500);

/// Four commands of two seconds.
pub const COMMANDS: Duration = Duration::from_secs(8);

impl Promises {
    pub fn new() -> Promises {
        Promises {
            nodes: [[Kept::default(); RESOURCES]; 2],
            heartbeat: (Duration::ZERO, Duration::ZERO),
            both_hot: [None; RESOURCES],
            unheard: [None; RESOURCES],
            clock_back: false,
            both_serve: [None; RESOURCES],
            epochs: Epochs::default(),
            are_ours: false,
            is_set: false,
            flaps: false,
            flapped: None,
            calm: None,
            settled_after: Duration::ZERO,
            most_messages: [0; 2],
            broken: Vec::new(),
        }
    }

    pub fn breaks(&mut self, now: Duration, what: &str) {
        self.broken.push((now, what.to_owned()));
    }

    pub fn marked(&mut self, now: Duration, mark: Mark) {
        match mark {
            Mark::Calm => {
                self.clock_back = false;
                self.calm = Some(Calm {
                    since: now,
                    settled: false,
                    unsettled: now,
                    flaps: 0,
                    unnoticed: [false; RESOURCES],
                });
            }
            Mark::Settled => {
                if let Some(calm) = &mut self.calm {
                    calm.settled = true;
                }
            }
            Mark::Over => {
                if let Some(calm) = self.calm.take() {
                    self.settled_after = self.settled_after.max(calm.unsettled - calm.since);
                }
            }
            Mark::Ends | Mark::Ended => {}
        }
    }

    /// P10: how many applications of each resource serve after the orderly ends of daemons.
    pub fn ended(&mut self, now: Duration, serving: [usize; RESOURCES]) {
        for (resource, serving) in serving.into_iter().enumerate() {
            if self.are_ours && serving != 1 && !self.is_flapping(resource) {
                self.breaks(now, &format!("P10: {serving} applications serve, resource {resource}"));
            }
        }
    }

    /// Until `now` everything was as it is.
    pub fn pass(&mut self, now: Duration, hosts: &[Host<Program>; 2], link: &Link) {
        self.are_ours = hosts.iter().all(|host| host.nodes[0].daemon().is_ours());
        let run = hosts.iter().all(|host| !host.is_paused() && host.nodes.iter().all(Node::is_up));
        let whole = run && link.is_good();
        let know = hosts.iter().all(|host| host.nodes.iter().all(knows_its_peer));
        self.epochs.pass(now, whole && know, now.saturating_sub(link.last_late()));
        let unheard = link.unheard().is_some_and(|side| hosts[side].nodes[0].daemon().is_ours());
        let unheard = unheard && !self.clock_back;
        for resource in 0..RESOURCES {
            self.watch_two_hot(now, hosts, resource, whole, now.saturating_sub(link.last_late()));
            self.watch_unheard(now, hosts, resource, run && unheard);
            self.watch_calm(now, hosts, resource);
        }
    }

    /// P1. The time counts from the last datagram that was late: the link works when all that it has delayed is there.
    fn watch_two_hot(
        &mut self,
        now: Duration,
        hosts: &[Host<Program>; 2],
        resource: usize,
        whole: bool,
        in_time: Duration,
    ) {
        let limit = self.two_heartbeats(now, hosts) + SLACK;
        let both_hot = hosts.iter().all(|host| is_hot(&host.nodes[resource]));
        if lasts(&mut self.both_hot[resource], both_hot && whole, now).min(in_time) > limit {
            self.breaks(now, &format!("P1: both hot for more than {limit:?}, resource {resource}"));
            self.both_hot[resource] = None;
        }
        // A daemon that was just started has to find out first what its application does.
        let both_serve = hosts.iter().all(|host| host.nodes[resource].app().is_serving());
        let lasts = lasts(&mut self.both_serve[resource], both_serve && whole, now);
        let limit = 2 * limit + COMMANDS + SWITCHING;
        if self.calm.is_some() && lasts > limit {
            self.breaks(now, &format!("P1: both serve for more than {limit:?}, resource {resource}"));
            self.both_serve[resource] = None;
        }
    }

    /// P1 while one direction is cut, if the side that is not heard is ours.
    fn watch_unheard(&mut self, now: Duration, hosts: &[Host<Program>; 2], resource: usize, so: bool) {
        // A link that has just come back may work in one direction first.
        let reacted = hosts.iter().all(|host| {
            let ours = host.nodes[resource].daemon().resource();
            ours.is_none_or(|ours| ours.machine().peer.reacted)
        });
        let link = if reacted { Duration::ZERO } else { LINK_TIME + heartbeat(hosts) };
        let limit = 2 * self.two_heartbeats(now, hosts) + SLACK + link;
        let both_hot = hosts.iter().all(|host| is_hot(&host.nodes[resource]));
        // A 1.8.2 whose clock starves says nothing (D30): then neither side hears the other.
        let speaks = hosts.iter().all(|host| host.nodes[resource].daemon().clock_age(now) < CLOCK_AGE);
        self.unheard[resource] = self.unheard[resource].filter(|_| both_hot && so && speaks);
        if self.unheard[resource].is_some_and(|since| now - since > limit) {
            self.breaks(
                now,
                &format!(
                    "P1: both hot though one hears the other, for more than {limit:?}, resource {resource}"
                ),
            );
            self.unheard[resource] = None;
        }
    }

    /// When a shorter heartbeat is configured, a process under way takes as long as with the old one.
    fn two_heartbeats(&mut self, now: Duration, hosts: &[Host<Program>; 2]) -> Duration {
        let heartbeat = heartbeat(hosts);
        if heartbeat >= self.heartbeat.0 {
            self.heartbeat = (heartbeat, now);
        } else if now - self.heartbeat.1 > 5 * self.heartbeat.0 {
            self.heartbeat.0 = heartbeat;
        }
        2 * self.heartbeat.0
    }

    fn is_flapping(&self, resource: usize) -> bool {
        self.flaps && resource == FLAPPING
    }

    /// edge-19.
    fn watch_flaps(&mut self, now: Duration, step: &Step<'_>) {
        let is_new = step.after == StateName::Hot && self.flapped != Some(step.side);
        if !self.is_flapping(step.resource) || !is_new {
            return;
        }
        self.flapped = Some(step.side);
        if let Some(calm) = &mut self.calm {
            calm.flaps += 1;
            if calm.flaps == MOST_FLAPS + 1 {
                self.breaks(now, &format!("edge-19: more than {MOST_FLAPS} changes of side in a calm"));
            }
        }
    }

    /// P2, and with every step P3.
    fn watch_calm(&mut self, now: Duration, hosts: &[Host<Program>; 2], resource: usize) {
        // Any side of this pair may be held back for longer than a calm.
        if self.flaps {
            return;
        }
        let Some(calm) = &mut self.calm else { return };
        let unnoticed = |host: &Host<Program>| {
            let node = &host.nodes[resource];
            node.daemon().starves(now) && !node.app().is_fit()
        };
        calm.unnoticed[resource] |= hosts.iter().any(unnoticed);
        let is_settled = if self.is_set { sets::is_settled(hosts) } else { is_settled(hosts, resource) };
        let is_restless = self.is_set && sets::is_restless(hosts);
        if calm.unnoticed[resource] || is_settled || is_restless || is_hopeless(hosts, resource) {
            return;
        }
        calm.unsettled = now;
        if calm.settled {
            calm.settled = false;
            let states = hosts.each_ref().map(|host| describe(&host.nodes[resource]));
            self.breaks(now, &format!("P2: resource {resource} is {} and {}", states[0], states[1]));
        }
    }

    /// A legacy daemon whose clock is set back says nothing more.
    pub fn struck(&mut self, fault: Fault) {
        self.clock_back |= matches!(fault, Fault::Clock(_, _, true));
    }

    pub fn step(&mut self, now: Duration, step: &Step<'_>, hosts: &[Host<Program>; 2]) {
        if let Some(Event::Peer(report)) = step.event {
            let unheard = &mut self.unheard[step.resource];
            // Anything else counts as a reaction, a late one of before as well.
            *unheard = (report.code == Some(PeerCode::Hott)).then(|| unheard.unwrap_or(now));
        }
        let node = &hosts[step.side].nodes[step.resource];
        let kept = &mut self.nodes[step.side][step.resource];
        let mut found = kept.invariants.step(step, node);
        found.extend(self.epochs.step(now, step, hosts, self.heartbeat.0));
        if self.are_ours && kept.serves && stops_for_nobody(step, hosts) {
            found.push("P9: stops an application that serves for a side that does not".to_owned());
        }
        kept.serves = node.daemon().resource().is_some_and(is_known_to_serve);
        let sends = step.actions.iter().filter(|action| matches!(action, Action::Send { .. }));
        for _ in sends {
            let number = kept.count(now);
            self.most_messages[step.side] = self.most_messages[step.side].max(number);
            // Reported once a second.
            if node.daemon().is_ours() && number == MOST_PER_SECOND + 1 {
                found.push(format!("P6: more than {MOST_PER_SECOND} messages in a second"));
            }
        }
        if takes_on_silence(step, node) {
            found.push("manual: takes the role from a silent peer".to_owned());
        }
        // The end of a hold is a cause.
        let hold_ends = step.before == StateName::Failed && step.event == Some(Event::Tick);
        let is_restless = self.is_set && sets::is_restless(hosts);
        self.watch_flaps(now, step);
        let is_excused =
            self.is_flapping(step.resource) || hold_ends || is_restless || is_hopeless(hosts, step.resource);
        let is_settled =
            self.calm.as_ref().is_some_and(|calm| calm.settled && !calm.unnoticed[step.resource]);
        if step.before != step.after && !is_excused && is_settled {
            found.push(format!("P3: {} -> {} without a cause", step.before, step.after));
        }
        for what in found {
            let (side, resource) = (["A", "B"][step.side], step.resource);
            self.breaks(now, &format!("{side}{resource}: {what}"));
        }
    }
}

impl Kept {
    fn count(&mut self, now: Duration) -> u32 {
        if now >= self.sent.1 {
            self.sent = (0, now + Duration::from_secs(1));
        }
        self.sent.0 += 1;
        self.sent.0
    }
}

/// It takes its peer for one of ours: what a legacy daemon is not told, nor believed.
fn knows_its_peer(node: &Node<Program>) -> bool {
    node.daemon().resource().is_some_and(|resource| resource.machine().peer.is_ours())
}

/// Its application has said LHOT, or has said nothing yet and may serve since before the daemon started.
fn is_known_to_serve(resource: &Resource) -> bool {
    match resource.state() {
        State::Hot { .. } | State::Unknown { claim: Some(_) } => true,
        State::Unknown { claim: None } | State::ToStandby { .. } => !resource.machine().app.reported,
        State::Standby { .. }
        | State::ToHot { .. }
        | State::Releasing(_)
        | State::Failed { .. }
        | State::Leaving { .. } => false,
    }
}

/// P9: a message of a peer that neither serves nor says so makes this node stop an application that serves. An order is
/// an exception, and so is the end of the daemon.
fn stops_for_nobody(step: &Step<'_>, hosts: &[Host<Program>; 2]) -> bool {
    let Some(Event::Peer(report)) = step.event else { return false };
    let [node, other] = [step.side, 1 - step.side].map(|side| &hosts[side].nodes[step.resource]);
    let Some(machine) = node.daemon().resource().map(Resource::machine) else { return false };
    let says_so = report.code == Some(PeerCode::Hott)
        || report.random == FORCED_RANDOM
        || report.note == Some(Note::Claim)
        || machine.peer.said == Said::Hot;
    // Without its address, or cut off, it reaches nobody.
    let unreached = [Notice::AddressFailed, Notice::CutOff].map(Action::Notice);
    let serves = node.app().is_serving() && !unreached.iter().any(|notice| step.actions.contains(notice));
    let ends = machine.ending != Ending::No;
    let is_for_nobody = !says_so && !other.app().is_serving() && !is_hot(other);
    step.actions.contains(&Action::Command(Command::Stop)) && serves && !ends && is_for_nobody
}

/// Under `policy = manual` only an order does that.
fn takes_on_silence(step: &Step<'_>, node: &Node<Program>) -> bool {
    let Some(ours) = node.daemon().resource() else { return false };
    let is_manual = ours.settings().policy == Policy::Manual;
    let was_idle = matches!(step.before, StateName::Standby | StateName::ToStandby);
    let takes = was_idle && step.after == StateName::ToHot && step.event == Some(Event::Tick);
    is_manual && takes && ours.machine().peer.lost
}

/// How long it has been so, until now.
fn lasts(since: &mut Option<Duration>, so: bool, now: Duration) -> Duration {
    if so {
        now - *since.get_or_insert(now)
    } else {
        *since = None;
        Duration::ZERO
    }
}

/// Of the slower side, as the pair computes it now.
fn heartbeat(hosts: &[Host<Program>; 2]) -> Duration {
    let all = hosts.iter().map(|host| host.nodes[0].daemon());
    let legacy = all.clone().any(|daemon| !daemon.is_ours());
    let slowest = all.map(Program::heartbeat).max().unwrap_or_default();
    if legacy { slowest.max(LEGACY_HEARTBEAT) } else { slowest }
}

/// One side is hot and serves, and clients reach it unless the other one cannot serve; that one is standby, if it could
/// serve.
fn is_settled(hosts: &[Host<Program>; 2], resource: usize) -> bool {
    let ready = |host: &Host<Program>| is_ready(host, resource);
    let serves = |host: &Host<Program>, other: &Host<Program>| {
        let node = &host.nodes[resource];
        let reached = !host.is_cut_off() || !ready(other);
        let best = !has_address(node) && !ready(other);
        let address = node.commands().interface_is_up() || best;
        reached && is_hot(node) && node.app().is_serving() && address
    };
    let rests = |host: &Host<Program>| {
        let node = &host.nodes[resource];
        let standby = node.daemon().state() == StateName::Standby && node.app().is_standby();
        // A legacy daemon leaves the interface of a failed application as it is.
        let down = !node.commands().interface_is_up() || !node.daemon().is_ours();
        down && if ready(host) { standby } else { !is_hot(node) }
    };
    let [a, b] = hosts;
    (serves(a, b) && rests(b)) || (serves(b, a) && rests(a))
}

pub fn has_address(node: &Node<Program>) -> bool {
    node.commands().disorders().activate == Disorder::None
}

/// It could serve, and clients would reach it.
pub fn is_ready(host: &Host<Program>, resource: usize) -> bool {
    let is_held = host.nodes[resource].daemon().resource().is_some_and(|ours| ours.settings().held);
    could_serve(host, resource) && has_address(&host.nodes[resource]) && !host.is_cut_off() && !is_held
}

/// No side is ready, and one is a legacy daemon: it takes the role with an application that has failed, and gives it
/// back (D8).
fn is_hopeless(hosts: &[Host<Program>; 2], resource: usize) -> bool {
    let is_legacy = |host: &Host<Program>| !host.nodes[resource].daemon().is_ours();
    hosts.iter().any(is_legacy) && hosts.iter().all(|host| !is_ready(host, resource))
}

fn describe(node: &Node<Program>) -> String {
    let state = if node.is_up() { node.daemon().state().as_str() } else { "down" };
    let app = match node.app() {
        app if !app.is_fit() => "out of order",
        app if app.is_serving() => "hot",
        app if app.is_standby() => "standby",
        _ => "neither hot nor standby",
    };
    let interface = if node.commands().interface_is_up() { "up" } else { "down" };
    format!("{state} (application {app}, interface {interface})")
}
