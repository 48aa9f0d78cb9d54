//! Our second extension key: what one of our daemons tells another beside its state.

use serde::{Deserialize, Serialize};

use crate::given::Given;

/// The key; the value is a word.
pub(crate) const KEY: &str = "note";

/// The note of a message beside the sender's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Note {
    /// The sender does not know its role yet, but its application is hot.
    Claim,
    /// The sender's daemon ends.
    Leaving,
    /// HOTT means 2HOT: the sender does not know yet that its peer understands that.
    GoingHot,
    /// Clients cannot reach the sender's host.
    CutOff,
    /// HOTT or 2HOT, and the sender hands over: it is in a set.
    HandsOver,
    /// The sender starts nothing by itself: its configuration file is broken, say.
    Held,
}

impl Note {
    const ALL: [Note; 6] =
        [Note::Claim, Note::Leaving, Note::GoingHot, Note::CutOff, Note::HandsOver, Note::Held];
}

impl Note {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Note::Claim => "claim",
            Note::Leaving => "leaving",
            Note::GoingHot => "going-hot",
            Note::CutOff => "cut-off",
            Note::HandsOver => "hands-over",
            Note::Held => "held",
        }
    }
}

/// The note that a received value stands for. An unknown word is none.
pub(crate) fn from_value(value: &Given<'_>) -> Option<Note> {
    let word = value.as_str()?;
    Note::ALL.into_iter().find(|note| note.as_str() == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_unknown_word_is_no_note() {
        for note in Note::ALL {
            assert_eq!(from_value(&json!(note.as_str()).into()), Some(note));
        }
        for value in [json!("Claim"), json!(""), json!(1), json!(null), json!(["claim"])] {
            assert_eq!(from_value(&value.clone().into()), None, "{value}");
        }
    }
}
