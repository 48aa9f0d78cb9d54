//! Frozen resources: an operator forbids automatic switches for a time, on both sides of a pair of ours
//! (`docs/adr/0028-freeze.md`).

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use log::{info, warn};
use schrittmacher_protocol::{Event, Time};
use schrittmacher_text::{beginning, span};
use schrittmacher_wire::{FREEZE_MAX, FREEZE_STAMPS, Freeze};
use serde::{Deserialize, Serialize};

use super::Node;
use crate::event_hook::HookEvent;

/// The part of a reason that is kept, in bytes.
const REASON: usize = 240;

/// Whether one word is newer than another one: ahead by less than half a round. So there is no greatest stamp, and an operator can
/// overrule every word, a forged one too. 0 is the stamp of no word.
fn is_newer(stamp: u64, than: u64) -> bool {
    than == 0 || (1..FREEZE_STAMPS / 2).contains(&ahead(stamp, than))
}

fn ahead(stamp: u64, of: u64) -> u64 {
    stamp.wrapping_sub(of) % FREEZE_STAMPS
}

/// The newest word of an operator about a resource, from this side or the other one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FreezeState {
    stamp: u64,
    /// Frozen until this time.
    until: Time,
    /// A freeze that was thawed would have ended at this time. Before it, the other side is told.
    told_until: Time,
    reason: String,
}

/// The same in a file: by the wall clock, because it survives a reboot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFreeze {
    stamp: u64,
    until_ms: u64,
    told_until_ms: u64,
    reason: String,
}

/// The kept freezes of all resources.
pub type KeptFreezes = BTreeMap<String, KeptFreeze>;

impl FreezeState {
    /// What an operator of this side orders; zero thaws. `is_greater`: our address is the greater one, so that both sides never
    /// have the same stamp.
    fn order(&mut self, length: Duration, reason: String, is_greater: bool, now: Time, wall_ms: u64) {
        let [wall, next] =
            [wall_ms, self.stamp / 2 + 1].map(|half| (2 * (half % (FREEZE_STAMPS / 2))).max(2));
        // Not by nearly half a round: the word that is overruled would soon be the newer one again.
        let is_time = self.stamp == 0 || (1..FREEZE_STAMPS / 4).contains(&ahead(wall, self.stamp));
        let newer = if is_time { wall } else { next };
        let until = now + length.min(FREEZE_MAX);
        let told_until = self.told_until.max(until);
        *self = FreezeState { stamp: newer + u64::from(is_greater), until, told_until, reason };
    }

    /// What the other side says. The newest word counts. Returns whether it was news.
    fn hear(&mut self, theirs: Freeze, now: Time) -> bool {
        let is_news = is_newer(theirs.stamp, self.stamp);
        if is_newer(self.stamp, theirs.stamp) {
            // It is frozen by an older word, and has to hear ours.
            self.told_until = self.told_until.max(now + theirs.left);
        }
        if is_news {
            let until = now + theirs.left;
            let told_until = self.told_until.max(until);
            *self = FreezeState { stamp: theirs.stamp, until, told_until, reason: String::new() };
        }
        is_news
    }

    /// The word for the other side.
    pub fn tell(&self, now: Time) -> Option<Freeze> {
        (now < self.told_until).then(|| Freeze { stamp: self.stamp, left: self.until.since(now) })
    }

    /// Whether it is frozen, or the other side has to be told something.
    pub fn is_of_concern(&self, now: Time) -> bool {
        now < self.told_until.max(self.until)
    }

    /// How long it is still frozen; `None`: it is not.
    pub fn left(&self, now: Time) -> Option<Duration> {
        (now < self.until).then(|| self.until.since(now))
    }

    /// Why, in the operator's words; empty if there is no reason, or the freeze comes from the other side.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    fn keep(&self, now: Time, wall_ms: u64) -> KeptFreeze {
        let wall = |time: Time| wall_ms.saturating_add(milliseconds(time.since(now)));
        KeptFreeze {
            stamp: self.stamp,
            until_ms: wall(self.until),
            told_until_ms: wall(self.told_until),
            reason: self.reason.clone(),
        }
    }

    /// At most the longest freeze is left, wherever the clock stands.
    fn restore(kept: KeptFreeze, now: Time, wall_ms: u64) -> FreezeState {
        let time = |ms: u64| now + Duration::from_millis(ms.saturating_sub(wall_ms)).min(FREEZE_MAX);
        FreezeState {
            // A damaged file may have any.
            stamp: kept.stamp % FREEZE_STAMPS,
            until: time(kept.until_ms),
            told_until: time(kept.told_until_ms),
            reason: beginning(kept.reason, REASON),
        }
    }
}

impl Node {
    /// An operator freezes a resource for this time, or thaws it: zero.
    pub(super) fn freeze(&mut self, index: usize, length: Duration, reason: &str, now: Time) {
        let is_greater = self.core.local_address > self.core.remote_address;
        let reason = beginning(reason.to_owned(), REASON);
        self.resources[index].freeze.order(length, reason, is_greater, now, wall_ms());
        self.freezes_changed = true;
        self.apply_freeze(index, now);
    }

    /// The peer has a word about a freeze.
    pub(super) fn hear_freeze(&mut self, index: usize, theirs: Option<Freeze>, now: Time) {
        let resource = &mut self.resources[index];
        let is_ours = resource.protocol.machine().peer.is_ours();
        if is_ours && theirs.is_some_and(|theirs| resource.freeze.hear(theirs, now)) {
            self.freezes_changed = true;
            self.apply_freeze(index, now);
        }
    }

    /// Tells the machine, if a freeze has begun or is over.
    pub(super) fn apply_freeze(&mut self, index: usize, now: Time) {
        let resource = &self.resources[index];
        let left = resource.freeze.left(now);
        if resource.protocol.machine().frozen == left.is_some() || resource.life.has_ended() {
            return;
        }
        let name = &resource.config.name;
        match left {
            Some(left) => {
                let reason = resource.freeze.reason();
                let reason = if reason.is_empty() { "no reason is known here" } else { reason };
                let text = format!("frozen for {}: no automatic switch ({reason})", span(left));
                warn!(target: name, "{text}");
                self.hook.tell(|| HookEvent {
                    name: "frozen",
                    resource: name.to_string(),
                    text,
                    details: Vec::new(),
                });
            }
            None => {
                let text = "frozen no longer: it switches by itself again";
                info!(target: name, "{text}");
                self.hook.tell(|| HookEvent {
                    name: "thawed",
                    resource: name.to_string(),
                    text: text.into(),
                    details: Vec::new(),
                });
            }
        }
        self.news.note(true);
        self.give(index, Event::Freeze(left.is_some()), now);
    }

    /// The freezes that survive a restart, if they have changed since this was asked last.
    pub fn take_freezes(&mut self, now: Time) -> Option<KeptFreezes> {
        if !std::mem::take(&mut self.freezes_changed) {
            return None;
        }
        let wall_ms = wall_ms();
        let told = self.resources.iter().filter(|resource| resource.freeze.tell(now).is_some());
        Some(told.map(|one| (one.config.name.to_string(), one.freeze.keep(now, wall_ms))).collect())
    }

    /// They could not be handed over: the next turn tries again.
    pub fn freezes_are_not_kept(&mut self) {
        self.freezes_changed = true;
    }

    /// The freezes of an earlier daemon.
    pub fn restore_freezes(&mut self, kept: KeptFreezes, now: Time) {
        let wall_ms = wall_ms();
        for (name, kept) in kept {
            if let Some(&index) = self.by_name.get(&*name) {
                self.resources[index].freeze = FreezeState::restore(kept, now, wall_ms);
                self.apply_freeze(index, now);
            }
        }
    }
}

fn wall_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, milliseconds)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const WALL: u64 = 1_764_000_000_000;

    fn at(seconds: u64) -> Time {
        Time::new(Duration::from_secs(seconds))
    }

    #[test]
    fn the_newest_word_counts_on_both_sides_from_either_side() {
        let (mut here, mut there) = (FreezeState::default(), FreezeState::default());
        here.order(HOUR, "kernel".into(), true, at(0), WALL);
        assert!(there.hear(here.tell(at(1)).unwrap(), at(1)));
        assert_eq!(there.left(at(1)), Some(HOUR - Duration::from_secs(1)));
        // The clock of that host is behind.
        there.order(Duration::ZERO, String::new(), false, at(10), WALL - 50_000);
        assert_eq!(there.left(at(10)), None);
        assert!(here.hear(there.tell(at(11)).unwrap(), at(11)), "the thaw is the newer word");
        assert_eq!(here.left(at(11)), None);
        assert!(!there.hear(here.tell(at(12)).unwrap(), at(12)), "the echo is no news");
        assert_eq!(here.tell(at(3600)), None, "nothing is told when every side has forgotten it");
    }

    /// A thaw on the side that has not heard of the freeze yet.
    #[test]
    fn a_thaw_that_overtakes_its_freeze_ends_it_on_both_sides() {
        let (mut here, mut there) = (FreezeState::default(), FreezeState::default());
        here.order(HOUR, "kernel".into(), true, at(0), WALL);
        there.order(Duration::ZERO, String::new(), false, at(0), WALL + 1);
        assert!(!there.hear(here.tell(at(1)).unwrap(), at(1)), "the freeze is the older word");
        let word = there.tell(at(2)).expect("the other side is frozen, and has to be told");
        assert!(here.hear(word, at(2)));
        assert_eq!((here.left(at(2)), there.left(at(2))), (None, None));
        // Both fall silent when the freeze would have ended.
        assert!(!there.hear(here.tell(at(3)).unwrap(), at(3)));
        assert_eq!((here.tell(at(3601)), there.tell(at(3602))), (None, None));
    }

    #[test]
    fn two_orders_of_one_moment_have_different_stamps() {
        let (mut here, mut there) = (FreezeState::default(), FreezeState::default());
        here.order(HOUR, String::new(), true, at(0), WALL);
        there.order(2 * HOUR, String::new(), false, at(0), WALL);
        let (mine, theirs) = (here.tell(at(0)).unwrap(), there.tell(at(0)).unwrap());
        assert!(here.hear(theirs, at(0)) != there.hear(mine, at(0)));
        assert_eq!(here.left(at(0)), there.left(at(0)));
    }

    /// door-13: without a key anybody on the link may forge a word.
    #[test]
    fn whatever_is_forged_an_operator_overrules_it_on_both_sides() {
        let real = 2 * WALL;
        let forged =
            [1, real, FREEZE_STAMPS / 2 - 1, FREEZE_STAMPS / 2, FREEZE_STAMPS / 2 + real, FREEZE_STAMPS - 1];
        for stamp in forged {
            let (mut here, mut there) = (FreezeState::default(), FreezeState::default());
            for round in 0..3 {
                let word = Freeze { stamp: (stamp + 1000 * round) % FREEZE_STAMPS, left: FREEZE_MAX };
                for side in [&mut here, &mut there] {
                    side.hear(word, at(0));
                }
                // Either side's operator, and the other side hears it; the forger repeats himself.
                let (orders, hears) =
                    if round == 1 { (&mut there, &mut here) } else { (&mut here, &mut there) };
                for length in [Duration::ZERO, HOUR, Duration::ZERO] {
                    orders.order(length, String::new(), round == 1, at(1), WALL);
                    hears.hear(orders.tell(at(1)).expect("it is told"), at(1));
                    assert!(!hears.hear(word, at(1)) && !orders.hear(word, at(1)), "{stamp}");
                    let length = (!length.is_zero()).then_some(length);
                    assert_eq!((orders.left(at(1)), hears.left(at(1))), (length, length), "{stamp}");
                }
            }
        }
    }

    #[test]
    fn a_freeze_survives_a_reboot_for_at_most_its_time() {
        let mut state = FreezeState::default();
        state.order(HOUR, "kernel".into(), true, at(500), WALL);
        let kept = state.keep(at(500), WALL);
        // Another boot: the daemon's clock begins again.
        let again = FreezeState::restore(kept.clone(), at(3), WALL + 60_000);
        assert_eq!((again.left(at(3)), again.reason()), (Some(HOUR - Duration::from_secs(60)), "kernel"));
        assert_eq!(FreezeState::restore(kept.clone(), at(3), WALL + 3_600_000).left(at(3)), None);
        // The clock was wrong by years.
        let wrong = FreezeState::restore(kept, at(3), 0);
        assert_eq!(wrong.left(at(3)), Some(FREEZE_MAX));
    }

    #[test]
    fn no_order_is_longer_than_the_longest_freeze() {
        let mut state = FreezeState::default();
        state.order(100 * FREEZE_MAX, String::new(), false, at(0), u64::MAX / 4);
        assert_eq!(state.left(at(0)), Some(FREEZE_MAX));
    }
}
