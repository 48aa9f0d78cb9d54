//! Programs that are executed without a shell.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn a_program_by_its_path_sees_what_it_would_see_under_a_shell() {
    let lines = ["/usr/bin/env", "/usr/bin/env;"].map(|text| {
        let mut bench = Bench::with(|resource| resource.start_action = Some(text.to_owned()));
        let outcome = bench.outcome(Command::Start, CommandKind::Start);
        // Some shells say that they have been there.
        let is_set = |line: &&str| !line.starts_with("_=") && !line.starts_with("SHLVL=");
        let mut lines: Vec<String> = outcome.output.lines().filter(is_set).map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    });
    assert!(lines[0].contains(&"ACTION=start".to_owned()), "{lines:?}");
    assert_eq!(lines[0], lines[1]);
}

#[test]
fn a_program_that_cannot_be_executed_ends_as_under_a_shell() {
    let folder = tempfile::tempdir().expect("a directory");
    let file = |name: &str, mode| {
        let path = folder.path().join(name);
        fs::write(&path, "echo \"script $1\"\n").expect("a file");
        fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("its mode");
        path.display().to_string()
    };
    // A script needs no line that names its shell.
    for (path, code, said) in [
        ("/no/such/program".to_owned(), 127, ""),
        (file("data", 0o644), 126, ""),
        (file("script", 0o755), 0, "script one"),
    ] {
        let mut bench = Bench::with(|resource| resource.start_action = Some(format!("{path} one")));
        let outcome = bench.outcome(Command::Start, CommandKind::Start);
        let Ending::Exited(status) = outcome.ending else { panic!("{outcome:?}") };
        assert_eq!(status.code(), Some(code), "{outcome}");
        assert!(outcome.output.contains(said), "{outcome}");
    }
}
