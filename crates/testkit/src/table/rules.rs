//! Our table: every situation tried, condensed to rows.

use std::collections::HashMap;

use schrittmacher_protocol::{Ending, StateName};

use super::condense::condense;
use super::deviations::{self, Deviation, Legacy};
use super::legacy;
use super::situation::{Asked, Condition, Situation, What, Word, conditions};
use super::step::{Outcome, step, step_through};

/// A row of our table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub when: Vec<(Condition, Vec<&'static str>)>,
    pub effect: Effect,
}

/// The effect of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    pub next: StateName,
    pub does: Vec<String>,
    /// The flag "application failed" afterwards, if the row sets it.
    pub failed: Option<bool>,
    /// Notes for later.
    pub notes: Vec<&'static str>,
}

/// Which situations a table is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All that can be set up, as the legacy's table has it.
    Everything,
    /// Those that a run can come to, with a modern peer.
    Modern,
    /// The same with a classic peer, as far as it is not the same in its words.
    Classic,
}

/// The situations of one state and event, with the conditions in which they differ.
fn situations(state: StateName, what: What, scope: Scope) -> (Vec<Condition>, Vec<Situation>) {
    let mut conditions = conditions(state, what);
    if scope == Scope::Everything {
        if !conditions.contains(&Condition::Failed) {
            conditions.push(Condition::Failed);
        }
    } else {
        conditions.retain(|condition| *condition != Condition::Classic);
    }
    if matches!(what, What::LocalTimeout | What::RemoteTimeout) {
        // The tick that finds a silence has looked at the state's deadline first.
        conditions.retain(|condition| *condition != Condition::Late);
    }
    let mut all = Situation::every(state, what, &conditions);
    all.retain(|s| {
        // No order is open in Hot: it would have been one to go there.
        scope == Scope::Everything || s.state != StateName::Hot || s.asked != Asked::Forced
    });
    if scope == Scope::Classic {
        // A peer that has said 2HOT is none.
        all.retain(|s| s.said != Word::ToHot);
        all.iter_mut().for_each(|s| s.classic = true);
    }
    (conditions, all)
}

/// The rows for one state and event.
pub fn rules(state: StateName, what: What, scope: Scope) -> Vec<Rule> {
    let (conditions, situations) = situations(state, what, scope);
    let effects = effects(&situations);
    let mut known: Vec<Option<Effect>> = Vec::new();
    let cases = situations.iter().zip(effects).map(|(s, effect)| {
        let effect = (scope != Scope::Classic || !is_translation(s, &effect)).then_some(effect);
        let number = known.iter().position(|known| *known == effect).unwrap_or_else(|| {
            known.push(effect);
            known.len() - 1
        });
        (conditions.iter().map(|condition| s.value(*condition)).collect(), number)
    });
    let condensed = condense(&conditions, cases.collect());
    condensed
        .into_iter()
        .filter_map(|rule| Some(Rule { when: rule.when, effect: known[rule.outcome].clone()? }))
        .collect()
}

/// What shows in some situation of those in which the same is done.
#[derive(Clone, Copy, Default)]
struct Shown {
    ends_hold: bool,
    closes_question: bool,
    /// The flag "application failed" is taken away, or set.
    failed: [bool; 2],
}

/// The effect of each situation. A value that an event always sets counts as set also where it happens to be the same. So
/// the value before is no condition.
fn effects(situations: &[Situation]) -> Vec<Effect> {
    let outcomes: Vec<Outcome> = situations.iter().map(step_without_end).collect();
    let mut shown: HashMap<(StateName, &[String]), Shown> = HashMap::new();
    for (s, outcome) in situations.iter().zip(&outcomes) {
        let shown = shown.entry((outcome.next, &outcome.does)).or_default();
        shown.ends_hold |= ends_hold(s, outcome);
        shown.closes_question |= closes_question(s, outcome);
        shown.failed[usize::from(outcome.failed)] |= s.failed != outcome.failed;
    }
    let effect = |(s, outcome): (&Situation, &Outcome)| {
        let shown = shown[&(outcome.next, &outcome.does[..])];
        let mut notes = Vec::new();
        notes.extend(new_hold(outcome));
        if !s.held && shown.ends_hold || ends_hold(s, outcome) {
            notes.push("hold over");
        }
        if s.asked == Asked::No && shown.closes_question || closes_question(s, outcome) {
            notes.push("question closed");
        }
        let failed = shown.failed[usize::from(outcome.failed)].then_some(outcome.failed);
        Effect { next: outcome.next, does: outcome.does.clone(), failed, notes }
    };
    situations.iter().zip(&outcomes).map(effect).collect()
}

/// A daemon that is to end ends in every state without the role: that is one rule, and not one for each row.
fn step_without_end(s: &Situation) -> Outcome {
    let mut outcome = step(s);
    let is_idle = matches!(outcome.next, StateName::Standby | StateName::ToStandby | StateName::Failed);
    if s.ending != Ending::No && s.what != What::Shutdown && is_idle {
        outcome.does.pop_if(|word| word == "exit");
    }
    outcome
}

fn closes_question(s: &Situation, outcome: &Outcome) -> bool {
    s.asked != Asked::No && outcome.notes.asked == "no" && outcome.next == s.state
}

fn ends_hold(s: &Situation, outcome: &Outcome) -> bool {
    // In Failed it is a time that is over by itself.
    s.held && outcome.notes.held.is_none() && outcome.next == s.state && s.state != StateName::Failed
}

fn new_hold(outcome: &Outcome) -> Option<&'static str> {
    let seconds = outcome.notes.held.filter(|left| left.as_secs() > 0)?.as_secs();
    Some(match (outcome.next, seconds) {
        (StateName::Unknown, _) => "claim",
        (StateName::ToHot | StateName::Hot, _) => "granted",
        (_, 1) => "hold short",
        _ => "hold long",
    })
}

/// Whether a classic peer sees what a modern one would, in its own words (W5).
fn is_translation(s: &Situation, effect: &Effect) -> bool {
    let modern = Situation { classic: false, ..*s };
    let outcome = step_without_end(&modern);
    // It gives way long where a modern one gives way short.
    let notes = |note: &'static str| if note == "hold short" { "hold long" } else { note };
    let holding = matches!(outcome.next, StateName::Standby)
        && (outcome.notes.held.is_some() || new_hold(&outcome).is_some());
    let words = outcome.does.iter().map(|word| match word.as_str() {
        "2HOT" => "HOTT",
        "2SBY" => "STBY",
        "FOVR" => "FAIL",
        "STBY" if holding => "FAIL",
        word => word,
    });
    let mut expected: Vec<&str> = new_hold(&outcome).map(notes).into_iter().collect();
    let ours: Vec<&str> = effect.notes.iter().copied().filter(|note| *note != "question closed").collect();
    if ours.contains(&"hold over") && (!s.held || ends_hold(&modern, &outcome)) {
        expected.push("hold over");
    }
    let ends = ends_hold(&modern, &outcome) && !ours.contains(&"hold over");
    outcome.next == effect.next && words.eq(effect.does.iter()) && expected == ours && !ends
}

/// The ids of the decisions and defects for which a row differs from the legacy's.
pub fn differences(
    state: StateName,
    what: What,
    rule: &Rule,
    rows: &[legacy::Row],
    list: &[Deviation],
) -> Vec<&'static str> {
    let (_, situations) = situations(state, what, Scope::Modern);
    let mut ids = Vec::new();
    for s in situations.iter().filter(|s| rule.covers(s)) {
        let won = s.priority < s.own;
        let Some(row) = rows.iter().find(|row| row.applies(s, won)) else { continue };
        let legacy: Legacy<'_> = row.outcome(s);
        let ours = step_through(s);
        let differs = ours.next != legacy.next || ours.does != legacy.does;
        let fitting = list.iter().find(|deviation| {
            matches!(deviation.ours, deviations::Ours::Does { .. }) && deviation.fits(s, &legacy)
        });
        if let Some(deviation) = fitting.filter(|_| differs) {
            for id in &deviation.ids {
                if !ids.contains(id) {
                    ids.push(*id);
                }
            }
        }
    }
    ids
}

impl Rule {
    fn covers(&self, s: &Situation) -> bool {
        self.when.iter().all(|(condition, values)| values.contains(&s.value(*condition)))
    }
}
