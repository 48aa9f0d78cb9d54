//! The schrittmacher daemon; see [`schrittmacher`].
fn main() {}
