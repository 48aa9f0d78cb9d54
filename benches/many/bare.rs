//! The least that taking the reports can cost: a loop in C (`bare.c`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use schrittmacher_harness::PORT;

/// Compiles it into this folder.
pub fn compile(folder: &Path) -> PathBuf {
    let program = folder.join("bare");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/many/bare.c");
    let compiled = Command::new("cc").args(["-O2", "-o"]).arg(&program).arg(source).status().unwrap();
    assert!(compiled.success(), "cc {source}");
    program
}

/// Percent of a core that it takes in this time.
pub fn share(program: &Path, address: &str, span: Duration) -> f64 {
    cost(program, address, span).0.div_duration_f64(span) * 100.0
}

/// The time of a core that it takes, and how many datagrams it has taken.
pub fn cost(program: &Path, address: &str, span: Duration) -> (Duration, u64) {
    let words = [address.to_owned(), (PORT + 1).to_string(), span.as_secs().to_string()];
    let output = Command::new(program).args(words).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (nanoseconds, taken) = text.trim().split_once(' ').unwrap();
    (Duration::from_nanos(nanoseconds.parse().unwrap()), taken.parse().unwrap())
}
