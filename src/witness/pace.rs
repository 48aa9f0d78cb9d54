//! How long the witness takes to answer.

use std::time::Duration;

use schrittmacher_protocol::Time;

use super::PATIENCE;

/// The longest answer counts for so long.
const MEMORY: Duration = Duration::from_secs(600);

/// The times of its answers. Each counts from the asking, so it has the wait in the daemon's own queue, as the rule has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// Of the last answer.
    pub last: Duration,
    /// The longest one of late.
    pub longest: Duration,
    longest_at: Time,
}

impl Pace {
    /// Takes note of an answer. The longest one before.
    pub fn note(&mut self, took: Duration, now: Time) -> Duration {
        let before = self.longest;
        self.last = took;
        if took >= before || now >= self.longest_at + MEMORY {
            (self.longest, self.longest_at) = (took, now);
        }
        before
    }
}

/// A question of a resource has this time.
pub fn limit(promise: Duration) -> Duration {
    promise / PATIENCE
}

/// Whether an answer takes more than half of the time that a question has.
pub fn is_slow(answer: Duration, promise: Duration) -> bool {
    answer > limit(promise) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_longest_answer_is_forgotten_after_its_time() {
        let mut pace = Pace::default();
        assert_eq!(pace.note(ms(80), Time::ZERO), ms(0));
        pace.note(ms(2), Time::ZERO + MEMORY - ms(1));
        assert_eq!((pace.last, pace.longest), (ms(2), ms(80)));
        assert_eq!(pace.note(ms(3), Time::ZERO + MEMORY), ms(80));
        assert_eq!((pace.last, pace.longest), (ms(3), ms(3)));
    }

    #[test]
    fn an_answer_is_slow_that_takes_more_than_half_of_what_a_question_has() {
        assert!(!is_slow(ms(500), ms(3000)));
        assert!(is_slow(ms(501), ms(3000)));
    }
}
