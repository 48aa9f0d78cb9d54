//! The numbers of promotions (`docs/glossary.md`: epoch): kept over restarts, and told with each promotion.

use std::time::Duration;

use schrittmacher_protocol::{Epochs, Event, StateName, Time, Transition};

use super::Node;
use super::paced::Paced;
use super::resource::{Life, ManagedResource, Why};
use crate::kept::KeptEpochs;

/// The shortest time between two files of them: all are in each. The peer hears a new one in the same instant.
const PAUSE: Duration = Duration::from_millis(100);

/// What has to be kept of them, apart from what the machines know.
#[derive(Debug)]
pub(super) struct EpochMemory {
    /// Those of resources that are not configured, or not any more.
    of_others: KeptEpochs,
    changes: Paced,
}

impl Default for EpochMemory {
    fn default() -> EpochMemory {
        EpochMemory { of_others: KeptEpochs::default(), changes: Paced::new(PAUSE) }
    }
}

/// The number that comes with a change of state, if it is a promotion.
pub(super) fn of_promotion(resource: &ManagedResource, change: &Transition) -> Option<u64> {
    use StateName::{Hot, Releasing, ToHot};
    let is_promotion = match (change.from, change.to) {
        (from, ToHot) => from != ToHot,
        (from, Hot) => !matches!(from, ToHot | Hot | Releasing),
        (_, _) => false,
    };
    Some(resource.protocol.machine().epochs.own).filter(|epoch| is_promotion && *epoch > 0)
}

/// The same as the end of a sentence.
pub(super) fn told(epoch: Option<u64>) -> String {
    epoch.map(|epoch| format!(" (epoch {epoch})")).unwrap_or_default()
}

impl Node {
    /// An event has been handled, before which these were the numbers.
    pub(super) fn note_epochs(&mut self, index: usize, before: Epochs) {
        self.epochs.changes.note(self.resources[index].protocol.machine().epochs != before);
    }

    /// Those that have to survive a restart, if they have changed since this was asked last, and that is some time ago.
    pub fn take_epochs(&mut self, now: Time) -> Option<KeptEpochs> {
        self.epochs.changes.take(now).then(|| self.all_epochs())
    }

    /// When [`Node::take_epochs`] has some.
    pub fn next_epochs(&self) -> Option<Time> {
        self.epochs.changes.due()
    }

    /// The same at the end, when nothing is waited for.
    pub fn last_epochs(&self) -> Option<KeptEpochs> {
        self.next_epochs().map(|_| self.all_epochs())
    }

    fn all_epochs(&self) -> KeptEpochs {
        let own = self.resources.iter().map(|resource| (resource, resource.protocol.machine().epochs));
        let is_gone = |resource: &ManagedResource| resource.life == Life::Ended(Why::Removed);
        let own = own.filter(|(resource, epochs)| !is_gone(resource) && *epochs != Epochs::default());
        let own = own.map(|(resource, epochs)| (resource.config.name.to_string(), epochs));
        self.epochs.of_others.clone().into_iter().chain(own).collect()
    }

    /// They could not be handed over: that is tried again.
    pub fn epochs_are_not_kept(&mut self) {
        self.epochs.changes.note(true);
    }

    /// Those of the daemon before this one.
    pub fn restore_epochs(&mut self, kept: KeptEpochs, now: Time) {
        self.epochs.of_others = kept;
        for index in 0..self.resources.len() {
            self.recall_epochs(index, now);
        }
    }

    /// A resource begins.
    pub(super) fn recall_epochs(&mut self, index: usize, now: Time) {
        if let Some(epochs) = self.epochs.of_others.remove(&*self.resources[index].config.name) {
            self.give_alone(index, Event::Epochs(epochs), now);
        }
    }

    /// A resource is gone: one of its name may come back.
    pub(super) fn keep_epochs_of(&mut self, index: usize) {
        let resource = &self.resources[index];
        let epochs = resource.protocol.machine().epochs;
        if epochs != Epochs::default() {
            self.epochs.of_others.insert(resource.config.name.to_string(), epochs);
        }
    }
}
