//! Reads `tests/data/protocol/deviations.tsv`: the one list of what may differ from the legacy table.

use schrittmacher_protocol::StateName;

use super::legacy;
use super::situation::{Condition, Situation, What};

const LIST: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/protocol/deviations.tsv"));

/// A line of the list.
pub struct Deviation {
    pub line: usize,
    states: Vec<StateName>,
    events: Vec<What>,
    when: Vec<Term>,
    pub ours: Ours,
    /// The ids of decisions and defects.
    pub ids: Vec<&'static str>,
}

/// Our action in the place of the legacy's.
pub enum Ours {
    /// The state afterwards (`None` stays), and what is done.
    Does { next: Option<StateName>, does: Vec<&'static str> },
    /// The flag "application failed" afterwards.
    Flag(bool),
}

/// A condition: a name, perhaps values, perhaps turned round.
struct Term {
    not: bool,
    name: &'static str,
    values: Vec<&'static str>,
}

/// The legacy's action in a situation.
pub struct Legacy<'a> {
    pub next: StateName,
    pub does: &'a [String],
    /// The flag "application failed" afterwards.
    pub failed: bool,
}

pub fn list() -> Vec<Deviation> {
    LIST.lines().enumerate().filter_map(|(index, line)| read(index + 1, line)).collect()
}

fn read(line: usize, text: &'static str) -> Option<Deviation> {
    if text.is_empty() || text.starts_with('#') {
        return None;
    }
    let cells: Vec<&str> = text.split('\t').collect();
    let [states, events, when, next, does, why, _without] = cells[..] else {
        panic!("line {line} has {} cells instead of seven", cells.len());
    };
    let state = |name| legacy::state(name).unwrap_or_else(|| panic!("line {line}: no state {name}"));
    let event = |name| What::from_name(name).unwrap_or_else(|| panic!("line {line}: no event {name}"));
    let ours = match next {
        "flag" => Ours::Flag(does == "1"),
        _ => Ours::Does {
            next: (next != "=").then(|| state(next)),
            does: does.split(' ').filter(|word| *word != "–").collect(),
        },
    };
    let ids = why.split(':').next().into_iter().flat_map(|ids| ids.split(", "));
    Some(Deviation {
        line,
        states: states.split(' ').map(state).collect(),
        events: events.split(' ').map(event).collect(),
        when: when.split(", ").filter(|term| !term.is_empty()).map(term).collect(),
        ours,
        ids: ids.filter(|id| id.starts_with(char::is_uppercase) && id.ends_with(char::is_numeric)).collect(),
    })
}

fn term(text: &'static str) -> Term {
    let (not, text) = text.strip_prefix("not ").map_or((false, text), |text| (true, text));
    let (name, values) = text.split_once('=').unwrap_or((text, ""));
    Term { not, name, values: values.split('/').filter(|value| !value.is_empty()).collect() }
}

impl Deviation {
    pub fn fits(&self, s: &Situation, legacy: &Legacy<'_>) -> bool {
        self.states.contains(&s.state)
            && self.events.contains(&s.what)
            && self.when.iter().all(|term| term.holds(s, legacy) != term.not)
    }
}

impl Term {
    fn holds(&self, s: &Situation, legacy: &Legacy<'_>) -> bool {
        let condition = match self.name {
            "failed" => Condition::Failed,
            "held" => Condition::Held,
            "late" => Condition::Late,
            "recent" => Condition::Recent,
            "forced" => Condition::Forced,
            "asked" => Condition::Asked,
            "deaf" => Condition::Deaf,
            "said" => Condition::Said,
            "priority" => Condition::Priority,
            "wins" => return wins(s),
            "stale" => return stale(s),
            "legacy" => return self.values.contains(&legacy.next.as_str()),
            name => panic!("{name} is no condition"),
        };
        match (condition, &self.values[..]) {
            (Condition::Asked, []) => s.value(condition) != "no",
            (_, []) => s.value(condition) == "1",
            (_, values) => values.contains(&s.value(condition)),
        }
    }
}

/// The tie-break as `docs/protocol.md` has it, written down once more.
fn wins(s: &Situation) -> bool {
    let we_force = s.value(Condition::Asked) == "forced";
    let claims = s.state == StateName::Unknown && s.held;
    if claims && !s.forced() && !["HOTT", "2HOT"].contains(&s.value(Condition::Said)) {
        return true;
    }
    match (s.forced(), we_force) {
        (true, false) => s.value(Condition::Said) == "FAIL",
        (false, true) => true,
        (true, true) | (false, false) => (s.own, s.greater_address) >= (s.priority, true),
    }
}

fn stale(s: &Situation) -> bool {
    let claims = match s.state {
        StateName::ToHot => ["HOTT", "2HOT"].contains(&s.value(Condition::Said)),
        _ => s.value(Condition::Said) == "HOTT",
    };
    !s.forced() && (s.held || !claims)
}
