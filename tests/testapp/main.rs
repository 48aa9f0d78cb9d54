//! The protected application of the end-to-end tests.
fn main() {}
