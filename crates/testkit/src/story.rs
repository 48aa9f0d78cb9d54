//! A run as a story: its end as text, its figures, and the invariants at every step.

use std::collections::VecDeque;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use schrittmacher_protocol::{Action, Event, Refusal, StateName};
use schrittmacher_simulator::{Host, Link, Step, Watch};

use crate::invariants::Invariants;
use crate::measured::Measured;
use crate::program::Program;

/// The number of lines kept of the end.
const LINES: usize = 100;

/// Watches a pair. The figures are those of its first resource.
#[derive(Clone, Debug, Default)]
pub struct Story {
    pub measured: Measured,
    /// The last refusal of an order.
    pub refused: Option<Refusal>,
    /// Since when the sides that serve have not changed.
    pub stable_since: Duration,
    serving: [bool; 2],
    invariants: [Vec<Invariants>; 2],
    log: VecDeque<(Duration, Line)>,
}

/// A line of the log, not written yet: most are never read.
#[derive(Clone, Debug)]
enum Line {
    Note(String),
    Step {
        side: usize,
        resource: usize,
        before: StateName,
        event: Option<Event>,
        after: StateName,
        actions: Vec<Action>,
    },
}

impl Story {
    /// Writes down what the test does.
    pub fn note(&mut self, now: Duration, text: String) {
        self.add(now, Line::Note(text));
    }

    fn add(&mut self, now: Duration, line: Line) {
        if self.log.len() == LINES {
            self.log.pop_front();
        }
        self.log.push_back((now, line));
    }
}

impl Watch<Program> for Story {
    fn pass(&mut self, from: Duration, to: Duration, hosts: &[Host<Program>; 2], _: &Link) {
        let serving = hosts.each_ref().map(|host| host.nodes[0].app().is_serving());
        if serving != self.serving {
            (self.serving, self.stable_since) = (serving, from);
        }
        self.measured.pass(to - from, serving);
    }

    fn step(&mut self, now: Duration, step: &Step<'_>, hosts: &[Host<Program>; 2]) {
        let Step { side, resource, before, event, after, .. } = *step;
        if before != after || !step.actions.is_empty() {
            let actions = step.actions.to_vec();
            self.add(now, Line::Step { side, resource, before, event, after, actions });
        }
        for action in step.actions {
            if let Action::Refuse(why) = action {
                self.refused = Some(*why);
            }
        }
        let node = &hosts[side].nodes[resource];
        self.measured.step(now, step, node.daemon());
        self.invariants[side].resize(hosts[side].nodes.len(), Invariants::default());
        let broken = self.invariants[side][resource].step(step, node);
        assert!(broken.is_empty(), "{}\n{self}", broken.join("\n"));
    }

    fn stands_still(&mut self, now: Duration) {
        panic!("time stands still at {now:?} (P6)\n{self}");
    }
}

impl Display for Story {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (now, line) in &self.log {
            write!(f, "{:9.4} ", now.as_secs_f64())?;
            match line {
                Line::Note(text) => writeln!(f, "*** {text}")?,
                Line::Step { side, resource, before, event, after, actions } => {
                    let host =
                        if *resource == 0 { format!("host{side}") } else { format!("host{side}/{resource}") };
                    let event = event.map_or("starts".to_owned(), |event| format!("{event:?}"));
                    writeln!(f, "{host} {before} {event} -> {after} {actions:?}")?;
                }
            }
        }
        Ok(())
    }
}
