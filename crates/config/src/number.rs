//! Numbers as the legacy program read them: the number a text begins with, the rest ignored.

/// The integer at the beginning of `text`, and what follows it. Saturates at 64 bits.
pub(super) fn leading_integer(text: &str) -> Option<(i64, &str)> {
    let (sign, digits) = split_sign(text);
    let (digits, rest) = digits.split_at(digit_count(digits));
    if digits.is_empty() {
        return None;
    }
    // Only overflow can fail here.
    let extreme = if sign == "-" { i64::MIN } else { i64::MAX };
    Some((format!("{sign}{digits}").parse().unwrap_or(extreme), rest))
}

/// The decimal number at the beginning of `text` (`2`, `.5`, `1e-3`), and what follows it. Never NaN.
pub(super) fn leading_decimal(text: &str) -> Option<(f64, &str)> {
    let unsigned = split_sign(text).1;
    let whole = digit_count(unsigned);
    let after_whole = &unsigned[whole..];
    let fraction = after_whole.strip_prefix('.').map(digit_count);
    if whole + fraction.unwrap_or(0) == 0 {
        return None;
    }
    let after_fraction = &after_whole[fraction.map_or(0, |digits| digits + 1)..];
    let rest = &after_fraction[exponent_length(after_fraction)..];
    let number = text[..text.len() - rest.len()].parse().ok()?;
    Some((number, rest))
}

fn split_sign(text: &str) -> (&str, &str) {
    text.split_at(usize::from(text.starts_with(['+', '-'])))
}

fn digit_count(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// The length of an exponent at the beginning of `text`; 0 if there is none.
fn exponent_length(text: &str) -> usize {
    let Some(exponent) = text.strip_prefix(['e', 'E']) else { return 0 };
    let (sign, digits) = split_sign(exponent);
    match digit_count(digits) {
        0 => 0,
        count => 1 + sign.len() + count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        assert_eq!(leading_integer("5"), Some((5, "")));
        assert_eq!(leading_integer("+5 # five"), Some((5, " # five")));
        assert_eq!(leading_integer("-007x"), Some((-7, "x")));
        assert_eq!(leading_integer("0x10"), Some((0, "x10")));
        assert_eq!(leading_integer("99999999999999999999"), Some((i64::MAX, "")));
        assert_eq!(leading_integer("-99999999999999999999"), Some((i64::MIN, "")));
        for text in ["", "-", "abc", "--1", "ä1"] {
            assert_eq!(leading_integer(text), None, "{text}");
        }
    }

    #[test]
    fn decimals() {
        assert_eq!(leading_decimal("2"), Some((2.0, "")));
        assert_eq!(leading_decimal("2.5 s"), Some((2.5, " s")));
        assert_eq!(leading_decimal(".5"), Some((0.5, "")));
        assert_eq!(leading_decimal("2."), Some((2.0, "")));
        assert_eq!(leading_decimal("0,5"), Some((0.0, ",5")));
        assert_eq!(leading_decimal("-1e-1e"), Some((-0.1, "e")));
        assert_eq!(leading_decimal("2em"), Some((2.0, "em")));
        assert_eq!(leading_decimal("1e999"), Some((f64::INFINITY, "")));
        for text in ["", ".", "-", "e5", "inf", "nan", "abc", "ä"] {
            assert_eq!(leading_decimal(text), None, "{text}");
        }
    }
}
