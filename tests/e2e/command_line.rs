//! The answers of the program when it does not become a daemon.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use schrittmacher_harness::{is_root, program, skip};

/// As in the 1.8 manual.
const MANUALS_EXAMPLE: &str = include_str!("../../docs/examples/manual-example.conf");

fn run(arguments: &[&str], folder: &Path) -> (i32, String, String) {
    let mut command = Command::new(program("schrittmacher"));
    let Output { status, stdout, stderr } = command.args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

#[test]
fn version_and_help_are_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (code, answer, complaint) = run(&["--version"], folder.path());
    assert_eq!((code, answer.as_str()), (0, concat!("schrittmacher ", env!("CARGO_PKG_VERSION"), "\n")));
    assert_eq!(complaint, "");
    let (code, answer, complaint) = run(&["--help"], folder.path());
    assert_eq!((code, complaint.as_str()), (0, ""));
    assert!(answer.contains("--config-file") && answer.contains("--check"), "{answer}");
}

#[test]
fn check_says_of_the_manuals_example_that_it_is_fine_and_what_it_understood() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("manual.conf"), MANUALS_EXAMPLE).unwrap();
    let (code, answer, _) = run(&["--check", "manual.conf"], folder.path());
    assert_eq!(code, 0, "{answer}");
    for understood in ["10.22.52.190", "10.22.52.191", "7700", "smsc-i400", "kill -10 `cat"] {
        assert!(answer.contains(understood), "nothing about {understood}:\n{answer}");
    }
    let (code, answer, _) = run(&["--check", "--json", "manual.conf"], folder.path());
    assert_eq!(code, 0);
    serde_json::from_str::<serde_json::Value>(&answer).unwrap();
}

#[test]
fn check_and_start_say_of_a_broken_file_where_and_what_and_how_to_mend_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("broken.conf"), MANUALS_EXAMPLE.replace("port = 7700", "port 7700"))
        .unwrap();
    let line = 1 + MANUALS_EXAMPLE.lines().position(|line| line == "port = 7700").unwrap();
    for arguments in [["--check", "broken.conf"].as_slice(), &["broken.conf"]] {
        let (code, answer, complaint) = run(arguments, folder.path());
        assert_eq!((code, answer.as_str()), (78, ""), "{complaint}");
        assert!(complaint.contains(&format!("broken.conf:{line}: ")), "{complaint}");
        assert!(complaint.contains('='), "no hint how to mend it: {complaint}");
    }
}

#[test]
fn no_configuration_is_no_empty_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, complaint) = run(&["missing.conf"], folder.path());
    assert_eq!(code, 66, "{complaint}");
    assert!(complaint.contains("missing.conf"), "{complaint}");

    if Path::new("/etc/schrittmacher/schrittmacher.conf").exists() {
        return skip("no_configuration_is_no_empty_configuration", "this host has a configuration");
    }
    let (code, _, complaint) = run(&[], folder.path());
    assert_eq!(code, 66, "{complaint}");
    assert!(complaint.contains("/etc/schrittmacher/schrittmacher.conf"), "{complaint}");
}

#[test]
fn an_unknown_option_is_a_wrong_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, complaint) = run(&["--chek", "x.conf"], folder.path());
    assert_eq!(code, 64, "{complaint}");
    assert!(complaint.contains("--check"), "{complaint}");
}

/// door-14: a copy that runs as root for everybody would run everybody's commands as root.
#[test]
fn a_setuid_copy_does_nothing() {
    const NAME: &str = "a_setuid_copy_does_nothing";
    if !is_root() {
        return skip(NAME, "only root can make a setuid copy of another user's program");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let by_nobody = |original: &Path, option| {
        let copy = folder.path().join(original.file_name().unwrap());
        // By a process of its own: no other test's child can inherit its descriptor, and with it "text file busy".
        assert!(Command::new("cp").args([original, &copy]).status().unwrap().success());
        fs::set_permissions(&copy, Permissions::from_mode(0o4755)).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(copy).arg(option);
        command.output().unwrap()
    };
    if by_nobody(Path::new("/usr/bin/id"), "-u").stdout != b"0\n" {
        return skip(NAME, "this file system knows no setuid");
    }
    for name in ["schrittmacher", "schrittmacherctl", "schrittmacher-run"] {
        let output = by_nobody(&program(name), "--help");
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(77), "{complaint}");
        assert!(complaint.contains("setuid"), "{complaint}");
    }
}
