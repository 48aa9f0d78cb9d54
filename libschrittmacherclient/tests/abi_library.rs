//! The shared library as a file: its symbols, its soname, the libraries that it needs, and its frozen interface.
//! `UPDATE_SYMBOLS=1 cargo test -p schrittmacherclient --test abi_library` rewrites the list of symbols.
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

/// Builds a C program of `tests/c` against the shared library, and runs it.
fn build_and_run(test: &str, source: &str, headers: &str) {
    if !is_there("cc") {
        return;
    }
    let folder = workshop(test);
    let program = folder.join(test);
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu11", "-Wall", "-Wextra", "-pedantic", "-Werror", "-o"]).arg(&program);
    cc.arg(crate_dir().join("tests/c").join(source)).arg("-I").arg(crate_dir().join(headers));
    cc.arg("-L").arg(&folder).args(["-lschrittmacherclient", "-lpthread"]);
    run(cc.arg(format!("-Wl,-rpath,{}", folder.display())));
    assert_eq!(run(&mut Command::new(program)), "ok\n");
}

#[test]
fn nothing_of_soname_3_has_changed() {
    build_and_run("nothing_of_soname_3_has_changed", "abi_3.c", "../include");
}

#[test]
fn a_program_compiled_with_the_first_header_runs() {
    build_and_run("a_program_compiled_with_the_first_header_runs", "surface.c", "tests/c/abi_3");
}
