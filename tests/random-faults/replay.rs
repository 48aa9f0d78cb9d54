//! One seed, told.

use crate::many::PAIRS;
use crate::plan::{NodePlan, Plan};
use crate::run::run;

const LEGEND: &str = "\
--  a fault, an order, or somebody mends something
A1  resource 1 on host A: which applications serve, why, what changes, what the daemon does
==  what is expected from there on
##  a broken promise
";

/// One seed with every pair that promises are made for, and whether all were kept.
pub fn replay(seed: u64) -> (String, bool) {
    let plan = Plan::new(seed);
    let mut text = format!("seed {seed}, latency {:.1?}\n", plan.latency);
    for (name, node) in ["A", "B"].into_iter().zip(&plan.nodes) {
        text += &describe(name, node);
    }
    text += &format!("\n{LEGEND}");
    let mut kept = true;
    for pair in PAIRS.iter().filter(|pair| pair.promised) {
        let book = run(&plan, seed, pair.versions, true);
        text += &format!("\n===== A × B = {}\n\n", pair.name());
        for line in book.timeline.iter().flat_map(|timeline| &timeline.lines) {
            text += line;
            text.push('\n');
        }
        let broken = &book.promises.broken;
        kept &= broken.is_empty();
        text += if broken.is_empty() { "\nno promise broken\n" } else { "\nBROKEN, look for ## above:\n" };
        for (at, what) in broken {
            text += &format!("{:>9.3} s  {what}\n", at.as_secs_f64());
        }
    }
    (text, kept)
}

fn describe(name: &str, node: &NodePlan) -> String {
    let durations = node.durations;
    format!(
        "{name}: heartbeat {:?}, priority {}, preempt {}, startup-delay {:?}; commands take {:?} (activate), {:?} (start), \
         {:?} (stop), {:?} (deactivate); applications switch in {:.1?}\n",
        node.heartbeat,
        node.priority,
        if node.preempt { "yes" } else { "no" },
        node.startup_delay,
        durations.activate,
        durations.start,
        durations.stop,
        durations.deactivate,
        node.switching,
    )
}
