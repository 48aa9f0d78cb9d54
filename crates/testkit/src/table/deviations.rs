//! Reads `docs/deviations.md`: the one list of what may differ from the legacy table.

use schrittmacher_protocol::StateName;

use super::legacy;
use super::situation::{Condition, Situation, What};

const LIST: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/deviations.md"));

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

/// What we do instead.
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

/// What the legacy does in a situation.
pub struct Legacy<'a> {
    pub next: StateName,
    pub does: &'a [String],
    /// The flag "application failed" afterwards.
    pub failed: bool,
}

pub fn list() -> Vec<Deviation> {
    LIST.lines().enumerate().filter_map(|(index, line)| read(index + 1, line)).collect()
}

/// A line that begins with the names of states.
fn read(line: usize, text: &'static str) -> Option<Deviation> {
    let cells: Vec<&str> = text.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
    let states: Vec<_> = cells[0].split(' ').map(legacy::state).collect::<Option<_>>()?;
    let events = cells[1].split(' ').map(|name| What::from_name(name).unwrap_or_else(|| panic!("{name}")));
    let (ours, why) = match cells[3..] {
        [next, does, why, _without] => {
            let next = (next != "=").then(|| legacy::state(next).unwrap_or_else(|| panic!("{next}")));
            let does = does.split(' ').filter(|word| *word != "–").collect();
            (Ours::Does { next, does }, why)
        }
        [flag, why, _without] => (Ours::Flag(flag == "1"), why),
        _ => panic!("line {line}: a line has six or seven cells"),
    };
    let ids = why.split(':').next().into_iter().flat_map(|ids| ids.split(", "));
    Some(Deviation {
        line,
        states,
        events: events.collect(),
        when: cells[2].split(", ").filter(|term| !term.is_empty()).map(term).collect(),
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
