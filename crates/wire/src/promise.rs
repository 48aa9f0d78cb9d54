//! Our extension key: a daemon that does not serve says for how long it takes no role (`policy = consistent`).

use std::time::Duration;

use serde_json::Value;

use crate::coerce;

/// The key; the value is a time in whole milliseconds, from the hearing of the message that `trip` echoes. Zero: it promises nothing.
pub(crate) const KEY: &str = "promise-ms";

/// The longest promise that is said and read: an hour.
const LONGEST: i64 = 3_600_000;

/// Rounded down: a promise that is taken for longer than it is makes two sides hot.
pub(crate) fn to_ms(promise: Duration) -> i64 {
    i64::try_from(promise.as_millis()).unwrap_or(LONGEST).min(LONGEST)
}

/// The promise that a received value stands for. Nonsense promises nothing.
pub(crate) fn from_value(value: &Value) -> Duration {
    Duration::from_millis(coerce::whole(value).unwrap_or(0).clamp(0, LONGEST).unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_promise_is_taken_for_longer_than_it_was_given() {
        let rows = [
            (json!(2000), 2000),
            (json!(-1), 0),
            (json!("9"), 0),
            (json!(null), 0),
            (json!(1e18), 3_600_000),
        ];
        for (value, ms) in rows {
            assert_eq!(from_value(&value), Duration::from_millis(ms), "{value}");
        }
        assert_eq!(to_ms(Duration::from_micros(2999)), 2);
    }
}
