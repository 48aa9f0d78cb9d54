//! Questions to the neighbours whether somebody else has an address.

use std::collections::HashMap;
use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use super::PROBES;
use crate::Address;
use crate::frame::{self, Mac};
use crate::kernel::{Link, Listener, Sender};

/// Before the first question: a side that has failed may still be removing the address.
const DELAY: Duration = Duration::from_millis(500);
/// Each question is asked twice: a frame may be lost.
const AGAIN: Duration = Duration::from_millis(500);
/// How long an answer to the second one is waited for.
const PATIENCE: Duration = Duration::from_millis(500);
/// Questions of one interface and family at a time: further ones are not asked.
const MOST: usize = 256;

/// An interface, and whether IPv6.
type Wire = (u32, bool);

#[derive(Debug)]
struct Question {
    id: usize,
    address: Address,
    /// When to ask next.
    ask: Option<Duration>,
    /// How often it was asked.
    asked: u8,
    until: Duration,
}

#[derive(Debug)]
struct Ear {
    listener: Listener,
    own: Mac,
    questions: Vec<Question>,
}

/// Every question that is open. A socket is there only as long as it has one, since it hears every frame of its kind.
#[derive(Debug, Default)]
pub(super) struct Probes {
    ears: HashMap<Wire, Ear>,
    next_token: usize,
}

impl Probes {
    /// Plans a question. A system that refuses leaves the question unasked: it delays and decides nothing.
    pub fn ask(&mut self, id: usize, address: Address, link: &Link, registry: &Registry, now: Duration) {
        let Some(own) = link.mac else { return };
        let wire = (link.index, address.ip.is_ipv6());
        if !self.ears.contains_key(&wire) {
            let Ok(listener) = Listener::open(wire.0, wire.1) else { return };
            let token = Token(PROBES + self.next_token % 1024);
            self.next_token += 1;
            if registry.register(&mut SourceFd(&listener.as_raw_fd()), token, Interest::READABLE).is_err() {
                return;
            }
            self.ears.insert(wire, Ear { listener, own, questions: Vec::new() });
        }
        if let Some(ear) = self.ears.get_mut(&wire).filter(|ear| ear.questions.len() < MOST) {
            let until = now + DELAY + AGAIN + PATIENCE;
            ear.questions.push(Question { id, address, ask: Some(now + DELAY), asked: 0, until });
        }
    }

    /// The hosts that have answered; each question has one answer.
    pub fn answers(&mut self) -> Vec<(usize, Address, Mac)> {
        let mut answers = Vec::new();
        let mut buffer = [0; 128];
        for ear in self.ears.values_mut() {
            while let Ok(Some(frame)) = ear.listener.receive(&mut buffer) {
                ear.questions.retain(|question| {
                    let holder = frame::holder(frame, question.address.ip).filter(|mac| *mac != ear.own);
                    answers.extend(holder.map(|mac| (question.id, question.address, mac)));
                    holder.is_none()
                });
            }
        }
        answers
    }

    /// Asks what is due; ends the questions whose time is over, and those of a service that has given its addresses back.
    pub fn on_time(&mut self, now: Duration, sender: &Sender, is_over: impl Fn(usize) -> bool) {
        for ((index, _), ear) in &mut self.ears {
            ear.questions.retain(|question| now < question.until && !is_over(question.id));
            for question in &mut ear.questions {
                if question.ask.take_if(|due| *due <= now).is_some() {
                    question.asked += 1;
                    question.ask = (question.asked < 2).then_some(now + AGAIN);
                    let _ = sender.send(*index, &frame::probe(ear.own, question.address.ip));
                }
            }
        }
        // A closed socket leaves the poll by itself.
        self.ears.retain(|_, ear| !ear.questions.is_empty());
    }

    pub fn due(&self) -> Option<Duration> {
        self.ears
            .values()
            .flat_map(|ear| &ear.questions)
            .map(|question| question.ask.unwrap_or(question.until))
            .min()
    }
}
