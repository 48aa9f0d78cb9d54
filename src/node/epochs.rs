//! The numbers of promotions (`docs/glossary.md`: epoch): kept over restarts, and told with each promotion.

use schrittmacher_protocol::{Epochs, Event, StateName, Time, Transition};

use super::Node;
use super::resource::ManagedResource;
use crate::kept::KeptEpochs;

/// What has to be kept of them.
#[derive(Debug, Default)]
pub(super) struct EpochMemory {
    /// Those of resources that are not configured any more, too.
    known: KeptEpochs,
    has_changed: bool,
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
        let resource = &self.resources[index];
        let epochs = resource.protocol.machine().epochs;
        if epochs != before {
            self.epochs.known.insert(resource.config.name.clone(), epochs);
            self.epochs.has_changed = true;
        }
    }

    /// Those that have to survive a restart, if they have changed since this was asked last.
    pub fn take_epochs(&mut self) -> Option<KeptEpochs> {
        std::mem::take(&mut self.epochs.has_changed).then(|| self.epochs.known.clone())
    }

    /// They could not be handed over: the next turn tries again.
    pub fn epochs_are_not_kept(&mut self) {
        self.epochs.has_changed = true;
    }

    /// Those of the daemon before this one.
    pub fn restore_epochs(&mut self, kept: KeptEpochs, now: Time) {
        self.epochs.known = kept;
        for index in 0..self.resources.len() {
            self.recall_epochs(index, now);
        }
    }

    /// A resource begins.
    pub(super) fn recall_epochs(&mut self, index: usize, now: Time) {
        if let Some(&epochs) = self.epochs.known.get(&self.resources[index].config.name) {
            self.give_alone(index, Event::Epochs(epochs), now);
        }
    }
}
