//! The stories of both sides as one, by time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use super::source::Source;
use super::story::Teller;
use super::{CtlError, Output};
use schrittmacher_record::{Fact, Header, ResourceRecord};
use schrittmacher_text::{Escaped, exit_code};

/// One line of a story.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Line {
    time: Timestamp,
    /// Of lines of one time those of one side stay in their order.
    side: usize,
    number: usize,
    host: String,
    text: String,
}

/// The lines of each resource, from all sources.
pub(super) fn show(
    sources: Vec<Source>,
    wanted: &[String],
    json: bool,
    output: &mut Output<'_>,
) -> Result<u8, CtlError> {
    let mut stories: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for (side, mut source) in sources.into_iter().enumerate() {
        let header = source.header().clone();
        while let Some(record) = source.next()? {
            if wanted.is_empty() || wanted.contains(&record.resource) {
                let lines = lines(&record, &header, side);
                stories.entry(record.resource).or_default().extend(lines);
            }
        }
    }
    let zone = TimeZone::system();
    for (resource, mut story) in stories {
        story.sort();
        if !json {
            output.line(&Escaped(&resource));
        }
        let width = story.iter().map(|line| line.host.chars().count()).max().unwrap_or_default();
        for line in &story {
            let Line { time, host, text, .. } = line;
            if json {
                output.line(
                    &json!({ "resource": resource, "time": time.to_string(), "host": host, "what": text }),
                );
            } else {
                let time = time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.3f");
                output.line(&format_args!("{time}  {host:width$}  {text}"));
            }
        }
        if !json {
            output.line(&"");
        }
    }
    Ok(exit_code::OK)
}

fn lines(record: &ResourceRecord, header: &Header, side: usize) -> Vec<Line> {
    let mut teller = Teller::begin(record);
    let host = Escaped(&header.host).to_string();
    let line = |(number, fact): (usize, &Fact)| {
        let time = header.time_of_day(fact.at);
        Line { time, side, number, host: host.clone(), text: teller.tell(fact) }
    };
    record.facts.iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use schrittmacher_protocol::{StateName, Time};
    use schrittmacher_record::FactKind;

    use super::*;

    fn source(host: &str, clock: u64, facts: Vec<Fact>) -> Source {
        let header = Header {
            format: schrittmacher_record::FORMAT,
            program: "3.0.0".into(),
            host: host.into(),
            taken: Timestamp::UNIX_EPOCH,
            clock: Time::new(Duration::from_secs(clock)),
            resources: 1,
        };
        let record = ResourceRecord { resource: "redis".into(), segments: Vec::new(), facts };
        let mut text = schrittmacher_record::line(&header).unwrap();
        text.extend(schrittmacher_record::line(&record).unwrap());
        Source::new(host.into(), std::io::Cursor::new(text)).unwrap()
    }

    fn fact(ms: u64, from: StateName, to: StateName, why: &str) -> Fact {
        let what = FactKind::State { from, to, lasted: Duration::ZERO, why: why.into(), reason: None };
        Fact { at: Time::new(Duration::from_millis(ms)), what }
    }

    /// The daemons' clocks are their own; what counts is the time of day.
    #[test]
    fn the_stories_of_both_sides_are_one_by_the_time_of_day() {
        use StateName::{Failed, Hot, Standby, ToHot};
        let a = source("host-a", 10, vec![fact(9_000, Hot, Failed, "it ended")]);
        let b = source(
            "b",
            700,
            vec![
                fact(699_004, Standby, ToHot, "the peer failed"),
                fact(699_020, ToHot, Hot, "the application is hot"),
            ],
        );
        let mut text = Vec::new();
        let mut output = Output::new(&mut text);
        show(vec![b, a], &[], true, &mut output).unwrap();
        output.finish().unwrap();
        drop(output);
        let told: Vec<serde_json::Value> = String::from_utf8(text)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let hosts: Vec<_> = told.iter().map(|line| line["host"].as_str().unwrap()).collect();
        assert_eq!(hosts, ["host-a", "b", "b"]);
        assert_eq!(told[0]["time"], "1969-12-31T23:59:59Z");
        assert!(told[0]["what"].as_str().unwrap().starts_with("FAILED here"), "{told:?}");
    }
}
