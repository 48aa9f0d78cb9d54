//! When each of many things is due.

use std::collections::BTreeMap;

use schrittmacher_protocol::Time;

/// At most one deadline for each index, earliest first.
///
/// Heartbeats are on a grid, so the deadlines of thousands of resources are at some fifty moments, and move from one to another.
#[derive(Debug, Default)]
pub struct Deadlines {
    moments: BTreeMap<Time, Vec<usize>>,
    /// The moment of each index, and its place in the list there.
    by_index: Vec<Option<(Time, usize)>>,
}

impl Deadlines {
    /// Sets the deadline of `index`, or removes it.
    pub fn set(&mut self, index: usize, at: Option<Time>) {
        if self.get(index) == at {
            return;
        }
        if index >= self.by_index.len() {
            self.by_index.resize(index + 1, None);
        }
        if let Some((moment, place)) = self.by_index[index].take() {
            self.leave(moment, place);
        }
        if let Some(at) = at {
            let there = self.moments.entry(at).or_default();
            self.by_index[index] = Some((at, there.len()));
            there.push(index);
        }
    }

    /// The last one at a moment takes the place of one that leaves.
    fn leave(&mut self, moment: Time, place: usize) {
        let Some(there) = self.moments.get_mut(&moment) else { return };
        there.swap_remove(place);
        if let Some(&moved) = there.get(place) {
            self.by_index[moved] = Some((moment, place));
        } else if there.is_empty() {
            self.moments.remove(&moment);
        }
    }

    /// The deadline of `index`.
    pub fn get(&self, index: usize) -> Option<Time> {
        self.by_index.get(index).copied().flatten().map(|(at, _)| at)
    }

    /// The earliest deadline.
    pub fn first(&self) -> Option<Time> {
        self.moments.first_key_value().map(|(at, _)| *at)
    }

    /// Every index whose deadline has come, earliest first. The deadlines stay.
    pub fn due(&self, now: Time) -> Vec<usize> {
        self.moments.range(..=now).flat_map(|(_, there)| there).copied().collect()
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

    /// Compared with a list of all of them.
    #[test]
    fn whatever_is_set_the_earliest_comes_first() {
        let (mut deadlines, mut all) = (Deadlines::default(), [None; 40]);
        // Numbers without an order, the same in every run.
        let mut number = 1_u64;
        for round in 0..4000 {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (index, secs) = (usize::try_from(number >> 33).unwrap() % all.len(), (number >> 40) % 50);
            let new = if round % 7 == 0 { None } else { at(secs) };
            all[index] = new;
            deadlines.set(index, new);
            assert_eq!(deadlines.first(), all.iter().flatten().min().copied());
            assert!((0..all.len()).all(|index| deadlines.get(index) == all[index]));
            let now = at(round % 50).unwrap();
            let mut due = deadlines.due(now);
            assert!(due.is_sorted_by_key(|index| all[*index]));
            due.sort_unstable();
            let expected = (0..all.len()).filter(|index| all[*index].is_some_and(|at| at <= now));
            assert_eq!(due, expected.collect::<Vec<_>>());
        }
    }
}
