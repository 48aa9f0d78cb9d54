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
    solve(conditions, &cases, usize::MAX).expect("no limit")
}

/// The fewest rows; none if there are more than `most`.
fn solve<C: Copy>(conditions: &[C], cases: &[Case], mut most: usize) -> Option<Vec<Rule<C>>> {
    if cases.iter().all(|case| case.outcome == cases[0].outcome) {
        return (most > 0).then(|| vec![Rule { when: vec![], outcome: cases[0].outcome }]);
    }
    let splits: Vec<_> = (0..conditions.len()).map(|index| split(cases, index)).collect();
    if let Some(index) = splits.iter().position(|groups| groups.len() == 1) {
        let (_, cases) = splits.into_iter().nth(index)?.pop()?;
        return solve(&without(conditions, index), &cases, most);
    }
    let mut best = None;
    for (index, groups) in splits.into_iter().enumerate() {
        if let Some(rules) = solve_groups(conditions, index, groups, most) {
            most = rules.len() - 1;
            best = Some(rules);
        }
    }
    best
}

/// The rows that begin with one condition; `groups` are its values.
fn solve_groups<C: Copy>(
    conditions: &[C],
    index: usize,
    groups: Vec<Group>,
    most: usize,
) -> Option<Vec<Rule<C>>> {
    let rest = without(conditions, index);
    let mut rules = Vec::new();
    let mut left = groups.len();
    for (values, cases) in groups {
        left -= 1;
        // Each of the others needs a row at least.
        let room = most.checked_sub(rules.len() + left)?;
        rules.extend(solve(&rest, &cases, room)?.into_iter().map(|mut rule| {
            rule.when.insert(0, (conditions[index], values.clone()));
            rule
        }));
    }
    Some(rules)
}

fn without<C: Copy>(conditions: &[C], index: usize) -> Vec<C> {
    let mut rest = conditions.to_vec();
    rest.remove(index);
    rest
}

/// Values of a condition between which nothing differs, and their cases without it.
type Group = (Vec<&'static str>, Vec<Case>);

/// The cases by the value of one condition; values between which nothing differs together.
fn split(cases: &[Case], index: usize) -> Vec<Group> {
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
    let mut groups: Vec<Group> = Vec::new();
    for value in order {
        let cases = &by_value[value];
        match groups.iter_mut().find(|(_, known)| known == cases) {
            Some((values, _)) => values.push(value),
            None => groups.push((vec![value], cases.clone())),
        }
    }
    groups
}
