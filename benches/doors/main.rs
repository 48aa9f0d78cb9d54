//! What the doors cost, and what a flood at them does: `make bench-doors`, described in docs/performance.md.
//!
//! Real daemons. Floods need root, for networks of their own. Figures, not tests: a busy machine makes them worse.
#![expect(clippy::unwrap_used, reason = "a measurement that can't be made ends the run")]
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

mod cost;
mod daemon;
mod failover;
mod flood;

use schrittmacher_harness::Lan;

fn main() {
    cost::report();
    failover::report();
    match Lan::lay() {
        Ok(_) => flood::report(),
        Err(why) => println!("SKIPPED: floods: {why}"),
    }
}
