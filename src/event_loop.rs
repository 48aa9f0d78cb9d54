//! The one thread that owns the state: it turns readiness into calls of [`Node`], in a fixed order, and
//! does nothing that can block.
//!
//! A turn: poll; take in what arrived, the peer first; then children, processes and orders; then whatever is
//! due. Datagrams come before deadlines, so that our own lateness is not taken for the peer's silence (S11).
//! Every step of a turn is bounded, so that no source can starve another (T5).

use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use log::{info, warn};
use mio::event::Event as Readiness;
use mio::{Events, Interest, Poll, Token, Waker};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook_mio::v1_0::Signals;

use crate::admin::Request;
use crate::clock;
use crate::config::OnExit;
use crate::node::Node;
use crate::notify::Notifier;
use crate::reload::Reloader;

/// Something was put into a channel for this thread.
const WAKE: Token = Token(0);
const SIGNALS: Token = Token(1);
/// First token of the UDP sockets, at most fourteen.
pub const LINK: usize = 2;
const LINK_TOKENS: usize = 14;
/// First token that the pipes of commands may use, ten for each resource.
pub const PIPES: usize = LINK + LINK_TOKENS;
/// First token that the processes of applications may use. The largest configuration has less than a million
/// resources (16 MiB), so the pipes never come that far.
pub const PROCESSES: usize = 1 << 24;

/// Datagrams taken from one socket in one turn, and how long that may take: a thousand resources' heartbeats
/// are a few milliseconds, but one datagram that somebody made for it costs as much (T5).
const BATCH: usize = 1024;
const BATCH_TIME: Duration = Duration::from_millis(5);

/// A heartbeat that is late by more than this means that datagrams may have piled up.
const LATE: Duration = Duration::from_millis(100);
/// How long they are taken in then: far more than what a socket's receive buffer holds of honest ones needs.
const DRAIN_TIME: Duration = Duration::from_millis(100);

/// Requests of the status page that may wait; while the queue is full the page answers "busy".
pub const REQUESTS: usize = 16;

/// As much as the legacy daemon read of one datagram; the rest is cut off.
const DATAGRAM: usize = schrittmacher_wire::MAX_RECEIVED;

/// Why the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every resource has handed over, or had nothing to hand over.
    Released,
    /// At once, by SIGQUIT, a second signal, or because `on-exit = leave`: application and address stay.
    Left,
}

/// The loop.
pub struct EventLoop {
    poll: Poll,
    signals: Signals,
    node: Node,
    requests: Receiver<Request>,
    /// Sockets that may have more datagrams; readiness is reported only once.
    readable: Vec<bool>,
    buffer: Box<[u8]>,
    notifier: Notifier,
    reloader: Reloader,
    ending: bool,
}

/// Makes the poll, and the handle by which other threads wake it.
pub fn poll() -> io::Result<(Poll, Arc<Waker>)> {
    let poll = Poll::new()?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
    Ok((poll, waker))
}

impl EventLoop {
    /// A loop that begins by looking at every source.
    pub fn new(
        poll: Poll,
        node: Node,
        requests: Receiver<Request>,
        notifier: Notifier,
        reloader: Reloader,
    ) -> io::Result<EventLoop> {
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGCHLD, SIGUSR1, SIGUSR2])?;
        poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
        Ok(EventLoop {
            readable: vec![true; node.link().len()],
            buffer: vec![0; DATAGRAM].into_boxed_slice(),
            poll,
            signals,
            node,
            requests,
            notifier,
            reloader,
            ending: false,
        })
    }

    /// Runs until the daemon ends.
    pub fn run(&mut self) -> io::Result<End> {
        self.notifier.ready("running");
        let mut events = Events::with_capacity(256);
        loop {
            self.wait(&mut events)?;
            for event in &events {
                self.note(event);
            }
            self.drain();
            if let Some(end) = self.take_signals() {
                return Ok(end);
            }
            self.take_requests();
            if !self.ending {
                self.reloader.apply(&mut self.node);
            }
            let now = clock::now();
            self.node.on_time(now);
            if self.ending && self.node.has_ended() {
                return Ok(End::Released);
            }
        }
    }

    fn wait(&mut self, events: &mut Events) -> io::Result<()> {
        let more = self.readable.contains(&true);
        let timeout = if more {
            Some(Duration::ZERO)
        } else {
            self.node.next_deadline().map(|deadline| deadline.since(clock::now()))
        };
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            result => result,
        }
    }

    /// Notes what is ready. Children and processes are looked at here: their work is bounded by themselves.
    fn note(&mut self, event: &Readiness) {
        let token = event.token();
        if token == WAKE || token == SIGNALS {
            // Both are looked at in every turn.
        } else if self.node.link().owns(token) {
            self.readable[token.0 - LINK] = true;
        } else {
            self.node.on_ready(token, clock::now());
        }
    }

    /// Takes in what arrived. When this thread is late, everything that waited has to be heard before time is
    /// acted on (S11), within limits: a flood must not stop the heartbeat.
    fn drain(&mut self) {
        let began = clock::now();
        let late = self.node.next_tick().is_some_and(|due| began.since(due) > LATE);
        if late {
            // The poll may not have said so: a process that was stopped finds it interrupted.
            self.readable.fill(true);
        }
        loop {
            self.take_datagrams();
            let more = self.readable.contains(&true);
            if !(late && more && clock::now().since(began) < DRAIN_TIME) {
                return;
            }
        }
    }

    /// Takes in what arrived, a bounded part of it, from the peer link first.
    fn take_datagrams(&mut self) {
        for index in 0..self.readable.len() {
            if self.readable[index] {
                self.take_from(index);
            }
        }
    }

    fn take_from(&mut self, index: usize) {
        let port = self.node.link().port(index);
        let began = clock::now();
        for _ in 0..BATCH {
            let now = clock::now();
            if now.since(began) > BATCH_TIME {
                return;
            }
            match self.node.link().receive(index, &mut self.buffer) {
                Ok(Some((datagram, source))) => self.node.receive(datagram, source, port, now),
                Ok(None) => {
                    self.readable[index] = false;
                    return;
                }
                Err(error) => {
                    // The next datagram reports the socket as readable again.
                    self.readable[index] = false;
                    return self.node.receive_failed(port, &error, now);
                }
            }
        }
    }

    fn take_signals(&mut self) -> Option<End> {
        for signal in self.signals.pending().collect::<Vec<_>>() {
            let now = clock::now();
            match signal {
                SIGCHLD => self.node.on_child(now),
                SIGQUIT => {
                    info!("SIGQUIT: ending at once; applications and addresses stay as they are");
                    return Some(End::Left);
                }
                SIGTERM | SIGINT if self.ending || self.node.core().on_exit == OnExit::Leave => {
                    info!("ending; applications and addresses stay as they are");
                    return Some(End::Left);
                }
                SIGTERM | SIGINT => {
                    info!("asked to end: handing over what is hot (a second signal ends at once)");
                    self.ending = true;
                    self.notifier.stopping();
                    self.node.shut_down(now);
                }
                SIGHUP if self.ending => {}
                SIGHUP => self.reloader.request(),
                SIGUSR1 | SIGUSR2 => {
                    warn!(
                        "an order for an application (SIGUSR1 or SIGUSR2) was sent to this daemon; ignored"
                    );
                }
                _ => {}
            }
        }
        None
    }

    fn take_requests(&mut self) {
        let now = clock::now();
        self.node.on_wake(now);
        // Bounded by the queue's size, and by the page's own limits.
        for request in self.requests.try_iter().take(REQUESTS) {
            self.node.answer(request, now);
        }
    }
}
