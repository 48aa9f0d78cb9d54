//! P14, held against a run: the numbers of promotions.

use std::time::Duration;

use schrittmacher_protocol::{Epochs as Known, StateName};
use schrittmacher_simulator::{Host, Step};
use schrittmacher_testkit::program::Program;

use crate::plan::RESOURCES;

/// After this number of heartbeats, and a second, a link that works has told each side everything.
const HEARTBEATS: u32 = 3;

/// The facts of a run.
#[derive(Default)]
pub struct Epochs {
    /// By side.
    known: [[Known; RESOURCES]; 2],
    /// Every promotion of a resource: its number, its side and its time.
    given: [Vec<(u64, usize, Duration)>; RESOURCES],
    /// Since when both sides run, know each other as ours, and the link works.
    whole_since: Option<Duration>,
}

impl Epochs {
    /// Until `now` all has been well, and no datagram is late since `late` ago.
    pub fn pass(&mut self, now: Duration, whole: bool, late: Duration) {
        let since = self.whole_since.unwrap_or(now).max(now.saturating_sub(late));
        self.whole_since = whole.then_some(since);
    }

    /// Looks at a step. Returns what does not hold.
    pub fn step(
        &mut self,
        now: Duration,
        step: &Step<'_>,
        hosts: &[Host<Program>; 2],
        heartbeat: Duration,
    ) -> Vec<String> {
        use StateName::{Hot, Releasing, ToHot};
        let mut broken = Vec::new();
        let daemon = hosts[step.side].nodes[step.resource].daemon();
        let Some(machine) = daemon.resource().map(|resource| resource.machine()) else { return broken };
        let (epochs, known) = (machine.epochs, &mut self.known[step.side][step.resource]);
        if epochs.own < known.own || epochs.greatest < known.greatest || epochs.own > epochs.greatest {
            broken.push(format!("P14: {known:?} and then {epochs:?}"));
        }
        let had_role = matches!(step.before, ToHot | Hot | Releasing);
        let (takes, serves) = (step.after == ToHot && !had_role, step.after == Hot && !had_role);
        let has_risen = epochs.own > known.own;
        if (takes && !has_risen) || (takes || serves) && epochs.own < epochs.greatest {
            broken.push(format!("P14: {} -> {} with {epochs:?} after {known:?}", step.before, step.after));
        }
        *known = epochs;
        let given = &mut self.given[step.resource];
        if has_risen {
            if given.iter().any(|(number, side, _)| *number == epochs.own && *side != step.side) {
                broken.push(format!("P14: both sides were given epoch {}", epochs.own));
            }
            let told = self.whole_since.is_some_and(|since| now - since > heartbeat * HEARTBEATS + SECOND);
            // A younger one may not have been heard yet.
            let old = now.saturating_sub(heartbeat + SECOND / 10);
            let missed = given.iter().find(|(number, _, at)| told && *number > epochs.own && *at < old);
            if let Some((later, ..)) = missed {
                broken.push(format!("P14: epoch {} after {later}, and the link works", epochs.own));
            }
            given.push((epochs.own, step.side, now));
        }
        broken
    }
}

const SECOND: Duration = Duration::from_secs(1);
