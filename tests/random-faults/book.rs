//! Everything that is written down of one run.

use std::time::Duration;

use schrittmacher_protocol::StateName;
use schrittmacher_simulator::{Host, Link, Node, Step, Watch};
use schrittmacher_testkit::program::Program;

use crate::faults::{Fault, Mark};
use crate::lan::{Lan, Outages, View};
use crate::plan::{END, RESOURCES};
use crate::promises::Promises;
use crate::tally::Tally;
use crate::timeline::Timeline;

/// The observer of a run.
pub struct Book {
    pub promises: Promises,
    pub tally: Tally,
    /// The service network of each resource: with the built-in address, and with commands.
    lans: [[Lan; 2]; RESOURCES],
    pub timeline: Option<Timeline>,
}

impl Book {
    pub fn new(seed: u64, with_timeline: bool) -> Book {
        Book {
            lans: std::array::from_fn(|_| [true, false].map(|built_in| Lan::new(seed, built_in))),
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

    /// Something that is no fault of the plan.
    pub fn note(&mut self, now: Duration, what: &str) {
        if let Some(timeline) = &mut self.timeline {
            timeline.note(now, what);
        }
    }

    pub fn marked(&mut self, now: Duration, mark: Mark) {
        self.promises.marked(now, mark);
        if let Some(timeline) = &mut self.timeline {
            timeline.mark(now, mark);
        }
        self.note_broken();
    }

    /// The outages of all clients: with the built-in address, and with commands.
    pub fn outages(&self) -> [Outages; 2] {
        let mut sums = [Outages::default(); 2];
        for lans in &self.lans {
            sums.iter_mut().zip(lans).for_each(|(sum, lan)| *sum += lan.outages);
        }
        sums
    }

    fn pass_lans(&mut self, from: Duration, to: Duration, hosts: &[Host<Program>; 2], link: &Link) {
        let is_promised = hosts.iter().all(|host| host.nodes[0].daemon().is_ours());
        for (resource, [built_in, commands]) in self.lans.iter_mut().enumerate() {
            let view = View::of(hosts, link, resource);
            commands.pass(from, to, &view);
            if built_in.pass(from, to, &view) && is_promised {
                let what = format!("P11: the client of resource {resource} does not reach the hot side");
                self.promises.breaks(to, &what);
            }
        }
    }

    fn note_broken(&mut self) {
        if let Some(timeline) = &mut self.timeline {
            timeline.broken(&self.promises.broken);
        }
    }
}

impl Watch<Program> for Book {
    fn pass(&mut self, from: Duration, to: Duration, hosts: &[Host<Program>; 2], link: &Link) {
        if to <= END {
            self.tally.pass(to - from, hosts, link);
        }
        self.promises.pass(to, hosts, link);
        self.pass_lans(from, to, hosts, link);
        self.note_broken();
    }

    fn step(&mut self, now: Duration, step: &Step<'_>, hosts: &[Host<Program>; 2]) {
        self.tally.step(step);
        self.lans[step.resource].iter_mut().for_each(|lan| lan.step(now, step, hosts));
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
    use schrittmacher_simulator::Daemon;
    node.is_up() && node.daemon().state() == StateName::Hot
}

/// Its application could serve, and its daemon would order it.
pub fn could_serve(host: &Host<Program>, resource: usize) -> bool {
    let node = &host.nodes[resource];
    node.app().is_fit() && node.is_up() && !host.is_paused()
}
