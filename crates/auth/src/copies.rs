//! Several paths: a message comes once by each of them, and its first copy counts (`docs/adr/0086-several-paths.md`).
//!
//! Each message of a daemon has a number, the same on every path. Of each resource a message counts if its number is greater
//! than that of all before it. So a copy never does, and neither does a message that a faster path has overtaken.

use std::collections::BTreeMap;

/// Runs of the peer that are over, and of which copies may still be on a slow path.
const RUNS_OVER: usize = 8;

/// The messages of the peer that have counted.
#[derive(Clone, Debug, Default)]
pub struct Copies {
    run: Option<u64>,
    over: Vec<u64>,
    /// The last number that counted, by resource.
    newest: BTreeMap<usize, u64>,
}

impl Copies {
    /// Whether a message for this resource is the first copy, and newer than all before. Takes note of it.
    pub fn is_first(&mut self, resource: usize, run: u64, number: u64) -> bool {
        if self.run != Some(run) {
            if self.is_over(run) {
                return false;
            }
            self.over.extend(self.run.replace(run));
            let excess = self.over.len().saturating_sub(RUNS_OVER);
            self.over.drain(..excess);
            self.newest.clear();
        }
        let newest = self.newest.entry(resource).or_default();
        let is_first = number > *newest;
        *newest = number.max(*newest);
        is_first
    }

    /// Whether another run of the peer has come since.
    pub fn is_over(&self, run: u64) -> bool {
        self.over.contains(&run)
    }

    /// The peer is silent: nothing of it is on the way any more, and it may come back from a snapshot, as an earlier run.
    pub fn forget(&mut self) {
        *self = Copies::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_message_the_first_copy_counts() {
        let mut copies = Copies::default();
        let first = |copies: &mut Copies, resource, number| copies.is_first(resource, 7, number);
        assert!(first(&mut copies, 0, 1));
        assert!(!first(&mut copies, 0, 1), "by the other path");
        assert!(first(&mut copies, 1, 2) && first(&mut copies, 0, 3));
        assert!(!first(&mut copies, 1, 2) && !first(&mut copies, 0, 3));
        assert!(first(&mut copies, 0, 9), "some were lost by every path");
        assert!(!first(&mut copies, 0, 5), "overtaken by a faster path");
    }

    #[test]
    fn a_slow_copy_of_an_earlier_run_does_not_count() {
        let mut copies = Copies::default();
        assert!(copies.is_first(0, 1, 900));
        assert!(copies.is_first(0, 2, 1), "a restart counts from one again");
        assert!(copies.is_over(1) && !copies.is_over(2));
        assert!(!copies.is_first(0, 1, 901));
        assert!(copies.is_first(0, 2, 2), "and it has not disturbed the run of now");
        copies.forget();
        assert!(copies.is_first(0, 1, 902));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut copies = Copies::default();
        for run in 0..1000 {
            assert!(copies.is_first(0, run, 1));
        }
        assert!(copies.over.len() <= RUNS_OVER && copies.newest.len() == 1);
    }
}
