//! The manual pages in `man/` are made from what the program itself knows; tests hold them against it.

use std::fs;
use std::path::Path;

use roff::{Inline, Roff, bold, roman};

/// In the place of a date, which would change with each build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Compares a page with what it has to be; with `UPDATE_MAN=1` writes it.
pub fn compare(name: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("man").join(name);
    if std::env::var_os("UPDATE_MAN").is_some() {
        fs::write(&path, generated).unwrap();
    }
    let checked_in = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == generated,
        "man/{name} differs from the program: UPDATE_MAN=1 cargo test -p schrittmacher --lib manual_page"
    );
}

/// A line of text, with what stands in back-ticks in bold.
pub fn inlines(text: &str) -> Vec<Inline> {
    let parts = text.split('`').enumerate();
    parts.map(|(index, part)| if index % 2 == 1 { bold(part) } else { roman(part) }).collect()
}

/// Begins a section.
pub fn section(roff: &mut Roff, title: &str) {
    roff.control("SH", [title]);
}

/// Lines as they stand.
pub fn verbatim(roff: &mut Roff, lines: &str) {
    roff.control("nf", []);
    for line in lines.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}
