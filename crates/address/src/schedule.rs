//! When an address is announced.

use std::time::Duration;

/// After the address has come up, or an event may have misled the neighbours: at once, and again in case that an
/// announcement is lost or a switch was not ready. Two of them are within the first second.
const BURST: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(300), Duration::from_secs(1), Duration::from_secs(5)];

/// The announcements of one service, in time since any fixed moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnounceSchedule {
    refresh: Duration,
    /// The beginning of the burst, and how many of it have been made; `None`: the address is not up.
    burst: Option<(Duration, usize)>,
    due: Option<Duration>,
}

impl AnnounceSchedule {
    /// Of an address that is not up. `refresh`: the pause between two announcements in quiet times.
    pub fn new(refresh: Duration) -> AnnounceSchedule {
        AnnounceSchedule { refresh, burst: None, due: None }
    }

    /// Announces from now on, beginning with a burst; again if it did already.
    pub fn restart(&mut self, now: Duration) {
        self.burst = Some((now, 0));
        self.due = Some(now);
    }

    /// Another pause in quiet times, from the next announcement on.
    pub fn set_refresh(&mut self, refresh: Duration) {
        self.refresh = refresh;
    }

    /// Announces no more.
    pub fn stop(&mut self) {
        (self.burst, self.due) = (None, None);
    }

    /// The next announcement.
    pub fn due(&self) -> Option<Duration> {
        self.due
    }

    /// Whether to announce now; plans the next one if so. Announcements that were missed are not made up for.
    pub fn take(&mut self, now: Duration) -> bool {
        let Some((begin, made)) = &mut self.burst else { return false };
        if self.due.is_none_or(|due| now < due) {
            return false;
        }
        while BURST.get(*made).is_some_and(|after| *begin + *after <= now) {
            *made += 1;
        }
        self.due = Some(BURST.get(*made).map_or(now + self.refresh, |after| *begin + *after));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(schedule: &mut AnnounceSchedule, until: u64) -> Vec<u64> {
        let mut times = Vec::new();
        while let Some(due) = schedule.due().filter(|due| *due <= Duration::from_millis(until)) {
            assert!(schedule.take(due));
            times.push(u64::try_from(due.as_millis()).unwrap_or_default());
        }
        times
    }

    #[test]
    fn a_burst_then_a_refresh() {
        let mut schedule = AnnounceSchedule::new(Duration::from_secs(60));
        assert_eq!(schedule.due(), None);
        schedule.restart(Duration::from_millis(100));
        assert_eq!(times(&mut schedule, 130_000), [100, 400, 1100, 5100, 65_100, 125_100]);
        schedule.restart(Duration::from_millis(130_000));
        assert_eq!(times(&mut schedule, 131_000), [130_000, 130_300, 131_000]);
        schedule.stop();
        assert_eq!(schedule.due(), None);
        assert!(!schedule.take(Duration::from_secs(1000)));
    }

    #[test]
    fn what_was_missed_is_not_made_up_for() {
        let mut schedule = AnnounceSchedule::new(Duration::from_secs(60));
        schedule.restart(Duration::ZERO);
        assert!(schedule.take(Duration::from_millis(1200)));
        assert_eq!(schedule.due(), Some(Duration::from_secs(5)));
        assert!(!schedule.take(Duration::from_millis(4999)));
    }
}
