//! Includes of real files.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::super::{LoadError, Loaded, load};
use super::{CORE, RESOURCE};

/// A directory with the given files.
fn files(files: &[(&str, &str)]) -> TempDir {
    let directory = TempDir::new().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}

/// The errors of `main.conf`, with the directory cut off their file names.
fn errors(directory: &TempDir) -> Vec<String> {
    let prefix = format!("{}/", directory.path().display());
    match load(&directory.path().join("main.conf")) {
        Err(LoadError::Wrong { errors, .. }) => {
            errors.iter().map(|error| error.to_string().replace(&prefix, "")).collect()
        }
        other => panic!("expected errors, got {other:?}"),
    }
}

fn loaded(directory: &TempDir) -> Loaded {
    load(&directory.path().join("main.conf")).unwrap()
}

#[test]
fn an_include_is_relative_to_the_file_it_stands_in_and_may_open_and_continue_groups() {
    let directory = files(&[
        ("main.conf", &format!("{CORE}include \"sub/more.conf\"\npriority = 7\n")),
        ("sub/more.conf", &format!("log-dir = /var/log\ninclude = beside.conf\n{RESOURCE}")),
        ("sub/beside.conf", "http-port = 80"),
    ]);
    let Loaded { config, warnings, .. } = loaded(&directory);
    assert_eq!(warnings, []);
    assert_eq!(config.core.http_port, Some(80));
    assert_eq!(config.core.log_file.as_deref(), Some(Path::new("/var/log/schrittmacher.log")));
    assert_eq!(config.resources[0].priority, 7);
}

#[test]
fn an_absolute_include_and_one_seen_twice_in_different_groups_are_fine() {
    let directory = files(&[("one.conf", "preempt = yes\n")]);
    let one = directory.path().join("one.conf");
    let text = format!(
        "{CORE}{RESOURCE}include \"{0}\"\ngroup = resource\nname = s\ninclude <{0}>\n",
        one.display()
    );
    fs::write(directory.path().join("main.conf"), text).unwrap();
    assert!(loaded(&directory).config.resources.iter().all(|resource| resource.preempt));
}

#[test]
fn a_missing_include_is_told_with_the_line_that_wants_it() {
    let directory = files(&[("main.conf", &format!("{CORE}{RESOURCE}include \"no.conf\"\n"))]);
    assert_eq!(
        errors(&directory),
        ["main.conf:8: cannot include no.conf: No such file or directory (os error 2) \
          (a relative path is relative to the file with the include)"]
    );
}

#[test]
fn an_error_in_an_included_file_names_that_file() {
    let directory = files(&[
        ("main.conf", &format!("include \"core.conf\"\n{RESOURCE}port\n")),
        ("core.conf", &CORE.replace("7700", "none")),
    ]);
    let errors = errors(&directory);
    assert!(errors[0].starts_with("main.conf:4: no `=` in \"port\""), "{errors:?}");
    assert!(errors[1].starts_with("core.conf:4: `port` = \"none\" is no port"), "{errors:?}");
    assert_eq!(errors.len(), 2);
}

#[test]
fn includes_that_go_in_a_circle_end() {
    let directory = files(&[
        ("main.conf", "include \"a.conf\"\ninclude \"./main.conf\"\n"),
        ("a.conf", "include \"sub/../main.conf\"\n"),
        ("sub/x", ""),
    ]);
    let errors = errors(&directory);
    assert!(
        errors.contains(&"main.conf:2: ./main.conf includes itself (remove one of the includes)".to_owned())
    );
    assert!(
        errors
            .contains(&"a.conf:1: sub/../main.conf includes itself (remove one of the includes)".to_owned())
    );
}

#[test]
fn includes_that_go_ever_deeper_end() {
    let directory = files(&[("main.conf", "include \"0.conf\"\n")]);
    for depth in 0..100 {
        let text = format!("include \"{}.conf\"\n", depth + 1);
        fs::write(directory.path().join(format!("{depth}.conf")), text).unwrap();
    }
    assert!(errors(&directory).contains(&"15.conf:1: includes nested deeper than 16".to_owned()));
}

#[test]
fn a_device_and_a_huge_file_are_not_read() {
    let directory = files(&[("main.conf", "include \"/dev/zero\"\ninclude \"huge.conf\"\n")]);
    let huge = fs::File::create(directory.path().join("huge.conf")).unwrap();
    huge.set_len(1 << 40).unwrap();
    let errors = errors(&directory);
    assert!(errors[0].starts_with("main.conf:1: cannot include /dev/zero: not a regular file"), "{errors:?}");
    assert!(errors[1].starts_with("main.conf:2: cannot include huge.conf: a configuration has at most"));
}

#[test]
fn all_includes_together_have_a_limit() {
    let main = format!("{CORE}{RESOURCE}{}", "include \"big.conf\"\n".repeat(2));
    let directory = files(&[("main.conf", &main)]);
    fs::write(directory.path().join("big.conf"), "#".repeat(10 << 20)).unwrap();
    let errors = errors(&directory);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].starts_with("main.conf:9: cannot include big.conf: a configuration has at most"));
}
