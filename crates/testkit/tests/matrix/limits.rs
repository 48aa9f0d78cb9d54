//! The limits of a cell of the matrix, and the legacy defects that excuse it.

use std::time::Duration;

use crate::Cell;
use crate::scenarios::{BROKEN, Ends, OURS, PEER};
use crate::world::{V182, V200};

/// Most messages of ours in any one second (P6); the matrix knows no more than ten.
pub const BUSIEST: usize = 12;

/// The longest time in which a daemon notices a fault. 2.0.0 takes five heartbeats, ours ten seconds for an application or
/// a classic peer. A report of the application comes on top.
const NOTICED: f64 = 11.5;

/// Why another side than the right one may serve in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// 2.0.0 in Unknown gives way to any request, without comparing.
    D4,
    /// 1.8.2 hands the role back as long as its application still says standby and its peer is not known to
    /// have failed. Alone, with an application that needs more than one heartbeat, it never gets there.
    D8,
    /// A legacy daemon that starts beside a hot application is hot at its first message, and a conflict begins. If it hears us
    /// first there is none.
    D11,
}

impl Cell {
    /// The side that has to serve in the end.
    pub fn expected_end(&self) -> usize {
        match self.scenario.ends {
            Ends::Ours => OURS,
            Ends::Legacy => PEER,
            Ends::Preferred if self.priorities[PEER] > self.priorities[OURS] => PEER,
            Ends::Preferred => OURS,
        }
    }

    /// The defect that lets the wrong side serve in the end in at least one phase.
    pub fn defect_of_legacy(&self) -> Option<Defect> {
        let lower = self.priorities[OURS] < self.priorities[PEER];
        let classic = self.pair[PEER] == V182;
        let slow = self.switching > 0.0;
        match self.scenario.name {
            "cold start, applications unknown" if self.pair[PEER] == V200 && lower => Some(Defect::D4),
            // With ten seconds it gets there by the accident of its time-outs; with three it does not.
            "daemon of ours is away for 30 s" if classic && self.switching == 3.0 => Some(Defect::D8),
            "host of ours dies" if classic && self.switching == 3.0 && !lower => Some(Defect::D8),
            "link cut, ours hot" if classic && self.switching == 3.0 && lower => Some(Defect::D8),
            "legacy deaf, ours hot" if classic && self.switching == 3.0 => Some(Defect::D8),
            // A restarted daemon does not know that it had yielded, nor why.
            "ours restarts in its failover" if classic && slow => Some(Defect::D8),
            "legacy daemon is away for 30 s" if classic && lower => Some(Defect::D11),
            _ => None,
        }
    }

    /// In how many phases two legacy daemons end with the wrong side serving, or with none or both. With
    /// equal priorities they draw lots, and neither side is wrong.
    pub fn wrong_ends(&self) -> usize {
        let lots = self.scenario.ends == Ends::Preferred && self.priorities[OURS] == self.priorities[PEER];
        let wrong = |end: Option<usize>| end.is_none_or(|end| !lots && end != self.expected_end());
        self.runs.iter().filter(|run| wrong(run.ends)).count()
    }

    /// The most time with nobody and with both serving.
    pub fn bounds(&self) -> (Duration, Duration) {
        let alone =
            self.pair[PEER] == V182 && self.switching == 3.0 && self.scenario.name == "host of ours dies";
        // D8: while we are away nobody serves for long.
        let none = if alone { 60.0 } else { NOTICED + self.switching };
        let both = if self.scenario.parted { BROKEN } else { 0.0 } + self.switching + 1.5;
        (Duration::from_secs_f64(none), Duration::from_secs_f64(both))
    }
}
