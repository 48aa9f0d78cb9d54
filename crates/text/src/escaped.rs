//! Text from outside, made safe to show.

use std::fmt::Write;

/// Text that cannot end a line, start a column or turn the reading direction. A sender must not be able to forge a
/// log line by a reason or a resource name.
pub struct Escaped<'a>(pub &'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if c.is_control() || is_layout(c) => write!(f, "{}", c.escape_unicode())?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Text on one line without anything that a terminal or a reader acts on: each such character becomes U+FFFD.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || is_layout(c) { '\u{fffd}' } else { c }).collect()
}

/// Line and paragraph separators, marks that change the direction of text, and characters that are not seen (Unicode's
/// `Default_Ignorable_Code_Point`): two names that look the same would differ.
pub fn is_layout(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_or_turns_text_is_shown_by_its_number() {
        for c in [
            '\u{ad}',
            '\u{200b}',
            '\u{200d}',
            '\u{202e}',
            '\u{2060}',
            '\u{2069}',
            '\u{3164}',
            '\u{feff}',
            '\u{e0061}',
        ] {
            let text = format!("web{c}");
            assert_eq!(Escaped(&text).to_string(), format!("web\\u{{{:x}}}", u32::from(c)));
            assert_eq!(one_line(&text), "web\u{fffd}");
        }
        for name in ["web", "Größe 2", "サービス", "خدمة", "a\"b\\c"] {
            assert_eq!((Escaped(name).to_string().as_str(), one_line(name).as_str()), (name, name));
        }
    }
}
