//! Writing one flat JSON object the way the legacy programs do.
//!
//! Layout (two spaces, one key a line, no newline at the end) and escapes are those of serde_json's pretty
//! printer. The caller decides the order of the keys.

use serde::{Serialize, Serializer as _};

/// The longest datagram that is ever written, in bytes (W1: under 1,400).
///
/// It fits an Ethernet frame with room for tunnels, so that no datagram depends on fragments. Holds as long
/// as every name in the message passes [`is_sendable_name`].
pub const MAX_DATAGRAM: usize = 1399;

/// The longest name (resource, host, type) that can be sent, in bytes of the datagram, escapes included.
/// Three such names leave more than 400 bytes for a reason.
pub const MAX_NAME: usize = 255;

/// Whether a resource, host or type name is short enough to be sent ([`MAX_NAME`]).
///
/// Check names from outside with it. A name is never cut, since a cut name would be another one.
pub fn is_sendable_name(name: &str) -> bool {
    // The quick test first: escapes only make a text longer.
    name.len() <= MAX_NAME && escaped_len(name) <= MAX_NAME
}

/// A value in a datagram: the legacy programs send no other kinds.
#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
pub(crate) enum Field<'a> {
    Text(&'a str),
    Number(i64),
}

/// A key and its value; `None` leaves the key out.
pub(crate) type Member<'a> = (&'static str, Option<Field<'a>>);

pub(crate) fn text<'a>(key: &'static str, value: impl Into<Option<&'a str>>) -> Member<'a> {
    (key, value.into().map(Field::Text))
}

pub(crate) fn number<'a>(key: &'static str, value: Option<impl Into<i64>>) -> Member<'a> {
    (key, value.map(|number| Field::Number(number.into())))
}

/// Writes the members that have a value, in the given order.
pub(crate) fn object<const N: usize>(members: [Member<'_>; N]) -> Vec<u8> {
    /// Most datagrams are shorter, so that one allocation is enough.
    const USUAL_LEN: usize = 512;

    let mut datagram = Vec::with_capacity(USUAL_LEN);
    let present = members.into_iter().filter_map(|(key, value)| Some((key, value?)));
    #[expect(clippy::expect_used, reason = "a Vec takes every write, and every key is a string")]
    serde_json::Serializer::pretty(&mut datagram).collect_map(present).expect("cannot fail");
    datagram
}

/// Writes a message, with its reason cut at a character if the datagram and `room` bytes more would exceed [`MAX_DATAGRAM`].
pub(crate) fn within_limit(
    room: usize,
    reason: Option<&str>,
    write: impl Fn(Option<&str>) -> Vec<u8>,
) -> Vec<u8> {
    let datagram = write(reason);
    match (datagram.len() + room).checked_sub(MAX_DATAGRAM) {
        None | Some(0) => datagram,
        Some(excess) => write(reason.map(|reason| shortened(reason, excess))),
    }
}

/// The longest beginning of `text` that takes at least `excess` bytes less in a datagram.
fn shortened(text: &str, excess: usize) -> &str {
    let mut room = escaped_len(text).saturating_sub(excess);
    for (at, character) in text.char_indices() {
        match room.checked_sub(escaped_char_len(character)) {
            Some(rest) => room = rest,
            None => return &text[..at],
        }
    }
    text
}

/// The length of a text in a datagram, without its quotes, in bytes.
fn escaped_len(text: &str) -> usize {
    text.chars().map(escaped_char_len).sum()
}

fn escaped_char_len(character: char) -> usize {
    match character {
        '"' | '\\' | '\u{8}' | '\t' | '\n' | '\u{c}' | '\r' => 2,
        '\0'..='\u{1f}' => 6,
        _ => character.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &str) -> String {
        let datagram = String::from_utf8(object([text("k", value)])).unwrap();
        datagram.strip_prefix("{\n  \"k\": \"").unwrap().strip_suffix("\"\n}").unwrap().to_owned()
    }

    #[test]
    fn escapes_are_the_legacy_ones() {
        let rows = [
            ("\"", r#"\""#),
            ("\\", r"\\"),
            ("\u{8}\t\n\u{c}\r", r"\b\t\n\f\r"),
            ("\0\u{b}\u{1f}", r"\u0000\u000b\u001f"),
            ("/", "/"),
            ("\u{7f}", "\u{7f}"),
            ("\u{80}\u{9f}\u{2028}\u{feff}é😀", "\u{80}\u{9f}\u{2028}\u{feff}é😀"),
        ];
        for (value, expected) in rows {
            assert_eq!(written(value), expected);
        }
    }

    #[test]
    fn the_length_of_an_escaped_text_is_known_in_advance() {
        for character in ('\0'..='\u{100}').chain(['\u{2028}', '\u{d7ff}', '\u{e000}', '\u{ffff}', '😀']) {
            let value = character.to_string();
            assert_eq!(escaped_len(&value), written(&value).len(), "{character:?}");
        }
    }

    #[test]
    fn a_text_is_shortened_at_a_character_and_by_no_more_than_needed() {
        assert_eq!(shortened("aéb", 0), "aéb");
        assert_eq!(shortened("aéb", 1), "aé");
        assert_eq!(shortened("aéb", 2), "a", "half an é would be left");
        assert_eq!(shortened("a\0b", 2), "a", "an escape is never split");
        assert_eq!(shortened("ab", 9), "");
    }

    #[test]
    fn a_name_counts_as_long_as_it_is_in_a_datagram() {
        assert!(is_sendable_name(&"n".repeat(MAX_NAME)));
        assert!(!is_sendable_name(&"n".repeat(MAX_NAME + 1)));
        assert!(is_sendable_name(&"\"".repeat(MAX_NAME / 2)));
        assert!(!is_sendable_name(&"\"".repeat(MAX_NAME / 2 + 1)));
    }
}
