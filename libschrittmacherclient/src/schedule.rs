//! When the next heartbeat is due. Time comes in as an argument.

use std::time::{Duration, Instant};

/// Heartbeats on a fixed grid: reports in between do not shift it.
#[derive(Debug)]
pub(crate) struct Schedule {
    next: Instant,
    interval: Duration,
}

impl Schedule {
    /// The first heartbeat is due one interval from `now`.
    pub fn new(now: Instant, interval: Duration) -> Schedule {
        Schedule { next: now + interval, interval }
    }

    /// Whether a heartbeat is due. If so, sets the time of the next one. Heartbeats that a delayed process missed are not
    /// sent later.
    pub fn is_due(&mut self, now: Instant) -> bool {
        if now < self.next {
            return false;
        }
        self.next += self.interval;
        if self.next <= now {
            self.next = now + self.interval;
        }
        true
    }

    /// The time until the next heartbeat.
    pub fn delay(&self, now: Instant) -> Duration {
        self.next.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(1500);

    #[test]
    fn a_late_look_does_not_shift_the_grid() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, INTERVAL);
        assert!(!schedule.is_due(start + INTERVAL - Duration::from_millis(1)));
        assert!(schedule.is_due(start + INTERVAL + Duration::from_millis(200)));
        assert!(!schedule.is_due(start + INTERVAL + Duration::from_millis(200)));
        assert!(schedule.is_due(start + INTERVAL * 2));
    }

    #[test]
    fn missed_heartbeats_are_not_made_up_for() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, INTERVAL);
        let resumed = start + INTERVAL * 10;
        assert!(schedule.is_due(resumed));
        assert!(!schedule.is_due(resumed));
        assert_eq!(schedule.delay(resumed), INTERVAL);
    }
}
