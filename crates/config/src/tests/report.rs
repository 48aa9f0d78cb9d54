//! The output of `--check`.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::{file, load};
use crate::keys::KEYS;
use crate::{failure, failure_json, load_text, report, report_json};

#[test]
fn values_are_shown_with_unit_and_origin() {
    let core = "heartbeat = 0.5\nlog-dir = /var/log\nhttp-port = 7780\nlog-syslog = user\n\
        log-syslog-server = [::1]";
    let text = file(core, "app-timeout = 7\npriority = 3");
    let report = report(&load(&text).unwrap());
    let line = |key: &str| {
        let line = report.lines().find(|line| line.trim_start().starts_with(&format!("{key} ")));
        line.unwrap_or_else(|| panic!("no {key} in {report}"))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert!(report.starts_with("x.conf: fine\n"), "{report}");
    assert_eq!(line("local-address"), "local-address 192.0.2.1");
    assert_eq!(line("heartbeat"), "heartbeat 0.5 s (from core)");
    assert_eq!(line("timeout"), "timeout 1.5 s (default)");
    assert_eq!(line("app-timeout"), "app-timeout 7 s");
    assert_eq!(line("priority"), "priority 3");
    assert_eq!(line("log-file"), "log-file /var/log/schrittmacher.log");
    assert_eq!(line("log-syslog-server"), "log-syslog-server [::1]:514");
    assert_eq!(line("start-action"), "start-action SIGUSR1 to the application");
    assert_eq!(line("http-address"), "http-address all");
}

#[test]
fn a_page_on_a_loopback_node_listens_there_alone() {
    let text = file("http-port = 7780", "").replace("192.0.2.", "127.0.0.");
    let json: Value = serde_json::from_str(&report_json(&load(&text).unwrap())).unwrap();
    assert_eq!(json["core"]["http-address"], serde_json::json!(["127.0.0.1"]));
}

#[test]
fn the_json_report_has_every_key() {
    let loaded = load(&file("heartbeat = 0.5", "preempt = yes")).unwrap();
    let json: Value = serde_json::from_str(&report_json(&loaded)).unwrap();
    assert_eq!((&json["file"], &json["fine"]), (&"x.conf".into(), &true.into()));
    for key in KEYS {
        let shown_as = match key.name {
            // Joined with log-file.
            "log-dir" => "log-file",
            // The effective value.
            "heartbeat-intervall" => "heartbeat",
            name => name,
        };
        let shown = json["core"].get(shown_as).or_else(|| json["resources"][0].get(shown_as));
        assert!(shown.is_some(), "{} is not shown", key.name);
    }
    let resource = &json["resources"][0];
    assert_eq!(resource["heartbeat"], 0.5);
    assert_eq!(resource["timeout"], 1.5);
    assert_eq!(resource["action-timeout"], 30.0);
    assert_eq!(resource["preempt"], true);
    assert_eq!(resource["start-action"], Value::Null);
    assert_eq!(json["core"]["port"], 7700);
}

/// `interface-timeout` was shown, which nobody can set.
#[test]
fn every_name_in_the_report_is_a_key() {
    let loaded = load(&file("", "")).unwrap();
    let json: Value = serde_json::from_str(&report_json(&loaded)).unwrap();
    let shown = [&json["core"], &json["resources"][0]].map(|group| group.as_object().unwrap());
    for name in shown.into_iter().flat_map(|group| group.keys()) {
        assert!(KEYS.iter().any(|key| key.name == name), "{name} is no key");
    }
    let text = report(&loaded);
    assert!(text.contains("30 s, 5 s for interface commands (default)"), "{text}");
    let set = report(&load(&file("", "action-timeout = 7")).unwrap());
    assert!(set.contains("7 s") && !set.contains("for interface commands"), "{set}");
}

#[test]
fn a_failure_is_told_to_people_and_to_programs() {
    let error = load("group = core\nprot = 1\n").unwrap_err();
    let text = failure(&error);
    assert!(text.starts_with("x.conf:1: `local-address` is missing"), "{text}");
    assert!(text.contains("\n1 warning\n  x.conf:2:"), "{text}");
    let json: Value = serde_json::from_str(&failure_json(Path::new("x.conf"), &error)).unwrap();
    assert_eq!(json["fine"], false);
    assert_eq!(json["errors"][0]["line"], 1);
    assert_eq!(json["errors"].as_array().unwrap().len(), 4);
    assert!(json["warnings"][0]["hint"].as_str().unwrap().starts_with("did you mean"));

    let missing = Path::new("/nonexistent/x.conf");
    let error = crate::load(missing).unwrap_err();
    assert_eq!(
        failure(&error),
        "/nonexistent/x.conf: cannot be read: No such file or directory (os error 2)\n"
    );
    let json: Value = serde_json::from_str(&failure_json(missing, &error)).unwrap();
    assert_eq!(json["errors"][0]["file"], "/nonexistent/x.conf");
}

fn notes(text: &str) -> Vec<String> {
    let json: Value = serde_json::from_str(&report_json(&load(text).unwrap())).unwrap();
    json["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| note["message"].as_str().unwrap().to_owned())
        .collect()
}

/// T1, X6: what an older version understood differently is pointed out, and is nothing wrong.
#[test]
fn what_changed_since_an_older_version_is_noted() {
    let text = file("", "heartbeat-intervall = 5\nstart-action = kill -10 `cat x`\nstop-action = a b");
    assert_eq!(
        notes(&text),
        [
            "`heartbeat-intervall` is the period of our heartbeat, as in 2.0.0",
            "`start-action` uses ` of the shell"
        ]
    );
    assert_eq!(load(&text).unwrap().warnings, []);
    assert!(report(&load(&text).unwrap()).contains("\n2 notes\n  x.conf:9: `heartbeat-intervall`"));
    assert_eq!(notes(&file("heartbeat = 5", "start-action = a b")), [""; 0]);
}

/// X5: the form of the addresses changed, so commands that use them are named, unless the old form is set.
#[test]
fn commands_that_use_addresses_are_noted() {
    let directory = TempDir::new().unwrap();
    let script = directory.path().join("up.sh");
    fs::write(&script, "#!/bin/sh\nip addr add \"$SHARED_ADDRESS\"/24 dev eth0\n").unwrap();
    let action = format!("interface-activate = sudo {}\n", script.display());
    assert_eq!(
        notes(&file("", &action)),
        [format!(
            "the script {} of `interface-activate` uses an address variable: 192.0.2.1 here, \
             ipv4:192.0.2.1 in 2.0.0",
            script.display()
        )]
    );
    assert!(
        notes(&file("", "stop-action = x ${LOCAL_ADDRESS}"))[1].starts_with("the command of `stop-action`")
    );
    assert_eq!(notes(&file("script-addresses = legacy", &action)), [""; 0]);
    fs::write(&script, "#!/bin/sh\ntrue\n").unwrap();
    assert_eq!(notes(&file("", &action)), [""; 0]);
}

#[test]
fn names_and_values_cannot_paint_the_terminal() {
    let text = file("", "start-action = a\x1b[2Jb");
    let loaded = load_text(Path::new("x.conf"), &text).unwrap();
    assert!(!report(&loaded).contains('\x1b'));
}

fn on_this_host(text: &str) -> Vec<String> {
    let loaded = load(text).unwrap();
    assert_eq!(loaded.warnings, []);
    let json: Value = serde_json::from_str(&report_json(&loaded)).unwrap();
    assert_eq!(json["fine"], true);
    let notes = json["on_this_host"].as_array().unwrap();
    notes.iter().map(|note| note["message"].as_str().unwrap().to_owned()).collect()
}

/// edge-20: the file may be meant for another host, so it is fine all the same.
#[test]
fn what_this_host_lacks_is_noted() {
    let fits = |resource: &str| file("", resource).replace("192.0.2.", "127.0.0.");
    assert_eq!(on_this_host(&fits("")), [""; 0]);
    assert_eq!(
        on_this_host(&file("", "start-action = /nonexistent/start.sh hot").replace("192.0.2.", "203.0.113.")),
        [
            "no interface has the `local-address` 203.0.113.1",
            "`start-action`: /nonexistent/start.sh does not exist"
        ]
    );
    let directory = TempDir::new().unwrap();
    let script = directory.path().join("start.sh");
    fs::write(&script, "#!/bin/sh\nsystemctl start nginx\n").unwrap();
    let start = format!("start-action = {}", script.display());
    assert_eq!(
        on_this_host(&fits(&start)),
        [format!("`start-action`: {} is not executable", script.display())]
    );
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(on_this_host(&fits(&start)), [""; 0]);
    let two = fits(&start) + &format!("group = resource\nname = s\n{start}\n");
    let notes = on_this_host(&two);
    assert!(notes.len() == 1 && notes[0].contains("is the same in two resources"), "{notes:?}");
    fs::write(&script, "#!/bin/sh\nsystemctl start $RESOURCE_NAME\n").unwrap();
    assert_eq!(on_this_host(&two), [""; 0]);
    let text = report(&load(&file("", "").replace("192.0.2.", "203.0.113.")).unwrap());
    assert!(text.contains("\n1 note on this host\n  x.conf:2: no interface has"), "{text}");
}
