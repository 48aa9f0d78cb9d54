//! The message of one daemon to the other.

use std::time::Duration;

use crate::json::{number, object, text, within_limit};
use crate::{
    Freeze, Note, PeerCode, Promised, Run, Trip, batch, epoch, freeze, heartbeat, note, promise, run, trip,
};

/// A message to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerMessage<'a> {
    pub code: PeerCode,
    /// The random number of a challenge; 4294967295 forces a takeover, 0 in all other messages.
    pub random: u32,
    /// The resource's name; it has to pass [`is_sendable_name`](crate::is_sendable_name).
    pub resource: &'a str,
    /// Why; cut at a character if the datagram would become too long.
    pub reason: Option<&'a str>,
    /// Our own address as [`host::unified`](crate::host::unified) gives it.
    pub host: Option<&'a str>,
    /// Our priority for this resource.
    pub priority: i32,
    /// Our heartbeat period, 3 ms to 20 s in whole milliseconds (others are clamped): our extension, sent
    /// only if given (W4).
    pub heartbeat: Option<Duration>,
    /// Another extension, sent to a peer of ours only.
    pub note: Option<Note>,
    /// Another extension, sent to a peer of ours only.
    pub freeze: Option<Freeze>,
    /// Another extension, sent with the first one.
    pub run: Option<Run>,
    /// Another extension, sent to a peer of ours only.
    pub trip: Option<Trip>,
    /// Another extension, sent with the first one: we read batches, and this is the message's number in them.
    pub number: Option<u64>,
    /// Another extension, sent to a peer of ours only: for how long this side takes no role.
    pub promise: Option<Promised>,
    /// Another extension, sent to a peer of ours only: the number of this side's promotion while it serves, and else the greatest one
    /// that it knows; at most 2^53.
    pub epoch: Option<u64>,
}

impl PeerMessage<'_> {
    /// The datagram: the layout of daemon 2.0.0 byte for byte (W1), then our extension if there is one. At
    /// most [`MAX_DATAGRAM`](crate::MAX_DATAGRAM) bytes.
    pub fn encode(&self) -> Vec<u8> {
        self.encode_with_room(0)
    }

    /// The same, with at least `room` bytes less than [`MAX_DATAGRAM`](crate::MAX_DATAGRAM), up to 250, for what is added.
    pub fn encode_with_room(&self, room: usize) -> Vec<u8> {
        let freeze = self.freeze.map(Freeze::to_text);
        let run = self.run.map(Run::to_text);
        let trip = self.trip.map(Trip::to_text);
        let promised = self.promise.map(Promised::to_text);
        let in_batches = self.number.map(batch::number_to_text);
        within_limit(room, self.reason, |reason| {
            object([
                text("status", self.code.as_str()),
                number("random", Some(self.random)),
                text("resource", self.resource),
                text("reason", reason),
                text("host", self.host),
                number("priority", Some(self.priority)),
                text("type", "schrittmacher"),
                number(heartbeat::KEY, self.heartbeat.map(heartbeat::to_ms)),
                text(note::KEY, self.note.map(Note::as_str)),
                text(freeze::KEY, freeze.as_deref()),
                text(run::KEY, run.as_deref()),
                text(trip::KEY, trip.as_deref()),
                text(batch::KEY, in_batches.as_deref()),
                text(promise::KEY, promised.as_deref()),
                number(epoch::KEY, self.epoch.map(epoch::to_number)),
            ])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_stands_after_the_legacy_layout() {
        let message = PeerMessage {
            code: PeerCode::Stby,
            random: 0,
            resource: "r1",
            reason: Some(""),
            host: Some("ipv4:10.77.0.2"),
            priority: -1,
            heartbeat: None,
            note: None,
            freeze: None,
            run: None,
            trip: None,
            number: None,
            promise: None,
            epoch: None,
        };
        let legacy = "{\n  \"status\": \"STBY\",\n  \"random\": 0,\n  \"resource\": \"r1\",\n  \"reason\": \"\",\n  \
                      \"host\": \"ipv4:10.77.0.2\",\n  \"priority\": -1,\n  \"type\": \"schrittmacher\"\n}";
        assert_eq!(String::from_utf8(message.encode()).unwrap(), legacy);

        let ours = PeerMessage { heartbeat: Some(Duration::from_secs(2)), ..message };
        let expected = legacy.replace("cher\"\n}", "cher\",\n  \"heartbeat-ms\": 2000\n}");
        assert_eq!(String::from_utf8(ours.encode()).unwrap(), expected);

        let claim = PeerMessage { note: Some(Note::Claim), ..ours };
        let expected = expected.replace("2000\n}", "2000,\n  \"note\": \"claim\"\n}");
        assert_eq!(String::from_utf8(claim.encode()).unwrap(), expected);
    }
}
