//! Tests that cannot run everywhere.

/// Says that a test, or a part of it, does not run here, in the words that `make check` counts.
#[expect(clippy::print_stdout, reason = "for the summary of `make check`")]
pub fn skip(test: &str, why: &str) {
    println!("SKIPPED: {test}: {why}");
}

/// Whether this process has the rights of root, without which the test is skipped.
pub fn is_root_for(test: &str) -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        skip(test, "it needs root");
    }
    is_root
}
