//! Output before there is a log.

use std::fmt::Display;
use std::io::{self, Write};

/// Text for a terminal or a pipe. If it is closed, the text is not wanted.
pub fn print(to: &mut dyn Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

/// A complaint before there is a log, or for somebody who does not read it. Returns `status`.
pub fn complain(error: &dyn Display, status: u8) -> u8 {
    print(&mut io::stderr(), &format!("schrittmacher: {error}\n"));
    status
}
