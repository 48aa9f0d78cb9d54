//! Words for people: the protocol's causes in sentences, foreign text made safe to show, exit statuses.

mod beginning;
mod escaped;
pub mod exit_code;
mod span;
pub mod wording;

pub use beginning::beginning;
pub use escaped::{Escaped, is_layout, one_line};
pub use span::span;
