//! When the peer may be sent batches: as long as it is heard, and says in each message that it reads them.
//!
//! A legacy daemon goes hot when it has heard nothing for six seconds, and a batch is nothing to it. It may take the place of a
//! daemon of ours at any moment. So its first message, or three seconds of silence, end the batches. The next heartbeat of at
//! most two seconds then comes in time.

use std::time::Duration;

/// A peer that was not heard for so long may be another program now.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long every resource is then told as a whole, whatever the peer says: somebody who forges such messages brings about
/// what was before there were batches, and no more.
const WHOLE_FOR: Duration = Duration::from_secs(3);

/// Whether batches may be sent now. Times are distances from any fixed point.
#[derive(Clone, Copy, Debug, Default)]
pub struct BatchMode {
    /// When the peer has said last that it reads them.
    read_at: Option<Duration>,
    whole_until: Duration,
}

impl BatchMode {
    /// A message has come whose sender reads batches.
    pub fn peer_reads(&mut self, now: Duration) {
        self.read_at = Some(now);
    }

    /// A message has come whose sender does not say so. True if batches were allowed until now: then everything has to be said
    /// again as a whole, at once.
    pub fn peer_does_not_read(&mut self, now: Duration) -> bool {
        let could = self.may_batch(now);
        self.read_at = None;
        self.whole_until = now + WHOLE_FOR;
        could
    }

    pub fn may_batch(&self, now: Duration) -> bool {
        now >= self.whole_until && self.read_at.is_some_and(|read| now.saturating_sub(read) < PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn batches_are_for_a_peer_that_was_heard_lately_and_reads_them() {
        let mut mode = BatchMode::default();
        assert!(!mode.may_batch(at(0)));
        mode.peer_reads(at(1000));
        assert!(mode.may_batch(at(1000)) && mode.may_batch(at(3999)));
        assert!(!mode.may_batch(at(4000)), "it is silent");
        mode.peer_reads(at(5000));
        assert!(mode.may_batch(at(5000)));
    }

    #[test]
    fn one_message_of_another_program_ends_them() {
        let mut mode = BatchMode::default();
        mode.peer_reads(at(1000));
        assert!(mode.peer_does_not_read(at(1001)));
        assert!(!mode.may_batch(at(1001)));
    }

    #[test]
    fn a_forger_has_everything_repeated_once_in_three_seconds() {
        let mut mode = BatchMode::default();
        let mut repeats = 0;
        for ms in 0..30_000 {
            mode.peer_reads(at(ms));
            repeats += u32::from(mode.peer_does_not_read(at(ms)));
        }
        assert!(repeats <= 10, "{repeats}");
    }
}
