//! Time as the protocol sees it: an argument, never a clock.

use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time: the distance from an origin that the caller chooses and keeps.
///
/// The daemon uses `CLOCK_BOOTTIME` (which goes on while the machine sleeps, S11); tests count from zero.
/// Only differences matter to the protocol.
///
/// It is kept in nanoseconds, half as large as a [`Duration`], because a machine has twenty of them and its record more. They
/// last for 584 years; what is later is that late. In files it is a `Duration`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "Duration", from = "Duration")]
pub struct Time(u64);

impl Time {
    /// The origin.
    pub const ZERO: Time = Time(0);

    /// The point `since_origin` after the origin.
    pub const fn new(since_origin: Duration) -> Time {
        Time(nanoseconds(since_origin))
    }

    /// The distance from the origin.
    pub const fn since_origin(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// The same in nanoseconds.
    pub const fn nanoseconds(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not.
    pub const fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, rhs: Duration) -> Time {
        Time(self.0.saturating_add(nanoseconds(rhs)))
    }
}

impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, rhs: Duration) -> Time {
        Time(self.0.saturating_sub(nanoseconds(rhs)))
    }
}

impl From<Duration> for Time {
    fn from(since_origin: Duration) -> Time {
        Time::new(since_origin)
    }
}

impl From<Time> for Duration {
    fn from(time: Time) -> Duration {
        time.since_origin()
    }
}

const fn nanoseconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000_000).saturating_add(duration.subsec_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_late_is_the_end_of_time_and_a_file_has_seconds_and_nanoseconds() {
        let end = Time::new(Duration::MAX);
        assert_eq!((end + Duration::from_secs(1), end.since(end)), (end, Duration::ZERO));
        assert_eq!(Time::ZERO + Duration::MAX, end);
        assert_eq!(Time::ZERO - Duration::MAX, Time::ZERO);
        let time = Time::new(Duration::new(7, 5));
        assert_eq!(time.since(Time::new(Duration::from_secs(6))), Duration::new(1, 5));
        let text = serde_json::to_string(&time).unwrap();
        assert_eq!(text, r#"{"secs":7,"nanos":5}"#);
        assert_eq!(serde_json::from_str::<Time>(&text).unwrap(), time);
    }
}
