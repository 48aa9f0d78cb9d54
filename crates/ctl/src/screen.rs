//! The terminal: how much it shows, and text that fits into it.

use std::io::IsTerminal;

use terminal_size::{Height, Width, terminal_size_of};
use unicode_width::UnicodeWidthStr;

/// How much is shown; `None`: as much as there is, for a file or a pipe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Screen {
    /// Columns.
    pub width: Option<usize>,
    /// Lines.
    pub height: Option<usize>,
}

impl Screen {
    /// That of standard output.
    pub fn of_stdout() -> Screen {
        let stdout = std::io::stdout();
        match terminal_size_of(&stdout).filter(|_| stdout.is_terminal()) {
            // Some terminals say 0 when they do not know.
            Some((Width(width), Height(height))) if width > 0 && height > 0 => {
                Screen { width: Some(width.into()), height: Some(height.into()) }
            }
            Some(_) | None => Screen::default(),
        }
    }

    /// Whether a line with this number of columns is shown in one.
    pub fn holds(self, columns: usize) -> bool {
        self.width.is_none_or(|width| columns <= width)
    }
}

/// The columns that a text takes on a terminal: some characters take two, and some none.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// The text with blanks up to this number of columns.
pub(super) fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

/// Parts on as few lines as hold them. What does not fit goes to the next line, indented; nothing is left out.
pub(super) fn folded(parts: &[String], between: &str, screen: Screen) -> String {
    const INDENT: &str = "  ";
    let mut lines = vec![String::new()];
    for part in parts.iter().filter(|part| !part.is_empty()) {
        let last = lines
            .last_mut()
            .filter(|line| line.is_empty() || screen.holds(columns(line) + columns(between) + columns(part)));
        match last {
            Some(line) if line.is_empty() => line.push_str(part),
            Some(line) => *line += &format!("{between}{part}"),
            None => lines.push(format!("{INDENT}{part}")),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_out_where_it_is_narrow() {
        let parts = ["heard 0.1 s ago", "", "round trip 0.4 ms", "version 3.0.0"].map(str::to_owned);
        let all = "heard 0.1 s ago   round trip 0.4 ms   version 3.0.0";
        assert_eq!(folded(&parts, "   ", Screen::default()), all);
        let narrow = Screen { width: Some(40), height: None };
        assert_eq!(folded(&parts, "   ", narrow), "heard 0.1 s ago   round trip 0.4 ms\n  version 3.0.0");
        let nothing = Screen { width: Some(3), height: None };
        assert_eq!(folded(&parts, "   ", nothing).split_whitespace().count(), all.split_whitespace().count());
    }

    #[test]
    fn columns_are_those_of_the_terminal() {
        assert_eq!(["smsc", "ü", "中文", "e\u{301}"].map(columns), [4, 1, 4, 1]);
        assert_eq!(padded("中", 4), "中  ");
        assert_eq!(padded("long", 2), "long");
    }
}
