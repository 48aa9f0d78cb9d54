//! Our extension key: one of our daemons tells another its heartbeat period (W4, T2).

use std::time::Duration;

use crate::coerce;
use crate::given::Given;

/// The key; the value is the period in whole milliseconds.
pub(crate) const KEY: &str = "heartbeat-ms";

/// The shortest and the longest period there is, in milliseconds (T1).
const SHORTEST: i64 = 3;
const LONGEST: i64 = 20_000;

/// The value to write for a period. Rounded up: a peer that expects us too early takes us for dead.
pub(crate) fn to_ms(period: Duration) -> i64 {
    i64::try_from(period.as_micros().div_ceil(1000)).unwrap_or(LONGEST).clamp(SHORTEST, LONGEST)
}

/// The period that a received value stands for.
///
/// The key alone proves a peer of ours, with any value. A value that is no number counts as the longest period.
/// Waiting too long for a peer costs time; giving it up too early makes two nodes hot.
pub(crate) fn from_value(value: &Given<'_>) -> Duration {
    let ms = coerce::whole(value).unwrap_or(LONGEST).clamp(SHORTEST, LONGEST);
    Duration::from_millis(ms.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whatever_arrives_becomes_a_possible_period() {
        let rows = [
            (json!(2000), 2000),
            (json!(1500.9), 1500),
            (json!(2), 3),
            (json!(-1), 3),
            (json!(20_001), 20_000),
            (json!(u64::MAX), 20_000),
            (json!(1e99), 20_000),
            (json!("2000"), 20_000),
            (json!(null), 20_000),
            (json!([]), 20_000),
        ];
        for (value, ms) in rows {
            assert_eq!(from_value(&value.clone().into()), Duration::from_millis(ms), "{value}");
        }
    }

    #[test]
    fn an_impossible_period_is_not_sent() {
        assert_eq!(to_ms(Duration::ZERO), 3);
        assert_eq!(to_ms(Duration::from_micros(99_001)), 100);
        assert_eq!(to_ms(Duration::MAX), 20_000);
    }
}
