//! Everything this node protects: it takes datagrams and orders in, asks the protocol, and carries out what
//! the protocol answers. It runs on the event loop's thread and never waits.

mod operator;
mod reload;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use log::{Level, debug, info, log, warn};
use mio::Token;
use nix::sys::signal::Signal;
use schrittmacher_protocol::{Action, Event, Notice, Refusal, StateName, Time};
use schrittmacher_wire::{AppCode, Code, Message, PeerCode, Rejected, host};

use crate::actions::{Executor, Order, Report};
use crate::admin::snapshot::app_word;
use crate::app_process::{AppProcesses, SignalError};
use crate::config::{Config, Core};
use crate::link::{self, Guard, Link, Origin};
use crate::logging::RateLimited;
use crate::resource::{Managed, peer_report};
use crate::wording;

/// At most one warning per cause in this time: the network decides how often the cause occurs.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);
/// What is shown of a message from outside, in bytes.
const SHOWN: usize = 300;

/// What a datagram can be refused for; one warning each per [`WARNING_INTERVAL`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Unwanted {
    Source(IpAddr, u16),
    Garbage(IpAddr),
    UnknownResource(String),
    WrongDirection(IpAddr),
}

/// What else is warned about. Kept apart, so that whoever sends ever new names cannot crowd it out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    Receive(u16),
    Send,
    NobodyToTell(usize),
}

/// What the status page shows of one of the two doors.
#[derive(Clone, Debug, Default)]
pub struct Door {
    /// The last thing that went wrong.
    pub last_error: Option<String>,
    /// The last message, as `resource: STATUS`.
    pub last_message: Option<String>,
    /// Datagrams that were refused.
    pub refused: u64,
}

/// This node.
pub struct Node {
    core: Core,
    /// `host` of our messages.
    host: String,
    resources: Vec<Managed>,
    by_name: HashMap<String, usize>,
    /// When each resource wants its next tick, earliest first.
    deadlines: BTreeSet<(Time, usize)>,
    scheduled: Vec<Time>,
    link: Link,
    guard: Guard,
    executor: Executor,
    processes: AppProcesses,
    /// Orders that nobody could be told, because no process was believed yet.
    untold: BTreeMap<usize, Order>,
    unwanted: RateLimited<Unwanted>,
    troubles: RateLimited<Trouble>,
    /// The applications' door.
    pub app_door: Door,
    /// The peer's door.
    pub peer_door: Door,
}

impl Node {
    /// A node that starts now: every resource is due for its first tick.
    pub fn new(config: Config, link: Link, executor: Executor, processes: AppProcesses, now: Time) -> Node {
        let Config { core, resources } = config;
        let resources: Vec<Managed> =
            resources.into_iter().map(|resource| Managed::new(&core, resource, now)).collect();
        let by_name = resources.iter().enumerate().map(|(index, r)| (r.config.name.clone(), index)).collect();
        let scheduled: Vec<Time> = resources.iter().map(|r| r.protocol.next_deadline()).collect();
        Node {
            host: host::unified(core.local_address),
            guard: Guard::new(&core),
            core,
            by_name,
            deadlines: scheduled.iter().copied().enumerate().map(|(index, at)| (at, index)).collect(),
            scheduled,
            resources,
            link,
            executor,
            processes,
            untold: BTreeMap::new(),
            unwanted: RateLimited::new(WARNING_INTERVAL),
            troubles: RateLimited::new(WARNING_INTERVAL),
            app_door: Door::default(),
            peer_door: Door::default(),
        }
    }
}

/// Datagrams.
impl Node {
    /// The sockets.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Takes in one datagram that arrived at our `port`.
    pub fn receive(&mut self, datagram: &[u8], source: SocketAddr, port: u16, now: Time) {
        let origin = match self.guard.origin(source.ip(), port, now) {
            Ok(origin) => origin,
            Err(refusal) => return self.refuse(&refusal, source.ip(), port, now),
        };
        let message = match Message::parse(datagram) {
            Ok(message) => message,
            Err(rejected) => return self.reject(&rejected, origin, source.ip(), now),
        };
        let door = match origin {
            Origin::Peer => &mut self.peer_door,
            Origin::App => &mut self.app_door,
        };
        let shown = wording::beginning(format!("{}: {}", message.resource, message.status), SHOWN);
        door.last_message = Some(shown);
        let Some(&index) = self.by_name.get(&message.resource) else {
            let name = wording::beginning(message.resource, SHOWN);
            return warn_once(&mut self.unwanted, Unwanted::UnknownResource(name.clone()), now, || {
                format!(
                    "message for unknown resource '{name}' from {}; is it configured on both nodes?",
                    source.ip()
                )
            });
        };
        match (origin, message.code) {
            (Origin::Peer, Code::Peer(code)) => self.heard_peer(index, Some(code), message, now),
            (Origin::Peer, Code::Unknown) => self.heard_peer(index, None, message, now),
            (Origin::App, Code::App(_) | Code::Unknown) => self.heard_app(index, message, source, now),
            (Origin::Peer, Code::App(_)) | (Origin::App, Code::Peer(_)) => {
                let (who, whom) = match origin {
                    Origin::Peer => ("peer", "an application"),
                    Origin::App => ("application", "the peer"),
                };
                warn_once(&mut self.unwanted, Unwanted::WrongDirection(source.ip()), now, || {
                    format!(
                        "{who} {} says {}, which only {whom} may say; ignored (D41)",
                        source.ip(),
                        message.status
                    )
                });
            }
        }
    }

    fn heard_peer(&mut self, index: usize, code: Option<PeerCode>, message: Message, now: Time) {
        let report = peer_report(&message, code);
        self.resources[index].heard_peer(code, message.reason);
        self.give(index, Event::Peer(report), now);
    }

    fn heard_app(&mut self, index: usize, message: Message, source: SocketAddr, now: Time) {
        let code = match message.code {
            Code::App(code) => Some(code),
            Code::Peer(_) | Code::Unknown => None,
        };
        self.processes.heard(index, message.pid, source, now);
        self.resources[index].heard_app(code, message.reason);
        self.give(index, Event::App(code), now);
    }

    fn refuse(&mut self, refusal: &link::Refusal, source: IpAddr, port: u16, now: Time) {
        let door = if port == self.core.port { &mut self.peer_door } else { &mut self.app_door };
        door.refused += 1;
        door.last_error = Some(format!("Unexpected packet from {}", host::unified(source)));
        warn_once(&mut self.unwanted, Unwanted::Source(source, port), now, || format!("{refusal}; ignored"));
    }

    fn reject(&mut self, rejected: &Rejected, origin: Origin, source: IpAddr, now: Time) {
        let door = match origin {
            Origin::Peer => &mut self.peer_door,
            Origin::App => &mut self.app_door,
        };
        door.refused += 1;
        warn_once(&mut self.unwanted, Unwanted::Garbage(source), now, || {
            format!("datagram from {source} ignored: {rejected}")
        });
    }

    /// The socket at our `port` reported an error instead of a datagram.
    pub fn receive_failed(&mut self, port: u16, error: &io::Error, now: Time) {
        warn_once(&mut self.troubles, Trouble::Receive(port), now, || {
            format!("can't receive at UDP port {port}: {error}")
        });
    }
}

/// Time, processes and commands.
impl Node {
    /// When something happens without an event.
    pub fn next_deadline(&self) -> Option<Time> {
        [self.next_tick(), self.executor.next_deadline()].into_iter().flatten().min()
    }

    /// When the first resource wants its next tick.
    pub fn next_tick(&self) -> Option<Time> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Takes the poll's report on a pipe of a command or on a process of an application.
    pub fn on_ready(&mut self, token: Token, now: Time) {
        if self.executor.tokens().contains(&token.0) {
            self.executor.on_readable(token);
        } else if let Some(index) = self.processes.on_pidfd(token) {
            self.give(index, Event::AppDied, now);
        }
    }

    /// Children may have ended.
    pub fn on_child(&mut self, now: Time) {
        self.executor.on_child_signal(now);
    }

    /// The thread that looks at processes may have found something out.
    pub fn on_wake(&mut self, now: Time) {
        self.processes.on_worker_result(now);
    }

    /// Tells the applications whose process is known now what they could not be told, if it is still waited
    /// for. The order is repeated anyway, but not before the application reports again.
    fn tell_late(&mut self, now: Time) {
        let is_known = |index: &usize| self.processes.believed(*index).is_some();
        let known: Vec<usize> = self.untold.keys().copied().filter(is_known).collect();
        for index in known {
            let Some(order) = self.untold.remove(&index) else { continue };
            let resource = &self.resources[index];
            let awaited = match resource.protocol.state().name() {
                StateName::ToHot => order == Order::Start,
                StateName::ToStandby => order == Order::Stop,
                StateName::Standby => order == Order::Stop && resource.local.text != app_word(AppCode::Lsby),
                StateName::Unknown
                | StateName::Hot
                | StateName::Releasing
                | StateName::Failed
                | StateName::Leaving => false,
            };
            if awaited {
                self.signal(index, order, now);
            }
        }
    }

    /// Does everything that is due, then what the commands have to do.
    pub fn on_time(&mut self, now: Time) {
        // Each at most once a turn, so that the sockets always get theirs.
        let due: Vec<usize> = self.deadlines.range(..=(now, usize::MAX)).map(|(_, index)| *index).collect();
        for index in due {
            self.give(index, Event::Tick, now);
        }
        let processes = &self.processes;
        self.executor.run(now, |index| processes.believed(index));
        while let Some(report) = self.executor.next_report() {
            match report {
                Report::StartBegan { resource } => {
                    self.give(resource, Event::StartBegan, now);
                }
                Report::Released { resource } => {
                    self.give(resource, Event::Released, now);
                }
                Report::Signal { resource, order } => self.signal(resource, order, now),
                // Logged by the executor; the queue itself knows what follows.
                Report::Finished { .. } => {}
            }
        }
        // After the repeated orders, so that nobody is told twice in one turn.
        self.tell_late(now);
    }

    /// A resource without a command for this order: its process is told by signal (X4).
    fn signal(&mut self, index: usize, order: Order, now: Time) {
        let signal = if order == Order::Start { Signal::SIGUSR1 } else { Signal::SIGUSR2 };
        let Err(SignalError::NoProcess) = self.processes.signal(index, signal, now) else {
            self.untold.remove(&index);
            return;
        };
        self.untold.insert(index, order);
        // Normal in the first seconds of an application; the order is repeated.
        if let Some(suppressed) = self.troubles.pass(Trouble::NobodyToTell(index), now) {
            let name = &self.resources[index].config.name;
            info!(
                target: name,
                "{order}: there is no command for it and no process is believed yet, so nobody is told{suppressed}"
            );
        }
    }
}

/// The protocol.
impl Node {
    /// Lets every resource end (S9).
    pub fn shut_down(&mut self, now: Time) {
        for index in 0..self.resources.len() {
            self.give_up(index, now);
        }
    }

    /// Lets one resource end. A second time would be an order to hurry.
    fn give_up(&mut self, index: usize, now: Time) {
        if !std::mem::replace(&mut self.resources[index].given_up, true) {
            self.give(index, Event::Shutdown, now);
        }
    }

    /// Whether every resource has ended.
    pub fn has_ended(&self) -> bool {
        self.resources.iter().all(|resource| resource.ended)
    }

    /// Hands an event to a resource and carries out the answer. Returns a refusal, if there was one.
    fn give(&mut self, index: usize, event: Event, now: Time) -> Option<Refusal> {
        let resource = &mut self.resources[index];
        if resource.ended {
            return None;
        }
        let before = resource.protocol.state().name();
        let actions = resource.protocol.handle(now, event);
        // What was noticed explains the change of state, so it is logged first.
        for action in &actions {
            self.take_notice(index, *action);
        }
        self.log_transition(index, before);
        let mut refused = None;
        for action in actions {
            refused = self.carry_out(index, action, now).or(refused);
        }
        self.reschedule(index);
        refused
    }

    fn carry_out(&mut self, index: usize, action: Action, now: Time) -> Option<Refusal> {
        let resource = &mut self.resources[index];
        match action {
            Action::Send { code, random, extended } => {
                let datagram = resource.datagram(code, random, extended, &self.host);
                debug!(target: &resource.config.name, "to peer: {code}");
                if let Err(error) = self.link.send_to_peer(&datagram) {
                    self.peer_door.last_error = Some(format!("TX Error: {error}"));
                    warn_once(&mut self.troubles, Trouble::Send, now, || {
                        format!("can't send to the peer: {error}")
                    });
                }
            }
            Action::Activate | Action::Start | Action::Stop | Action::Deactivate { .. } | Action::Barrier => {
                self.executor.order(index, action, now);
                if let Some(facts) = self.executor.facts_mut(index) {
                    facts.local_reason.clone_from(&resource.local.reason);
                    facts.remote_reason.clone_from(&resource.remote.reason);
                }
            }
            Action::Refuse(refusal) => {
                warn!(target: &resource.config.name, "not carried out: {}", wording::refusal(refusal));
                return Some(refusal);
            }
            Action::Notice(_) => {}
            Action::Exit => {
                if matches!(resource.protocol.state().name(), StateName::Hot | StateName::ToHot) {
                    let name = &resource.config.name;
                    info!(target: name, "no peer can take over: application and address stay as they are");
                }
                resource.ended = true;
            }
        }
        None
    }

    fn take_notice(&mut self, index: usize, action: Action) {
        let Action::Notice(notice) = action else { return };
        let resource = &mut self.resources[index];
        match notice {
            Notice::AppSilent => resource.app_silent(),
            Notice::PeerLost => resource.peer_silent(),
            Notice::PeerSeen
            | Notice::TakeoverUnanswered
            | Notice::Paused
            | Notice::GoingHotTimeout
            | Notice::GoingStandbyTimeout => {}
        }
        let (level, text) = wording::notice(notice);
        log!(target: &resource.config.name, level, "{text}");
    }

    fn log_transition(&self, index: usize, before: StateName) {
        let resource = &self.resources[index];
        let after = resource.protocol.state().name();
        // Both parts of a planned hand-over are shown as "transiting_to_standby".
        if before.legacy_str() == after.legacy_str() {
            return;
        }
        // One event can have several causes: a late heartbeat for example finds the peer silent, too.
        let reaction = resource.protocol.record().last_reaction();
        let change = reaction.and_then(|reaction| reaction.transitions.iter().rfind(|step| step.is_change()));
        let cause = change.map(|change| wording::cause(change.cause)).unwrap_or_default();
        let level = if after == StateName::Failed { Level::Error } else { Level::Info };
        log!(target: &resource.config.name, level, "{} -> {}: {cause}", before.legacy_str(), after.legacy_str());
    }

    fn reschedule(&mut self, index: usize) {
        let next = self.resources[index].protocol.next_deadline();
        let old = std::mem::replace(&mut self.scheduled[index], next);
        self.deadlines.remove(&(old, index));
        if !self.resources[index].ended {
            self.deadlines.insert((next, index));
        }
        self.forget_if_gone(index);
    }
}

fn warn_once<K: Ord>(limit: &mut RateLimited<K>, about: K, now: Time, text: impl FnOnce() -> String) {
    if let Some(suppressed) = limit.pass(about, now) {
        warn!("{}{suppressed}", text());
    }
}
