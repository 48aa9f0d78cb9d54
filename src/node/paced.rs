//! What takes a look at every resource, and is not done in each turn of the loop: when thousands switch, it would be all that it does.

use std::time::Duration;

use schrittmacher_protocol::Time;

/// News that are told at once, and not again before the pause is over.
#[derive(Debug)]
pub(super) struct Paced {
    is_there: bool,
    not_before: Time,
    pause: Duration,
}

impl Paced {
    /// No news yet.
    pub const fn new(pause: Duration) -> Paced {
        Paced { is_there: false, not_before: Time::ZERO, pause }
    }

    /// There may be some.
    pub fn note(&mut self, is_there: bool) {
        self.is_there |= is_there;
    }

    /// When they are to be told.
    pub fn due(&self) -> Option<Time> {
        self.is_there.then_some(self.not_before)
    }

    /// Whether they are to be told now; there are none any more then.
    pub fn take(&mut self, now: Time) -> bool {
        let is_due = self.due().is_some_and(|due| due <= now);
        if is_due {
            self.is_there = false;
            self.not_before = now + self.pause;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_are_told_at_once_but_not_in_each_turn() {
        let at = |ms| Time::new(Duration::from_millis(ms));
        let mut news = Paced::new(Duration::from_millis(200));
        assert_eq!((news.take(at(1000)), news.due()), (false, None));
        news.note(true);
        assert!(news.take(at(1000)));
        news.note(true);
        news.note(false);
        assert_eq!((news.take(at(1199)), news.due()), (false, Some(at(1200))));
        assert_eq!((news.take(at(1200)), news.due()), (true, None));
        assert!(!news.take(at(5000)));
        news.note(true);
        assert!(news.take(at(5001)), "after a quiet time at once");
    }
}
