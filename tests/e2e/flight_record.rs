//! The flight record: `schrittmacherctl` with real daemons.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use schrittmacher_harness::{AT_ONCE, Pair, RESOURCE, Setup, Side, ctl, program, wait_for};

/// The flight record of one host, in a file.
fn record(pair: &Pair, side: Side) -> PathBuf {
    let file = pair.folder().join(format!("{}.record", side.name()));
    let config = pair[side].files.config();
    let (code, output, complaint) = ctl(["record", "-c", name(&config), "-o", name(&file)]);
    assert_eq!((code, output.as_str(), complaint.as_str()), (0, "", ""));
    file
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A pair after the hot application on host a was killed, and the record of both.
fn after_a_failover() -> (Pair, [PathBuf; 2]) {
    let mut pair = Pair::new(Setup { app_timeout: 600.0, ..Setup::default() });
    pair.start(Side::A);
    pair[Side::A].wait_believed();
    pair[Side::A].app().process.kill();
    pair.wait_hot(Side::B, Duration::ZERO);
    let records = [Side::A, Side::B].map(|side| record(&pair, side));
    (pair, records)
}

/// The changes of state in a record, as the log has them.
fn changes(file: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(file).unwrap();
    let resource: Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    assert_eq!(resource["resource"], RESOURCE);
    let mut changes = Vec::new();
    for segment in resource["segments"].as_array().unwrap() {
        for input in segment["inputs"].as_array().unwrap() {
            let reaction = &segment["reactions"][usize::try_from(input[1].as_u64().unwrap()).unwrap()];
            for step in reaction["transitions"].as_array().unwrap() {
                let state = |key| in_the_log(step[key].as_str().unwrap()).to_owned();
                changes.push((state("from"), state("to")));
            }
        }
    }
    changes.retain(|(from, to)| from != to);
    changes
}

fn in_the_log(state: &str) -> &str {
    match state {
        "ToHot" => "transiting_to_hot",
        "ToStandby" | "Releasing" | "Leaving" => "transiting_to_standby",
        "Failed" => "failed",
        other => other,
    }
}

/// The one line of a timeline with this text; the columns of it.
fn line<'a>(timeline: &'a str, text: &str) -> Vec<&'a str> {
    let lines: Vec<_> = timeline.lines().filter(|line| line.contains(text)).collect();
    let [line] = lines[..] else { panic!("{} lines with {text:?}:\n{timeline}", lines.len()) };
    line.split("  ").map(str::trim).filter(|column| !column.is_empty()).skip(1).collect()
}

#[test]
fn a_failover_is_recorded_replayed_and_explained() {
    let (pair, [of_a, of_b]) = after_a_failover();
    for (side, file) in [(Side::A, &of_a), (Side::B, &of_b)] {
        let logged: Vec<_> =
            pair[side].log.transitions().into_iter().map(|step| (step.from, step.to)).collect();
        assert!(!logged.is_empty());
        let recorded = changes(file);
        assert!(recorded.ends_with(&logged), "{recorded:?} for {logged:?}");
        let (code, output, complaint) = ctl(["replay", "--quiet", name(file)]);
        assert_eq!((code, complaint.as_str()), (0, ""), "{output}");
        assert!(output.ends_with("this program does the same\n") && output.lines().count() == 1, "{output}");
    }

    let (_, timeline, _) = ctl(["replay", name(&of_a)]);
    assert_eq!(
        line(&timeline, "-> Failed"),
        ["application's process ended", "Hot -> Failed", "deactivate, stop, send FAIL"]
    );
    let (_, timeline, _) = ctl(["replay", "--resource", RESOURCE, name(&of_b)]);
    assert_eq!(
        line(&timeline, "Standby -> ToHot"),
        ["peer says FAIL", "Standby -> ToHot", "send 2HOT, activate, start"]
    );
    assert_eq!(line(&timeline, "ToHot -> Hot")[0], "application says LHOT");

    // The same from the daemon itself, without a file.
    let address = format!("{}:7780", pair[Side::B].address);
    for arguments in [["-a", &address, RESOURCE].as_slice(), &["-c", name(&pair[Side::B].files.config())]] {
        let (code, explained, complaint) = ctl([&["explain", "--messages"], arguments].concat());
        assert_eq!((code, complaint.as_str()), (0, ""));
        assert_eq!(line(&explained, "Standby -> ToHot"), line(&timeline, "Standby -> ToHot"));
    }
}

/// edge-23: each side tells the failure in sentences, with reason, outcome and duration.
#[test]
fn a_failover_is_a_story_on_both_sides() {
    let (pair, _) = after_a_failover();
    let story = |side: Side, end: &str| {
        let config = pair[side].files.config();
        wait_for(end, AT_ONCE, || {
            let (code, story, complaint) = ctl(["explain", "-c", name(&config), RESOURCE]);
            assert_eq!((code, complaint.as_str()), (0, ""));
            story.contains(end).then_some(story)
        })
    };
    let told = story(Side::A, "now: failed here, peer hot: NOT PROTECTED");
    assert!(told.contains("FAILED here, was hot: the application's process ended (NOT PROTECTED)"), "{told}");
    assert!(told.contains("command: deactivate has ended after 0."), "{told}");
    assert!(told.contains("the peer is hot (no side was hot for 0."), "{told}");
    let told = story(Side::B, "now: hot here, peer failed: NOT PROTECTED");
    assert!(told.contains("standby -> going-hot: the peer's application has failed"), "{told}");
    let hot = told.lines().find(|line| line.contains("HOT here")).unwrap();
    assert!(hot.contains(" s after the decision: the application is hot (no side was hot for 0."), "{told}");
    for code in ["LHOT", "HOTT", "STBY", "2HOT", "FAIL "] {
        assert!(!told.contains(code), "{code} is no word for an operator:\n{told}");
    }
}

#[test]
fn a_record_that_somebody_changed_is_told_from_what_happened() {
    let (_pair, [file, _]) = after_a_failover();
    let text = fs::read_to_string(&file).unwrap();
    let edited = |edit: &dyn Fn(&str) -> String| {
        let new = edit(&text);
        assert_ne!(new, text);
        fs::write(&file, new).unwrap();
        ctl(["replay", "-q", name(&file)])
    };

    let (code, output, _) =
        edited(&|text| text.replace(r#""from":"Hot","to":"Failed""#, r#""from":"Hot","to":"Standby""#));
    assert_eq!(code, 1, "{output}");
    let lines: Vec<_> = output.lines().collect();
    assert!(lines[0].contains("recorded:") && lines[0].contains("Hot -> Standby"), "{output}");
    assert!(lines[1].contains("this program:") && lines[1].contains("Hot -> Failed"), "{output}");

    let (code, _, complaint) = edited(&|text| text[..text.len() / 2].to_owned());
    assert_eq!(code, 65, "{complaint}");
    assert!(complaint.contains(&format!("{}: line 2, column ", file.display())), "{complaint}");

    let format = schrittmacher_record::FORMAT;
    let (code, _, complaint) = edited(&|text| text.replacen(&format!("record\":{format}"), "record\":99", 1));
    assert_eq!(code, 65);
    assert!(complaint.contains(&format!("reads format {format}")), "{complaint}");

    let (code, _, complaint) = ctl(["replay", name(&file), "--resource", "other"]);
    assert_eq!(code, 65, "{complaint}");
    fs::write(&file, &text).unwrap();
    let (code, _, complaint) = ctl(["replay", name(&file), "--resource", "other"]);
    assert_eq!(code, 66);
    assert!(complaint.contains("there is no resource other"), "{complaint}");
    let (code, _, complaint) = ctl(["replay", "/nonexistent"]);
    assert_eq!((code, complaint.contains("/nonexistent: ")), (66, true), "{complaint}");
}

#[test]
fn a_new_configuration_and_a_paused_daemon_can_be_replayed() {
    let mut pair = Pair::new(Setup::default());
    pair.start(Side::A);
    let file = pair[Side::A].files.config();
    let text = fs::read_to_string(&file)
        .unwrap()
        .replace("timeout = 3", "timeout = 1")
        .replace("priority = 0", "priority = 7");
    fs::write(&file, text).unwrap();
    pair[Side::A].daemon().signal(Signal::SIGHUP);
    pair[Side::A].log.wait("the new configuration is in force", AT_ONCE);
    pair[Side::A].daemon().signal(Signal::SIGSTOP);
    pair[Side::B].log.wait_state("Hot", pair.timeout());
    pair[Side::A].daemon().signal(Signal::SIGCONT);
    pair.wait_settled(Side::B, Duration::ZERO);
    let (code, timeline, _) = ctl(["replay", name(&record(&pair, Side::A))]);
    assert_eq!(code, 0, "{timeline}");
    assert!(line(&timeline, "other settings: ")[0].contains("timeout 1 s"), "{timeline}");
    assert!(line(&timeline, "process had lost time")[1].starts_with("Hot -> Unknown"), "{timeline}");
}

#[test]
fn who_does_not_answer_is_named() {
    let mut pair = Pair::new(Setup::default());
    let config = pair[Side::A].files.config();
    let (code, output, complaint) = ctl(["record", "-c", name(&config)]);
    assert_eq!((code, output.as_str()), (69, ""));
    assert!(complaint.contains("no daemon runs: there is no control socket "), "{complaint}");
    assert_eq!(complaint.lines().count(), 1, "{complaint}");

    // A file is not touched before there is something to write into it.
    let kept = pair.folder().join("kept");
    fs::write(&kept, "old").unwrap();
    assert_eq!(ctl(["record", "-c", name(&config), "-o", name(&kept)]).0, 69);
    assert_eq!(fs::read_to_string(&kept).unwrap(), "old");

    pair.start_daemon(Side::A);
    pair[Side::A].wait_page();
    let (code, _, complaint) = ctl(["record", "-c", name(&config), RESOURCE, "other"]);
    assert_eq!(code, 66);
    assert!(complaint.ends_with("answers: 404, no such resource\n"), "{complaint}");
    assert_eq!(ctl(["record", "-c", name(&config), "-o", "/nonexistent/x"]).0, 73);
    assert_eq!(ctl(["record", "-c", "/nonexistent"]).0, 66);

    // The page of another program, and an answer that is not HTTP.
    for answer in ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let other = std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut request = BufReader::new(&stream).lines();
            while request.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            std::io::Write::write_all(&mut &stream, answer.as_bytes()).unwrap();
        });
        let (code, _, complaint) = ctl(["explain", "-a", &address]);
        other.join().unwrap();
        assert_eq!((code, complaint.lines().count()), (69, 1), "{complaint}");
        assert!(complaint.contains(&address), "{complaint}");
    }
}

/// `schrittmacherctl … | head -1`
#[test]
fn a_reader_that_goes_away_is_no_error() {
    let (_pair, [file, _]) = after_a_failover();
    let mut command = Command::new(program("schrittmacherctl"));
    command.args(["replay", "--all", name(&file)]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let mut complaint = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert_eq!((child.wait().unwrap().code(), complaint.as_str()), (Some(0), ""));
    // A disk that is full is one.
    if let Ok(full) = fs::File::options().write(true).open("/dev/full") {
        let output =
            Command::new(program("schrittmacherctl")).args(["replay", name(&file)]).stdout(full).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(74), "{output:?}");
    }
}
