//! The answer of a daemon to its application, by the Unix socket alone: until when it may serve (`policy = consistent`).

use std::time::Duration;

use serde_json::Value;

use crate::json::{object, text};

/// The key of an application that wants to know; the value is `right`.
pub(crate) const ASKS: &str = "asks";
pub(crate) const RIGHT: &str = "right";

/// The longest answer, in bytes.
pub const MAX_ANSWER: usize = 128;

/// No clock of a host goes as far: thirty thousand years, in microseconds.
const LAST: u64 = 1 << 60;

/// For how long an application may serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// There is no such limit.
    Unlimited,
    /// Times of CLOCK_BOOTTIME, which is the same for all processes of a host.
    Until {
        /// When the application has to begin to stop.
        begin: Duration,
        /// When it has to have ended: the other side may serve.
        end: Duration,
    },
}

impl Right {
    /// The message: the times in microseconds, rounded down.
    pub fn encode(self) -> Vec<u8> {
        let times = match self {
            Right::Unlimited => "unlimited".to_owned(),
            Right::Until { begin, end } => format!("{} {}", begin.as_micros(), end.as_micros()),
        };
        object([text(RIGHT, times.as_str())])
    }

    /// What a received message tells. Nonsense tells nothing.
    pub fn parse(message: &[u8]) -> Option<Right> {
        let value: Value = serde_json::from_slice(message.get(..MAX_ANSWER).unwrap_or(message)).ok()?;
        let times = value.get(RIGHT)?.as_str()?;
        if times == "unlimited" {
            return Some(Right::Unlimited);
        }
        let (begin, end) = times.split_once(' ')?;
        let time = |text: &str| text.parse().ok().filter(|micros| *micros < LAST).map(Duration::from_micros);
        Some(Right::Until { begin: time(begin)?, end: time(end)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_is_read_as_it_was_told_and_nonsense_is_none() {
        let until = Right::Until { begin: Duration::from_micros(7), end: Duration::from_micros(LAST - 1) };
        for right in [Right::Unlimited, until] {
            assert!(right.encode().len() <= MAX_ANSWER);
            assert_eq!(Right::parse(&right.encode()), Some(right));
        }
        for text in [
            "",
            "[]",
            "{}",
            r#"{"right":7}"#,
            r#"{"right":"7"}"#,
            r#"{"right":"7 x"}"#,
            r#"{"right":"-1 7"}"#,
        ] {
            assert_eq!(Right::parse(text.as_bytes()), None, "{text}");
        }
        let far = format!(r#"{{"right":"0 {LAST}"}}"#);
        assert_eq!(Right::parse(far.as_bytes()), None);
    }
}
