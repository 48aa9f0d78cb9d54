//! The shared library as a file: what it exports, its soname, what it needs.
//! `UPDATE_SYMBOLS=1 cargo test -p schrittmacherclient --test shared_library` rewrites the list of symbols.
#![cfg(target_os = "linux")]

mod library;
mod support;

use std::fs;
use std::process::Command;

use library::workshop;
use support::{crate_dir, is_there, run};

#[test]
fn exports_what_the_list_says() {
    if !is_there("nm") {
        return;
    }
    let library = workshop("shared_library").join("libschrittmacherclient.so");
    let output = run(Command::new("nm").args(["-D", "--defined-only", "--format=just-symbols"]).arg(library));
    let mut symbols: Vec<&str> = output.lines().collect();
    symbols.sort_unstable();
    let symbols = symbols.join("\n") + "\n";

    let list = crate_dir().join("symbols.txt");
    if std::env::var_os("UPDATE_SYMBOLS").is_some() {
        fs::write(&list, &symbols).unwrap();
    }
    assert_eq!(fs::read_to_string(&list).unwrap_or_default(), symbols, "an added or lost symbol");

    let header = crate_dir().join("../include/schrittmacherclient/schrittmacherclient.h");
    let header = fs::read_to_string(header).unwrap();
    for symbol in symbols.lines() {
        assert!(header.contains(&format!("{symbol}(")), "{symbol} is not in the header");
    }
}

#[test]
fn has_its_soname_stays_loaded_and_needs_little() {
    if !is_there("readelf") {
        return;
    }
    let library = workshop("shared_library").join("libschrittmacherclient.so");
    let dynamic = run(Command::new("readelf").arg("--dynamic").arg(library));
    assert!(dynamic.contains("Library soname: [libschrittmacherclient.so.3]"), "{dynamic}");
    assert!(dynamic.contains("NODELETE"), "{dynamic}");
    for line in dynamic.lines().filter(|line| line.contains("(NEEDED)")) {
        let is_of_the_system = ["[libc.", "[libgcc_s.", "[ld-"].iter().any(|name| line.contains(name));
        assert!(is_of_the_system, "the library needs another one: {line}");
    }
}
