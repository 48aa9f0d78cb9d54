//! Questions to the neighbours whether somebody else has an address.

use std::collections::{BTreeSet, HashMap};
use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use super::PROBES;
use crate::Address;
use crate::frame::{self, Mac};
use crate::kernel::{Link, Listener, Sender};

/// Before the first question about an address that was taken: a side that has failed may still be removing it.
const DELAY: Duration = Duration::from_millis(500);
/// Between two such questions, and after the last one. A frame may be lost, so there are two.
const PAUSE: Duration = Duration::from_millis(500);
/// The same for an address that is wanted: a service waits for the outcome.
const SHORT_PAUSE: Duration = Duration::from_millis(100);
/// Questions about addresses that were taken, of one interface and family at a time: further ones are not asked.
const MOST: usize = 256;

/// An interface, and whether IPv6.
type Wire = (u32, bool);

/// What is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum About {
    /// An address that this service has taken.
    Taken { id: usize },
    /// One that it wants; its job has this ticket.
    Wanted { id: usize, ticket: u64 },
}

/// Another host has the address.
pub(super) struct Answer {
    pub question: About,
    pub address: Address,
    pub mac: Mac,
}

#[derive(Debug)]
struct Question {
    about: About,
    address: Address,
    /// When it is asked next, or else over.
    due: Duration,
    /// How often it is still to be asked.
    left: u8,
}

impl Question {
    fn is_wanted(&self) -> bool {
        matches!(self.about, About::Wanted { .. })
    }

    fn pause(&self) -> Duration {
        match self.about {
            About::Taken { .. } => PAUSE,
            About::Wanted { .. } => SHORT_PAUSE,
        }
    }
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
    /// Plans a question; `false` if it cannot be asked, as a system may refuse the socket.
    pub fn ask(
        &mut self,
        about: About,
        address: Address,
        link: &Link,
        registry: &Registry,
        now: Duration,
    ) -> bool {
        let Some(own) = link.mac else { return false };
        let wire = (link.index, address.ip.is_ipv6());
        if !self.ears.contains_key(&wire) {
            let Ok(listener) = Listener::open(wire.0, wire.1) else { return false };
            let token = Token(PROBES + self.next_token % 1024);
            self.next_token += 1;
            if registry.register(&mut SourceFd(&listener.as_raw_fd()), token, Interest::READABLE).is_err() {
                return false;
            }
            self.ears.insert(wire, Ear { listener, own, questions: Vec::new() });
        }
        let Some(ear) = self.ears.get_mut(&wire) else { return false };
        let (due, left) = match about {
            About::Taken { .. } if ear.questions.len() >= MOST => return false,
            About::Taken { .. } => (now + DELAY, 2),
            About::Wanted { .. } => (now, 3),
        };
        ear.questions.push(Question { about, address, due, left });
        true
    }

    /// The hosts that have answered; each question has one answer. A service that wants several addresses needs no second one.
    pub fn answers(&mut self) -> Vec<Answer> {
        let mut answers: Vec<Answer> = Vec::new();
        let mut buffer = [0; 128];
        for ear in self.ears.values_mut() {
            while let Ok(Some(frame)) = ear.listener.receive(&mut buffer) {
                ear.questions.retain(|question| {
                    let holder = frame::holder(frame, question.address.ip).filter(|mac| *mac != ear.own);
                    let Some(mac) = holder else { return true };
                    answers.retain(|answer| answer.question != question.about || !question.is_wanted());
                    answers.push(Answer { question: question.about, address: question.address, mac });
                    false
                });
            }
        }
        let is_answered = |about: About| answers.iter().any(|answer| answer.question == about);
        for ear in self.ears.values_mut() {
            ear.questions.retain(|question| !question.is_wanted() || !is_answered(question.about));
        }
        answers
    }

    /// Asks what is due. Ends the questions whose time is over, and those about the addresses of a service that has given them
    /// back. Returns the services and tickets whose addresses nobody has.
    pub fn on_time(
        &mut self,
        now: Duration,
        sender: &Sender,
        is_over: impl Fn(usize) -> bool,
    ) -> Vec<(usize, u64)> {
        let mut ended = BTreeSet::new();
        for ((index, _), ear) in &mut self.ears {
            ear.questions.retain_mut(|question| {
                if let About::Taken { id } = question.about
                    && is_over(id)
                {
                    return false;
                }
                if question.due > now {
                    return true;
                }
                if question.left == 0 {
                    ended.insert(question.about);
                    return false;
                }
                question.left -= 1;
                question.due = now + question.pause();
                let _ = sender.send(*index, &frame::probe(ear.own, question.address.ip));
                true
            });
        }
        // A closed socket leaves the poll by itself.
        self.ears.retain(|_, ear| !ear.questions.is_empty());
        ended.retain(|about| {
            !self.ears.values().flat_map(|ear| &ear.questions).any(|one| one.about == *about)
        });
        let free = |about: About| match about {
            About::Wanted { id, ticket } => Some((id, ticket)),
            About::Taken { .. } => None,
        };
        ended.into_iter().filter_map(free).collect()
    }

    pub fn due(&self) -> Option<Duration> {
        self.ears.values().flat_map(|ear| &ear.questions).map(|question| question.due).min()
    }
}
