//! What comes all the time is not taken one by one.
//!
//! Ten thousand applications send a report each 0.15 ms, and a command that begins or ends wakes the loop, too. A turn for each
//! costs more than what it does, and takes the processor from the commands: the loop has real-time priority. So turns for the
//! same kind of thing are apart when they come all the time, and what is between them is taken together.

use std::time::Duration;

use schrittmacher_protocol::Time;

/// The turns that may come at once, far more than a switch of one resource takes.
const AT_ONCE: u32 = 32;

/// How dense the turns are.
#[derive(Debug)]
pub(super) struct Rest {
    /// The pause from turn to turn when they come all the time.
    apart: Duration,
    /// When the next turn would come if all that were taken had been apart.
    even: Time,
    /// No turn comes before.
    not_before: Time,
}

impl Rest {
    pub(super) const fn new(apart: Duration) -> Rest {
        Rest { apart, even: Time::ZERO, not_before: Time::ZERO }
    }

    /// Turns are counted anew if this is another pause.
    pub(super) fn set_apart(&mut self, apart: Duration) {
        if self.apart != apart {
            *self = Rest { not_before: self.not_before, ..Rest::new(apart) };
        }
    }

    /// The next turn waits for so long, whatever was before.
    pub(super) fn wait(&mut self, pause: Duration, now: Time) {
        self.not_before = self.not_before.max(now + pause);
    }

    /// A turn begins. Turns that did not rest, because more was known to wait, are no debt: the next one waits one pause at most.
    pub(super) fn note_turn(&mut self, now: Time) {
        self.even = (self.even.max(now) + self.apart).min(now + self.apart * (AT_ONCE + 1));
    }

    /// How long the next turn waits, if it does.
    pub(super) fn left(&self, now: Time) -> Option<Duration> {
        let dense = self.even.since(now).saturating_sub(self.apart * AT_ONCE);
        Some(dense.max(self.not_before.since(now))).filter(|left| !left.is_zero())
    }

    /// Whether the next turn waits for no more than half of a pause.
    pub(super) fn is_half_over(&self, now: Time) -> bool {
        self.left(now).is_none_or(|left| left <= self.apart / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APART: Duration = Duration::from_millis(1);

    /// They were a debt: after ten seconds of output no end of an application was seen for some hundred seconds.
    #[test]
    fn after_turns_without_rest_one_pause_is_left() {
        let now = Time::new(Duration::from_secs(7));
        let mut rest = Rest::new(APART);
        for _ in 0..10_000 {
            rest.note_turn(now);
        }
        assert_eq!(rest.left(now), Some(APART));
        assert_eq!(rest.left(now + APART), None);
    }

    #[test]
    fn few_turns_come_at_once_and_many_are_apart() {
        let at = |micros| Time::new(Duration::from_micros(micros));
        let mut rest = Rest::new(APART);
        for _ in 0..32 {
            assert_eq!(rest.left(at(5000)), None);
            rest.note_turn(at(5000));
        }
        assert_eq!(rest.left(at(5000)), None, "the last one of those at once");
        rest.note_turn(at(5000));
        assert_eq!(rest.left(at(5000)), Some(APART));
        assert_eq!(rest.left(at(5400)), Some(Duration::from_micros(600)));
        assert_eq!(rest.left(at(6000)), None);
        rest.note_turn(at(6000));
        assert_eq!(rest.left(at(6000)), Some(APART), "one each millisecond");
        // A quiet time gives them back.
        assert_eq!(rest.left(at(50_000)), None);
        rest.note_turn(at(50_000));
        assert_eq!(rest.left(at(50_000)), None);
    }

    /// Reports of 8 ms each, and then one is awaited: it waited for a quarter of a second.
    #[test]
    fn a_shorter_pause_holds_at_once() {
        let now = Time::new(Duration::from_secs(7));
        let mut rest = Rest::new(8 * APART);
        (0..100).for_each(|_| rest.note_turn(now));
        assert_eq!(rest.left(now), Some(8 * APART));
        rest.set_apart(APART);
        (0..100).for_each(|_| rest.note_turn(now));
        assert_eq!(rest.left(now), Some(APART));
        rest.set_apart(APART);
        assert_eq!(rest.left(now), Some(APART), "the same one changes nothing");
    }

    #[test]
    fn a_turn_that_is_to_wait_waits_once() {
        let now = Time::new(Duration::from_secs(7));
        let mut rest = Rest::new(APART);
        rest.wait(10 * APART, now);
        rest.set_apart(2 * APART);
        assert_eq!(rest.left(now), Some(10 * APART));
        let later = now + 10 * APART;
        assert_eq!(rest.left(later), None);
        rest.note_turn(later);
        assert_eq!(rest.left(later), None, "it is no debt");
    }
}
