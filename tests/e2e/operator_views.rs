//! What an operator looks at: `top`, `logs`, `convert`, and a file that is not in force, with real daemons.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use schrittmacher_harness::{AT_ONCE, Pair, RESOURCE, Setup, Side, ctl, program, wait_for};

use crate::ordered_switch::on;

#[test]
fn top_goes_on_looking_and_ends_with_its_reader() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    let config = pair[Side::A].files.config();
    let mut command = Command::new(program("schrittmacherctl"));
    command.args(["top", "--every", "100ms", "--config"]).arg(&config);
    let mut top = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(top.stdout.take().unwrap()).lines().map(Result::unwrap);
    // A file gets no codes of a terminal.
    let protected = |line: &String| line == "the resource is protected";
    assert!(lines.find(protected).is_some() && lines.find(protected).is_some());
    pair[Side::B].kill();
    assert!(lines.any(|line| line == "the resource is not protected"));
    pair[Side::A].kill();
    assert!(lines.any(|line| line.starts_with("no daemon runs: ") && !line.contains('\u{1b}')));
    drop(lines);
    assert_eq!(top.wait().unwrap().code(), Some(0));
}

#[test]
fn top_in_json_is_a_status_on_each_line() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    let config = pair[Side::A].files.config();
    let mut command = Command::new(program("schrittmacherctl"));
    command.args(["top", "--json", "--every=100ms", "--config"]).arg(&config);
    let mut top = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(top.stdout.take().unwrap()).lines().map(Result::unwrap);
    for _ in 0..3 {
        let status: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
        assert_eq!(status["resources"][0]["name"], RESOURCE);
    }
    pair[Side::A].kill();
    lines.for_each(drop);
    assert_eq!(top.wait().unwrap().code(), Some(69));
}

#[test]
fn the_daemon_logs_more_for_some_time_and_then_less_again() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    let answer =
        |pair: &Pair| -> Value { serde_json::from_str(&on(pair, Side::A, &["logs", "--json"]).1).unwrap() };
    let configured = answer(&pair)["configured_level"].as_str().unwrap().to_owned();
    let other = if configured == "debug" { "info" } else { "debug" };
    let (code, said, complaint) = on(&pair, Side::A, &["logs", "--level", other, "--for", "1h"]);
    assert_eq!((code, complaint.as_str()), (0, ""));
    assert!(said.starts_with(&format!("level {other} for another ")), "{said}");
    assert!(said.contains(&format!(", then {configured} again (`log-level`)\n")), "{said}");
    assert!(said.ends_with("to stderr\n"), "{said}");
    pair[Side::A].log.wait(&format!("log level {other} for 1 h, asked for by "), AT_ONCE);
    // A reload does not end it, and the level of the configuration does.
    assert_eq!(on(&pair, Side::A, &["reload"]).0, 0);
    let answer = answer(&pair);
    assert_eq!((&answer["level"], &answer["configured_level"]), (&other.into(), &configured.as_str().into()));
    let (code, said, _) = on(&pair, Side::A, &["logs", "--level", &configured]);
    assert_eq!((code, said.lines().next()), (0, Some(&*format!("level {configured} (`log-level`)"))));
    // And one for an instant is over by itself.
    assert_eq!(on(&pair, Side::A, &["logs", "--level", "major", "--for", "1ms"]).0, 0);
    wait_for("the other level to be over", AT_ONCE, || {
        on(&pair, Side::A, &["logs"])
            .1
            .starts_with(&format!("level {configured} (`log-level`)"))
            .then_some(())
    });
}

#[test]
fn a_file_that_is_not_in_force_is_told_whatever_differs() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    let file = pair[Side::A].files.config();
    let check = || ctl(["check", file.to_str().unwrap()]).1;
    assert!(!check().contains("not in force"), "{}", check());
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, good.clone() + "going-hot-timeout = 7\n").unwrap();
    assert!(check().contains("not in force: other settings of the file"), "{}", check());
    fs::write(&file, good + "# a comment\n").unwrap();
    assert!(!check().contains("not in force"), "{}", check());
}

#[test]
fn a_daemon_runs_with_its_converted_file() {
    let mut pair = Pair::new(Setup::default());
    let file = pair[Side::A].files.config();
    let (code, toml, complaint) = ctl(["convert", file.to_str().unwrap()]);
    assert_eq!((code, complaint.as_str()), (0, ""), "{toml}");
    let converted = file.with_extension("toml");
    fs::write(&converted, toml).unwrap();
    pair.start(Side::A);
    // The same values have the same hash.
    assert!(!ctl(["check", converted.to_str().unwrap()]).1.contains("not in force"));
    let (code, back, _) = ctl(["convert", converted.to_str().unwrap()]);
    assert_eq!(code, 0);
    fs::write(&file, back).unwrap();
    assert!(!ctl(["check", file.to_str().unwrap()]).1.contains("not in force"));
    fs::write(&file, "nonsense\n").unwrap();
    let (code, said, complaint) = ctl(["convert", file.to_str().unwrap()]);
    assert_eq!((code, said.as_str()), (78, ""));
    assert!(complaint.contains(":1: no `=` in \"nonsense\""), "{complaint}");
}
