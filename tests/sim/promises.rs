//! P1 to P6 (`docs/protocol.md`), held against a run. P4 and P5 are about ours alone.

use std::time::Duration;

use schrittmacher_protocol::{Action, Event, StateName};
use schrittmacher_simulation::{Daemon, Host, Link, Node, Step};
use schrittmacher_wire::PeerCode;

use crate::book::{could_serve, is_hot};
use crate::faults::{Fault, Mark};
use crate::plan::{RESOURCES, SWITCHING};
use crate::program::{LEGACY_HEARTBEAT, Program};

/// What is known of a run.
pub struct Promises {
    nodes: [[Kept; RESOURCES]; 2],
    /// The slower side's heartbeat, and when it was last so.
    heartbeat: (Duration, Duration),
    both_hot: [Option<Duration>; RESOURCES],
    unheard: [Option<Duration>; RESOURCES],
    /// A clock was set back, and is not set right yet.
    clock_back: bool,
    both_serve: [Option<Duration>; RESOURCES],
    calm: Option<Calm>,
    /// How long the slowest pair of a calm took until it was settled for good.
    pub settled_after: Duration,
    /// The most messages of one resource in one second, by side.
    pub most_messages: [u32; 2],
    /// With their times.
    pub broken: Vec<(Duration, String)>,
}

/// What a node has done.
#[derive(Clone, Copy, Default)]
struct Kept {
    /// The last order was to bring the interface up.
    interface_wanted: bool,
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
}

/// The most messages of one resource on one node in one second (P6). Alone they are: two heartbeats, three echoes
/// of reports, ten answers, a question, and what changes of state say; with the shortest heartbeat here, 200 ms,
/// five heartbeats.
const MOST_PER_SECOND: u32 = 30;

/// What P1 allows beyond two heartbeats: the time of an answer, which with a short heartbeat is longer than that.
const SLACK: Duration = Duration::from_millis(100);

/// Four commands of two seconds.
const COMMANDS: Duration = Duration::from_secs(8);

impl Promises {
    pub fn new() -> Promises {
        Promises {
            nodes: [[Kept::default(); RESOURCES]; 2],
            heartbeat: (Duration::ZERO, Duration::ZERO),
            both_hot: [None; RESOURCES],
            unheard: [None; RESOURCES],
            clock_back: false,
            both_serve: [None; RESOURCES],
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
                self.calm = Some(Calm { since: now, settled: false, unsettled: now });
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
        }
    }

    /// Until `now` everything was as it is.
    pub fn pass(&mut self, now: Duration, hosts: &[Host<Program>; 2], link: &Link) {
        let run = hosts.iter().all(|host| !host.is_paused() && host.nodes.iter().all(Node::is_up));
        let whole = run && link.is_good();
        let unheard = link.unheard().is_some_and(|side| hosts[side].nodes[0].daemon().is_ours());
        let unheard = unheard && !self.clock_back;
        for resource in 0..RESOURCES {
            self.watch_two_hot(now, hosts, resource, whole);
            self.watch_unheard(now, hosts, resource, run && unheard);
            self.watch_calm(now, hosts, resource);
        }
    }

    /// P1.
    fn watch_two_hot(&mut self, now: Duration, hosts: &[Host<Program>; 2], resource: usize, whole: bool) {
        let limit = self.two_heartbeats(now, hosts) + SLACK;
        let both_hot = hosts.iter().all(|host| is_hot(&host.nodes[resource]));
        if lasts(&mut self.both_hot[resource], both_hot && whole, now) > limit {
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
        let limit = 2 * self.two_heartbeats(now, hosts) + SLACK;
        let both_hot = hosts.iter().all(|host| is_hot(&host.nodes[resource]));
        if lasts(&mut self.unheard[resource], both_hot && so, now) > limit {
            self.breaks(
                now,
                &format!(
                    "P1: both hot though one hears the other, for more than {limit:?}, resource {resource}"
                ),
            );
            self.unheard[resource] = None;
        }
    }

    /// What is under way when a shorter heartbeat is configured takes as long as with the old one.
    fn two_heartbeats(&mut self, now: Duration, hosts: &[Host<Program>; 2]) -> Duration {
        let heartbeat = heartbeat(hosts);
        if heartbeat >= self.heartbeat.0 {
            self.heartbeat = (heartbeat, now);
        } else if now - self.heartbeat.1 > 5 * self.heartbeat.0 {
            self.heartbeat.0 = heartbeat;
        }
        2 * self.heartbeat.0
    }

    /// P2, and with every step P3.
    fn watch_calm(&mut self, now: Duration, hosts: &[Host<Program>; 2], resource: usize) {
        let Some(calm) = &mut self.calm else { return };
        if is_settled(hosts, resource) {
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
        // Anything else counts as a reaction, a late one of before as well.
        if matches!(step.event, Some(Event::Peer(report)) if report.code != Some(PeerCode::Hott)) {
            self.unheard[step.resource] = None;
        }
        let node = &hosts[step.side].nodes[step.resource];
        let mut found = Vec::new();
        let kept = &mut self.nodes[step.side][step.resource];
        for action in step.actions {
            match action {
                Action::Activate => kept.interface_wanted = true,
                Action::Deactivate { .. } => kept.interface_wanted = false,
                Action::Send { code, .. } => {
                    let number = kept.count(now);
                    self.most_messages[step.side] = self.most_messages[step.side].max(number);
                    if node.daemon().is_ours() {
                        found.extend(too_many(number));
                        found.extend(says_too_early(step, *code, *kept, node));
                    }
                }
                Action::Start
                | Action::Stop
                | Action::Barrier
                | Action::Refuse(_)
                | Action::Notice(_)
                | Action::Exit => {}
            }
        }
        found.extend(has_no_right(node, kept.interface_wanted));
        if step.before != step.after && self.calm.as_ref().is_some_and(|calm| calm.settled) {
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

/// P6. Said once a second.
fn too_many(number: u32) -> Option<String> {
    (number == MOST_PER_SECOND + 1).then(|| format!("P6: more than {MOST_PER_SECOND} messages in a second"))
}

/// P5: who gives way has let go.
fn says_too_early(step: &Step<'_>, code: PeerCode, kept: Kept, node: &Node<Program>) -> Option<String> {
    use PeerCode::{Fail, Fovr, Stby, Tcnf, ToStandby};
    if matches!(code, Stby | ToStandby | Fail | Fovr | Tcnf) && kept.interface_wanted {
        return Some(format!("P5: says {code} before deactivate was ordered"));
    }
    let planned = step.before == StateName::Releasing && matches!(code, Fovr | Tcnf);
    let holds = node.commands().interface_is_up() || node.commands().are_pending();
    (planned && holds).then(|| format!("P5: says {code} before the commands are over"))
}

/// P4.
fn has_no_right(node: &Node<Program>, interface_wanted: bool) -> Option<String> {
    let resource = node.daemon().ours()?;
    let (state, failed) = (resource.state().name(), resource.machine().app.failed);
    let wrong = match state {
        StateName::Unknown | StateName::Hot => failed,
        StateName::Standby | StateName::ToStandby => failed || interface_wanted,
        StateName::Failed | StateName::Leaving => interface_wanted,
        StateName::ToHot | StateName::Releasing => false,
    };
    wrong.then(|| format!("P4: {state}, application failed: {failed}, interface wanted: {interface_wanted}"))
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

/// Of the slower side, as the pair reckons it now.
fn heartbeat(hosts: &[Host<Program>; 2]) -> Duration {
    let all = hosts.iter().map(|host| host.nodes[0].daemon());
    let legacy = all.clone().any(|daemon| !daemon.is_ours());
    let slowest = all.map(Program::heartbeat).max().unwrap_or_default();
    if legacy { slowest.max(LEGACY_HEARTBEAT) } else { slowest }
}

/// One side is hot and serves; the other one is standby, if its application works.
fn is_settled(hosts: &[Host<Program>; 2], resource: usize) -> bool {
    let serves = |host: &Host<Program>| {
        let node = &host.nodes[resource];
        is_hot(node) && node.app().is_serving() && node.commands().interface_is_up()
    };
    let rests = |host: &Host<Program>| {
        let node = &host.nodes[resource];
        let standby = node.daemon().state() == StateName::Standby && node.app().is_standby();
        // A legacy daemon leaves the interface of a failed application as it is.
        let down = !node.commands().interface_is_up() || !node.daemon().is_ours();
        down && if could_serve(host, resource) { standby } else { !is_hot(node) }
    };
    let [a, b] = hosts;
    (serves(a) && rests(b)) || (serves(b) && rests(a))
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
