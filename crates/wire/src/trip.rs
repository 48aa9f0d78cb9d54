//! Our fifth extension key: the number and the time of a message, and the time of the newest one heard.

use crate::given::Given;

/// The key; the value is a text of two or four decimal numbers.
pub(crate) const KEY: &str = "trip";

/// No number is longer; 30,000 years in microseconds.
const DIGITS: usize = 18;

/// What a message tells for the measurement of the way between two daemons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trip {
    /// Rises by one with each such message to the peer.
    pub number: u64,
    /// The time of sending by the sender's own clock, in microseconds.
    pub time: u64,
    /// Of the receiver's newest message, if one was heard.
    pub echo: Option<Echo>,
}

/// A time that comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// As that message told it.
    pub time: u64,
    /// How long ago it has come, in microseconds.
    pub held: u64,
}

impl Trip {
    pub(crate) fn to_text(self) -> String {
        let echo = self.echo.map(|Echo { time, held }| format!(" {time} {held}")).unwrap_or_default();
        format!("{} {}{echo}", self.number, self.time)
    }
}

/// What a received value tells. Nonsense is nothing.
pub(crate) fn from_value(value: &Given<'_>) -> Option<Trip> {
    let mut parts = value.as_str()?.split(' ').map(number);
    let (number, time) = (parts.next()??, parts.next()??);
    let echo = match (parts.next(), parts.next(), parts.next()) {
        (None, None, None) => None,
        (Some(Some(time)), Some(Some(held)), None) => Some(Echo { time, held }),
        _ => return None,
    };
    Some(Trip { number, time, echo })
}

pub(crate) fn number(digits: &str) -> Option<u64> {
    // The number parser alone would take a sign.
    let is_number = (1..=DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn two_or_four_numbers_are_a_trip() {
        for trip in [
            Trip { number: 1, time: 0, echo: None },
            Trip { number: 999, time: 999_999_999_999_999_999, echo: Some(Echo { time: 7, held: 0 }) },
        ] {
            assert_eq!(from_value(&json!(trip.to_text()).into()), Some(trip));
        }
        for text in [
            "",
            "1",
            "1 ",
            "1 2 3",
            "1 2 3 4 5",
            "1 2 3 4 ",
            "+1 2",
            "1 -2",
            "1  2",
            "x 1",
            "1 1000000000000000000",
        ] {
            assert_eq!(from_value(&json!(text).into()), None, "{text}");
        }
        assert_eq!(from_value(&json!([1, 2]).into()), None);
    }
}
