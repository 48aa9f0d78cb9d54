//! Records that are whole, cut off, of another time, or nonsense.

use std::io::{self, BufReader, Read};
use std::time::Duration;

use proptest::prelude::*;
use schrittmacher_protocol::{Event, Resource, StateName, Time};
use schrittmacher_wire::AppCode;

use super::*;
use schrittmacher_testkit::settings;

const TAKEN: Duration = Duration::from_secs(1_800_000_000);

fn at(seconds: f64) -> Time {
    Time::new(Duration::from_secs_f64(seconds))
}

/// A record of two resources; the second has two inputs.
fn snapshot() -> Snapshot {
    let mut resource = Resource::new(settings(0), at(10.0));
    let recorded = |name: &str, resource: &Resource, facts| RecordedResource {
        name: name.into(),
        flight_record: resource.flight_record().clone(),
        facts,
    };
    let fresh = recorded("fresh", &resource, Vec::new());
    resource.handle(at(10.5), Event::App(Some(AppCode::Lsby)));
    resource.handle(at(11.0), Event::Tick);
    let story = vec![
        Fact {
            at: at(10.5),
            what: FactKind::State {
                from: StateName::Unknown,
                to: StateName::Standby,
                lasted: Duration::from_millis(500),
                why: "the application is standby".into(),
                reason: Some("all \"well\"\n".into()),
            },
        },
        Fact { at: at(10.6), what: FactKind::Peer { state: None, reason: None } },
        Fact { at: at(10.7), what: FactKind::Command { text: "stop has ended".into(), failed: false } },
    ];
    let used = recorded("used", &resource, story);
    Snapshot { taken: SystemTime::UNIX_EPOCH + TAKEN, clock: at(60.0), resources: vec![fresh, used] }
}

fn resources() -> Vec<ResourceRecord> {
    snapshot().resources.into_iter().map(ResourceRecord::new).collect()
}

fn written() -> Vec<u8> {
    let snapshot = snapshot();
    let header = line(&Header::new(&snapshot, "here")).unwrap();
    let resources = resources().into_iter().map(|resource| line(&resource).unwrap());
    [header].into_iter().chain(resources).collect::<Vec<_>>().concat()
}

#[test]
fn a_record_is_known_by_its_beginning() {
    assert!(written().starts_with(BEGINNING.as_bytes()));
}

/// Its contents, or its mistake.
fn read(text: &[u8]) -> Result<Vec<ResourceRecord>, String> {
    let reader = Reader::new(text).map_err(|error| error.to_string())?;
    reader.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

#[test]
fn what_was_written_is_read() {
    let text = written();
    assert_eq!(read(&text), Ok(resources()));
    let reader = Reader::new(&*text).unwrap();
    assert_eq!(*reader.header(), Header::new(&snapshot(), "here"));
    // The last line feed is easily lost.
    assert_eq!(read(&text[..text.len() - 1]), Ok(resources()));
}

#[test]
fn a_record_that_was_cut_off_says_so_wherever_that_was() {
    let text = written();
    for end in 0..text.len() - 1 {
        let error = read(&text[..end]).unwrap_err();
        let lines = text[..end].split(|byte| *byte == b'\n').count();
        // A header without its line feed is whole, and the next line is missing.
        assert!(
            error.starts_with(&format!("line {lines}")) || error.starts_with(&format!("line {}", lines + 1)),
            "{end}: {error}"
        );
    }
    let two_lines = text.split_inclusive(|byte| *byte == b'\n').take(2).collect::<Vec<_>>().concat();
    assert_eq!(read(&two_lines), Err("line 3: it ends here, with 1 of 2 resources: it was cut off".into()));
}

#[test]
fn nothing_may_come_after_the_last_resource() {
    let text = [written(), b"{}\n".to_vec()].concat();
    assert_eq!(read(&text), Err("line 4: there is more than the 2 resources of the first line".into()));
}

#[test]
fn another_format_is_refused_with_both_versions() {
    let text = r#"{"schrittmacher-record":6,"program":"4.0.0\u001b[2J","new":[]}"#;
    let ours = env!("CARGO_PKG_VERSION");
    assert_eq!(
        read(text.as_bytes()),
        Err(format!(
            "line 1: format 6 of schrittmacher 4.0.0\\u{{1b}}[2J; this is schrittmacher {ours}, which reads format 5"
        ))
    );
}

#[test]
fn another_programs_words_are_blamed_on_its_version() {
    let text = String::from_utf8(written()).unwrap();
    let text = text.replacen(env!("CARGO_PKG_VERSION"), "9.9.9", 1).replacen("\"Tick\"", "\"Tock\"", 1);
    let error = read(text.as_bytes()).unwrap_err();
    assert!(error.starts_with("line 3, column ") && error.contains("unknown variant `Tock`"), "{error}");
    assert!(error.contains("written by schrittmacher 9.9.9"), "{error}");
}

#[test]
fn what_is_no_record_is_told_so() {
    for text in ["<!DOCTYPE html>", "{}", "[]", "\n", "\0", "{\"schrittmacher-record\":\"1\"}"] {
        let error = read(text.as_bytes()).unwrap_err();
        assert!(error.starts_with("line 1") && error.contains("this is no flight record"), "{text}: {error}");
    }
    assert_eq!(read(b""), Err("line 1: it is empty".into()));
    let header = String::from_utf8(written()).unwrap().lines().next().unwrap().to_owned();
    let endless = [header.as_bytes(), b"\n", &vec![b' '; 3 << 20]].concat();
    assert_eq!(read(&endless), Err("line 2: the line is too long for a flight record".into()));
}

#[test]
fn a_line_without_an_end_is_not_read_to_its_end() {
    let mut endless = BufReader::new(io::repeat(b' ').take(64 << 20));
    assert!(Reader::new(&mut endless).is_err());
    assert!(endless.get_ref().limit() > 60 << 20);
}

#[test]
fn nothing_follows_an_error() {
    let text = String::from_utf8(written()).unwrap().replacen("\"fresh\"", "3", 1);
    let results: Vec<bool> = Reader::new(text.as_bytes()).unwrap().map(|result| result.is_ok()).collect();
    assert_eq!(results, [false]);
}

#[test]
fn times_of_day_are_computed_from_when_it_was_taken() {
    let header = Header::new(&snapshot(), "here");
    let unix = |at| header.time_of_day(at).as_nanosecond();
    assert_eq!(unix(at(60.0)), 1_800_000_000_000_000_000);
    assert_eq!(unix(at(10.5)), 1_799_999_950_500_000_000);
    assert_eq!(unix(at(61.0)), 1_800_000_001_000_000_000);
    // Made-up dates that no calendar has.
    let last = Header { taken: Timestamp::MAX, ..header.clone() };
    assert_eq!(last.time_of_day(at(61.0)), Timestamp::MAX);
    let first = Header { taken: Timestamp::MIN, ..header };
    assert_eq!(first.time_of_day(Time::ZERO), Timestamp::MIN);
}

proptest! {
    #[test]
    fn no_edit_makes_it_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut text = written();
        for (place, byte) in edits {
            let at = place.index(text.len());
            text[at] = byte;
        }
        let _ = read(&text);
    }
}
