//! Many resources in one datagram, between two daemons of ours (`docs/adr/0075-batches.md`).
//!
//! Each message as a whole has a number. A batch is a list of numbers, and says again what those messages said. A number is
//! never used for anything else in a run, so it cannot come to mean another resource, or another word of the same one.
//!
//! * `numbers`: a list of numbers as text
//! * `sender`: which number stands for what was said; `receiver`: for what was heard
//! * `mode`: when the peer may be sent batches

mod mode;
mod numbers;
mod receiver;
mod sender;

pub use mode::BatchMode;
pub use numbers::Numbers;
pub use receiver::BatchReceiver;
pub use sender::{BatchSender, times_as_a_whole};

use crate::given::Given;
use crate::json::{object, text};
use crate::{MAX_DATAGRAM, Run, Trip, run, trip};

/// The key of a message as a whole: the form of the batches that its sender reads, and its number.
pub(crate) const KEY: &str = "batch";
/// The keys of a batch: words that are said again, and numbers that its sender cannot read.
pub(crate) const SAYS_KEY: &str = "says";
pub(crate) const UNKNOWN_KEY: &str = "unknown";

/// The only form of a batch so far.
const FORM: &str = "1";

/// The text of a message's number.
pub(crate) fn number_to_text(number: u64) -> String {
    format!("{FORM} {number}")
}

/// The number of a message whose sender reads our form of batches. Anything else is none.
pub(crate) fn number_from_value(value: &Given<'_>) -> Option<u64> {
    let (form, digits) = value.as_str()?.split_once(' ')?;
    (form == FORM).then(|| numbers::number(digits)).flatten()
}

/// A batch that was received. It names no resource and no status: to a legacy daemon, and to the applications' door, it is no
/// message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// The runs of both daemons.
    pub run: Option<Run>,
    /// For the measurement of the way.
    pub trip: Option<Trip>,
    /// These words are said again.
    pub says: Numbers,
    /// The sender has heard these numbers and does not know them.
    pub unknown: Numbers,
}

impl Batch {
    pub(crate) fn from_values(
        run: Option<&Given<'_>>,
        trip: Option<&Given<'_>>,
        says: Option<&Given<'_>>,
        unknown: Option<&Given<'_>>,
    ) -> Option<Batch> {
        let numbers = |value: Option<&Given<'_>>| match value {
            None => Some(Numbers::default()),
            Some(value) => Numbers::from_text(value.as_str()?),
        };
        Some(Batch {
            run: run.and_then(run::from_value),
            trip: trip.and_then(trip::from_value),
            says: numbers(says)?,
            unknown: numbers(unknown)?,
        })
    }
}

/// The two things that a batch says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchKind {
    /// These words, again.
    Says,
    /// These numbers are not known.
    Unknown,
}

/// Writes as many of these numbers, in rising order, as one datagram holds with `room` for a signature. The rest is for the
/// next one.
pub fn encode_batch(
    kind: BatchKind,
    numbers: &[u64],
    run: Run,
    trip: Trip,
    room: usize,
) -> (Vec<u8>, &[u64]) {
    let (run, trip) = (run.to_text(), trip.to_text());
    let key = match kind {
        BatchKind::Says => SAYS_KEY,
        BatchKind::Unknown => UNKNOWN_KEY,
    };
    let write = |list: &str| {
        object([
            text("type", "schrittmacher"),
            text(run::KEY, run.as_str()),
            text(trip::KEY, trip.as_str()),
            text(key, list),
        ])
    };
    let (list, rest) = numbers::to_text(numbers, MAX_DATAGRAM.saturating_sub(write("").len() + room));
    (write(&list), rest)
}
