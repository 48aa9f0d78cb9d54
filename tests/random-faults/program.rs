//! The programs that a node may run, and how ours are configured.

use std::time::Duration;

use schrittmacher_protocol::{OnIsolation, Policy, Settings};
use schrittmacher_testkit::double::{self, Generation};
use schrittmacher_testkit::pair::ADDRESSES;
use schrittmacher_testkit::program::Program;
use schrittmacher_testkit::settings as defaults;

use crate::plan::NodePlan;

/// A legacy daemon speaks every two seconds.
pub const LEGACY_HEARTBEAT: Duration = Duration::from_secs(2);

/// A program's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Ours,
    /// Ours, as patient as 2.0.0 is whatever it is told.
    OursPatient,
    /// Ours with a key, and somebody on the link who has none.
    OursSigned,
    /// Ours without a key, and somebody who cannot read what they say, but sends with the addresses of both.
    OursForged,
    /// Ours; the resources of a host are a set.
    OursSet,
    /// Ours; the first resource's application ends a second after it is hot, on either side (edge-19).
    OursFlapping,
    /// Ours; a second path between the two.
    OursTwoPaths,
    /// Ours; many resources in one datagram.
    OursBatched,
    /// Ours; they look whether they are isolated, and step down.
    OursIsolated,
    /// Ours; silence moves no role, and operators take it by force.
    OursManual,
    V200,
    V182,
}

impl Version {
    pub fn as_str(self) -> &'static str {
        match self {
            Version::Ours
            | Version::OursPatient
            | Version::OursSigned
            | Version::OursForged
            | Version::OursSet
            | Version::OursFlapping
            | Version::OursTwoPaths
            | Version::OursBatched
            | Version::OursIsolated
            | Version::OursManual => "ours",
            Version::V200 => "2.0.0",
            Version::V182 => "1.8.2",
        }
    }

    pub fn is_ours(self) -> bool {
        self.as_str() == "ours"
    }

    /// The program on a side, as the plan configures it. `seed` is of a legacy daemon's random numbers.
    pub fn program(self, node: &NodePlan, heartbeat: Duration, side: usize, seed: u64) -> Program {
        let generation = match self {
            Version::Ours
            | Version::OursPatient
            | Version::OursSigned
            | Version::OursForged
            | Version::OursSet
            | Version::OursFlapping
            | Version::OursTwoPaths
            | Version::OursBatched
            | Version::OursIsolated
            | Version::OursManual => {
                return Program::ours(settings(node, side, self, heartbeat));
            }
            Version::V200 => Generation::V200,
            Version::V182 => Generation::V182,
        };
        let heartbeat_intervall = LEGACY_HEARTBEAT;
        let settings = double::Settings { generation, priority: node.priority, heartbeat_intervall };
        Program::legacy(settings, ADDRESSES[side].into(), seed)
    }
}

/// The configuration of a node that runs ours.
pub fn settings(node: &NodePlan, side: usize, version: Version, heartbeat: Duration) -> Settings {
    let (heartbeat, timeout) = match version {
        Version::OursPatient => (LEGACY_HEARTBEAT, 5 * LEGACY_HEARTBEAT),
        Version::Ours
        | Version::OursSigned
        | Version::OursForged
        | Version::OursSet
        | Version::OursFlapping
        | Version::OursTwoPaths
        | Version::OursBatched
        | Version::OursIsolated
        | Version::OursManual
        | Version::V200
        | Version::V182 => (heartbeat, 3 * heartbeat),
    };
    let usual = defaults(node.priority);
    // What damps is the hold as it is by default, minutes at last.
    let [hold_back, hold_back_max] = if version == Version::OursFlapping {
        [usual.hold_back, usual.hold_back_max]
    } else {
        node.hold_back
    };
    Settings {
        heartbeat,
        timeout,
        startup_delay: node.startup_delay,
        preempt: node.preempt,
        hold_back,
        hold_back_max,
        policy: if version == Version::OursManual { Policy::Manual } else { Policy::Available },
        on_isolation: if version == Version::OursIsolated {
            OnIsolation::StepDown
        } else {
            OnIsolation::Keep
        },
        local: ADDRESSES[side].into(),
        remote: ADDRESSES[1 - side].into(),
        ..usual
    }
}
