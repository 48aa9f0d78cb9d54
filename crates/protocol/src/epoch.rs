//! Epochs: the number of a promotion. It rises with each one, so that storage can refuse the writes of an earlier holder.
//!
//! Each side has its own numbers: the side with the greater address the odd ones. So no two promotions ever have one number, not
//! even on two sides that do not hear each other. Which of those two is the later one, nobody knows without a witness.

use serde::{Deserialize, Serialize};

use crate::state::State;
use crate::step::Step;
use crate::{Machine, Settings};

/// No number is greater. JSON readers count as far without an error.
pub const LAST_EPOCH: u64 = 1 << 53;

/// The numbers that a side knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Epochs {
    /// That of this side's last promotion. Zero: it knows of none.
    pub own: u64,
    /// The greatest one of the pair, as far as this side knows.
    pub greatest: u64,
}

impl Epochs {
    /// These numbers are known, too.
    fn learn(&mut self, more: Epochs) {
        self.own = self.own.max(more.own.min(LAST_EPOCH));
        self.greatest = self.greatest.max(more.greatest.min(LAST_EPOCH)).max(self.own);
    }

    /// A new one for this side.
    fn rise(&mut self, settings: &Settings) {
        let next = self.greatest.saturating_add(1);
        let is_odd = next % 2 == 1;
        let is_ours = is_odd == (settings.local > settings.remote);
        self.greatest = next.saturating_add(u64::from(!is_ours)).min(LAST_EPOCH);
        self.own = self.greatest;
    }
}

impl Machine {
    /// The number that a message tells: that of this side while it serves, and else the greatest one.
    pub(crate) fn told_epoch(&self) -> u64 {
        match self.state {
            State::Hot { .. }
            | State::ToHot { .. }
            | State::Unknown { claim: Some(_) }
            | State::Releasing(_) => self.epochs.own,
            State::Unknown { claim: None }
            | State::Standby { .. }
            | State::ToStandby { .. }
            | State::Failed { .. }
            | State::Leaving { .. } => self.epochs.greatest,
        }
    }
}

impl Step<'_> {
    /// The daemon before this one, the peer or the witness knows these numbers.
    pub(crate) fn learn_epochs(&mut self, epochs: Epochs) {
        self.machine.epochs.learn(epochs);
    }

    /// This side takes the role.
    pub(crate) fn begin_epoch(&mut self) {
        self.machine.epochs.rise(self.settings);
    }

    /// This side is hot for an application that was so before: with its old number, unless that is not known or there was a later
    /// one.
    pub(crate) fn go_on_in_epoch(&mut self) {
        let Epochs { own, greatest } = self.machine.epochs;
        if own == 0 || own < greatest {
            self.begin_epoch();
        }
    }
}
