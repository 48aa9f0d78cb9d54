//! Whether the daemon is lost. Time comes in as an argument.

use std::time::{Duration, Instant};

/// The conclusion from a sent message about the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It arrived where a daemon listens.
    Taken,
    /// No daemon is listening.
    Refused,
    /// It was not sent, so it tells nothing.
    Unsent,
}

/// Measures how long a daemon that was there has refused messages.
///
/// The silence of the daemon is no sign: a healthy daemon sends orders only. A daemon that was never there is not
/// lost either, since the application may simply start first.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    seen: bool,
    last_refusal: Option<Instant>,
    refused_for: Duration,
    told: bool,
}

impl Watch {
    /// Takes note of a message that was sent at `now`.
    ///
    /// Between two refusals at most `longest_gap` counts. Otherwise a process that was suspended would wake up
    /// to a lost daemon, although nothing was tried meanwhile.
    pub fn note(&mut self, delivery: Delivery, now: Instant, longest_gap: Duration) {
        match delivery {
            Delivery::Taken => *self = Watch { seen: true, ..Watch::default() },
            Delivery::Refused if self.seen => {
                if let Some(last) = self.last_refusal {
                    self.refused_for += now.saturating_duration_since(last).min(longest_gap);
                }
                self.last_refusal = Some(now);
            }
            Delivery::Refused | Delivery::Unsent => {}
        }
    }

    /// Whether a daemon that was there has refused every message for `limit`. Without a limit it is never lost.
    pub fn is_lost(&self, limit: Option<Duration>) -> bool {
        limit.is_some_and(|limit| self.last_refusal.is_some() && self.refused_for >= limit)
    }

    /// True once for each loss.
    pub fn is_newly_lost(&mut self, limit: Option<Duration>) -> bool {
        self.is_lost(limit) && !std::mem::replace(&mut self.told, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEAT: Duration = Duration::from_millis(1500);
    const LIMIT: Option<Duration> = Some(Duration::from_secs(10));

    /// The watch after one message for each delivery, a heartbeat apart.
    fn after(deliveries: &[Delivery]) -> Watch {
        let (mut watch, mut now) = (Watch::default(), Instant::now());
        for delivery in deliveries {
            watch.note(*delivery, now, BEAT * 2);
            now += BEAT;
        }
        watch
    }

    #[test]
    fn a_daemon_that_was_there_is_lost_after_the_limit() {
        let refused = |count| after(&[&[Delivery::Taken][..], &vec![Delivery::Refused; count]].concat());
        // Seven heartbeats apart are 9 s, eight are 10.5 s.
        assert!(!refused(7).is_lost(LIMIT));
        assert!(refused(8).is_lost(LIMIT));
        assert!(!refused(80).is_lost(None), "it is off by default");
        let mut watch = refused(8);
        assert!(watch.is_newly_lost(LIMIT));
        assert!(!watch.is_newly_lost(LIMIT), "one loss is told twice");
    }

    #[test]
    fn a_daemon_that_was_never_there_is_not_lost() {
        assert!(!after(&[Delivery::Refused; 80]).is_lost(LIMIT));
    }

    #[test]
    fn one_message_taken_starts_the_count_anew() {
        let mut deliveries = vec![Delivery::Taken];
        deliveries.extend([Delivery::Refused; 7]);
        deliveries.push(Delivery::Taken);
        deliveries.extend([Delivery::Refused; 7]);
        assert!(!after(&deliveries).is_lost(LIMIT));
        deliveries.push(Delivery::Refused);
        assert!(after(&deliveries).is_newly_lost(LIMIT), "a second loss is not told");
    }

    #[test]
    fn a_message_that_was_not_sent_tells_nothing() {
        let deliveries = [&[Delivery::Taken][..], &[Delivery::Unsent; 80]].concat();
        assert!(!after(&deliveries).is_lost(LIMIT));
    }

    #[test]
    fn a_suspended_process_does_not_wake_up_to_a_lost_daemon() {
        let mut watch = Watch::default();
        let now = Instant::now();
        watch.note(Delivery::Taken, now, BEAT * 2);
        watch.note(Delivery::Refused, now + BEAT, BEAT * 2);
        watch.note(Delivery::Refused, now + Duration::from_secs(3600), BEAT * 2);
        assert!(!watch.is_lost(LIMIT));
    }
}
