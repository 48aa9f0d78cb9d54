//! Devices that turn the other host off before the role is taken from it (`fence-action`).
//!
//! They hang and fail, and turn a host off without being able to say so. They never lie.

use std::time::Duration;

use schrittmacher_protocol::{Event, FenceRule, Fenced, Machine, Policy, Settings, StateName, Time};
use schrittmacher_simulator::Chance;
use schrittmacher_wire::AppCode;

use crate::world::{Parcel, Without, World};

const SECOND: Duration = Duration::from_secs(1);
/// A command that is not over by then confirms nothing (`fence-timeout`).
const TIMEOUT: Duration = Duration::from_secs(10);
/// A host that was turned off is not back sooner.
const STAYS_OFF: Duration = Duration::from_secs(10);

pub const RULE: FenceRule = FenceRule { delay: TIMEOUT, pause: Duration::from_secs(12) };

/// A command for one shot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shot {
    /// The other host is off after this time.
    off: Option<Duration>,
    /// What is said then, after it or without it.
    answer: Fenced,
    answers: Duration,
}

/// Works each time, and at the same pace.
const GOOD: Shot = Shot { off: Some(SECOND), answer: Fenced::Off, answers: Duration::from_millis(1500) };

impl Shot {
    fn draw(chance: &mut Chance) -> Shot {
        let off = chance.duration(3 * SECOND);
        let later = chance.duration(2 * SECOND);
        match chance.below(20) {
            0..=11 => Shot { off: Some(off), answer: Fenced::Off, answers: off + later },
            // A device that has its power from the host.
            12..=14 => Shot { off: Some(off), answer: Fenced::NotConfirmed, answers: off + later },
            15..=17 => Shot { off: None, answer: Fenced::NotConfirmed, answers: later },
            // It hangs, or is killed in the middle of its work.
            18 => Shot { off: Some(off), answer: Fenced::NotConfirmed, answers: TIMEOUT },
            _ => Shot { off: None, answer: Fenced::NotConfirmed, answers: TIMEOUT },
        }
    }
}

impl World {
    /// The daemon of this side runs its `fence-action`. Nothing calls the device back.
    pub fn shoot(&mut self, side: usize, asked: Time) {
        let mut shot = self.devices.as_mut().map_or(GOOD, Shot::draw);
        if self.without == Some(Without::TrueFence) {
            shot = Shot { off: None, ..GOOD };
        }
        let stays =
            STAYS_OFF + self.devices.as_mut().map_or(Duration::ZERO, |chance| chance.duration(30 * SECOND));
        self.seen.fences += 1;
        let now = self.now;
        if let Some(off) = shot.off {
            self.launch_at(now + off, 1 - side, Parcel::SwitchOff);
            self.launch_at(now + off + stays, 1 - side, Parcel::SwitchOn);
        }
        self.launch_at(now + shot.answers, side, Parcel::Fenced(asked, shot.answer));
    }

    pub fn switch_off(&mut self, side: usize) {
        self.crash(side);
        self.hosts[side].off_until = self.now + STAYS_OFF;
    }

    /// Takes note of a role that was taken with this event: from a silent peer, whose host has to be off for that, or not.
    pub fn note_role(&mut self, side: usize, before: &Machine, event: Event) {
        let Some(machine) = &self.hosts[side].machine else { return };
        let has_role = |machine: &Machine| matches!(machine.state.name(), StateName::ToHot | StateName::Hot);
        if has_role(before) || !has_role(machine) {
            return;
        }
        let demands = self.setup.fence.is_some() && is_taken_from_silent(before, machine, event);
        let excused = goes_unfenced(&self.hosts[side].settings, machine, before, event);
        self.is_fenced = demands && !excused;
        self.seen.fenced += u64::from(self.is_fenced);
    }
}

/// By itself: not by an order, and not with an application that is hot already.
fn is_taken_from_silent(before: &Machine, machine: &Machine, event: Event) -> bool {
    let is_other = matches!(event, Event::Takeover { .. } | Event::App(Some(AppCode::Lhot)));
    machine.peer.lost && !is_other && !before.serves() && !before.fence.has_left
}

/// Under `available`, if the device did not confirm.
fn goes_unfenced(settings: &Settings, machine: &Machine, before: &Machine, event: Event) -> bool {
    let failed = before.fence.outcome == Some(Fenced::NotConfirmed)
        || matches!(event, Event::Fenced(_, Fenced::NotConfirmed));
    let ignores_rule =
        matches!(settings.policy, Policy::Consistent { .. }) && machine.rule(settings).is_none();
    failed && (settings.policy == Policy::Available || ignores_rule)
}

/// The command has had its time by the daemon's clock.
pub fn is_late(asked: Time, now: Time) -> bool {
    now > asked + TIMEOUT
}
