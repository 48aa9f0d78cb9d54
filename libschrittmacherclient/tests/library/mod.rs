//! The library in a folder, with its file names, as a user has it.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A folder for the programs of one test, with the shared library, that under its soname, and the static one.
pub fn workshop(test: &str) -> PathBuf {
    // Cargo puts the libraries beside the test.
    let built = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&folder).unwrap();
    for (name, file) in [
        ("libschrittmacherclient.so", "libschrittmacherclient.so"),
        ("libschrittmacherclient.so.3", "libschrittmacherclient.so"),
        ("libschrittmacherclient.a", "libschrittmacherclient.a"),
    ] {
        let link = folder.join(name);
        let _ = fs::remove_file(&link);
        symlink(built.join(file), link).unwrap();
    }
    folder
}
