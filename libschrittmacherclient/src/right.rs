//! Until when the application may serve, by the word of its daemon (`policy = consistent`). Times come in as arguments: the time
//! that goes on while the host sleeps.

use std::time::Duration;

use schrittmacher_wire::Right;

/// How long the first answer is waited for.
const ANSWER: Duration = Duration::from_millis(20);

/// The daemon's last word about it.
#[derive(Debug, Default)]
pub(crate) struct RightWatch {
    /// When the application has to begin to stop, and when it has to have ended.
    until: Option<(Duration, Duration)>,
    told: bool,
    /// The daemon has answered since the application serves.
    is_answered: bool,
    /// When the first answer is looked for.
    look_at: Option<Duration>,
}

impl RightWatch {
    /// The daemon has said this.
    pub fn note(&mut self, right: Right) {
        let until = match right {
            Right::Unlimited => None,
            Right::Until { begin, end } => Some((begin, end)),
        };
        if self.until != until {
            (self.until, self.told) = (until, false);
        }
        (self.is_answered, self.look_at) = (true, None);
    }

    /// The daemon was asked, by a report of an application that serves. It answers at once, and may be stopped soon after.
    pub fn asked(&mut self, now: Duration) {
        if !self.is_answered {
            self.look_at = Some(now + ANSWER);
        }
    }

    /// The application does not serve.
    pub fn forget(&mut self) {
        *self = RightWatch::default();
    }

    /// How long until the application has to have stopped. `None`: there is no such time.
    pub fn left(&self, now: Duration) -> Option<Duration> {
        self.until.map(|(_, end)| end.saturating_sub(now))
    }

    /// The time until there is something to do: an answer to be looked for, or an end that was not told yet.
    pub fn delay(&self, now: Duration) -> Option<Duration> {
        let begin = self.until.filter(|_| !self.told).map(|(begin, _)| begin);
        let next = [begin, self.look_at].into_iter().flatten().min();
        next.map(|at| at.saturating_sub(now))
    }

    /// True once, when it is over.
    pub fn has_newly_ended(&mut self, now: Duration) -> bool {
        self.look_at = self.look_at.filter(|at| now < *at);
        let has_ended = self.until.is_some_and(|(begin, _)| now >= begin);
        has_ended && !std::mem::replace(&mut self.told, true)
    }
}

/// The clock of these times.
pub(crate) fn now() -> Duration {
    use nix::time::{ClockId, clock_gettime};

    // Daemons on other systems say nothing.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: ClockId = ClockId::CLOCK_BOOTTIME;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: ClockId = ClockId::CLOCK_MONOTONIC;
    clock_gettime(CLOCK).map_or(Duration::ZERO, Duration::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_end_is_told_once_and_a_later_word_puts_it_off() {
        let mut watch = RightWatch::default();
        assert_eq!((watch.left(SECOND), watch.delay(SECOND)), (None, None));
        watch.asked(SECOND);
        assert_eq!(watch.delay(SECOND), Some(ANSWER));
        watch.note(Right::Until { begin: 3 * SECOND, end: 4 * SECOND });
        assert_eq!((watch.left(SECOND), watch.delay(SECOND)), (Some(3 * SECOND), Some(2 * SECOND)));
        assert!(!watch.has_newly_ended(2 * SECOND));
        watch.note(Right::Until { begin: 5 * SECOND, end: 6 * SECOND });
        assert!(!watch.has_newly_ended(4 * SECOND));
        assert!(watch.has_newly_ended(5 * SECOND) && !watch.has_newly_ended(5 * SECOND));
        assert_eq!(watch.delay(5 * SECOND), None, "no alarm for what was told");
        watch.note(Right::Until { begin: 8 * SECOND, end: 9 * SECOND });
        assert!(watch.has_newly_ended(9 * SECOND), "a new right ends anew");
        watch.asked(9 * SECOND);
        assert_eq!(watch.delay(9 * SECOND), None, "it was answered before");
        watch.note(Right::Unlimited);
        assert!(!watch.has_newly_ended(100 * SECOND));
    }
}
