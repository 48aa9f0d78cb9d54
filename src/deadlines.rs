//! When each of many things is due.

use std::collections::BTreeSet;

use schrittmacher_protocol::Time;

/// At most one deadline for each index, earliest first.
#[derive(Debug, Default)]
pub struct Deadlines {
    ordered: BTreeSet<(Time, usize)>,
    by_index: Vec<Option<Time>>,
}

impl Deadlines {
    /// Sets the deadline of `index`, or removes it.
    pub fn set(&mut self, index: usize, at: Option<Time>) {
        if index >= self.by_index.len() {
            self.by_index.resize(index + 1, None);
        }
        let old = std::mem::replace(&mut self.by_index[index], at);
        if old != at {
            if let Some(old) = old {
                self.ordered.remove(&(old, index));
            }
            self.ordered.extend(at.map(|at| (at, index)));
        }
    }

    /// The deadline of `index`.
    pub fn get(&self, index: usize) -> Option<Time> {
        self.by_index.get(index).copied().flatten()
    }

    /// The earliest deadline.
    pub fn first(&self) -> Option<Time> {
        self.ordered.first().map(|(at, _)| *at)
    }

    /// Every index whose deadline has come, earliest first. The deadlines stay.
    pub fn due(&self, now: Time) -> Vec<usize> {
        self.ordered.range(..=(now, usize::MAX)).map(|(_, index)| *index).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(secs: u64) -> Option<Time> {
        Some(Time::ZERO + Duration::from_secs(secs))
    }

    #[test]
    fn a_new_deadline_replaces_the_old_one_and_none_removes_it() {
        let mut deadlines = Deadlines::default();
        for (index, secs) in [(2, 3), (0, 5), (1, 4)] {
            deadlines.set(index, at(secs));
        }
        assert_eq!(deadlines.first(), at(3));
        assert_eq!(deadlines.due(at(4).unwrap()), [2, 1]);
        deadlines.set(2, at(6));
        assert_eq!((deadlines.first(), deadlines.due(at(4).unwrap())), (at(4), vec![1]));
        deadlines.set(1, None);
        assert_eq!((deadlines.first(), deadlines.due(at(9).unwrap())), (at(5), vec![0, 2]));
    }
}
