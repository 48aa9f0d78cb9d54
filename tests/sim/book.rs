//! Everything that is written down of one run.

use std::time::Duration;

use schrittmacher_protocol::StateName;
use schrittmacher_simulation::{Host, Link, Node, Step, Watch};

use crate::faults::{Fault, Mark};
use crate::program::Program;
use crate::promises::Promises;
use crate::tally::Tally;
use crate::timeline::Timeline;

/// What looks at a run.
pub struct Book {
    pub promises: Promises,
    pub tally: Tally,
    pub timeline: Option<Timeline>,
}

impl Book {
    pub fn new(with_timeline: bool) -> Book {
        Book {
            promises: Promises::new(),
            tally: Tally::default(),
            timeline: with_timeline.then(Timeline::default),
        }
    }

    pub fn struck(&mut self, now: Duration, fault: Fault) {
        self.tally.faults += fault.weight();
        self.promises.struck(fault);
        if let Some(timeline) = &mut self.timeline {
            timeline.fault(now, fault);
        }
    }

    pub fn marked(&mut self, now: Duration, mark: Mark) {
        self.promises.marked(now, mark);
        if let Some(timeline) = &mut self.timeline {
            timeline.mark(now, mark);
        }
        self.note_broken();
    }

    fn note_broken(&mut self) {
        if let Some(timeline) = &mut self.timeline {
            timeline.broken(&self.promises.broken);
        }
    }
}

impl Watch<Program> for Book {
    fn pass(&mut self, from: Duration, to: Duration, hosts: &[Host<Program>; 2], link: &Link) {
        self.tally.pass(to - from, hosts, link);
        self.promises.pass(to, hosts, link);
        self.note_broken();
    }

    fn step(&mut self, now: Duration, step: &Step<'_>, hosts: &[Host<Program>; 2]) {
        self.tally.step(step);
        if let Some(timeline) = &mut self.timeline {
            timeline.step(now, step, hosts);
        }
        self.promises.step(now, step, hosts);
        self.note_broken();
    }

    fn stands_still(&mut self, now: Duration) {
        self.promises.breaks(now, "P6: time stands still");
    }
}

pub fn is_hot(node: &Node<Program>) -> bool {
    use schrittmacher_simulation::Daemon;
    node.is_up() && node.daemon().state() == StateName::Hot
}

/// Its application could serve, and its daemon would order it.
pub fn could_serve(host: &Host<Program>, resource: usize) -> bool {
    let node = &host.nodes[resource];
    node.app().is_fit() && node.is_up() && !host.is_paused()
}
