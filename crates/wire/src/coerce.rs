//! JSON values of an unexpected type, read as the legacy daemon reads them (W2).
//!
//! Where it throws, drops the datagram or dies, the callers here read a sane value instead.

use std::borrow::Cow;

use serde_json::Number;

use crate::given::Given;

/// A name or code: a number or boolean stands for its text. `None` where the legacy daemon throws.
///
/// A fraction is written plainly; the legacy daemon does the same up to six digits and uses an exponent
/// beyond. No name is such a number.
pub(crate) fn text(value: Given<'_>) -> Option<Cow<'_, str>> {
    match value {
        Given::Text(text) => Some(text),
        Given::Bool(flag) => Some(if flag { "1" } else { "0" }.into()),
        Given::Number(number) => {
            let text = fraction(&number).map_or_else(|| number.to_string(), |float| float.to_string());
            Some(text.into())
        }
        Given::Null | Given::Nested => None,
    }
}

/// A 32-bit number as the legacy `intValue` reads it: integers modulo 2^32, fractions towards zero, a text by
/// its leading digits. Absent, null, arrays and objects are 0. The last three kill the legacy daemon (D23).
pub(crate) fn int(value: Option<&Given<'_>>) -> i32 {
    match value {
        Some(Given::Number(number)) => match fraction(number) {
            Some(float) => int_of_float(float),
            None => low_32_bits(integer(number)),
        },
        Some(Given::Text(text)) => low_32_bits(leading_integer(text)),
        Some(Given::Bool(flag)) => i32::from(*flag),
        None | Some(Given::Null | Given::Nested) => 0,
    }
}

/// A number's whole part, saturating; `None` for any other type.
pub(crate) fn whole(value: &Given<'_>) -> Option<i64> {
    let Given::Number(number) = value else { return None };
    #[expect(clippy::cast_possible_truncation, reason = "towards zero and saturating is what is wanted")]
    let whole = match fraction(number) {
        Some(float) => float as i64,
        None => number.as_i64().unwrap_or(i64::MAX),
    };
    Some(whole)
}

/// The number if it is no integer to the legacy daemon: written with a fraction or an exponent, or with
/// twenty digits or more.
fn fraction(number: &Number) -> Option<f64> {
    const TWENTY_DIGITS: u64 = 10_000_000_000_000_000_000;
    let long = number.as_u64().is_some_and(|number| number >= TWENTY_DIGITS);
    number.as_f64().filter(|_| number.is_f64() || long)
}

/// A number without fraction, modulo 2^64.
fn integer(number: &Number) -> i64 {
    number.as_i64().or(number.as_u64().map(u64::cast_signed)).unwrap_or(0)
}

/// The conversion of a C `double` to `int`. C leaves it undefined out of range; the legacy daemon was
/// observed (x86-64) to get the most negative number then.
fn int_of_float(float: f64) -> i32 {
    let whole = float.trunc();
    #[expect(clippy::cast_possible_truncation, reason = "in range, checked here")]
    if (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&whole) { whole as i32 } else { i32::MIN }
}

#[expect(clippy::cast_possible_truncation, reason = "modulo 2^32 is the legacy meaning")]
fn low_32_bits(number: i64) -> i32 {
    number as i32
}

/// The integer a text begins with, as C's `strtol` reads it in base 10: white space, a sign, digits,
/// saturating; 0 if there is none.
fn leading_integer(text: &str) -> i64 {
    let text = text.trim_start();
    let (sign, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    digits.iter().take_while(|byte| byte.is_ascii_digit()).fold(0, |number: i64, digit| {
        number.saturating_mul(10).saturating_add(sign * i64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: &str) -> Given<'static> {
        serde_json::from_str::<serde_json::Value>(json).unwrap().into()
    }

    #[test]
    fn int_reads_what_the_legacy_daemon_reads() {
        let rows = [
            ("10", 10),
            ("-1", -1),
            ("4294967295", -1),
            ("4294967294", -2),
            ("2147483648", i32::MIN),
            ("9223372036854775808", 0),
            ("9999999999999999999", -1_981_284_353),
            ("18446744073709551615", i32::MIN),
            ("99999999999999999999999", i32::MIN),
            ("5.7", 5),
            ("-5.7", -5),
            ("1e3", 1000),
            ("-0.0", 0),
            ("2147483647.9", i32::MAX),
            ("-2147483648.9", i32::MIN),
            ("4294967295.0", i32::MIN),
            ("1e99", i32::MIN),
            ("true", 1),
            ("false", 0),
            (r#""5""#, 5),
            (r#"" 12 ""#, 12),
            (r#""12abc""#, 12),
            (r#""abc""#, 0),
            (r#""0x10""#, 0),
            (r#""1e3""#, 1),
            (r#""007""#, 7),
            (r#""+7""#, 7),
            (r#""-7""#, -7),
            (r#""--7""#, 0),
            (r#""2147483648""#, i32::MIN),
            (r#""99999999999""#, 1_215_752_191),
            (r#""99999999999999999999""#, -1),
            (r#""-99999999999999999999""#, 0),
            (r#""""#, 0),
            ("null", 0),
            ("[1]", 0),
            (r#"{"a":1}"#, 0),
        ];
        for (json, expected) in rows {
            assert_eq!(int(Some(&parsed(json))), expected, "{json}");
        }
        assert_eq!(int(None), 0);
    }

    #[test]
    fn text_reads_what_the_legacy_daemon_reads() {
        let rows = [
            (r#""r1""#, Some("r1")),
            ("1", Some("1")),
            ("-7", Some("-7")),
            ("true", Some("1")),
            ("false", Some("0")),
            ("5.7", Some("5.7")),
            ("1e3", Some("1000")),
            ("0.001", Some("0.001")),
            ("null", None),
            ("[]", None),
            ("{}", None),
        ];
        for (json, expected) in rows {
            assert_eq!(text(parsed(json)).as_deref(), expected, "{json}");
        }
    }
}
