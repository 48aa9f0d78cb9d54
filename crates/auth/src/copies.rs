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
    run: Option<Heard>,
    over: Vec<u64>,
    /// The last number that counted, by resource.
    newest: BTreeMap<usize, u64>,
}

/// The peer's run that is heard.
#[derive(Clone, Copy, Debug)]
struct Heard {
    run: u64,
    /// It has named ours, and so is no message of before our start.
    names_ours: bool,
}

impl Copies {
    /// Whether a message for this resource is the first copy, and newer than all before. Takes note of it. `names_ours`: it names
    /// the run of this daemon.
    pub fn is_first(&mut self, resource: usize, run: u64, names_ours: bool, number: u64) -> bool {
        if self.is_over(run) {
            return false;
        }
        let before = self.run.filter(|before| before.run != run);
        if before.is_some() || self.run.is_none() {
            // Of two that have not named ours nobody can tell which one is over.
            self.over.retain(|over| *over != run);
            self.over
                .extend(before.filter(|before| names_ours || before.names_ours).map(|before| before.run));
            let excess = self.over.len().saturating_sub(RUNS_OVER);
            self.over.drain(..excess);
            self.newest.clear();
        }
        let named_before = self.run.is_some_and(|before| before.run == run && before.names_ours);
        self.run = Some(Heard { run, names_ours: names_ours || named_before });
        let newest = self.newest.entry(resource).or_default();
        let is_first = number > *newest;
        *newest = number.max(*newest);
        is_first
    }

    /// Whether another run of the peer has come since.
    pub fn is_over(&self, run: u64) -> bool {
        self.run.is_some() && self.over.contains(&run)
    }

    /// The peer is silent. Any run may come now, also an earlier one, from a snapshot. When one has come, the others are over.
    pub fn peer_is_silent(&mut self) {
        self.over.extend(self.run.take().map(|before| before.run));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_message_the_first_copy_counts() {
        let mut copies = Copies::default();
        let first = |copies: &mut Copies, resource, number| copies.is_first(resource, 7, true, number);
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
        assert!(copies.is_first(0, 1, true, 900));
        assert!(copies.is_first(0, 2, false, 1), "a restart counts from one again");
        assert!(copies.is_over(1) && !copies.is_over(2));
        assert!(!copies.is_first(0, 1, true, 901));
        assert!(copies.is_first(0, 2, true, 2), "and it has not disturbed the run of now");
        copies.peer_is_silent();
        assert!(copies.is_first(0, 1, true, 902), "from a snapshot");
        assert!(copies.is_over(2) && !copies.is_over(1));
    }

    /// The peer was silent, and has restarted. What was said before is very late.
    #[test]
    fn a_run_of_before_a_silence_does_not_come_back_beside_a_living_one() {
        let mut copies = Copies::default();
        assert!(copies.is_first(0, 1, true, 900));
        copies.peer_is_silent();
        assert!(copies.is_first(0, 2, true, 1));
        assert!(!copies.is_first(0, 1, true, 901));
        assert!(copies.is_first(0, 2, true, 2), "the living one goes on");
    }

    /// Both daemons have just started, and a message of an earlier run of the peer is on a slow path.
    #[test]
    fn what_was_said_before_our_start_ends_no_run() {
        let mut copies = Copies::default();
        assert!(copies.is_first(0, 2, false, 1), "it does not know us yet");
        assert!(copies.is_first(0, 1, false, 900), "nobody can tell");
        assert!(copies.is_first(0, 2, true, 2), "it knows us now");
        assert!(!copies.is_first(0, 1, false, 901));
        assert!(copies.is_first(0, 2, true, 3));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut copies = Copies::default();
        for run in 0..1000 {
            assert!(copies.is_first(0, run, true, 1));
            if run % 3 == 0 {
                copies.peer_is_silent();
            }
        }
        assert!(copies.over.len() <= RUNS_OVER + 1 && copies.newest.len() == 1);
    }
}
