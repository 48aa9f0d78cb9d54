//! Shared by the tests with a C compiler.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// The crate's folder.
pub fn crate_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Says past the capture of cargo test what is not tested, for the summary of `make check`.
pub fn skip(what: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: client library with {what}");
}

/// Whether a program of the system is there. If not, says so.
pub fn is_there(program: &str) -> bool {
    let result = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let there = result.is_ok_and(|status| status.success());
    if !there {
        skip(&format!("{program}: it is not installed"));
    }
    there
}

/// Runs a command, which has to succeed, and gives its output.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}{stderr}", output.status);
    // A panic of the library does not end the program, so it is looked for.
    assert!(!stderr.contains("panicked"), "{command:?}: {stderr}");
    stdout.into_owned()
}
