//! A run, or many, in time and numbers.

use std::ops::AddAssign;
use std::time::Duration;

use schrittmacher_protocol::{Action, StateName};
use schrittmacher_simulator::{Host, Link, Node, Step};
use schrittmacher_testkit::program::Program;

use crate::book::could_serve;
use crate::plan::RESOURCES;

/// Sums over the resources of one run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Time with one application serving.
    pub one: Duration,
    pub nobody: Share,
    pub two: Share,
    /// Faults and orders, once for each resource that they concern.
    pub faults: u64,
    /// How often a daemon became hot.
    pub switches: u64,
    pub messages: u64,
}

/// A time, and how much of it was not the faults' own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Share {
    pub all: Duration,
    /// Of nobody: a daemon ran whose application was healthy. Of two: both daemons ran, and the link was good.
    pub avoidable: Duration,
}

impl Tally {
    pub fn pass(&mut self, time: Duration, hosts: &[Host<Program>; 2], link: &Link) {
        for resource in 0..RESOURCES {
            let serving = hosts.iter().filter(|host| host.nodes[resource].app().is_serving()).count();
            match serving {
                0 => self.nobody.add(time, hosts.iter().any(|host| could_serve(host, resource))),
                1 => self.one += time,
                _ => {
                    let run =
                        hosts.iter().all(|host| !host.is_paused() && host.nodes.iter().all(Node::is_up));
                    self.two.add(time, run && link.is_good());
                }
            }
        }
    }

    pub fn step(&mut self, step: &Step<'_>) {
        let became_hot = step.after == StateName::Hot && step.before != StateName::Hot;
        self.switches += u64::from(became_hot);
        self.messages +=
            step.actions.iter().filter(|action| matches!(action, Action::Send { .. })).count() as u64;
    }

    pub fn total(&self) -> Duration {
        self.one + self.nobody.all + self.two.all
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.one += other.one;
        self.nobody += other.nobody;
        self.two += other.two;
        self.faults += other.faults;
        self.switches += other.switches;
        self.messages += other.messages;
    }
}

impl AddAssign for Share {
    fn add_assign(&mut self, other: Share) {
        self.all += other.all;
        self.avoidable += other.avoidable;
    }
}

impl Share {
    fn add(&mut self, time: Duration, avoidable: bool) {
        self.all += time;
        if avoidable {
            self.avoidable += time;
        }
    }
}
