//! Includes of real files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::auth::{KEY, key_file};
use super::{CORE, RESOURCE};
use crate::{Diagnostic, LoadError, Loaded, failure, load};

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

/// door-14: who reads the log may not be allowed to read what is included.
#[test]
fn a_line_of_an_included_file_that_not_everybody_may_read_is_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let (main, secret) = (dir.path().join("main.conf"), dir.path().join("secret"));
    fs::write(&main, format!("{CORE}include \"secret\"\n")).unwrap();
    fs::write(&secret, "root:$6$salt\nZm9v=bar\n").unwrap();
    let shown = |mode| {
        fs::set_permissions(&secret, fs::Permissions::from_mode(mode)).unwrap();
        let error = load(&main).unwrap_err();
        failure(&error)
    };
    for word in ["salt", "zm9v"] {
        assert!(shown(0o644).contains(word), "{}", shown(0o644));
        assert!(!shown(0o640).contains(word), "{}", shown(0o640));
    }
}

/// door-10: a warning in legacy mode, refused in strict; with the path, the mode and the remedy.
#[test]
fn a_file_include_or_script_that_others_can_write_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let (_folder, key) = key_file(KEY);
    let strict = CORE.replace("legacy", &format!("strict\nauth-key-file = {key}"));
    let script = at("start.sh");
    for (name, core) in [("legacy.conf", CORE), ("strict.conf", &strict)] {
        fs::write(at(name), format!("{core}include \"more.conf\"\n")).unwrap();
    }
    let action = format!("start-action = {} now\n", script.display());
    fs::write(at("more.conf"), format!("{RESOURCE}{action}")).unwrap();
    fs::write(&script, "#!/bin/sh\n").unwrap();

    let count = |found: &[Diagnostic]| {
        found.iter().filter(|one| one.message.contains("others can change") && one.hint.is_some()).count()
    };
    let warnings = || count(&load(&at("legacy.conf")).unwrap().warnings);
    let errors = || match load(&at("strict.conf")) {
        Ok(loaded) => {
            assert_eq!(count(&loaded.warnings), 0);
            0
        }
        Err(LoadError::Wrong { errors, .. }) => count(&errors),
        Err(error) => panic!("{error}"),
    };
    assert_eq!((warnings(), errors()), (0, 0));
    for (name, expected) in
        [("legacy.conf", (1, 0)), ("strict.conf", (0, 1)), ("more.conf", (1, 1)), ("start.sh", (1, 1))]
    {
        fs::set_permissions(at(name), fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!((warnings(), errors()), expected, "{name}");
        fs::set_permissions(at(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
}
