//! The use of each deviation from 2.0.0, and of each rule beside them: taken out, one after the other.

use std::collections::BTreeSet;
use std::sync::Mutex;

use crate::ablation::{RULES, Without};
use crate::deviation::{self, Lines};
use crate::on_every_core;
use crate::outcomes::Outcomes;
use crate::pairing::{Pairing, Variant, Version};
use crate::report::Run;
use crate::search::MOST_STATES;

/// The pairings without faults, from every start. Beside a legacy peer we win at equal priority as at a higher one.
const WITHOUT_FAULTS: [(Version, i32); 6] = [
    (Version::V182, 0),
    (Version::V182, -1),
    (Version::Ours, 1),
    (Version::Ours, 0),
    (Version::V200, -1),
    (Version::V200, 0),
];

/// Those with one fault, which take long: the quickest first.
const WITH_A_FAULT: [(Version, i32); 3] = [(Version::V182, -1), (Version::Ours, 0), (Version::V200, -1)];

/// With one fault and a part taken out, faults are tried until this number of states is found: those of the shortest
/// traces. Free steps are followed to their end.
const LIMIT: usize = 50_000;

/// Without a rule there may be no end of states: what fails has failed by then.
const STOP: usize = 40_000_000;

/// A pairing with nothing taken out.
struct Usual {
    run: Run,
    outcomes: Outcomes,
    /// The lines that are met in the whole search.
    met: BTreeSet<usize>,
}

/// Something to take out, with its name.
struct Removal {
    without: Without,
    name: String,
}

impl Removal {
    fn is_one_of(&self, lines: &[usize]) -> bool {
        matches!(self.without, Without::Lines(Lines::One(line)) if lines.contains(&line))
    }
}

/// All of them, or these lines of the list alone; with at most one fault.
pub fn study(lines: &[usize], most_faults: u8) -> bool {
    let usual = usual(most_faults);
    let mut removals = removals();
    removals.retain(|removal| lines.is_empty() || removal.is_one_of(lines));
    let texts = Mutex::new(vec![String::new(); removals.len()]);
    on_every_core(removals.len(), |at| {
        let text = effect(removals[at].without, &usual);
        eprintln!("{}: {text}", removals[at].name);
        texts.lock().expect("nobody panics")[at] = text;
    });
    let texts = texts.into_inner().expect("nobody panics");
    println!("| without | effect |\n|---|---|");
    for (removal, text) in removals.iter().zip(texts) {
        println!("| {} | {text} |", removal.name);
    }
    true
}

fn usual(most_faults: u8) -> Vec<Usual> {
    let without = WITHOUT_FAULTS.map(|pair| run(pair, 0));
    let with = WITH_A_FAULT.map(|pair| run(pair, 1));
    let runs: Vec<Run> = without.into_iter().chain(with).filter(|run| run.faults <= most_faults).collect();
    let found = Mutex::new(Vec::new());
    on_every_core(runs.len(), |at| {
        let whole = Run { limit: MOST_STATES, stop: MOST_STATES, ..runs[at] };
        let usual = Usual { run: runs[at], outcomes: runs[at].go().outcomes, met: whole.go().met };
        found.lock().expect("nobody panics").push((at, usual));
    });
    let mut found = found.into_inner().expect("nobody panics");
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, usual)| usual).collect()
}

fn run((peer, priority): (Version, i32), faults: u8) -> Run {
    let usual = Pairing::new([Version::Ours, peer], priority, Variant::Usual);
    let pairing = Pairing { without: Some(Without::Lines(Lines::None)), ..usual };
    Run { pairing, faults, act: None, every_start: faults == 0, grain: 2, limit: LIMIT, stop: STOP }
}

/// Every line, every reason, every rule.
fn removals() -> Vec<Removal> {
    let lines = deviation::list();
    let one = lines.iter().map(|line| Removal {
        without: Without::Lines(Lines::One(line.line)),
        name: format!("line {}", line.line),
    });
    let reasons: BTreeSet<&str> = lines.iter().flat_map(|line| line.ids.iter().copied()).collect();
    let reasons = reasons
        .into_iter()
        .map(|id| Removal { without: Without::Lines(Lines::Reason(id)), name: format!("all of {id}") });
    let rules = RULES
        .iter()
        .map(|(rule, ids, what)| Removal { without: Without::Rule(*rule), name: format!("{ids}: {what}") });
    one.chain(reasons).chain(rules).collect()
}

/// The broken promises, with the fewest faults that it takes; or else the changed ends.
fn effect(without: Without, usual: &[Usual]) -> String {
    let concerned: Vec<&Usual> = usual.iter().filter(|usual| is_met(without, usual)).collect();
    if concerned.is_empty() {
        return "not met".to_owned();
    }
    let mut otherwise: Vec<String> = Vec::new();
    for faults in [0, 1] {
        let mut failures: Vec<String> = Vec::new();
        for usual in concerned.iter().filter(|usual| usual.run.faults == faults) {
            let pairing = Pairing { without: Some(without), ..usual.run.pairing };
            let report = Run { pairing, ..usual.run }.go();
            if !report.broken.is_empty() {
                failures.push(format!("{}: {}", pairing.words(), report.broken.join(", ")));
                // With faults the next pairing takes long, and one failure is an answer.
                if faults > 0 {
                    break;
                }
            }
            let differences = report.outcomes.differences(&usual.outcomes);
            if !differences.is_empty() {
                otherwise.push(format!("{}: {}", pairing.words(), differences.join(", ")));
            }
        }
        if !failures.is_empty() {
            return format!("{faults} faults: {}", failures.join("; "));
        }
    }
    if otherwise.is_empty() { "nothing".to_owned() } else { format!("otherwise: {}", otherwise.join("; ")) }
}

fn is_met(without: Without, usual: &Usual) -> bool {
    match without {
        Without::Rule(_) => true,
        Without::Lines(lines) => {
            deviation::list().iter().any(|line| lines.contain(line) && usual.met.contains(&line.line))
        }
    }
}
