//! The limit on answers to datagrams of a holder of the key that name an old nonce.
//!
//! A recording of an earlier run can be sent again at any rate. So each nonce is answered ten times a second at most, and
//! no more than 16 nonces in that time. A peer that has just started is not shut out by a recording of fewer runs.

use std::time::Duration;

use crate::Nonce;

const PAUSE: Duration = Duration::from_millis(100);
const NONCES: usize = 16;

/// The nonces that were answered lately, the oldest answer first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers(Vec<(Nonce, Duration)>);

impl Answers {
    /// Whether a datagram with this nonce may be answered now. Takes note of it.
    pub fn may_answer(&mut self, nonce: Nonce, now: Duration) -> bool {
        self.0.retain(|(_, at)| now.saturating_sub(*at) < PAUSE);
        let may = self.0.len() < NONCES && self.0.iter().all(|(other, _)| *other != nonce);
        if may {
            self.0.push((nonce, now));
        }
        may
    }
}
