//! Which resource begins the next command while there is not room for all.

use std::collections::BTreeMap;

/// Resources that wait, each once. Those whose commands are under way go on before another one begins; beside that the first
/// to come is the first to go.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    ordered: BTreeMap<Place, usize>,
    by_index: Vec<Option<Place>>,
    last: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    is_new: bool,
    number: u64,
}

impl Waiting {
    /// This resource waits. If it did already, it keeps its place, unless it is under way only now.
    pub(super) fn put(&mut self, index: usize, is_under_way: bool) {
        if index >= self.by_index.len() {
            self.by_index.resize(index + 1, None);
        }
        let is_new = !is_under_way;
        if self.by_index[index].is_some_and(|place| place.is_new == is_new) {
            return;
        }
        self.remove(index);
        self.last += 1;
        let place = Place { is_new, number: self.last };
        self.by_index[index] = Some(place);
        self.ordered.insert(place, index);
    }

    /// It does not wait any more.
    pub(super) fn remove(&mut self, index: usize) {
        if let Some(place) = self.by_index.get_mut(index).and_then(Option::take) {
            self.ordered.remove(&place);
        }
    }

    /// The next one.
    pub(super) fn first(&self) -> Option<usize> {
        self.ordered.first_key_value().map(|(_, index)| *index)
    }

    pub(super) fn len(&self) -> usize {
        self.ordered.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut waiting: Waiting) -> Vec<usize> {
        std::iter::from_fn(|| waiting.first().inspect(|index| waiting.remove(*index))).collect()
    }

    #[test]
    fn who_came_first_goes_first_and_who_is_under_way_before() {
        let mut waiting = Waiting::default();
        for (index, is_under_way) in [(4, false), (2, false), (7, true), (3, true), (1, false)] {
            waiting.put(index, is_under_way);
        }
        // It is under way by now; the others wait as they did.
        waiting.put(2, true);
        waiting.put(4, false);
        waiting.put(7, true);
        waiting.remove(3);
        assert_eq!(waiting.len(), 4);
        assert_eq!(all(waiting), [7, 2, 4, 1]);
    }
}
