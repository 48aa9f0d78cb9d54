//! schrittmacherclient(3) is the header, as a manual page: `UPDATE_MAN=1 cargo test -p schrittmacherclient --test abi_manual`
//! rewrites it.

#![expect(clippy::unwrap_used, reason = "a test")]

use roff::{Inline, Roff, bold, roman};
use schrittmacher_testkit::man;

const HEADER: &str = include_str!("../../include/schrittmacherclient/schrittmacherclient.h");

#[test]
fn manual_page() {
    let mut page = Roff::new();
    page.control("TH", ["schrittmacherclient", "3", man::VERSION, "schrittmacher", "Library Functions"]);
    man::section(&mut page, "NAME");
    page.text([roman(
        "schrittmacherclient - reports the state of an application to the schrittmacher daemon",
    )]);
    man::section(&mut page, "SYNOPSIS");
    man::verbatim(&mut page, "#include <schrittmacherclient/schrittmacherclient.h>\n");
    page.control("sp", []);
    man::verbatim(&mut page, "cc -pthread app.c $(pkg-config --cflags --libs schrittmacherclient)");

    let (top, rest) = HEADER.split_once("#ifndef SCHRITTMACHERCLIENT_H").unwrap();
    man::section(&mut page, "DESCRIPTION");
    let (_, top) = top.split_once("the client library of schrittmacher\n *\n").unwrap();
    prose(&mut page, &without_stars(top));
    for part in rest.split("\n/* ---- ").skip(1) {
        let (title, part) = part.split_once(" -").unwrap();
        let (_, part) = part.split_once("*/\n").unwrap();
        man::section(&mut page, &title.to_uppercase());
        items(&mut page, part);
    }
    man::section(&mut page, "SEE ALSO");
    page.text(man::inlines("`schrittmacher`(8), `schrittmacher-run`(1)"));
    man::compare("schrittmacherclient.3", &page.render());
}

/// Every function of the library is there, by the list that `abi_library.rs` holds the library against.
#[test]
fn the_manual_page_has_every_function() {
    let page = man::read("schrittmacherclient.3");
    for name in
        include_str!("../symbols.txt").lines().filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        assert!(page.contains(&format!("{name}(")), "{name}");
    }
}

/// The declarations of a part, each with its comment.
fn items(page: &mut Roff, part: &str) {
    let mut first = true;
    for item in part.split("\n\n") {
        let item = item.trim();
        let (comment, code) = if item.starts_with("/*") && !item.starts_with("/*\n") {
            item.split_once("*/").unwrap()
        } else {
            ("", item)
        };
        // What tells C++ and Objective-C apart, and the end of the header.
        if code.contains("#if") || code.contains("#endif") {
            continue;
        }
        let code = code.trim();
        if !code.is_empty() {
            if !first {
                page.control("sp", []);
            }
            first = false;
            page.control("nf", []);
            for line in code.lines() {
                page.text([bold(line)]);
            }
            page.control("fi", []);
        }
        let text = without_stars(comment.trim_start_matches("/**").trim_start_matches("/*"));
        if !text.trim().is_empty() {
            page.control("RS", ["4"]);
            prose(page, &text);
            page.control("RE", []);
        }
    }
}

/// The text of a comment. The indentation of code in it stays.
fn without_stars(comment: &str) -> String {
    let bare = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("*/").or_else(|| line.strip_prefix('*')).unwrap_or(line);
        line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()
    };
    comment.trim().lines().map(bare).collect::<Vec<_>>().join("\n")
}

/// Paragraphs: text, indented code, and lists whose entries are a word and what holds for it.
fn prose(page: &mut Roff, text: &str) {
    let mut last_was_code = false;
    for (index, paragraph) in text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()).enumerate()
    {
        let code = paragraph.starts_with("    ");
        let entries =
            paragraph.contains("\n           ") && entry(paragraph.lines().next().unwrap()).is_some();
        if code && last_was_code {
            page.control("sp", []);
        } else if index > 0 && !entries {
            page.control("PP", []);
        }
        last_was_code = code;
        if code {
            man::verbatim(page, paragraph);
        } else if entries {
            list(page, paragraph);
        } else {
            page.text(functions(&paragraph.replace('\n', " ")));
        }
    }
}

/// `Word       the text`.
fn entry(line: &str) -> Option<(&str, &str)> {
    let (word, text) = line.split_once("  ")?;
    (!word.is_empty() && !text.starts_with('#')).then(|| (word, text.trim()))
}

fn list(page: &mut Roff, paragraph: &str) {
    for line in paragraph.lines() {
        if let Some((word, text)) = entry(line).filter(|_| !line.starts_with(' ')) {
            page.control("TP", ["12"]);
            page.text([bold(word)]);
            page.text(functions(text));
        } else {
            page.text(functions(line.trim()));
        }
    }
}

/// The names of functions in bold.
fn functions(text: &str) -> Vec<Inline> {
    let mut parts = Vec::new();
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 {
            parts.push(roman(" "));
        }
        match word.find("()") {
            Some(end) => parts.extend([bold(&word[..end]), roman(&word[end..])]),
            None => parts.push(roman(word)),
        }
    }
    parts
}
