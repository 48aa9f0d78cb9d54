//! The flight record as text: the daemon's page writes it, `schrittmacherctl` reads it.
//!
//! One JSON object on each line. The first says who wrote it and when, how many resources follow, and what
//! the time of day was by the daemon's clock; each further one is a resource. So both sides hold one resource
//! at a time, and an error has a line.

mod read;

use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use schrittmacher_protocol::{FlightRecord, Segment, Time};
use serde::{Deserialize, Serialize};

pub use read::{ReadError, Reader};

/// Of this format. A program reads its own number only.
pub const FORMAT: u32 = 1;

/// What a daemon has in its memory, at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The time of day.
    pub taken: SystemTime,
    /// The same moment by the daemon's clock.
    pub clock: Time,
    /// Names and records, in the order of the configuration.
    pub resources: Vec<(String, FlightRecord)>,
}

/// One resource; a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceRecord {
    /// Its name.
    pub resource: String,
    /// Oldest first.
    pub segments: Vec<Segment>,
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
    /// The same moment by the daemon's clock. Times of day are reckoned from this pair, so a clock that was
    /// set in the meantime moves what was before.
    pub clock: Time,
    /// How many lines follow.
    pub resources: usize,
}

impl ResourceRecord {
    /// The record of a resource, unpacked.
    pub fn new((resource, record): (String, FlightRecord)) -> ResourceRecord {
        ResourceRecord { resource, segments: record.segments() }
    }
}

impl Header {
    /// What stands above a snapshot that was taken on this host by this program.
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
