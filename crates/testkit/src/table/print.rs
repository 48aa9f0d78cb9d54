//! The table as JSON lines and as Markdown.

use std::fmt::Write as _;

use schrittmacher_protocol::StateName;
use schrittmacher_wire::PeerCode;
use serde_json::{Map, Value, json};

use super::rules::{Effect, Rule, Scope, differences, rules};
use super::situation::{Condition, Situation, What};
use super::{deviations, legacy};

/// The table in the format of the recorded ones: one row a line.
pub fn json_lines() -> String {
    let mut out = String::new();
    for state in StateName::ALL {
        for what in What::all() {
            for rule in rules(state, what, Scope::Everything) {
                writeln!(out, "{}", json_row(state, what, &rule)).expect("a String takes everything");
            }
        }
    }
    out
}

fn json_row(state: StateName, what: What, rule: &Rule) -> Value {
    let when: Map<String, Value> =
        rule.when.iter().map(|(condition, values)| (json_name(*condition).into(), json!(values))).collect();
    let effect = &rule.effect;
    let failed = effect.failed.map_or(json!("unchanged"), |flag| json!(u8::from(flag)));
    json!({
        "state": state.as_str(),
        "event": what.name(),
        "when": when,
        "next": effect.next.as_str(),
        "actions": effect.does.iter().map(|word| json_action(word)).collect::<Vec<_>>(),
        "random": json_random(&effect.does),
        "local_failed": failed,
        "notes": effect.notes,
    })
}

/// The legacy table's names where it has them.
fn json_name(condition: Condition) -> &'static str {
    match condition {
        Condition::Failed => "local_failed",
        other => name(other),
    }
}

fn json_action(word: &str) -> String {
    match word {
        "start" | "stop" => format!("{word}_action"),
        "activate" | "deactivate" | "barrier" | "exit" => word.into(),
        word if word.starts_with("refuse:") => word.into(),
        word => format!("send:{}", word.trim_end_matches('!')),
    }
}

/// The class of the `random` of each message.
fn json_random(does: &[String]) -> Value {
    let classes: Vec<&str> = does
        .iter()
        .filter(|word| json_action(word).starts_with("send:"))
        .map(|word| match word.as_str() {
            "TREQ!" => "max",
            "UNK" | "TREQ" => "constant",
            _ => "zero",
        })
        .collect();
    match &classes[..] {
        [] => Value::Null,
        [first, rest @ ..] if rest.iter().all(|class| class == first) => json!(first),
        several => json!(several),
    }
}

/// The readable tables, one for each state, and one for what differs with a classic peer.
pub fn markdown() -> String {
    let mut out = String::new();
    for state in StateName::ALL {
        writeln!(out, "## {state}\n").expect("a String takes everything");
        out.push_str(&markdown_table(state));
        out.push('\n');
    }
    out.push_str("## With a classic peer\n\n");
    out.push_str(&classic_table());
    out
}

/// A line but for the events.
type Cells = (String, String, String, String);

fn cells(state: StateName, rule: &Rule, ids: &[&str]) -> Cells {
    let when: Vec<String> =
        rule.when.iter().map(|(condition, values)| phrase(state, *condition, values)).collect();
    (when.join(", "), next(state, &rule.effect), does(&rule.effect), ids.join(", "))
}

fn next(state: StateName, effect: &Effect) -> String {
    if effect.next == state { "=".into() } else { effect.next.to_string() }
}

fn does(effect: &Effect) -> String {
    let mut words = effect.does.join(" ");
    if words.is_empty() {
        words.push('–');
    }
    if !effect.notes.is_empty() {
        write!(words, " ({})", effect.notes.join(", ")).expect("a String takes everything");
    }
    words
}

fn markdown_table(state: StateName) -> String {
    let (rows, list) = (legacy::rows(), deviations::list());
    // Events with the same rows stand together; those that never do anything come last.
    let mut groups: Vec<(Vec<What>, Vec<Cells>)> = Vec::new();
    for what in What::all() {
        let rules = rules(state, what, Scope::Modern);
        let lines =
            rules.iter().map(|rule| cells(state, rule, &differences(state, what, rule, &rows, &list)));
        let lines: Vec<Cells> = lines.collect();
        match groups.iter_mut().find(|(_, known)| *known == lines) {
            Some((events, _)) => events.push(what),
            None => groups.push((vec![what], lines)),
        }
    }
    let idle = |lines: &[Cells]| matches!(lines, [(when, next, does, _)] if when.is_empty() && next == "=" && does == "–");
    groups.sort_by_key(|(_, lines)| idle(lines));
    let mut out = String::from("| event | when | next | does | differs |\n|---|---|---|---|---|\n");
    for (events, lines) in &groups {
        let mut events: String = events.iter().map(|what| what.name()).collect::<Vec<_>>().join(" ");
        for (when, next, does, ids) in lines {
            writeln!(out, "| {events} | {when} | {next} | {does} | {ids} |")
                .expect("a String takes everything");
            events.clear();
        }
    }
    out
}

fn classic_table() -> String {
    let mut out = String::from("| state | event | when | next | does |\n|---|---|---|---|---|\n");
    for state in StateName::ALL {
        let mut groups: Vec<(Vec<&str>, Vec<Rule>)> = Vec::new();
        for what in What::all() {
            if matches!(what, What::Peer(PeerCode::ToHot | PeerCode::ToStandby | PeerCode::Fovr)) {
                continue;
            }
            let rules = rules(state, what, Scope::Classic);
            match groups.iter_mut().find(|(_, known)| *known == rules) {
                Some((events, _)) => events.push(what.name()),
                None => groups.push((vec![what.name()], rules)),
            }
        }
        for (events, rules) in groups {
            for rule in rules {
                let (when, next, does, _) = cells(state, &rule, &[]);
                writeln!(out, "| {state} | {} | {when} | {next} | {does} |", events.join(" "))
                    .expect("a String takes everything");
            }
        }
    }
    out
}

fn name(condition: Condition) -> &'static str {
    match condition {
        Condition::Order => "order",
        Condition::Classic => "classic",
        Condition::Failed => "failed",
        Condition::Held => "held",
        Condition::Late => "late",
        Condition::Claim => "claim",
        Condition::Forced => "forced",
        Condition::Asked => "asked",
        Condition::Said => "said",
        Condition::Priority => "priority",
        Condition::Recent => "recent",
        Condition::Deaf => "deaf",
        Condition::WasHot => "was_hot",
        Condition::Ending => "ending",
        Condition::Unreleased => "unreleased",
    }
}

/// A condition in words: `late`, `not late`, `said=HOTT/2HOT`, `not said=FAIL`.
fn phrase(state: StateName, condition: Condition, values: &[&str]) -> String {
    let name = name(condition);
    match values {
        ["1"] => name.into(),
        ["0"] => format!("not {name}"),
        ["no"] => format!("not {name}"),
        ["forced", "plain"] | ["over", "running"] | ["asked", "back"] => name.into(),
        ["plain"] if state == StateName::Hot => name.into(),
        _ => {
            let every: Vec<&str> = Situation::every(state, What::Tick, &[condition])
                .iter()
                .map(|s| s.value(condition))
                .collect();
            let others: Vec<&str> = every.into_iter().filter(|value| !values.contains(value)).collect();
            if others.len() < values.len() {
                format!("not {name}={}", others.join("/"))
            } else {
                format!("{name}={}", values.join("/"))
            }
        }
    }
}
