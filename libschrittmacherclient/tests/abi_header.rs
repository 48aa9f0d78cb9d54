//! The checked-in C header agrees with the source. `UPDATE_HEADER=1 cargo test -p schrittmacherclient --test abi_header`
//! rewrites it.

#![expect(clippy::unwrap_used, reason = "a test")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{crate_dir, is_there, run};

/// The order of the header. The order of functions is that of their file.
const SOURCES: [&str; 8] =
    ["status", "handle", "lifecycle", "settings", "callbacks", "logging", "reports", "orders"];
const LAST_SOURCE: &str = "classic";

#[test]
fn header_is_up_to_date() {
    let root = crate_dir();
    let path = root.join("../include/schrittmacherclient/schrittmacherclient.h");
    let generated = generate(root);
    if std::env::var_os("UPDATE_HEADER").is_some() {
        // At once, since the other test reads it.
        let new = path.with_extension("new");
        fs::write(&new, &generated).unwrap();
        fs::rename(&new, &path).unwrap();
    }
    let checked_in = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == generated,
        "the header differs from the source: UPDATE_HEADER=1 cargo test -p schrittmacherclient --test abi_header"
    );
}

/// Every language that a user may compile it as.
#[test]
fn header_compiles_everywhere() {
    let c = ["gcc", "clang"].map(|compiler| (compiler, "c", ["c89", "c99", "c11", "c17", "c2x"].as_slice()));
    let cplusplus =
        ["g++", "clang++"].map(|compiler| (compiler, "c++", ["c++98", "c++11", "c++17", "c++20"].as_slice()));
    for (compiler, language, standards) in c.into_iter().chain(cplusplus) {
        if !is_there(compiler) {
            continue;
        }
        for standard in standards {
            let mut command = Command::new(compiler);
            command.args(["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", "-x", language]);
            command.arg(format!("-std={standard}")).arg("-I").arg(crate_dir().join("../include"));
            run(command.arg(crate_dir().join("tests/c/header.c")));
        }
    }
}

fn generate(root: &Path) -> String {
    let constants = fs::read_to_string(root.join("header/constants.h"))
        .unwrap()
        .trim_end()
        .replace("@MAJOR@", env!("CARGO_PKG_VERSION_MAJOR"))
        .replace("@MINOR@", env!("CARGO_PKG_VERSION_MINOR"))
        .replace("@PATCH@", env!("CARGO_PKG_VERSION_PATCH"))
        .replace("@NUMBER@", &version_number().to_string());
    let config = cbindgen::Config {
        language: cbindgen::Language::C,
        header: Some(fs::read_to_string(root.join("header/top.h")).unwrap().trim_end().to_owned()),
        include_guard: Some("SCHRITTMACHERCLIENT_H".to_owned()),
        after_includes: Some(constants),
        trailer: Some(fs::read_to_string(root.join("header/bottom.h")).unwrap().trim_end().to_owned()),
        cpp_compat: true,
        no_includes: true,
        sys_includes: vec!["stddef.h".to_owned()],
        style: cbindgen::Style::Type,
        documentation_style: cbindgen::DocumentationStyle::Doxy,
        usize_is_size_t: true,
        line_length: 120,
        tab_width: 4,
        export: cbindgen::ExportConfig {
            include: vec!["schrittmacher_status".to_owned()],
            // The header's constants have it as an enum.
            exclude: vec!["schrittmacher_log_level".to_owned()],
            ..cbindgen::ExportConfig::default()
        },
        ..cbindgen::Config::default()
    };
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in SOURCES.iter().chain([&LAST_SOURCE]) {
        builder = builder.with_src(root.join(format!("src/capi/{source}.rs")));
    }
    let mut header = Vec::new();
    builder.generate().unwrap().write(&mut header);
    polish(&String::from_utf8(header).unwrap())
}

fn version_number() -> u32 {
    let parts =
        [env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"), env!("CARGO_PKG_VERSION_PATCH")];
    parts.iter().fold(0, |number, part| number * 100 + part.parse::<u32>().unwrap())
}

/// The work that cbindgen cannot do: headlines, short comments on one line, C89 comments, no comma at the end of an enum.
fn polish(header: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in header.lines() {
        if let Some(title) = line.strip_prefix(" * SECTION: ") {
            let rule = "-".repeat(102 - title.len());
            // Before its comment.
            lines.insert(lines.len() - 1, format!("/* ---- {title} {rule} */\n"));
        } else if let Some(comment) = one_line_comment(&lines, line) {
            lines.truncate(lines.len() - 2);
            lines.push(comment);
        } else if line.starts_with("} schrittmacher_status") {
            let last = lines.len() - 1;
            lines[last] = lines[last].trim_end_matches(',').to_owned();
            lines.push(line.to_owned());
        } else if let Some((code, comment)) = line.split_once(" // ") {
            lines.push(format!("{} /* {comment} */", code.trim_end()));
        } else {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n") + "\n"
}

/// The comment that `line` ends, if its text is a single line.
fn one_line_comment(lines: &[String], line: &str) -> Option<String> {
    let [.., begin, text] = lines else { return None };
    let indent = begin.strip_suffix("/**")?;
    let text = text.strip_prefix(indent)?.strip_prefix(" * ")?;
    (line.trim() == "*/").then(|| format!("{indent}/** {text} */"))
}
