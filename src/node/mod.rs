//! Everything this node protects: it takes datagrams and orders in, asks the protocol, and carries out the answers.
//! It runs on the event loop's thread and never waits.
//!
//! * `hold`: why nothing is started; `elsewhere`: a resource that waits because another host has its address
//! * `intake`: datagrams
//! * `reaction`: what the protocol answers to an event; `deferred` which events it gets later
//! * `commands`: orders are carried out, and what the ends of commands mean; `unit` what the states of systemd's units do
//! * `batching`: many resources in one datagram
//! * `peer_auth`: which of the peer's datagrams count; `peer_run` those without a key
//! * `owed`: orders to applications that could not be given yet
//! * `resource`: one resource, with the words that travel beside it; `switch` and `story` what is told of it
//! * `narrator`: the log in sentences; `summary`: one line on everything; `paced`: what is not done in each turn; `patience` how long reports may wait
//! * `release`: the end of a planned hand-over; `ending` that of the daemon
//! * `reload`: a new configuration
//! * `operator`: the page and the operator's orders
//! * `epochs`: the numbers of promotions
//! * `right`: until when an application may serve
//! * `trips`: round trip and loss; `paths`: several ways to the same peer
//! * `isolation`: what the echoes to `ping-address` show
//! * `lost_host`: the peer's host is silent for all resources
//! * `promises`: the longest promises that may not be over
//! * `fence`: the host of a silent peer is off before this side takes over
//! * `witness`: the third vote, and the promises of both sides
//! * `set`: resources that are hot on one side together

mod batching;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod bench;
mod commands;
mod cut_off;
mod deferred;
mod elsewhere;
mod ending;
mod epochs;
mod fence;
pub mod freeze;
pub mod hold;
mod intake;
mod isolation;
mod lost_host;
mod narrator;
mod operator;
mod owed;
mod paced;
mod paths;
mod patience;
mod peer_auth;
mod peer_run;
pub mod promises;
mod reaction;
mod release;
mod reload;
mod resource;
mod right;
mod seeking;
mod set;
mod story;
mod summary;
mod switch;
mod trips;
mod unit;
mod witness;

pub use self::reload::Changes;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use log::warn;
use schrittmacher_auth::Runs;
use schrittmacher_protocol::{AppFailure, Event, LostHost, Seeker, Time};
use schrittmacher_wire::host;

use self::batching::Batching;
use self::deferred::Deferred;
use self::epochs::EpochMemory;
use self::fence::Fencing;
use self::hold::Memory;
use self::intake::{Door, Refused};
use self::isolation::Isolation;
use self::lost_host::Followers;
use self::paced::Paced;
use self::paths::Paths;
use self::patience::Patience;
use self::peer_auth::PeerAuth;
use self::resource::ManagedResource;
use self::trips::Trips;
use self::witness::Vote;
use crate::app_process::AppProcesses;
use crate::app_socket::AppSocket;
use crate::commands::{CommandKind, CommandReport, Executor, FIRST_REPORT};
use crate::deadlines::Deadlines;
use crate::event_hook::EventHook;
use crate::figures::NodeFigures;
use crate::kept::History;
use crate::logging::RateLimited;
use crate::udp::{Guard, Link};
use crate::watchdog::Watchdog;
use schrittmacher_config::{Config, Core};

/// At most one warning per cause in this time: the network decides how often the cause occurs.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// The other causes of warnings. Kept apart from what [`Refused`] has, so that a sender of ever new names cannot crowd them out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Warned {
    Receive(u16),
    /// By the number of the path.
    Send(u8),
    PeerDoesNotListen,
    NobodyToTell(usize),
    OrderRefused(usize),
}

/// This node.
pub struct Node {
    core: Core,
    /// `host` of our messages.
    host: String,
    resources: Vec<ManagedResource>,
    /// What each of them has not taken in yet.
    deferred: Vec<Deferred>,
    by_name: HashMap<Arc<str>, usize>,
    /// The members of each set, by name.
    sets: BTreeMap<String, Vec<usize>>,
    patience: Patience,
    /// More has happened than that a settled resource has heard what it knew.
    stirred: bool,
    /// When each resource wants its next tick.
    ticks: Deadlines,
    /// Until when each hand-over waits for its application.
    releases: Deadlines,
    /// When it is asked whether each address is elsewhere.
    probes: Deadlines,
    link: Link,
    guard: Guard,
    peer_auth: Option<PeerAuth>,
    runs: Runs,
    trips: Trips,
    paths: Paths,
    watchdog: Option<Watchdog>,
    batching: Batching,
    /// The third vote.
    vote: Vote,
    isolation: Isolation,
    fencing: Fencing,
    seeker: Seeker,
    lost_host: LostHost,
    /// The peer's host is silent, and resources may follow.
    followers: Option<Followers>,
    executor: Executor,
    processes: AppProcesses,
    app_socket: Option<AppSocket>,
    /// Orders to applications that could not be given yet.
    owed: BTreeMap<usize, CommandKind>,
    /// Applications that were told something.
    told: u32,
    unwanted: Refused,
    warned: RateLimited<Warned>,
    memory: Memory,
    /// Since this daemon started.
    has_heard_peer: bool,
    /// The operator was told that applications report by UDP.
    told_udp: bool,
    history: History,
    hook: EventHook,
    figures: NodeFigures,
    epochs: EpochMemory,
    /// What has to be kept of freezes has changed.
    freezes_changed: bool,
    /// The summary may have changed.
    news: Paced,
    /// The peer was heard for the first time ever, which has to be kept.
    met_peer: bool,
    app_door: Door,
    peer_door: Door,
}

impl Node {
    /// A node that starts now: every resource is due for its first tick.
    ///
    /// # Errors
    ///
    /// The system has no random numbers.
    pub fn new(
        config: Config,
        memory: Memory,
        link: Link,
        executor: Executor,
        processes: AppProcesses,
        app_socket: Option<AppSocket>,
        now: Time,
    ) -> io::Result<Node> {
        let peer_auth = PeerAuth::new(&config, now)?;
        let figures = NodeFigures {
            configuration: schrittmacher_config::fingerprint(&config),
            ..NodeFigures::default()
        };
        let Config { core, resources } = config;
        let mut node = Node {
            host: host::unified(core.local_address),
            guard: Guard::new(&core),
            peer_auth,
            runs: peer_run::begin()?,
            trips: Trips::new(now),
            paths: Paths::new(&core, now),
            watchdog: core.watchdog.as_deref().map(Watchdog::new),
            batching: Batching::default(),
            core,
            resources: Vec::with_capacity(resources.len()),
            deferred: Vec::new(),
            by_name: HashMap::new(),
            sets: BTreeMap::new(),
            patience: Patience::default(),
            stirred: true,
            ticks: Deadlines::default(),
            releases: Deadlines::default(),
            probes: Deadlines::default(),
            link,
            vote: Vote::default(),
            isolation: Isolation::default(),
            fencing: Fencing::default(),
            seeker: Seeker::default(),
            lost_host: LostHost::default(),
            followers: None,
            executor,
            processes,
            app_socket,
            owed: BTreeMap::new(),
            told: 0,
            unwanted: Refused::new(),
            warned: RateLimited::new(WARNING_INTERVAL),
            memory,
            has_heard_peer: false,
            told_udp: false,
            history: History::default(),
            hook: EventHook::default(),
            figures,
            epochs: EpochMemory::default(),
            freezes_changed: false,
            news: Paced::new(summary::PAUSE),
            met_peer: false,
            app_door: Door::default(),
            peer_door: Door::default(),
        };
        for resource in resources {
            let promised = node.memory.promises.of(&resource.name);
            let resource = ManagedResource::new(&node.core, resource, promised, now);
            node.push(resource, now);
        }
        node.share_settings();
        node.find_sets(now);
        node.tell_hold();
        node.news.note(true);
        Ok(node)
    }

    /// From now on what happens is told to this history.
    pub fn keep_history(&mut self, history: History) {
        self.history = history;
    }

    /// From now on this hook is told of events.
    pub fn tell_events(&mut self, hook: EventHook) {
        self.hook = hook;
    }

    /// The hook that is told.
    pub fn event_hook(&self) -> EventHook {
        self.hook.clone()
    }

    /// The history that is told.
    pub fn history(&self) -> History {
        self.history.clone()
    }

    /// Whether a service here must not go on without a daemon (`policy = consistent`): the peer may get the right to it.
    pub fn never_leaves(&self) -> bool {
        self.resources.iter().any(|resource| !resource.life.has_ended() && resource.never_leaves())
    }

    /// The configuration's `core` group that is in force.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// The UDP sockets.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// The Unix socket for applications, if there is one.
    pub fn app_socket(&mut self) -> Option<&mut AppSocket> {
        self.app_socket.as_mut()
    }

    /// An application may wait to connect.
    pub fn note_app_caller(&mut self) {
        if let Some(socket) = &mut self.app_socket {
            socket.note_caller();
        }
    }

    /// A connection of an application can be read.
    pub fn note_app_connection(&mut self, index: usize) {
        if let Some(socket) = &mut self.app_socket {
            socket.note(index);
        }
    }

    fn push(&mut self, mut resource: ManagedResource, now: Time) {
        resource.set_held(self.hold().is_some(), now);
        let index = self.resources.len();
        if resource.health.is_none() {
            self.executor.await_report(index, now + FIRST_REPORT);
        }
        if let Some(auth) = &mut self.peer_auth {
            auth.begin(index);
        }
        self.by_name.insert(Arc::clone(&resource.config.name), index);
        self.resources.push(resource);
        self.deferred.push(Deferred::default());
        self.recall_epochs(index, now);
        self.reschedule(index);
    }

    /// The settings have changed: those of neighbours in the file are mostly the same, and one copy is enough.
    fn share_settings(&mut self) {
        self.configure_patience();
        for index in 1..self.resources.len() {
            let (before, after) = self.resources.split_at_mut(index);
            after[0].protocol.share_settings(&before[index - 1].protocol);
        }
    }

    /// When something happens without an event.
    pub fn next_deadline(&self) -> Option<Time> {
        let app_socket = self.app_socket.as_ref().and_then(AppSocket::next_deadline);
        let watchdog = self.watchdog.as_ref().and_then(Watchdog::next_deadline);
        let witness = self.next_look_at_witness();
        let own = [
            watchdog,
            witness,
            self.next_fence(),
            self.next_promises(),
            self.next_tick(),
            self.followers.as_ref().map(|_| Time::ZERO),
            self.seeker.due(),
            self.releases.first(),
            self.probes.first(),
            self.processes.next_deadline(),
        ];
        let deadlines = own.into_iter().chain([self.executor.next_deadline(), app_socket]);
        deadlines.flatten().min()
    }

    /// Whether something may have to be done since this was asked last, and before the next deadline.
    pub fn take_stirred(&mut self) -> bool {
        let waits = self.patience.awaits() || !self.owed.is_empty() || self.releases.first().is_some();
        std::mem::take(&mut self.stirred) || waits
    }

    /// When the first resource wants its next tick.
    pub fn next_tick(&self) -> Option<Time> {
        self.ticks.first()
    }

    /// This turn began so long after something was due.
    pub fn note_stall(&mut self, late: Duration) {
        self.figures.stalled(late);
    }

    /// A pipe of a command can be read.
    pub fn on_pipe(&mut self, pipe: usize) {
        self.executor.on_readable(pipe);
    }

    /// The process of an application may have ended.
    pub fn on_process(&mut self, index: usize, now: Time) {
        if self.processes.on_pidfd(index) {
            self.resources[index].app_died();
            self.give(index, Event::AppFailed(AppFailure::Ended), now);
            self.release_if_stopped(index, now);
        }
    }

    /// Children may have ended.
    pub fn on_child(&mut self, now: Time) {
        self.executor.on_child_signal(now);
    }

    /// The thread that looks at processes may have found something out.
    pub fn on_wake(&mut self, now: Time) {
        self.hear_witness(now);
        self.hear_echoes(now);
        self.processes.on_worker_result(now);
    }

    /// Does everything that is due, then what the commands have to do.
    pub fn on_time(&mut self, now: Time) {
        self.ask_addresses(now);
        let defers = self.defers(now);
        // Each at most once a turn, so that the sockets always get theirs.
        for (number, index) in self.ticks.due(now).into_iter().enumerate() {
            if defers && self.defer_beat(index, now) {
                continue;
            }
            self.carry_out_portion(number, now);
            if let Some(due) =
                self.ticks.get(index).filter(|_| self.resources[index].protocol.machine().next_tick <= now)
            {
                self.figures.lateness.observe(now.since(due));
            }
            self.apply_freeze(index, now);
            if self.executor.waits_for_others(index, now) {
                self.give(index, Event::CommandWaits, now);
            }
            self.give(index, Event::Tick, now);
        }
        self.follow_host(now);
        self.send_waiting(now);
        self.seek(now);
        self.release_late(now);
        self.look_after_paths(now);
        self.look_at_witness(now);
        self.fence(now);
        self.carry_out_orders(now);
        // After the repeated orders, so that no application is told twice in one turn.
        self.settle_owed(now);
    }

    /// After a whole turn, and from no other thread: a host whose loop stands still while it is hot is reset.
    pub fn feed_watchdog(&mut self, now: Time) {
        let Some(watchdog) = &mut self.watchdog else { return };
        let serves = |resource: &ManagedResource| {
            use schrittmacher_protocol::StateName::{Hot, Releasing, ToHot};
            let state = resource.protocol.state().name();
            // After a restart the application is hot before the daemon knows its role.
            !resource.life.has_ended() && (matches!(state, Hot | ToHot | Releasing) || resource.app_is_hot())
        };
        let is_hot = self.resources.iter().any(serves);
        let configured = self.resources.iter().filter(|resource| !resource.life.has_ended());
        let limits = configured.map(|one| one.config.timeout.saturating_sub(one.config.heartbeat));
        watchdog.turn(is_hot, || limits.min().unwrap_or_default(), now);
    }

    /// The daemon ends in good order: the host is not reset for that.
    pub fn release_watchdog(&mut self) {
        self.watchdog.iter_mut().for_each(Watchdog::release);
    }

    /// Takes what the commands have reported.
    fn take_reports(&mut self, now: Time) {
        while let Some(report) = self.executor.next_report() {
            match report {
                CommandReport::StartBegan { resource } => {
                    self.give(resource, Event::StartBegan, now);
                }
                CommandReport::Released { resource } => self.commands_are_over(resource, now),
                CommandReport::Signal { resource, order } => self.signal(resource, order, now),
                CommandReport::Finished { resource, outcome } => self.command_ended(resource, outcome, now),
                CommandReport::Unit { resource, state } => self.unit_seen(resource, state, now),
                CommandReport::Interrupted { resource, ways, was_steady } => {
                    self.interface_lost(resource, &ways, was_steady, now);
                }
                CommandReport::StillCutOff { resource, why } => {
                    self.news.note(self.resources[resource].is_still_cut_off(why));
                }
                CommandReport::CutOff { resource, .. } if self.waits_longer(resource, now) => {}
                CommandReport::CutOff { resource, why } => {
                    self.resources[resource].is_cut_off(why);
                    self.give(resource, Event::CutOff, now);
                }
                CommandReport::AddressForeign { resource, holder } => {
                    self.resources[resource].address_is_foreign(holder);
                    self.news.note(true);
                }
                CommandReport::AddressPutBack { resource } => self.resources[resource].figures.put_back += 1,
                CommandReport::AddressHolder { resource, ticket, holder } => {
                    self.address_holder(resource, ticket, holder, now);
                }
                CommandReport::Reconnected { resource } => {
                    self.give(resource, Event::Reconnected, now);
                }
            }
        }
    }
}

fn warn_once<K: Ord>(limit: &mut RateLimited<K>, about: K, now: Time, text: impl FnOnce() -> String) {
    if let Some(suppressed) = limit.pass(about, now) {
        warn!("{}{suppressed}", text());
    }
}
