//! The manual pages in `man/` are made from what the program itself knows; tests hold them against it.

use std::fs;
use std::path::Path;

use roff::{Inline, Roff, bold, roman};

/// In the place of a date, which would change with each build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Begins the page of a program: its title and its name. `title` is that of the manual's `part`.
pub fn begin(program: &str, part: &str, title: &str, about: &str) -> Vec<u8> {
    let mut page = Roff::new();
    page.control("TH", [program, part, VERSION, "schrittmacher", title]);
    section(&mut page, "NAME");
    page.text(inlines(&format!("{program} - {about}")));
    page.render().into_bytes()
}

/// Ends the page of a program by a section for each paragraph that `--help` has after the options, and compares it.
pub fn end(mut page: Vec<u8>, name: &str, after_help: &str, see_also: &str) {
    let mut rest = Roff::new();
    for paragraph in after_help.split("\n\n") {
        let (title, lines) = paragraph.split_once(":\n").unwrap();
        section(&mut rest, &title.to_uppercase());
        verbatim(&mut rest, lines);
    }
    section(&mut rest, "SEE ALSO");
    rest.text(inlines(see_also));
    page.extend(rest.render().into_bytes());
    compare(name, &String::from_utf8(page).unwrap());
}

/// Compares a page with what it has to be; with `UPDATE_MAN=1` writes it.
pub fn compare(name: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../man").join(name);
    if std::env::var_os("UPDATE_MAN").is_some() {
        fs::write(&path, generated).unwrap();
    }
    let checked_in = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == generated,
        "man/{name} differs from the program: UPDATE_MAN=1 cargo test --workspace manual_page"
    );
}

/// The page as it is checked in.
pub fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../man").join(name))
        .unwrap()
        .replace('\\', "")
}

/// A line of text, with the parts in back-ticks in bold.
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
