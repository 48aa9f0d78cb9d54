//! Warnings that the network can provoke, at most one per interval and cause.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use schrittmacher_protocol::Time;

/// How many causes are kept apart. Keys may come from outside (addresses, names), so there must be an end.
const KEYS_MAX: usize = 256;

/// Decides which of many equal warnings are worth a line. Pure: time is an argument.
#[derive(Debug)]
pub struct RateLimited<K> {
    interval: Duration,
    said: BTreeMap<K, Said>,
    /// Warnings whose cause found no place among [`KEYS_MAX`] fresh ones.
    crowded_out: u64,
}

#[derive(Debug)]
struct Said {
    at: Time,
    suppressed: u64,
}

/// How many warnings were left out before this one; as text ` (3 more suppressed)`, or nothing for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suppressed(pub u64);

impl fmt::Display for Suppressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            n => write!(f, " ({n} more suppressed)"),
        }
    }
}

impl<K: Ord> RateLimited<K> {
    /// Lets one warning per key pass in each `interval`.
    pub fn new(interval: Duration) -> RateLimited<K> {
        RateLimited { interval, said: BTreeMap::new(), crowded_out: 0 }
    }

    /// `Some` if the warning about `key` is to be written now, with what to append to it.
    ///
    /// Suppressed warnings are told with the next one that passes; after the last one nothing follows.
    pub fn pass(&mut self, key: K, now: Time) -> Option<Suppressed> {
        if let Some(said) = self.said.get_mut(&key) {
            if now.since(said.at) < self.interval {
                said.suppressed += 1;
                return None;
            }
            let suppressed = said.suppressed + std::mem::take(&mut self.crowded_out);
            *said = Said { at: now, suppressed: 0 };
            return Some(Suppressed(suppressed));
        }
        if self.said.len() >= KEYS_MAX {
            self.forget_old(now);
        }
        if self.said.len() >= KEYS_MAX {
            self.crowded_out += 1;
            return None;
        }
        self.said.insert(key, Said { at: now, suppressed: 0 });
        Some(Suppressed(std::mem::take(&mut self.crowded_out)))
    }

    fn forget_old(&mut self, now: Time) {
        let interval = self.interval;
        let crowded_out = &mut self.crowded_out;
        self.said.retain(|_, said| {
            let fresh = now.since(said.at) < interval;
            if !fresh {
                *crowded_out += said.suppressed;
            }
            fresh
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(secs: u64) -> Time {
        Time::ZERO + Duration::from_secs(secs)
    }

    #[test]
    fn one_line_per_key_and_interval() {
        let mut limit = RateLimited::new(MINUTE);
        assert_eq!(limit.pass("a", at(0)), Some(Suppressed(0)));
        assert_eq!(limit.pass("b", at(1)), Some(Suppressed(0)));
        assert_eq!(limit.pass("a", at(2)), None);
        assert_eq!(limit.pass("a", at(59)), None);
        assert_eq!(limit.pass("a", at(60)), Some(Suppressed(2)));
        assert_eq!(limit.pass("a", at(120)), Some(Suppressed(0)));
    }

    #[test]
    fn many_keys_neither_grow_without_end_nor_get_lost_in_the_count() {
        let mut limit = RateLimited::new(MINUTE);
        let passed = (0..10_000).filter(|key| limit.pass(*key, at(0)).is_some()).count();
        assert_eq!(passed, KEYS_MAX);
        assert_eq!(limit.pass(0, at(1)), None);
        assert_eq!(limit.pass(20_000, at(60)), Some(Suppressed(10_000 - KEYS_MAX as u64 + 1)));
        assert_eq!(limit.said.len(), 1);
    }

    #[test]
    fn the_text_is_empty_for_none() {
        assert_eq!(Suppressed(0).to_string(), "");
        assert_eq!(Suppressed(7).to_string(), " (7 more suppressed)");
    }
}
