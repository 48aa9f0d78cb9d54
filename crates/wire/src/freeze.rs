//! Our third extension key: that an operator has frozen a resource, on this side or on the other one.

use std::time::Duration;

use crate::given::Given;

/// The key; the value is a text of two numbers: the stamp, and the milliseconds that are left.
pub(crate) const KEY: &str = "freeze";

/// The longest freeze.
pub const FREEZE_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// Stamps go round: after the last one comes 0 again. A number in JSON is exact up to here.
pub const FREEZE_STAMPS: u64 = 1 << 53;

/// A freeze, or its end by an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// From 1, below [`FREEZE_STAMPS`]. Of two words of operators, that one is newer which is ahead by less than half a round.
    pub stamp: u64,
    /// What is left of it, at most [`FREEZE_MAX`]; zero: thawed.
    pub left: Duration,
}

impl Freeze {
    pub(crate) fn to_text(self) -> String {
        format!("{} {}", self.stamp, self.left.min(FREEZE_MAX).as_millis())
    }
}

/// The freeze that a received value stands for. Nonsense is none.
pub(crate) fn from_value(value: &Given<'_>) -> Option<Freeze> {
    let (stamp, ms) = value.as_str()?.split_once(' ')?;
    let (stamp, ms) = (stamp.parse().ok()?, ms.parse().ok()?);
    let left = Duration::from_millis(ms);
    ((1..FREEZE_STAMPS).contains(&stamp) && left <= FREEZE_MAX).then_some(Freeze { stamp, left })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_we_would_send_is_a_freeze() {
        for freeze in [
            Freeze { stamp: 3_529_000_000_001, left: Duration::from_millis(7_200_000) },
            Freeze { stamp: FREEZE_STAMPS - 1, left: Duration::ZERO },
        ] {
            assert_eq!(from_value(&json!(freeze.to_text()).into()), Some(freeze));
        }
        let nonsense = [
            "",
            "1",
            "1 ",
            " 1",
            "x 1",
            "1 -1",
            "1 1 1",
            "0 1",
            "9007199254740992 1",
            "1 604800001",
            "99999999999999999999 1",
        ];
        for text in nonsense {
            assert_eq!(from_value(&json!(text).into()), None, "{text}");
        }
        assert_eq!(from_value(&json!(17).into()), None);
    }
}
