//! How long the reports of applications may wait while there are many (`docs/adr/0106-turns-that-are-taken-together.md`).

use std::time::Duration;

use super::Node;

/// What an application reports is known after this part of the shortest heartbeat, and after this time.
const PART_OF_HEARTBEAT: u32 = 128;
const LONGEST: Duration = Duration::from_millis(8);

/// What decides it.
#[derive(Debug, Default)]
pub(super) struct Patience {
    shortest_heartbeat: Duration,
    /// How many resources are on the way from one role to another, which the reports of their applications end.
    under_way: usize,
}

impl Patience {
    /// A resource was on the way or not, and is or is not now.
    pub fn note(&mut self, was: bool, is: bool) {
        self.under_way = self.under_way.saturating_sub(usize::from(was)) + usize::from(is);
    }

    /// Whether a report is awaited.
    pub fn awaits(&self) -> bool {
        self.under_way > 0
    }

    fn now(&self) -> Duration {
        if self.awaits() {
            return Duration::ZERO;
        }
        (self.shortest_heartbeat / PART_OF_HEARTBEAT).min(LONGEST)
    }
}

impl Node {
    /// A small part of the shortest heartbeat, and no time while a report is awaited.
    pub fn patience_with_reports(&self) -> Duration {
        self.patience.now()
    }

    /// There are other resources, or other settings.
    pub(super) fn configure_patience(&mut self) {
        let there = || self.resources.iter().filter(|resource| !resource.life.has_ended());
        self.patience = Patience {
            shortest_heartbeat: there().map(|one| one.config.heartbeat).min().unwrap_or_default(),
            under_way: there().filter(|one| one.is_under_way()).count(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_wait_for_a_part_of_a_heartbeat_unless_one_is_awaited() {
        let mut patience = Patience { shortest_heartbeat: Duration::from_millis(128), under_way: 0 };
        assert_eq!(patience.now(), Duration::from_millis(1));
        patience.note(false, true);
        patience.note(true, true);
        assert_eq!(patience.now(), Duration::ZERO);
        patience.note(true, false);
        patience.note(false, false);
        assert_eq!(patience.now(), Duration::from_millis(1));
        patience.shortest_heartbeat = Duration::from_secs(60);
        assert_eq!(patience.now(), LONGEST);
    }
}
