//! The flight record as text: the daemon's page writes it, `schrittmacherctl` reads it.
//!
//! One JSON object on each line. The first names the writer and the time, the number of resources, and the time of
//! day by the daemon's clock. Each further one is a resource. So both sides hold one resource at a time, and an
//! error has a line.

mod fact;
mod read;

use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use schrittmacher_protocol::{FlightRecord, Segment, Time};
use serde::{Deserialize, Serialize};

pub use fact::{Fact, FactKind};
pub use read::{ReadError, Reader};

/// The media type of this format: one JSON object on each line.
pub const CONTENT_TYPE: &str = "application/jsonl";

/// The number of this format. A program reads its own number only.
pub const FORMAT: u32 = 5;

/// The beginning of a record's first line; the format follows.
pub const BEGINNING: &str = "{\"schrittmacher-record\":";

/// The records in a daemon's memory, at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The time of day.
    pub taken: SystemTime,
    /// The same moment by the daemon's clock.
    pub clock: Time,
    /// In the order of the configuration.
    pub resources: Vec<RecordedResource>,
}

/// The records of one resource in a daemon's memory.
#[derive(Clone, Debug)]
pub struct RecordedResource {
    /// Its name.
    pub name: String,
    /// Of its state machine.
    pub flight_record: FlightRecord,
    /// Its story, oldest first.
    pub facts: Vec<Fact>,
}

/// One resource; a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceRecord {
    pub resource: String,
    /// Oldest first.
    pub segments: Vec<Segment>,
    /// The story for people, oldest first.
    pub facts: Vec<Fact>,
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`]; under a name that tells what kind of file this is.
    #[serde(rename = "schrittmacher-record")]
    pub format: u32,
    /// The version of the daemon.
    pub program: String,
    /// The name of its host.
    pub host: String,
    /// The time of day when the record was taken.
    pub taken: Timestamp,
    /// The same moment by the daemon's clock. Times of day are computed from this pair. If the clock was set
    /// meanwhile, earlier times move.
    pub clock: Time,
    /// How many lines follow.
    pub resources: usize,
}

impl ResourceRecord {
    /// The record of a resource, unpacked.
    pub fn new(recorded: RecordedResource) -> ResourceRecord {
        let RecordedResource { name, flight_record, facts } = recorded;
        ResourceRecord { resource: name, segments: flight_record.segments(), facts }
    }
}

impl Header {
    /// The first line of a snapshot that this program took on this host.
    pub fn new(snapshot: &Snapshot, host: &str) -> Header {
        Header {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            host: host.to_owned(),
            taken: Timestamp::try_from(snapshot.taken).unwrap_or(Timestamp::UNIX_EPOCH),
            clock: snapshot.clock,
            resources: snapshot.resources.len(),
        }
    }

    /// The time of day of a moment by the daemon's clock.
    pub fn time_of_day(&self, at: Time) -> Timestamp {
        let distance = |span| SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
        let ago = distance(self.clock.since(at));
        let later = distance(at.since(self.clock));
        let at = self.taken.checked_sub(ago).unwrap_or(Timestamp::MIN);
        at.checked_add(later).unwrap_or(Timestamp::MAX)
    }
}

/// A value as a line.
///
/// # Errors
///
/// None with the types of this module: every one of them is representable in JSON.
pub fn line(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests;
