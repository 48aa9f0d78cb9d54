//! Leaves out the conditions that make no difference.

use std::collections::BTreeMap;

/// One case: the value of each condition, and what happens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Case {
    values: Vec<&'static str>,
    outcome: usize,
}

/// A row: for some conditions the values for which it holds, and what happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule<C> {
    pub when: Vec<(C, Vec<&'static str>)>,
    pub outcome: usize,
}

/// The fewest rows that a sequence of questions, one condition after another, can lead to.
///
/// `cases` has to hold every combination of values. Outcomes are numbers that the caller chooses.
pub fn condense<C: Copy>(conditions: &[C], cases: Vec<(Vec<&'static str>, usize)>) -> Vec<Rule<C>> {
    let mut cases: Vec<Case> = cases.into_iter().map(|(values, outcome)| Case { values, outcome }).collect();
    cases.sort();
    solve(conditions, &cases)
}

fn solve<C: Copy>(conditions: &[C], cases: &[Case]) -> Vec<Rule<C>> {
    if cases.iter().all(|case| case.outcome == cases[0].outcome) {
        return vec![Rule { when: vec![], outcome: cases[0].outcome }];
    }
    let splits: Vec<_> = (0..conditions.len()).map(|index| split(cases, index)).collect();
    let without = |index: usize| {
        let mut rest = conditions.to_vec();
        rest.remove(index);
        rest
    };
    if let Some(index) = splits.iter().position(|groups| groups.len() == 1) {
        let (_, cases) = splits.into_iter().nth(index).and_then(|mut groups| groups.pop()).expect("one");
        return solve(&without(index), &cases);
    }
    let mut best: Option<Vec<Rule<C>>> = None;
    for (index, groups) in splits.into_iter().enumerate() {
        let rest = without(index);
        let rules: Vec<Rule<C>> = groups
            .into_iter()
            .flat_map(|(values, cases)| {
                solve(&rest, &cases).into_iter().map(move |mut rule| {
                    rule.when.insert(0, (conditions[index], values.clone()));
                    rule
                })
            })
            .collect();
        if best.as_ref().is_none_or(|best| rules.len() < best.len()) {
            best = Some(rules);
        }
    }
    best.expect("different outcomes differ in a condition")
}

/// The cases by the value of one condition; values between which nothing differs together.
fn split(cases: &[Case], index: usize) -> Vec<(Vec<&'static str>, Vec<Case>)> {
    let mut order = Vec::new();
    let mut by_value: BTreeMap<&str, Vec<Case>> = BTreeMap::new();
    for case in cases {
        let mut rest = case.clone();
        let value = rest.values.remove(index);
        if !order.contains(&value) {
            order.push(value);
        }
        by_value.entry(value).or_default().push(rest);
    }
    let mut groups: Vec<(Vec<&'static str>, Vec<Case>)> = Vec::new();
    for value in order {
        let cases = &by_value[value];
        match groups.iter_mut().find(|(_, known)| known == cases) {
            Some((values, _)) => values.push(value),
            None => groups.push((vec![value], cases.clone())),
        }
    }
    groups
}
