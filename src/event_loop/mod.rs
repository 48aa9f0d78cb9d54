//! The one thread that owns the state: it turns readiness into calls of [`Node`], in a fixed order, and does nothing
//! that can block.
//!
//! A turn: poll; take in what arrived, the peer first; then children, processes and orders; then everything that is
//! due. Datagrams come before deadlines, so that our own lateness is not taken for the peer's silence (S11). Every step
//! of a turn is bounded, so that no source can starve another (T5).
//!
//! * `clock`: the time
//! * `intake`: datagrams, from the sockets to the node
//! * `reloader`: the thread that reads the configuration
//! * `polls`: how soon each source is looked at; `rest`: turns that are taken together
//! * `signals`: what each signal means
//! * `timer`: when it is woken although nothing has happened

pub mod clock;
mod intake;
mod polls;
pub mod reloader;
mod rest;
mod signals;
mod timer;

use std::io;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use mio::event::Event as Readiness;
use mio::{Events, Interest};
use signal_hook_mio::v1_0::Signals;

use schrittmacher_protocol::Time;

use self::intake::Intake;
pub use self::polls::{Polls, Urgency};
use self::reloader::Reloader;
use self::timer::Timer;
use crate::admin::AdminRequest;
use crate::event_hook::EventHook;
use crate::kept::{History, Keeper};
use crate::node::Node;
use crate::startup::notify::Notifier;
use crate::token::Source;

/// Requests of the status page that may wait; while the queue is full the page answers "busy".
pub const REQUESTS: usize = 16;

/// Why the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoopEnd {
    /// Every resource has handed over, or had nothing to hand over.
    Released,
    /// At once, by SIGQUIT, a second signal, or because `on-exit = leave`: application and address stay.
    Left,
}

/// The loop.
pub struct EventLoop {
    polls: Polls,
    timer: Timer,
    signals: Signals,
    node: Node,
    intake: Intake,
    requests: Receiver<AdminRequest>,
    notifier: Notifier,
    reloader: Reloader,
    keeper: Keeper,
    /// The poll has reported signals.
    has_signals: bool,
    /// It has reported nothing but datagrams since the last whole turn.
    only_heard: bool,
    ending: bool,
    /// When the service manager is told that this loop turns.
    alive_due: Option<Time>,
    /// SIGQUIT has come: the end, once the configuration file was looked at, at this time at the latest.
    quit_until: Option<Time>,
}

impl EventLoop {
    /// A loop that begins by looking at every source.
    pub fn new(
        polls: Polls,
        node: Node,
        requests: Receiver<AdminRequest>,
        notifier: Notifier,
        reloader: Reloader,
        keeper: Keeper,
    ) -> io::Result<EventLoop> {
        let mut signals = Signals::new(signals::TAKEN)?;
        let registry = polls.registry(Urgency::Work);
        registry.register(&mut signals, Source::Signals.into(), Interest::READABLE)?;
        Ok(EventLoop {
            intake: Intake::new(node.link().len()),
            alive_due: notifier.watchdog.map(|_| clock::now()),
            timer: Timer::new(polls.registry(Urgency::Urgent))?,
            polls,
            signals,
            node,
            requests,
            notifier,
            reloader,
            keeper,
            has_signals: true,
            only_heard: false,
            ending: false,
            quit_until: None,
        })
    }

    /// Runs until the daemon ends.
    pub fn run(&mut self) -> io::Result<LoopEnd> {
        self.notifier.ready("running");
        self.node.link().forget_waiting();
        let mut events = Events::with_capacity(256);
        let mut deadline = self.deadline();
        loop {
            self.wait(&mut events, deadline)?;
            loop {
                for event in &events {
                    self.note(event);
                }
                if !self.polls.next(&mut events)? {
                    break;
                }
            }
            self.intake.drain(&mut self.node);
            deadline = self.deadline();
            if !self.has_more_to_do(deadline) {
                continue;
            }
            self.only_heard = true;
            if let Some(end) = self.take_signals() {
                return Ok(end);
            }
            self.take_requests();
            if !self.ending {
                self.reloader.apply(&mut self.node, &mut self.keeper);
            }
            if self.notifier.is_heard()
                && let Some(summary) = self.node.take_summary(clock::now())
            {
                self.notifier.status(&summary);
            }
            if self.node.take_met_peer() {
                self.keeper.known_peer(self.node.core());
            }
            // One time for the rest of the turn: what follows takes microseconds.
            let now = clock::now();
            if let Some(freezes) = self.node.take_freezes(now)
                && !self.keeper.freezes(freezes)
            {
                self.node.freezes_are_not_kept();
            }
            if let Some(end) = self.quit() {
                return Ok(end);
            }
            self.node.on_time(now);
            self.polls.give_way(self.node.take_told());
            if self.keeper.takes_epochs()
                && let Some(epochs) = self.node.take_epochs(now)
                && !self.keeper.epochs(epochs)
            {
                self.node.epochs_are_not_kept();
            }
            if let Some(kept) = self.keeper.kept_promises() {
                self.node.promises_are_kept(kept, now);
            }
            if let Some(promises) = self.node.take_promises(now)
                && !self.keeper.promises(promises)
            {
                self.node.promises_are_kept(None, now);
            }
            self.feed_watchdog();
            self.node.feed_watchdog(now);
            if self.ending && self.node.has_ended() {
                return Ok(LoopEnd::Released);
            }
            deadline = self.deadline();
        }
    }

    /// Whether this end leaves an application or an address as it is, so that nobody shall take it for a failure.
    pub fn has_left_service(&self, end: LoopEnd) -> bool {
        end == LoopEnd::Left || self.node.has_left_service()
    }

    /// Lets go of the host's watchdog: this end is in good order.
    pub fn release_watchdog(&mut self) {
        self.node.release_watchdog();
    }

    /// The names of the resources that this end leaves hot.
    pub fn left_hot(&self) -> Vec<String> {
        self.node.left_hot()
    }

    /// Hands the sockets to the service manager: no other program shall have the ports until this one is back.
    pub fn keep_sockets(&self) {
        self.notifier.keep(&self.node.link().descriptors());
    }

    /// The history that this node tells.
    pub fn history(&self) -> History {
        self.node.history()
    }

    /// The hook that is told of this node's events.
    pub fn event_hook(&self) -> EventHook {
        self.node.event_hook()
    }

    /// The keeper has the files still to be written.
    pub fn into_keeper(mut self) -> Keeper {
        if let Some(epochs) = self.node.last_epochs() {
            self.keeper.epochs(epochs);
        }
        self.keeper
    }

    /// When something happens without an event.
    fn deadline(&self) -> Option<Time> {
        let summary = self.node.next_summary().filter(|_| self.notifier.is_heard());
        let epochs = self.node.next_epochs().filter(|_| self.keeper.takes_epochs());
        let deadlines = [self.node.next_deadline(), summary, epochs, self.quit_until, self.alive_due];
        deadlines.into_iter().flatten().min()
    }

    /// Whether this turn goes on. Most have only heard what was known: to look for anything else would take longer than that.
    fn has_more_to_do(&mut self, deadline: Option<Time>) -> bool {
        let is_due = deadline.is_some_and(|due| due <= clock::now());
        !self.only_heard || is_due || self.ending || self.node.take_stirred()
    }

    fn wait(&mut self, events: &mut Events, deadline: Option<Time>) -> io::Result<()> {
        let has_more = self.intake.has_more(&mut self.node);
        let timeout = if has_more { Some(Duration::ZERO) } else { self.timer.set(deadline) };
        self.polls.set_patience(self.node.patience_with_reports());
        self.polls.wait(events, timeout)
    }

    /// After a whole turn, and from no other thread: a service manager that hears nothing starts the daemon anew.
    fn feed_watchdog(&mut self) {
        if let (Some(due), Some(period)) = (self.alive_due, self.notifier.watchdog) {
            let now = clock::now();
            if due <= now {
                self.notifier.alive();
                self.alive_due = Some(now + period);
            }
        }
    }

    /// Notes what is ready. Children and processes are looked at here: their work is bounded by themselves.
    fn note(&mut self, event: &Readiness) {
        let token = event.token();
        let source = Source::of(token);
        self.only_heard &= matches!(
            source,
            Some(Source::Timer | Source::Reports | Source::Socket(_) | Source::AppConnection(_))
        );
        match source {
            // What wakes the loop is looked at in every turn.
            Some(Source::Wake | Source::Timer | Source::Work | Source::Reports) => {}
            Some(Source::Signals) => self.has_signals = true,
            Some(Source::Socket(index)) => self.intake.note(index),
            Some(Source::Pipe(pipe)) => self.node.on_pipe(pipe),
            Some(Source::Process(resource)) => self.node.on_process(resource, clock::now()),
            Some(Source::AppSocket) => self.node.note_app_caller(),
            Some(Source::AppConnection(index)) => self.node.note_app_connection(index),
            None => debug_assert!(false, "{token:?} was never given out"),
        }
    }

    fn take_requests(&mut self) {
        let now = clock::now();
        self.node.on_wake(now);
        // Bounded by the queue's size, and by the page's own limits.
        for request in self.requests.try_iter().take(REQUESTS) {
            match self.node.answer(request, now) {
                Some(request) if self.ending => {
                    request.reply.send(reloader::refused("the daemon is about to end"));
                }
                Some(request) => self.reloader.request(Some(request)),
                None => {}
            }
        }
    }
}
