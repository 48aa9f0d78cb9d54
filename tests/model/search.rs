//! The search: every state that can be reached, breadth first, so that a found trace is a shortest one.

use hashbrown::HashTable;
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};

use crate::pair::{Class, Edge, Label, Packed, Pair, State, pack, unpack};

/// Numbers of states have 27 bits.
pub const MOST_STATES: usize = 1 << 27;

/// A fair step as the analysis needs it: the target's number, whether time passes, who said how much.
#[derive(Clone, Copy, Debug)]
pub struct Step(u32);

impl Step {
    fn new(to: u32, edge: &Edge) -> Step {
        let passes = u32::from(edge.label == Label::Pass);
        Step(to | passes << 27 | u32::from(edge.sender) << 28 | u32::from(edge.sent.min(7)) << 29)
    }

    pub fn to(self) -> usize {
        (self.0 & ((1 << 27) - 1)) as usize
    }

    pub fn passes(self) -> bool {
        self.0 >> 27 & 1 != 0
    }

    pub fn sender(self) -> usize {
        (self.0 >> 28 & 1) as usize
    }

    pub fn sent(self) -> u8 {
        (self.0 >> 29).to_le_bytes()[0]
    }
}

/// A fault or an order in a pair that looks settled: the analysis asks what comes of it.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    pub from: u32,
    pub to: u32,
    pub label: Label,
}

/// The result of the search.
pub struct Found {
    /// Every state, in the order of their discovery, exactly: no fingerprints.
    pub states: Vec<Packed>,

    /// From where each was first reached.
    parents: Vec<u32>,
    /// Every state's fair steps: those of state n end at `ends[n]`.
    steps: Vec<Step>,
    ends: Vec<u32>,
    /// Faults and orders in states that look settled.
    pub asked: Vec<Asked>,
    /// Promises that a single step breaks: how many steps, and the first of each.
    pub broken: Vec<(u64, &'static str)>,
    pub first_broken: Vec<(u32, Label, &'static str)>,
    /// Messages that found the link full; they are lost.
    pub overflows: u64,
    /// Faults were tried in this number of states, the first ones.
    pub with_faults: usize,
}

/// The start: daemons down, applications in any state, a number of faults left. Beyond `limit` states no more faults are
/// tried, but free steps are followed to their end. Beyond `stop` states no step is followed. That is enough to find a
/// fault, but not to prove that there is none.
pub fn search(pair: &mut Pair, starts: &[State], limit: usize, stop: usize) -> Found {
    let mut table: HashTable<u32> = HashTable::new();
    let mut found = Found {
        states: Vec::new(),
        parents: Vec::new(),
        steps: Vec::new(),
        ends: Vec::new(),
        asked: Vec::new(),
        broken: Vec::new(),
        first_broken: Vec::new(),
        overflows: 0,
        with_faults: 0,
    };
    for state in starts {
        insert(&mut table, &mut found, pack(state), None);
    }
    let mut edges = Vec::new();
    let mut at = 0;
    while at < found.states.len().min(stop) {
        let state = unpack(&found.states[at]);
        let from = number(at);
        let looks_settled = pair.settled(&state).is_some() && pair.is_undisturbed(&state);
        let faults = found.states.len() < limit;
        found.with_faults += usize::from(faults);
        pair.edges(&state, faults, &mut edges);
        for edge in &edges {
            let to = insert(&mut table, &mut found, pack(&edge.to), Some(from));
            if edge.class == Class::Fair {
                found.steps.push(Step::new(to, edge));
            }
            if looks_settled && edge.class == Class::Fault {
                found.asked.push(Asked { from, to, label: edge.label });
            }
            if let Some(what) = edge.broken {
                match found.broken.iter_mut().find(|(_, known)| *known == what) {
                    Some((count, _)) => *count += 1,
                    None => {
                        found.broken.push((1, what));
                        found.first_broken.push((from, edge.label, what));
                    }
                }
            }
            found.overflows += u64::from(edge.overflow);
        }
        found.ends.push(number(found.steps.len()));
        at += 1;
    }
    found.ends.resize(found.states.len(), number(found.steps.len()));
    found
}

fn insert(table: &mut HashTable<u32>, found: &mut Found, packed: Packed, from: Option<u32>) -> u32 {
    let hash = |packed: &Packed| {
        let mut hasher = FxHasher::default();
        packed.hash(&mut hasher);
        hasher.finish()
    };
    let states = &mut found.states;
    let entry = table.entry(
        hash(&packed),
        |known| states[*known as usize] == packed,
        |known| hash(&states[*known as usize]),
    );
    match entry {
        hashbrown::hash_table::Entry::Occupied(known) => *known.get(),
        hashbrown::hash_table::Entry::Vacant(slot) => {
            let new = number(states.len());
            assert!(states.len() < MOST_STATES, "more states than numbers");
            slot.insert(new);
            states.push(packed);
            // A start is its own parent.
            found.parents.push(from.unwrap_or(new));
            new
        }
    }
}

pub fn number(at: usize) -> u32 {
    u32::try_from(at).expect("at most 27 bits")
}

impl Found {
    pub fn len(&self) -> usize {
        self.states.len()
    }

    pub fn steps(&self, at: usize) -> &[Step] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.steps[start..self.ends[at] as usize]
    }

    /// How many fair steps there are.
    pub fn step_count(&self) -> usize {
        self.steps.len()
    }

    pub fn state(&self, at: usize) -> State {
        unpack(&self.states[at])
    }

    /// The shortest way to a state: the numbers of the states on it.
    pub fn way_to(&self, to: usize) -> Vec<usize> {
        let mut way = vec![to];
        let mut at = to;
        while self.parents[at] as usize != at {
            at = self.parents[at] as usize;
            way.push(at);
        }
        way.reverse();
        way
    }
}
