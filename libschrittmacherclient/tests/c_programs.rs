//! The C test programs in `tests/c`, compiled, linked and run in every way that a user may do it.

mod library;
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use library::workshop;
use support::{crate_dir, is_there, run};

const PROGRAMS: [&str; 4] = ["surface", "misuse", "threads", "processes"];

/// The libraries of a program besides the static library: `rustc --print native-static-libs`, but for those of the compiler.
const NATIVE_LIBRARIES: [&str; 6] = ["-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"];

#[derive(Clone, Copy, PartialEq)]
enum Link {
    Shared,
    Static,
}

fn build(compiler: &str, flags: &[&str], source: &str, link: Link, folder: &Path) -> PathBuf {
    let source = crate_dir().join("tests/c").join(source);
    let program = folder.join(source.with_extension("").file_name().unwrap_or_default());
    let mut command = Command::new(compiler);
    command.args(["-g", "-Wall", "-Wextra", "-pedantic", "-Werror"]).args(flags);
    command.arg("-I").arg(crate_dir().join("../include")).arg("-o").arg(&program).arg(source);
    match link {
        Link::Shared => {
            command.arg("-L").arg(folder).arg("-lschrittmacherclient").arg("-lpthread").arg("-ldl");
            command.arg(format!("-Wl,-rpath,{}", folder.display()));
        }
        Link::Static => {
            command.arg(folder.join("libschrittmacherclient.a")).args(NATIVE_LIBRARIES);
        }
    }
    run(&mut command);
    program
}

/// `forks` is the argument of the program `processes`, which forks while other threads are inside the library.
fn build_and_run(test: &str, compiler: &str, flags: &[&str], link: Link, forks: Option<&str>) {
    if !is_there(compiler) {
        return;
    }
    let folder = workshop(test);
    for name in PROGRAMS {
        let program = build(compiler, flags, &format!("{name}.c"), link, &folder);
        let mut command = Command::new(program);
        command.args(forks.filter(|_| name == "processes"));
        assert_eq!(run(&mut command), "ok\n", "{name}");
    }
}

#[test]
fn shared_with_gcc() {
    build_and_run("shared_with_gcc", "gcc", &["-std=gnu99"], Link::Shared, None);
}

#[test]
fn shared_with_clang() {
    build_and_run("shared_with_clang", "clang", &["-std=gnu17"], Link::Shared, None);
}

#[test]
fn static_with_gcc() {
    build_and_run("static_with_gcc", "gcc", &["-std=gnu11"], Link::Static, None);
}

#[test]
fn fully_static() {
    build_and_run("fully_static", "gcc", &["-std=gnu11", "-static"], Link::Static, None);
}

#[test]
fn fully_static_at_any_address() {
    build_and_run(
        "fully_static_at_any_address",
        "gcc",
        &["-std=gnu11", "-static-pie", "-fPIE"],
        Link::Static,
        None,
    );
}

#[test]
fn static_with_sanitizers() {
    let flags = ["-std=gnu11", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    // The sanitizer's allocator does not survive a fork while another thread allocates, unlike the C library's. Now and
    // then its lock stays taken in the child, and a thread that starts there waits for ever.
    build_and_run("static_with_sanitizers", "gcc", &flags, Link::Static, Some("0"));
}

#[test]
fn under_valgrind() {
    if !is_there("gcc") || !is_there("valgrind") {
        return;
    }
    let folder = workshop("under_valgrind");
    for name in PROGRAMS {
        let program = build("gcc", &["-std=gnu11"], &format!("{name}.c"), Link::Shared, &folder);
        let mut command = Command::new("valgrind");
        command.args(["--quiet", "--error-exitcode=99", "--leak-check=full", "--fair-sched=yes"]);
        command.args(["--show-leak-kinds=definite,possible", "--errors-for-leak-kinds=definite,possible"]);
        assert_eq!(run(command.arg(program).arg("3")), "ok\n", "{name}");
    }
}

#[test]
fn from_cplusplus() {
    for compiler in ["g++", "clang++"] {
        if is_there(compiler) {
            let folder = workshop(&format!("from_{compiler}"));
            let program = build(compiler, &["-std=c++17"], "cplusplus.cc", Link::Shared, &folder);
            assert_eq!(run(&mut Command::new(program)), "ok\n");
        }
    }
}

#[test]
fn loaded_and_unloaded() {
    if is_there("gcc") {
        let folder = workshop("loaded_and_unloaded");
        let source = crate_dir().join("tests/c/plugin.c");
        let program = folder.join("plugin");
        let mut command = Command::new("gcc");
        command.args(["-std=gnu99", "-Wall", "-Wextra", "-Werror", "-I"]);
        command.arg(crate_dir().join("../include")).arg("-o").arg(&program).arg(source).arg("-ldl");
        run(&mut command);
        assert_eq!(run(Command::new(program).arg(folder.join("libschrittmacherclient.so.3"))), "ok\n");
    }
}
