//! An object that has texts without escapes and whole numbers, and nothing else: nearly all are. Thousands come each second.
//!
//! What it does not know is left to the reader of everything, errors too. Both read the same, which is tested.

use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, Error};

use super::{Key, Members};
use crate::given::Given;

/// More digits may not fit.
const DIGITS: usize = 18;

/// Puts the members there, or gives `None` if there is anything else in it.
pub(super) fn read<'a>(json: &'a [u8], members: &mut Members<'a>) -> Option<()> {
    let mut text = Text { whole: str::from_utf8(json).ok()?, at: 0 };
    text.take(b'{')?;
    loop {
        let key = Key::deserialize(BorrowedStrDeserializer::<Error>::new(text.text()?)).ok()?;
        text.take(b':')?;
        members.put(key, text.value()?);
        if text.take(b',').is_none() {
            break;
        }
    }
    text.take(b'}')?;
    text.skip_blanks();
    (text.at == json.len()).then_some(())
}

struct Text<'a> {
    whole: &'a str,
    /// Where the next character begins.
    at: usize,
}

impl<'a> Text<'a> {
    fn next(&self) -> Option<u8> {
        self.whole.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.next(), Some(b' ' | b'\n' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes this character, after blanks.
    fn take(&mut self, wanted: u8) -> Option<()> {
        self.skip_blanks();
        (self.next()? == wanted).then(|| self.at += 1)
    }

    /// Takes a text, after blanks.
    fn text(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let rest = self.whole.get(self.at..)?;
        let length = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | ..b' '))?;
        self.at += length;
        // Neither an escape nor a control character.
        (self.next()? == b'"').then(|| self.at += 1)?;
        rest.get(..length)
    }

    /// Takes a text or a whole number, after blanks.
    fn value(&mut self) -> Option<Given<'a>> {
        self.skip_blanks();
        if self.next()? == b'"' {
            return self.text().map(|text| Given::Text(text.into()));
        }
        let is_negative = self.next()? == b'-';
        self.at += usize::from(is_negative);
        let rest = self.whole.get(self.at..)?;
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let digits = rest.get(..length).filter(|digits| (1..=DIGITS).contains(&digits.len()))?;
        self.at += length;
        let is_whole = !matches!(self.next(), Some(b'.' | b'e' | b'E'));
        // Others are no numbers, or no whole ones: -0.
        let is_plain = !digits.starts_with('0') || digits.len() == 1 && !is_negative;
        let number: i64 = digits.parse().ok().filter(|_| is_whole && is_plain)?;
        Some(Given::Number(if is_negative { (-number).into() } else { number.into() }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::members::read_any;
    use crate::{AppCode, AppMessage};

    fn read(json: &[u8]) -> Option<Members<'_>> {
        let mut members = Members::default();
        super::read(json, &mut members).map(|()| members)
    }

    #[test]
    fn a_report_of_the_client_library_is_plain() {
        let message = AppMessage {
            code: AppCode::Lhot,
            resource: "r1",
            pid: Some(7),
            reason: Some("all is wéll"),
            kind: Some("smsc"),
            host: Some("h"),
            adminweb_port: None,
            asks_right: true,
        };
        let datagram = message.encode();
        assert_eq!(read(&datagram).unwrap(), read_any(&datagram).unwrap().unwrap());
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_other_reader() {
        for json in [
            r#"{}"#,
            r#"{"a":01}"#,
            r#"{"a":-0}"#,
            r#"{"a":1.5}"#,
            r#"{"a":1e3}"#,
            r#"{"a":"\n"}"#,
            r#"{"\u0061":1}"#,
            r#"{"a":[1]}"#,
            r#"{"a":null}"#,
            r#"{"a":1}x"#,
            r#"{"a":1,}"#,
            r#"{"a" 1}"#,
            r#"{"a":"1"#,
            "{\"a\":\"\n\"}",
            "{\"a\":1}\u{c}",
            r#"{"a":1234567890123456789}"#,
        ] {
            assert_eq!(read(json.as_bytes()), None, "{json}");
        }
        assert_eq!(read(b"{\"a\":\"\xff\"}"), None);
    }

    fn member() -> impl Strategy<Value = String> {
        let key =
            prop::sample::select(vec!["resource", "status", "random", "reason", "pid", "says", "x", "é", ""]);
        let value = prop_oneof![
            any::<i64>().prop_map(|number| number.to_string()),
            (-20_i64..20).prop_map(|number| number.to_string()),
            "[ -~é\n]{0,12}".prop_map(|text| format!("\"{text}\"")),
            "[-+.eE0-9a-z\"\\\\\\[\\]{} ]{0,6}",
        ];
        ("[ \n\t\r]{0,2}", key, "[ \n]{0,1}", value)
            .prop_map(|(blank, key, more, value)| format!("{blank}\"{key}\"{more}:{blank}{value}{more}"))
    }

    proptest! {
        /// Whatever it reads, the reader of everything reads the same.
        #[test]
        fn both_read_the_same(members in prop::collection::vec(member(), 0..5), end in "[ \n}]{0,2}") {
            let json = format!("{{{}}}{end}", members.join(","));
            if let Some(plain) = read(json.as_bytes()) {
                prop_assert_eq!(Some(plain), read_any(json.as_bytes()).unwrap(), "{}", json);
            }
        }
    }
}
