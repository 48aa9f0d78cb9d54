//! Our extension key: the number of a promotion (`docs/glossary.md`: epoch).

use crate::given::Given;

/// The key; the value is a number.
pub(crate) const KEY: &str = "epoch";

/// The greatest number that is said and read.
const LAST: i64 = 1 << 53;

pub(crate) fn to_number(epoch: u64) -> i64 {
    i64::try_from(epoch).unwrap_or(LAST).min(LAST)
}

/// The number that a received value stands for. Nonsense is none: a number that is taken for greater than it is can never fall.
pub(crate) fn from_value(value: &Given<'_>) -> Option<u64> {
    value.as_u64().filter(|number| (1..=LAST.unsigned_abs()).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_whole_number_in_its_range_is_an_epoch() {
        for (value, epoch) in [
            (json!(1), Some(1)),
            (json!(9_007_199_254_740_992_u64), Some(1 << 53)),
            (json!(9_007_199_254_740_993_u64), None),
            (json!(u64::MAX), None),
            (json!(0), None),
            (json!(-1), None),
            (json!(2.5), None),
            (json!("7"), None),
            (json!(null), None),
        ] {
            assert_eq!(from_value(&value.clone().into()), epoch, "{value}");
        }
        assert_eq!(to_number(u64::MAX), LAST);
    }
}
