//! A received value.

use std::borrow::Cow;

use serde_json::Number;

/// A value as it was received: nothing inside an array or object, and no copy of a text without escapes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given<'a> {
    Null,
    Bool(bool),
    Number(Number),
    /// Part of the datagram, unless it has escapes.
    Text(Cow<'a, str>),
    /// An array or object.
    Nested,
}

impl Given<'_> {
    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Given::Text(text) => Some(text),
            Given::Null | Given::Bool(_) | Given::Number(_) | Given::Nested => None,
        }
    }

    /// The number, if it is a whole one and not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Given::Number(number) => number.as_u64(),
            Given::Null | Given::Bool(_) | Given::Text(_) | Given::Nested => None,
        }
    }
}

#[cfg(test)]
impl From<serde_json::Value> for Given<'static> {
    fn from(value: serde_json::Value) -> Given<'static> {
        use serde_json::Value;
        match value {
            Value::Null => Given::Null,
            Value::Bool(flag) => Given::Bool(flag),
            Value::Number(number) => Given::Number(number),
            Value::String(text) => Given::Text(text.into()),
            Value::Array(_) | Value::Object(_) => Given::Nested,
        }
    }
}
