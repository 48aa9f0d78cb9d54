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

/// Line and paragraph separators, marks that change the direction of text, and characters that are not seen: two names
/// that look the same would differ.
pub fn is_layout(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
