//! The log of one resource in sentences, beside its changes of state: the failure and its reason, the side that serves, whether
//! the resource is protected, that both sides served, and that none does (edge-22, edge-23). Each side tells it from its own
//! knowledge.

use std::time::Duration;

use log::Level;
use schrittmacher_protocol::{StateName, Time};
use schrittmacher_text::{span, wording};

use crate::figures::Episodes;

/// A switch takes less. If no side has become hot by this time after the service ended, it is told that none is.
const SWITCH: Duration = Duration::from_secs(5);

/// The peer's side, as far as it is heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Other {
    /// Silent.
    #[default]
    Silent,
    Hot,
    Standby,
    Failed,
    /// On its way, or not known yet.
    Between,
}

/// Both sides, from the resource's story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides {
    pub here: StateName,
    /// When this side entered its state.
    pub here_since: Time,
    pub other: Other,
    /// When the peer named its state, or fell silent.
    pub other_since: Time,
}

impl Sides {
    fn hot_since(&self) -> Option<Time> {
        (self.here == StateName::Hot).then_some(self.here_since)
    }

    /// Neither serves or is on its way, as far as this side knows.
    fn are_idle(&self) -> bool {
        use StateName::{Failed, Hot, Leaving, Releasing, Standby, ToHot, ToStandby, Unknown};
        let here = match self.here {
            Unknown | Standby | ToStandby | Failed => true,
            Hot | ToHot | Releasing | Leaving => false,
        };
        here && matches!(self.other, Other::Silent | Other::Standby | Other::Failed)
    }

    fn silent_since(&self) -> Option<Time> {
        (self.other == Other::Silent).then_some(self.other_since)
    }
}

/// How things are after an event.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    pub now: Time,
    pub sides: Sides,
    /// The peer has just yielded, and older messages of it may still arrive.
    pub is_granted: bool,
    /// An operator has frozen it: this side does not take over by itself.
    pub is_frozen: bool,
    /// `policy`: silence of the other side is no reason to take over, so it may well serve.
    pub needs_word: bool,
    /// Why the state changed, if it did.
    pub cause: &'a str,
    /// The application's own reason.
    pub reason_here: &'a str,
    /// The reason that the peer gives.
    pub reason_there: &'a str,
    /// Ours and the peer's.
    pub priorities: (i32, i32),
    /// The number of our last promotion, and that of the peer's.
    pub epochs: (u64, Option<u64>),
}

/// A line of the log, and its event.
pub type Line = (Level, Topic, String);

/// The events that lines tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    Failed,
    Hot,
    Protected,
    NotProtected,
    BothHot,
    BothHotOver,
    NoneHot,
}

impl Topic {
    /// The word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Topic::Failed => "failed",
            Topic::Hot => "hot",
            Topic::Protected => "protected",
            Topic::NotProtected => "not-protected",
            Topic::BothHot => "both-hot",
            Topic::BothHotOver => "both-hot-over",
            Topic::NoneHot => "none-hot",
        }
    }
}

/// Remembers what the next sentence needs.
#[derive(Debug)]
pub struct Narrator {
    /// Both sides at the last sentence.
    told: Sides,
    /// When the service ended here or there, until a side is hot again.
    down_since: Option<Time>,
    /// It has been told that no side is hot, and that still holds.
    is_nobody_hot: bool,
    nobody_hot: Episodes,
    /// How long no side was hot until one was again, unless it was asked for.
    outage: Option<Duration>,
    is_protected: bool,
    both_hot_since: Option<Time>,
    both_hot: Episodes,
    /// Why the peer failed since a side was hot last. By the time this side is hot the peer may be fit again.
    failed_there: String,
}

impl Narrator {
    /// Of a resource that begins with these sides.
    pub fn new(told: Sides) -> Narrator {
        Narrator {
            told,
            down_since: None,
            is_nobody_hot: false,
            nobody_hot: Episodes::default(),
            outage: None,
            is_protected: false,
            both_hot_since: None,
            both_hot: Episodes::default(),
            failed_there: String::new(),
        }
    }

    /// How often both sides were hot since the daemon's start.
    pub fn both_hot(&self) -> u64 {
        self.both_hot.times
    }

    /// The same, and how long in all.
    pub fn both_hot_episodes(&self, now: Time) -> Episodes {
        with(self.both_hot, self.both_hot_since, now)
    }

    /// How often that no side was hot was told, and how long none was in all, short switches too.
    pub fn nobody_hot_episodes(&self, now: Time) -> Episodes {
        with(self.nobody_hot, self.down_since, now)
    }

    /// A time without service that is over since this was asked last.
    pub fn take_outage(&mut self) -> Option<Duration> {
        self.outage.take()
    }

    /// How often that was so since the daemon's start.
    pub fn nobody_hot(&self) -> u64 {
        self.nobody_hot.times
    }

    /// Whether no side is hot, and no switch is under way that will change it.
    pub fn is_nobody_hot(&self) -> bool {
        self.is_nobody_hot
    }

    /// Whether one side serves and the other is ready.
    pub fn is_protected(&self) -> bool {
        self.is_protected
    }

    /// Whether [`Narrator::go_on`] would tell nothing of these sides, whatever else is the case: it told them last, and no time changes
    /// what they mean.
    pub fn is_told(&self, sides: Sides) -> bool {
        let are_both_hot = sides.here == StateName::Hot && sides.other == Other::Hot;
        self.told == sides && !sides.are_idle() && !are_both_hot && self.both_hot_since.is_none()
    }

    /// Goes on to this scene, and tells what it means.
    pub fn go_on(&mut self, scene: &Scene<'_>) -> Vec<Line> {
        let mut lines = Vec::new();
        let (before, after) = (self.told, scene.sides);
        let changed = before.here != after.here;
        if changed && after.here == StateName::Failed {
            lines.push(failed(scene, before.hot_since()));
        }
        if scene.is_frozen
            && before.other == Other::Hot
            && after.other == Other::Silent
            && after.here != StateName::Hot
        {
            let text =
                "the hot side is silent, and this one is frozen: it takes over by an order or a thaw only";
            lines.push((Level::Error, Topic::NotProtected, text.to_owned()));
        }
        self.both(scene, &mut lines);
        if changed || before.other != after.other {
            self.serving(scene, &mut lines);
            self.protection(after, &mut lines);
        }
        self.nobody(scene, &mut lines);
        self.told = after;
        lines
    }

    /// Tells which side serves, and how long neither did as far as this side knows.
    fn serving(&mut self, scene: &Scene<'_>, lines: &mut Vec<Line>) {
        let Scene { now, sides: Sides { here, other, .. }, .. } = *scene;
        let is_hot = here == StateName::Hot;
        let was_hot = self.told.here == StateName::Hot;
        let (other_is_hot, other_was_hot) = (other == Other::Hot, self.told.other == Other::Hot);
        if (was_hot || other_was_hot && !other_is_hot) && !is_hot {
            self.down_since = Some(now);
        }
        if other == Other::Failed && !scene.reason_there.is_empty() {
            scene.reason_there.clone_into(&mut self.failed_there);
        }
        let failed_there =
            if is_hot || other_is_hot { std::mem::take(&mut self.failed_there) } else { String::new() };
        if is_hot && !was_hot {
            let reason = if failed_there.is_empty() {
                String::new()
            } else {
                format!(" (the other side failed: {failed_there})")
            };
            lines.push((Level::Info, Topic::Hot, format!("hot here{}{reason}", self.outage_ends(now))));
        } else if !is_hot && other_is_hot && !other_was_hot {
            lines.push((Level::Info, Topic::Hot, format!("hot on the other side{}", self.outage_ends(now))));
        }
    }

    /// A side is hot: how long none was, as the end of a sentence.
    fn outage_ends(&mut self, now: Time) -> String {
        let Some(since) = self.down_since.take() else { return String::new() };
        let lasted = now.since(since);
        self.nobody_hot.lasted += lasted;
        self.outage = Some(lasted);
        format!(", {} later", span(lasted))
    }

    /// Tells once that no side is hot: at once if no side will change that by itself, else when a switch would be over. A frozen
    /// side that hears nothing of the other one does not know, and has told that.
    fn nobody(&mut self, scene: &Scene<'_>, lines: &mut Vec<Line>) {
        let Scene { now, sides, is_frozen, .. } = *scene;
        if !sides.are_idle() {
            self.is_nobody_hot = false;
            return;
        }
        let is_unknown = is_frozen && sides.other == Other::Silent && sides.here != StateName::Failed;
        // Also for a daemon that has just been started again.
        let is_certain = is_frozen && sides.other != Other::Silent && sides.here != StateName::Unknown;
        let is_late = self.down_since.is_some_and(|since| now.since(since) >= SWITCH);
        if self.is_nobody_hot || is_unknown || !(is_certain || is_late) {
            return;
        }
        self.down_since.get_or_insert(now);
        self.is_nobody_hot = true;
        self.nobody_hot.times += 1;
        let there = match sides.other {
            Other::Silent if scene.needs_word => "the other side is silent, and may serve",
            Other::Silent => "the other side is silent",
            Other::Failed => "failed there",
            Other::Standby => "standby there",
            Other::Hot | Other::Between => return,
        };
        let remedy = if is_frozen {
            "; frozen: no side takes over by itself. `thaw` lets them, `takeover` orders it"
        } else {
            ""
        };
        let here = wording::state(sides.here);
        lines.push((Level::Error, Topic::NoneHot, format!("NO SIDE IS HOT: {here} here, {there}{remedy}")));
    }

    fn protection(&mut self, Sides { here, other, .. }: Sides, lines: &mut Vec<Line>) {
        let is_protected =
            matches!((here, other), (StateName::Hot, Other::Standby) | (StateName::Standby, Other::Hot));
        let has_served = here == StateName::Hot || other == Other::Hot;
        if is_protected && !self.is_protected {
            lines.push((
                Level::Info,
                Topic::Protected,
                "protected: one side is hot, the other is standby".to_owned(),
            ));
        } else if self.is_protected && has_served && !is_protected {
            let why = match (here, other) {
                (StateName::Hot, Other::Silent) => "the peer is silent",
                (StateName::Hot, Other::Failed) => "the peer has failed",
                // The failure and its reason have been told.
                (StateName::Failed, _) => "this side cannot take over",
                _ => "the side that is not hot is not ready",
            };
            lines.push((Level::Warn, Topic::NotProtected, format!("not protected: {why}")));
        }
        // While neither serves, the next hot side tells.
        if is_protected || has_served {
            self.is_protected = is_protected;
        }
    }

    fn both(&mut self, scene: &Scene<'_>, lines: &mut Vec<Line>) {
        let (now, before, after) = (scene.now, self.told, scene.sides);
        // It began when the second one became hot: this side, or the peer while it was silent.
        let since = match (before.hot_since(), before.silent_since()) {
            (Some(hot), Some(silent)) => hot.max(silent),
            (_, _) => now,
        };
        let are = after.here == StateName::Hot && after.other == Other::Hot && !scene.is_granted;
        match self.both_hot_since {
            // The first word after a silence was a request that wins.
            None if before.here == StateName::Hot
                && after.here == StateName::Standby
                && before.other == Other::Silent
                && after.other != Other::Silent =>
            {
                self.both_hot.times += 1;
                self.both_hot.lasted += now.since(since);
                lines.push(self.both_ended(scene, now.since(since)));
            }
            None if are => {
                self.both_hot_since = Some(since);
                self.both_hot.times += 1;
                lines.push((
                    Level::Error,
                    Topic::BothHot,
                    format!("BOTH SIDES ARE HOT{}: the peer says that it is, too", epochs(scene)),
                ));
            }
            Some(since) if !are && !scene.is_granted => {
                self.both_hot_since = None;
                self.both_hot.lasted += now.since(since);
                lines.push(self.both_ended(scene, now.since(since)));
            }
            None | Some(_) => {}
        }
    }

    fn both_ended(&self, scene: &Scene<'_>, duration: Duration) -> Line {
        let (ours, theirs) = scene.priorities;
        let how = if scene.sides.here != StateName::Hot {
            let cause = if scene.cause.is_empty() { "it has yielded" } else { scene.cause };
            format!(
                "this side gave way (priority {ours} against {theirs}; {cause}); what it accepted meanwhile may be lost"
            )
        } else if scene.sides.other == Other::Silent {
            "the peer is silent again".to_owned()
        } else {
            format!("the other side gave way (priority {theirs} against {ours})")
        };
        let times = match self.both_hot.times {
            1 => String::new(),
            times => format!(", for the {times}th time since this daemon started"),
        };
        (
            Level::Error,
            Topic::BothHotOver,
            format!("BOTH SIDES WERE HOT{} for up to {}: {how}{times}", epochs(scene), span(duration)),
        )
    }
}

/// The episodes with one that is not over.
fn with(past: Episodes, since: Option<Time>, now: Time) -> Episodes {
    let lasts = since.map(|since| now.since(since)).unwrap_or_default();
    Episodes { lasted: past.lasted + lasts, ..past }
}

/// The numbers of both promotions, if both are known.
fn epochs(scene: &Scene<'_>) -> String {
    match scene.epochs {
        (ours @ 1.., Some(theirs)) => format!(" (epoch {ours} here, {theirs} there)"),
        (_, _) => String::new(),
    }
}

fn failed(scene: &Scene<'_>, hot_since: Option<Time>) -> Line {
    let reason = if scene.reason_here.is_empty() { scene.cause } else { scene.reason_here };
    let was_hot = hot_since.map(|since| format!(" (was hot for {})", ago(since, scene.now)));
    (Level::Error, Topic::Failed, format!("failed here: {reason}{}", was_hot.unwrap_or_default()))
}

fn ago(since: Time, now: Time) -> String {
    span(now.since(since))
}

#[cfg(test)]
mod tests;
