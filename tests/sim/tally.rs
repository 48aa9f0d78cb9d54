//! What a run, or many, came to.

use std::ops::AddAssign;
use std::time::Duration;

/// Sums over all resources.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Time with nobody, one, two serving.
    pub serving: [Duration; 3],
    /// Faults and orders.
    pub faults: u64,
    /// How often a daemon became hot.
    pub switches: u64,
    pub messages: u64,
    /// Of one resource in one second, on either side.
    pub most_messages: [u32; 2],
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        for (sum, part) in self.serving.iter_mut().zip(other.serving) {
            *sum += part;
        }
        self.faults += other.faults;
        self.switches += other.switches;
        self.messages += other.messages;
        for (most, part) in self.most_messages.iter_mut().zip(other.most_messages) {
            *most = (*most).max(part);
        }
    }
}

pub const HEADER: &str = "\
| pair | runs that broke a promise | one serves | nobody | two | becomes hot, a fault and resource | messages a second and node | most messages in a second |
|---|---|---|---|---|---|---|---|";

impl Tally {
    /// A line of the table; `resources` of each run share its faults.
    pub fn line(&self, pair: &str, broken: u64, resources: usize) -> String {
        let total: Duration = self.serving.iter().sum();
        let percent = |part: Duration| 100.0 * part.as_secs_f64() / total.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a table for people")]
        let (switches, messages) = (
            self.switches as f64 / (self.faults as f64 * resources as f64),
            self.messages as f64 / (2.0 * total.as_secs_f64()),
        );
        let [nobody, one, two] = self.serving.map(percent);
        format!(
            "| {pair} | {broken} | {one:.3} % | {nobody:.3} % | {two:.3} % | {switches:.3} | {messages:.2} | {}, {} |",
            self.most_messages[0], self.most_messages[1],
        )
    }
}
