//! Our fourth extension key: the run of the daemon that speaks, and the run that it speaks to.

use crate::given::Given;

/// The key; the value is a text of one or two numbers of sixteen hexadecimal digits.
pub(crate) const KEY: &str = "run";

const DIGITS: usize = 16;

/// The numbers of two runs. A daemon draws its number at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The sender's.
    pub own: u64,
    /// The receiver's, if the sender has heard it.
    pub peer: Option<u64>,
}

impl Run {
    pub(crate) fn to_text(self) -> String {
        let peer = self.peer.map(|peer| format!(" {peer:016x}")).unwrap_or_default();
        format!("{:016x}{peer}", self.own)
    }
}

/// The numbers that a received value stands for. Nonsense is none.
pub(crate) fn from_value(value: &Given<'_>) -> Option<Run> {
    let text = value.as_str()?;
    match text.split_once(' ') {
        None => Some(Run { own: number(text)?, peer: None }),
        Some((own, peer)) => Some(Run { own: number(own)?, peer: Some(number(peer)?) }),
    }
}

fn number(digits: &str) -> Option<u64> {
    // The number parser alone would take a sign, and capitals.
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_number = digits.len() == DIGITS && digits.bytes().all(is_digit);
    is_number.then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_we_would_send_is_a_run() {
        for run in [Run { own: 0x0123_4567_89ab_cdef, peer: None }, Run { own: 0, peer: Some(u64::MAX) }] {
            assert_eq!(from_value(&json!(run.to_text()).into()), Some(run));
        }
        for text in [
            "",
            " ",
            "1",
            "0123456789abcdef ",
            "0123456789abcdef 1",
            "0123456789ABCDEF",
            "+123456789abcdef",
            "0123456789abcdef0",
            "0123456789abcdef  0123456789abcdef",
            "0123456789abcdef 0123456789abcdef 0123456789abcdef",
            "éééééééé",
        ] {
            assert_eq!(from_value(&json!(text).into()), None, "{text}");
        }
        assert_eq!(from_value(&json!(17).into()), None);
    }
}
