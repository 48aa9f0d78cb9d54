//! The echoes of one host: whether its targets answer.

use std::time::Duration;

use schrittmacher_protocol::Evidence;

/// Sends rounds of echoes while its daemon runs.
#[derive(Clone, Debug)]
pub(crate) struct Pinger {
    evidence: Evidence,
    period: Duration,
    next: Duration,
    /// The targets can be reached.
    pub reaches: bool,
}

impl Pinger {
    pub fn new(ping_timeout: Duration, first: Duration) -> Pinger {
        Pinger {
            evidence: Evidence::default(),
            period: Evidence::period(ping_timeout),
            next: first,
            reaches: true,
        }
    }

    /// Its daemon starts.
    pub fn start(&mut self, now: Duration) {
        self.evidence = Evidence::default();
        self.next = now;
    }

    pub fn next(&self) -> Duration {
        self.next
    }

    /// A round is due: what its daemon hears. A daemon that was stopped has sent none meanwhile.
    pub fn round(&mut self, now: Duration) -> Option<bool> {
        self.next = now + self.period;
        let lost = self.evidence.round();
        // The answer takes no time.
        if self.reaches { self.evidence.answer() } else { lost }
    }
}
