//! The figures against what is known of the protocol.

use std::fs;
use std::path::PathBuf;

use clap::Parser;
use serde_json::Value;
use tempfile::TempDir;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: SimulateArgs,
}

/// A folder with two files of a pair; heartbeat 10 ms, as `make bench` has it.
fn files() -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, local: &str, remote: &str, resources: &str| {
        let path = folder.path().join(name);
        let core = format!("group = core\nlocal-address = {local}\nremote-address = {remote}\nport = 7700\n");
        fs::write(&path, format!("{core}heartbeat = 0.01\n{resources}")).unwrap();
        path
    };
    let resource = |name: &str| format!("group = resource\nname = {name}\n");
    let mine = file("a.conf", "10.0.0.1", "10.0.0.2", &(resource("one") + &resource("two")));
    let other = file("b.conf", "10.0.0.2", "10.0.0.1", &(resource("two") + "priority = 5\n"));
    (folder, mine, other)
}

fn args(options: &[&str]) -> SimulateArgs {
    Line::parse_from([&["simulate"], options].concat()).args
}

fn simulated(options: &[&str]) -> Value {
    let (_folder, mine, _) = files();
    let mine = mine.display().to_string();
    let text = run(&args(&[&["--json", "--runs", "50", &mine], options].concat())).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn number(of: &Value, path: &str) -> f64 {
    of.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {path} in {of}"))
}

fn resource(options: &[&str]) -> Value {
    simulated(options)["resources"][0].clone()
}

fn assert_near(found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < 0.1, "{found}, not {expected}");
}

#[test]
fn a_failover_takes_as_long_as_the_protocol_says() {
    let found = resource(&["--latency", "0.5"]);
    // The peer's silence, counted from the last heartbeat, which was up to one heartbeat ago.
    assert!((0.020..0.030).contains(&number(&found, "/host_lost/nobody/median")));
    assert!((0.027..0.031).contains(&number(&found, "/host_lost/nobody/worst")));
    assert_near(number(&found, "/app_ends/nobody/worst"), 0.0005);
    // app-timeout; the last report was up to 1.5 s ago.
    assert!((8.5..10.0).contains(&number(&found, "/app_hangs/nobody/median")));
    assert_near(number(&found, "/failover/done/median"), 0.0005);
    assert_eq!(number(&found, "/host_lost/never"), 0.0);
}

#[test]
fn commands_and_applications_take_their_time() {
    let found = resource(&["--latency", "1", "--switching", "300ms", "--commands", "20ms"]);
    // activate, start, and the application.
    assert_near(number(&found, "/app_ends/nobody/median"), 0.001 + 0.040 + 0.300);
    // Before that stop and deactivate, on a side that serves until its application is told, and 50 ms for an application
    // that may have something to say about its way (run-5).
    assert_near(number(&found, "/failover/done/median"), 0.040 + 0.050 + 0.001 + 0.040 + 0.300);
    assert!(number(&found, "/failover/nobody/median") < number(&found, "/failover/done/median"));
}

#[test]
fn false_alarms_are_as_frequent_as_losses_in_a_row() {
    let found = resource(&["--loss", "20", "--jitter", "0.1"]);
    assert_eq!(found["false_alarms"]["basis"], "seen");
    let a_year = number(&found, "/false_alarms/a_year");
    let heartbeats = alarms::YEAR / 0.01;
    let lost = schrittmacher_simulator::Loss::independent(0.2);
    // Two lost in a row, and the third late: by chance. Three lost are always one.
    let between = heartbeats * lost.run_begins(3)..heartbeats * lost.run_begins(2);
    assert!(between.contains(&a_year), "{a_year}, not within {between:?}");
}

#[test]
fn what_is_too_rare_to_be_seen_is_bounded() {
    assert_eq!(resource(&[])["false_alarms"]["basis"], "perfect");
    let found = resource(&["--loss", "0.001"]);
    assert_eq!(found["false_alarms"]["basis"], "computed");
    assert_eq!(number(&found, "/false_alarms/seen"), 0.0);
    assert_near(number(&found, "/false_alarms/a_year"), alarms::YEAR / 0.01 * 1e-5_f64.powi(2));
}

#[test]
fn the_year_is_the_sum_of_its_parts() {
    let found =
        resource(&["--app-mtbf", "10d", "--app-mttr", "1h", "--host-mtbf", "100d", "--switching", "1s"]);
    assert_near(number(&found, "/downtime/applications"), 36.525 * 1.0);
    assert_near(number(&found, "/downtime/hosts"), 3.6525 * 1.025);
    let away: f64 = 1.0 / 240.0 + 4.0 / 2400.0;
    assert_near(number(&found, "/downtime/both_sides"), away.powi(2) * alarms::YEAR);
    let parts = ["applications", "hosts", "both_sides", "false_alarms"];
    let gone: f64 = parts.iter().map(|part| number(&found, &format!("/downtime/{part}"))).sum();
    assert!((number(&found, "/downtime/availability") - (1.0 - gone / alarms::YEAR)).abs() < 1e-12);
}

#[test]
fn the_peer_may_have_a_file_of_its_own() {
    let (_folder, mine, other) = files();
    let with = |file: &Path, peer: &Path| {
        run(&args(&[&file.display().to_string(), "--peer", &peer.display().to_string(), "--runs", "10"]))
    };
    let text = with(&mine, &other).unwrap();
    assert!(text.contains("resource two\n") && text.contains("the other: heartbeat 10.0 ms"), "{text}");
    assert!(!text.contains("resource one"), "the peer does not have it");
    let error = with(&mine, &mine).unwrap_err();
    assert_eq!((error.exit_code(), error.to_string().contains("local-address")), (exit_code::CONFIG, true));
    assert_eq!(with(Path::new("/nonexistent"), &other).unwrap_err().exit_code(), exit_code::NOINPUT);
}

#[test]
fn resources_with_the_same_values_are_simulated_once() {
    let found = simulated(&[]);
    assert_eq!(found["resources"].as_array().unwrap().len(), 1);
    assert_eq!(found["resources"][0]["names"], serde_json::json!(["one", "two"]));
}
