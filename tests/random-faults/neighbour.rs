//! The client's entry for the address: the host that it sends to. Times and questions as Linux has them (RFC 826, RFC
//! 4861).

use std::time::Duration;

use schrittmacher_simulator::Chance;

/// An entry is good for some such time after each confirmation (`base_reachable_time`).
const REACHABLE: [Duration; 2] = [Duration::from_secs(15), Duration::from_secs(45)];
/// For this time it goes on being used, then the host itself is asked (`delay_first_probe_time`).
const DELAY: Duration = Duration::from_secs(5);
/// If it does not answer for this time, all are asked (`ucast_solicit`).
const PROBES: Duration = Duration::from_secs(3);
/// And again, as long as none answers.
const RETRY: Duration = Duration::from_secs(1);

#[derive(Clone, Copy)]
pub enum Neighbour {
    /// It names a side. That one is asked at `check`.
    Known { side: usize, check: Duration },
    /// It names none. All are asked at `at`.
    Asking { at: Duration },
}

impl Neighbour {
    pub fn new() -> Neighbour {
        Neighbour::Asking { at: Duration::ZERO }
    }

    /// The side that it names.
    pub fn side(self) -> Option<usize> {
        match self {
            Neighbour::Known { side, .. } => Some(side),
            Neighbour::Asking { .. } => None,
        }
    }

    pub fn due(self) -> Duration {
        match self {
            Neighbour::Known { check: due, .. } | Neighbour::Asking { at: due } => due,
        }
    }

    /// An announcement or an answer of this side arrives.
    pub fn learn(&mut self, now: Duration, side: usize, chance: &mut Chance) {
        let reachable = REACHABLE[0] + chance.duration(REACHABLE[1] - REACHABLE[0]);
        *self = Neighbour::Known { side, check: now + reachable + DELAY };
    }

    /// Asks, if it is time to.
    pub fn act(&mut self, now: Duration, has_address: [bool; 2], chance: &mut Chance) {
        if now < self.due() {
            return;
        }
        let first = usize::from(chance.permille(500));
        match *self {
            Neighbour::Known { side, .. } if has_address[side] => self.learn(now, side, chance),
            Neighbour::Known { .. } => *self = Neighbour::Asking { at: now + PROBES },
            Neighbour::Asking { .. } => {
                match [first, 1 - first].into_iter().find(|side| has_address[*side]) {
                    Some(side) => self.learn(now, side, chance),
                    None => *self = Neighbour::Asking { at: now + RETRY },
                }
            }
        }
    }
}
