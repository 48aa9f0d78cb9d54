//! The receiver's half: what each number of the peer stands for.

use std::collections::BTreeMap;

/// The last message of each resource, by its index, if it had a number.
#[derive(Clone, Debug)]
pub struct BatchReceiver<T> {
    /// The peer's. Another run has other numbers.
    run: Option<u64>,
    by_number: BTreeMap<u64, usize>,
    heard: Vec<Option<(u64, T)>>,
}

impl<T> Default for BatchReceiver<T> {
    fn default() -> BatchReceiver<T> {
        BatchReceiver { run: None, by_number: BTreeMap::new(), heard: Vec::new() }
    }
}

impl<T> BatchReceiver<T> {
    /// A message was heard as a whole. Without a number the peer has given up what it said before.
    pub fn heard(&mut self, resource: usize, run: Option<u64>, number: Option<u64>, word: T) {
        let Some((run, number)) = run.zip(number) else { return self.forget(resource) };
        if self.run != Some(run) {
            *self = BatchReceiver { run: Some(run), ..BatchReceiver::default() };
        }
        if resource >= self.heard.len() {
            self.heard.resize_with(resource + 1, || None);
        }
        // One that was overtaken is older than what is known.
        if self.heard[resource].as_ref().is_none_or(|(known, _)| *known <= number) {
            self.forget(resource);
            self.by_number.insert(number, resource);
            self.heard[resource] = Some((number, word));
        }
    }

    /// The meaning of a number in a batch of this run; `None` if it is not known, or no longer.
    pub fn meaning(&self, run: u64, number: u64) -> Option<(usize, &T)> {
        let resource = self.resource(run, number)?;
        Some((resource, self.word(resource)?))
    }

    /// The resource of which a batch of this run speaks by this number; `None` if it is not known, or no longer.
    pub fn resource(&self, run: u64, number: u64) -> Option<usize> {
        self.by_number.get(&number).filter(|_| self.run == Some(run)).copied()
    }

    /// What its number stands for.
    pub fn word(&self, resource: usize) -> Option<&T> {
        self.heard.get(resource)?.as_ref().map(|(_, word)| word)
    }

    /// Nothing was said of this resource.
    pub fn forget(&mut self, resource: usize) {
        if let Some((number, _)) = self.heard.get_mut(resource).and_then(Option::take) {
            self.by_number.remove(&number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: Option<u64> = Some(7);

    #[test]
    fn a_number_means_what_was_heard_with_it_and_nothing_older() {
        let mut receiver = BatchReceiver::default();
        receiver.heard(0, RUN, Some(1), "STBY");
        receiver.heard(1, RUN, Some(2), "STBY");
        receiver.heard(0, RUN, Some(3), "HOTT");
        let meanings = [1, 2, 3, 4].map(|number| receiver.meaning(7, number));
        assert_eq!(meanings, [None, Some((1, &"STBY")), Some((0, &"HOTT")), None]);
        receiver.heard(0, RUN, Some(1), "STBY");
        assert_eq!(receiver.meaning(7, 3), Some((0, &"HOTT")), "the older one was overtaken");
    }

    /// Its numbers begin at one again.
    #[test]
    fn a_peer_that_has_restarted_is_not_taken_for_its_earlier_run() {
        let mut receiver = BatchReceiver::default();
        receiver.heard(0, RUN, Some(1), "HOTT");
        receiver.heard(1, RUN, Some(2), "HOTT");
        assert_eq!(receiver.meaning(8, 1), None);
        receiver.heard(1, Some(8), Some(1), "UNK");
        assert_eq!([receiver.meaning(8, 1), receiver.meaning(8, 2)], [Some((1, &"UNK")), None]);
        assert_eq!(
            [receiver.meaning(7, 1), receiver.meaning(7, 2)],
            [None, None],
            "what comes late of the earlier one"
        );
    }

    #[test]
    fn a_message_without_a_number_ends_what_was_numbered() {
        let mut receiver = BatchReceiver::default();
        receiver.heard(0, RUN, Some(1), "HOTT");
        receiver.heard(0, RUN, None, "FAIL");
        assert_eq!(receiver.meaning(7, 1), None);
        receiver.heard(0, RUN, Some(1), "HOTT");
        receiver.forget(0);
        assert_eq!(receiver.meaning(7, 1), None);
    }
}
