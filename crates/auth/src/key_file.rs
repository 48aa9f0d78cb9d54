//! The key file: one key a line, its name and its secret in hexadecimal digits. The first one signs; all are believed.
//! Empty lines, and lines that begin with `#`, are comments. No error repeats what is in the file.

use crate::{Key, KeyId, Keys};

/// The largest key file, in bytes.
pub const KEY_FILE_MAX: u64 = 65_536;

/// More keys than any rotation needs; each costs time when a datagram names it wrongly.
const KEYS_MAX: usize = 16;
const SECRET_MIN: usize = 32;
const SECRET_MAX: usize = 64;

/// Of UTF-8 and of UTF-16 in both orders. Nobody sees one in an editor.
const BYTE_ORDER_MARKS: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"];

/// A mistake in a key file, and its line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {mistake}")]
pub struct KeyFileError {
    /// 1 is the first.
    pub line: usize,
    pub mistake: Mistake,
}

/// The kinds of mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// A line without a name, a blank and a secret.
    #[error(
        "a key is its name (eight letters or digits), a blank, and its secret (64 to 128 hexadecimal digits)"
    )]
    Form,
    /// The secret is shorter than 32 bytes.
    #[error("the secret is too short: 64 hexadecimal digits at least")]
    TooShort,
    /// The secret is longer than 64 bytes.
    #[error("the secret is too long: 128 hexadecimal digits at most")]
    TooLong,
    /// The secret repeats one byte.
    #[error("the secret is one byte repeated: not secret")]
    Trivial,
    /// The name is that of an earlier key.
    #[error("another key has this name")]
    SameName,
    /// The secret is that of an earlier key.
    #[error("another key has this secret")]
    SameSecret,
    /// No key at all.
    #[error("no key in it")]
    Empty,
    /// An editor has put a mark of its encoding before the first letter, or saved it in two bytes a letter.
    #[error("a byte order mark before the first letter: save the file as plain ASCII")]
    ByteOrderMark,
    /// More than 16.
    #[error("more than 16 keys")]
    TooMany,
}

impl Keys {
    /// Reads a key file.
    ///
    /// # Errors
    ///
    /// The first mistake.
    pub fn parse(file: &[u8]) -> Result<Keys, KeyFileError> {
        if BYTE_ORDER_MARKS.iter().any(|mark| file.starts_with(mark)) {
            return Err(KeyFileError { line: 1, mistake: Mistake::ByteOrderMark });
        }
        let mut keys: Vec<Key> = Vec::new();
        let mut last_line = 1;
        for (text, line) in file.split(|byte| *byte == b'\n').zip(1..) {
            last_line = line;
            let text = text.trim_ascii();
            if text.is_empty() || text.starts_with(b"#") {
                continue;
            }
            let at = |mistake| KeyFileError { line, mistake };
            let key = key(text).map_err(at)?;
            if keys.iter().any(|other| other.id == key.id) {
                return Err(at(Mistake::SameName));
            }
            if keys.iter().any(|other| other.secret == key.secret) {
                return Err(at(Mistake::SameSecret));
            }
            if keys.len() == KEYS_MAX {
                return Err(at(Mistake::TooMany));
            }
            keys.push(key);
        }
        Keys::new(keys).ok_or(KeyFileError { line: last_line, mistake: Mistake::Empty })
    }
}

fn key(text: &[u8]) -> Result<Key, Mistake> {
    let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (Some(name), Some(secret), None) = (words.next(), words.next(), words.next()) else {
        return Err(Mistake::Form);
    };
    let id = KeyId::new(name).ok_or(Mistake::Form)?;
    let secret = secret_from_hex(secret).ok_or(Mistake::Form)?;
    match secret.len() {
        ..SECRET_MIN => Err(Mistake::TooShort),
        SECRET_MIN..=SECRET_MAX if secret.iter().all(|byte| *byte == secret[0]) => Err(Mistake::Trivial),
        SECRET_MIN..=SECRET_MAX => Ok(Key { id, secret }),
        _ => Err(Mistake::TooLong),
    }
}

pub(crate) fn secret_from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let (pairs, rest) = digits.as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn mistake(text: &str) -> (usize, Mistake) {
        let KeyFileError { line, mistake } = Keys::parse(text.as_bytes()).unwrap_err();
        (line, mistake)
    }

    #[test]
    fn the_first_key_of_a_file_signs() {
        let text =
            format!("# made today\n\n 2026Nov1\t{SECRET}\r\nolder001 {}\n", SECRET.replace("1f", "2F"));
        let ids: Vec<_> = Keys::parse(text.as_bytes()).unwrap().ids().map(|id| id.to_string()).collect();
        assert_eq!(ids, ["2026Nov1", "older001"]);
    }

    #[test]
    fn a_mistake_has_its_line() {
        let long = SECRET.repeat(3);
        let many: String = (0..17).map(|n| format!("key000{n:02} {SECRET}{n:02}\n")).collect();
        let rows = [
            (String::new(), 1, Mistake::Empty),
            ("# nothing\n\n".into(), 3, Mistake::Empty),
            (SECRET.into(), 1, Mistake::Form),
            (format!("\nshort {SECRET}"), 2, Mistake::Form),
            (format!("too-long1 {SECRET}"), 1, Mistake::Form),
            (format!("key00001 {SECRET} more"), 1, Mistake::Form),
            (format!("key00001 {SECRET}0"), 1, Mistake::Form),
            (format!("key00001 {}", SECRET.replace('a', "g")), 1, Mistake::Form),
            (format!("key00001 {}", &SECRET[2..]), 1, Mistake::TooShort),
            (format!("key00001 {long}"), 1, Mistake::TooLong),
            (format!("key00001 {}", "5a".repeat(32)), 1, Mistake::Trivial),
            (format!("key00001 {SECRET}\nkey00001 {SECRET}20"), 2, Mistake::SameName),
            (format!("key00001 {SECRET}\nkey00002 {SECRET}"), 2, Mistake::SameSecret),
            (many, 17, Mistake::TooMany),
            (format!("\u{feff}key00001 {SECRET}"), 1, Mistake::ByteOrderMark),
            ("\u{feff}".into(), 1, Mistake::ByteOrderMark),
        ];
        for (text, line, expected) in rows {
            assert_eq!(mistake(&text), (line, expected), "{text}");
        }
    }

    #[test]
    fn nothing_shows_a_secret() {
        let keys = Keys::parse(format!("key00001 {SECRET}").as_bytes()).unwrap();
        assert_eq!(format!("{keys:?}"), "Keys([Key(key00001)])");
        for text in [format!("secretly {SECRET}xx"), format!("{SECRET} key00001")] {
            let error = Keys::parse(text.as_bytes()).unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("secretly") && !shown.contains(&SECRET[..8]), "{shown}");
        }
    }
}
