//! Datagrams, from the sockets to the node: bounded in number and in time.

use std::time::Duration;

use super::clock;
use crate::app_socket::{AppSocket, Next};
use crate::node::Node;
use crate::udp::{Batch, is_answer};

/// Datagrams taken from one socket in one turn, and the time for them. The heartbeats of a thousand resources come at once,
/// and a flood must leave time for everything else.
const BATCH: usize = 1024;
const BATCH_TIME: Duration = Duration::from_millis(5);

/// How late we are when everything that waits is taken in first.
const LATE: Duration = Duration::from_millis(100);
/// How long they are taken in then: far more than a socket's receive buffer full of honest ones needs.
const DRAIN_TIME: Duration = Duration::from_millis(100);

/// As much as is read of one report by the application socket.
const REPORT: usize = schrittmacher_wire::MAX_RECEIVED;

/// Which sockets may have datagrams; the poll reports each readiness only once.
pub(super) struct Intake {
    readable: Vec<bool>,
    batch: Batch,
    buffer: Box<[u8]>,
}

impl Intake {
    /// Begins by looking at every one of these sockets.
    pub(super) fn new(sockets: usize) -> Intake {
        Intake {
            readable: vec![true; sockets],
            batch: Batch::new(),
            buffer: vec![0; REPORT].into_boxed_slice(),
        }
    }

    /// The poll has reported this socket.
    pub(super) fn note(&mut self, socket: usize) {
        self.readable[socket] = true;
    }

    /// Whether a socket may have more.
    pub(super) fn has_more(&self, node: &mut Node) -> bool {
        self.readable.contains(&true) || node.app_socket().is_some_and(|socket| socket.has_more())
    }

    /// Takes in the datagrams. When this thread is late, all that wait have to be heard before time is acted on (S11), within
    /// limits: a flood must not stop the heartbeat.
    pub(super) fn drain(&mut self, node: &mut Node) {
        let began = clock::now();
        let lateness = node.next_tick().map(|due| began.since(due)).filter(|late| *late > LATE);
        let late = lateness.is_some();
        if let Some(lateness) = lateness {
            node.note_stall(lateness);
            // The poll may not have said so: a process that was stopped finds it interrupted.
            self.readable.fill(true);
            if let Some(socket) = node.app_socket() {
                socket.note_all();
            }
        }
        loop {
            // The peer link is the first socket.
            for socket in 0..self.readable.len() {
                if self.readable[socket] {
                    self.take_from(socket, node);
                }
            }
            self.take_from_applications(node);
            if !(late && self.has_more(node) && clock::now().since(began) < DRAIN_TIME) {
                return;
            }
        }
    }

    fn take_from(&mut self, socket: usize, node: &mut Node) {
        let began = clock::now();
        let (mut taken, mut now) = (0, began);
        while taken < BATCH && now.since(began) <= BATCH_TIME {
            match node.link().receive(socket, &mut self.batch) {
                Ok(()) => {}
                Err(error) if is_answer(&error) => {
                    node.peer_does_not_listen(&error, now);
                    // Each costs a call, too.
                    taken += 1;
                    now = clock::now();
                    continue;
                }
                Err(error) => {
                    // The next datagram reports the socket as readable again.
                    self.readable[socket] = false;
                    return node.receive_failed(node.link().port(socket), &error, now);
                }
            }
            let mut number = 0;
            while let Some((datagram, source)) = self.batch.datagram(number) {
                // Those of one call have come by now.
                node.receive(datagram, source, socket, now);
                number += 1;
            }
            if !self.batch.is_full() {
                // One that arrives from now on reports the socket anew.
                self.readable[socket] = false;
                return;
            }
            taken += number;
            now = clock::now();
        }
    }

    fn take_from_applications(&mut self, node: &mut Node) {
        // Those that have said too much are heard again after a time.
        let has_work = |socket: &mut AppSocket| socket.has_more() || socket.next_deadline().is_some();
        if !node.app_socket().is_some_and(has_work) {
            return;
        }
        let began = clock::now();
        for _ in 0..BATCH {
            let now = clock::now();
            let Some(socket) = node.app_socket().filter(|_| now.since(began) <= BATCH_TIME) else { return };
            match socket.receive(&mut self.buffer, now) {
                Some(Next::Message(message, credentials)) => node.receive_locally(message, credentials, now),
                Some(Next::Impostor(impostor)) => node.refuse_impostor(impostor, now),
                None => return,
            }
        }
    }
}
