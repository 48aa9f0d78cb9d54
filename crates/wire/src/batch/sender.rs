//! The sender's half: which number stands for what it has said last of each resource.

use std::time::Duration;

use super::Numbers;

/// What was said as a whole of each resource, by its index.
#[derive(Clone, Debug)]
pub struct BatchSender<T> {
    last: u64,
    said: Vec<Option<Said<T>>>,
}

#[derive(Clone, Debug)]
struct Said<T> {
    number: u64,
    word: T,
    /// How often it was said as a whole.
    times: u32,
    /// It was, since it was in a batch.
    is_fresh: bool,
}

/// How often a word is said as a whole before it is in a batch: as often as may be lost in a row without the peer taking us
/// for dead, and once more (P3); five times at most, since a number that is not known is asked for.
pub fn times_as_a_whole(heartbeat: Duration, timeout: Duration) -> u32 {
    let beats = timeout.as_nanos() / heartbeat.as_nanos().max(1);
    u32::try_from(beats).unwrap_or(u32::MAX).saturating_sub(1).clamp(1, 5)
}

impl<T> Default for BatchSender<T> {
    fn default() -> BatchSender<T> {
        BatchSender { last: 0, said: Vec::new() }
    }
}

impl<T: PartialEq> BatchSender<T> {
    /// The number of a message that leaves as a whole. A word that has not changed keeps its number.
    pub fn whole(&mut self, resource: usize, word: T) -> u64 {
        if resource >= self.said.len() {
            self.said.resize_with(resource + 1, || None);
        }
        let place = &mut self.said[resource];
        match place {
            Some(said) if said.word == word => {
                said.times = said.times.saturating_add(1);
                said.is_fresh = true;
                said.number
            }
            _ => {
                self.last += 1;
                *place = Some(Said { number: self.last, word, times: 1, is_fresh: true });
                self.last
            }
        }
    }

    /// The number that says the same in a batch, if it is what was said last, and often enough as a whole
    /// ([`times_as_a_whole`]).
    pub fn again(&mut self, resource: usize, times: u32, is_same: impl FnOnce(&T) -> bool) -> Option<u64> {
        let said = self.said.get_mut(resource)?.as_mut();
        let said = said.filter(|said| said.times >= times && is_same(&said.word))?;
        said.is_fresh = false;
        Some(said.number)
    }

    /// Whether this would say nothing new.
    pub fn has_said(&self, resource: usize, is_same: impl FnOnce(&T) -> bool) -> bool {
        self.said.get(resource).and_then(Option::as_ref).is_some_and(|said| is_same(&said.word))
    }

    /// What was said of this resource means nothing any more.
    pub fn forget(&mut self, resource: usize) {
        if let Some(said) = self.said.get_mut(resource) {
            *said = None;
        }
    }

    /// The resources of which the receiver does not know the number, to be said as a whole: each once for each batch that had it.
    pub fn unknown(&self, numbers: &Numbers) -> Vec<usize> {
        let is_asked = |said: &Said<T>| !said.is_fresh && numbers.contains(said.number);
        let said = self.said.iter().enumerate();
        said.filter(|(_, said)| said.as_ref().is_some_and(is_asked)).map(|(resource, _)| resource).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Numbers {
        Numbers::from_text(text).unwrap()
    }

    #[test]
    fn a_number_means_one_word_of_one_resource_for_ever() {
        let mut sender = BatchSender::default();
        assert_eq!([sender.whole(0, "UNK"), sender.whole(3, "UNK"), sender.whole(0, "UNK")], [1, 2, 1]);
        assert_eq!([sender.whole(0, "HOTT"), sender.whole(0, "UNK")], [3, 4]);
        sender.forget(0);
        assert_eq!(sender.whole(0, "UNK"), 5);
    }

    #[test]
    fn only_what_was_said_last_is_said_again_by_its_number() {
        let mut sender = BatchSender::default();
        assert_eq!(sender.again(0, 1, |_| true), None);
        sender.whole(0, "HOTT");
        assert_eq!(sender.again(0, 1, |word| *word == "HOTT"), Some(1));
        assert_eq!(sender.again(0, 1, |word| *word == "STBY"), None);
        assert_eq!(sender.again(0, 2, |word| *word == "HOTT"), None, "the first one may be lost");
        sender.whole(0, "HOTT");
        assert_eq!(sender.again(0, 2, |word| *word == "HOTT"), Some(1));
    }

    /// Somebody who says so again and again gets no more than one message for each of ours.
    #[test]
    fn an_unknown_number_is_explained_once_for_each_batch() {
        let mut sender = BatchSender::default();
        sender.whole(0, "HOTT");
        sender.whole(1, "STBY");
        assert!(sender.unknown(&list("1+1")).is_empty(), "it is on its way");
        sender.again(0, 1, |_| true);
        sender.again(1, 1, |_| true);
        assert_eq!(sender.unknown(&list("1+1")), [0, 1]);
        assert_eq!(sender.unknown(&list("2 7")), [1]);
        sender.whole(1, "STBY");
        assert_eq!(sender.unknown(&list("1+1")), [0]);
    }
}
