//! Our extension key: a daemon that does not serve says for how long it takes no role (`policy = consistent`).

use std::time::Duration;

use crate::given::Given;

/// The key; the value is a text, `MS` or `MS TIME`: whole milliseconds from the hearing of the newest message of the other side,
/// and the time that this one told in [`Trip`](crate::Trip).
pub(crate) const KEY: &str = "promise";

/// The longest promise that is said and read: an hour.
const LONGEST: u64 = 3_600_000;

/// What a message promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Promised {
    /// The sender takes no role for this long, from the hearing of what it acknowledges. 0 to 1 h, in whole milliseconds, rounded
    /// down: a promise that is taken for longer than it is makes two sides hot. Zero: it promises nothing.
    pub lasts: Duration,
    /// The time of the newest message that it has heard, as that message told it. `None`: none of this run.
    pub acknowledged: Option<u64>,
}

impl Promised {
    pub(crate) fn to_text(self) -> String {
        let ms = u64::try_from(self.lasts.as_millis()).unwrap_or(LONGEST).min(LONGEST);
        self.acknowledged.map_or_else(|| ms.to_string(), |time| format!("{ms} {time}"))
    }
}

/// The promise that a received value stands for. Nonsense promises nothing.
pub(crate) fn from_value(value: &Given<'_>) -> Promised {
    let mut parts = value.as_str().unwrap_or_default().split(' ').map(crate::trip::number);
    match (parts.next().flatten(), parts.next(), parts.next()) {
        (Some(ms), None, None) => of(ms, None),
        (Some(ms), Some(Some(time)), None) => of(ms, Some(time)),
        _ => Promised::default(),
    }
}

fn of(ms: u64, acknowledged: Option<u64>) -> Promised {
    Promised { lasts: Duration::from_millis(ms.min(LONGEST)), acknowledged }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_promise_is_taken_for_longer_than_it_was_given() {
        let rows = [
            (json!("2000"), 2000, None),
            (json!("2000 77"), 2000, Some(77)),
            (json!("999999999999999999 1"), LONGEST, Some(1)),
            (json!("2000 "), 0, None),
            (json!("2000 x"), 0, None),
            (json!("2000 1 1"), 0, None),
            (json!("-1 7"), 0, None),
            (json!("99999999999999999999 1"), 0, None),
            (json!(2000), 0, None),
            (json!(null), 0, None),
        ];
        for (value, ms, acknowledged) in rows {
            let promised = Promised { lasts: Duration::from_millis(ms), acknowledged };
            assert_eq!(from_value(&value.clone().into()), promised, "{value}");
        }
        let promised = Promised { lasts: Duration::from_micros(2999), acknowledged: Some(5) };
        assert_eq!(promised.to_text(), "2 5");
    }
}
