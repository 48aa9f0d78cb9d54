//! What the port shows to people: the page, the question before an order, the history. And the legacy table for scripts.
//!
//! A client that asks for `text/html`, as browsers do, gets the page; any other one gets the table at the same path, as ever
//! (H1, `docs/adr/0036-page-and-table.md`). The page works without its script, which only fetches it again.
//!
//! * `table`: the legacy table
//! * `view`: what is known, as words; `top` what stands above the resources; `wish` the part of it that is wanted
//! * `timeline`: the last states of a resource, drawn
//! * `question`: what an order would do; `log` the history
//! * `templates/`: the HTML, the style and the script

mod log;
mod question;
mod table;
mod timeline;
mod top;
mod view;
mod wish;

use std::fmt::{self, Display, Write};

use schrittmacher_text::is_layout;

use super::order::OperatorOrder;

pub(super) use self::log::LogPage;
pub(super) use self::question::{Question, QuestionPage};
pub(super) use self::table::render as table;
pub(super) use self::view::{Page, Scene, sentence};
pub(super) use self::wish::Wish;

/// Served beside the page, so that its policy can forbid styles and scripts in the text itself.
pub(super) const STYLE: &str = include_str!("templates/style.css");
pub(super) const SCRIPT: &str = include_str!("templates/script.js");

/// What became of an order.
pub(super) struct PageNotice {
    /// A sentence.
    pub text: String,
    /// An order that can be given from here with a button.
    pub offer: Option<OperatorOrder>,
}

/// What a client has to show at the page to give an order.
pub(super) enum OrderDoor {
    Open,
    /// A token of `order-token-file`.
    Token,
    /// It cannot give any here, with the reason.
    Closed(String),
}

/// Text that stays text in HTML, within an element and within a quoted attribute.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_escaped(f, self.0)
    }
}

fn write_escaped(out: &mut impl Write, text: &str) -> fmt::Result {
    for c in text.chars() {
        match c {
            '&' => out.write_str("&amp;")?,
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '"' => out.write_str("&quot;")?,
            '\'' => out.write_str("&#39;")?,
            c if c.is_control() || is_layout(c) => out.write_char('\u{fffd}')?,
            c => out.write_char(c)?,
        }
    }
    Ok(())
}

/// The same for the templates (`askama.toml`).
#[derive(Clone, Copy)]
struct PageEscaper;

impl askama::filters::Escaper for PageEscaper {
    fn write_escaped_str<W: Write>(&self, mut dest: W, string: &str) -> fmt::Result {
        write_escaped(&mut dest, string)
    }
}

#[cfg(test)]
mod tests;
