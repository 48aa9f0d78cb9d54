//! The sides that may serve in the end, after a start and after a fault in a settled pair. A rule that is only a
//! preference changes these.

use crate::app::Role;
use crate::host::{FAULTS, Input};
use crate::pair::Label;

/// Sides as bits: first, second, nobody, never settled.
pub type Ends = u8;

const ROLES: [Role; 3] = [Role::Unknown, Role::Standby, Role::Hot];

/// The number of faults, as [`number`] counts them.
const KINDS: usize = 2 * FAULTS.len() + 6;

/// For each start, and for each fault in a pair in which the first, the second, nobody served.
#[derive(Clone)]
pub struct Outcomes {
    starts: [[Ends; ROLES.len()]; ROLES.len()],
    faults: [[Ends; 3]; KINDS],
}

impl Default for Outcomes {
    fn default() -> Outcomes {
        Outcomes { starts: Default::default(), faults: [[0; 3]; KINDS] }
    }
}

impl Outcomes {
    /// Two fresh daemons with such applications; these may serve then.
    pub fn start(&mut self, roles: [Role; 2], ends: Ends) {
        let [a, b] = roles.map(|role| ROLES.iter().position(|known| *known == role).unwrap_or(0));
        self.starts[a][b] |= ends;
    }

    /// `hot` served, this happened, these may serve then.
    pub fn add(&mut self, label: Label, hot: u8, ends: Ends) {
        if let Some(kind) = number(label) {
            self.faults[kind][usize::from(hot)] |= ends;
        }
    }

    /// The ends that differ from `usual`, in words.
    pub fn differences(&self, usual: &Outcomes) -> Vec<String> {
        let mut words = Vec::new();
        for (a, b) in (0..ROLES.len()).flat_map(|a| (0..ROLES.len()).map(move |b| (a, b))) {
            let (ours, usual) = (self.starts[a][b], usual.starts[a][b]);
            if ours != usual && ours != 0 && usual != 0 {
                let roles = format!("{:?} and {:?}", ROLES[a], ROLES[b]).to_lowercase();
                words.push(format!("a start with {roles}: {}, usually {}", sides(ours), sides(usual)));
            }
        }
        for kind in 0..KINDS {
            for hot in 0..3 {
                let (ours, usual) = (self.faults[kind][hot], usual.faults[kind][hot]);
                // Not met at all is no difference.
                if ours != usual && ours != 0 && usual != 0 {
                    let before = sides(1 << hot);
                    words.push(format!(
                        "{} with {before} hot: {}, usually {}",
                        name(kind),
                        sides(ours),
                        sides(usual)
                    ));
                }
            }
        }
        words
    }
}

fn sides(ends: Ends) -> String {
    let names = ["A", "B", "nobody", "never settled"];
    let chosen: Vec<&str> = (0..4).filter(|bit| ends >> bit & 1 != 0).map(|bit| names[bit]).collect();
    chosen.join(" or ")
}

/// Cuts and pauses have no end of their own.
fn number(label: Label) -> Option<usize> {
    let at = |side: u8, first: usize| first + usize::from(side);
    Some(match label {
        Label::At(_, Input::Pause) => return None,
        Label::At(side, input) => {
            FAULTS.iter().position(|fault| *fault == input)? + usize::from(side) * FAULTS.len()
        }
        Label::Lose(side) => at(side, 2 * FAULTS.len()),
        Label::Double(side) => at(side, 2 * FAULTS.len() + 2),
        Label::Delay(side) => at(side, 2 * FAULTS.len() + 4),
        _ => return None,
    })
}

fn name(kind: usize) -> String {
    let side = |at: usize| ["A", "B"][at];
    match kind.checked_sub(2 * FAULTS.len()) {
        None => format!("{:?} at {}", FAULTS[kind % FAULTS.len()], side(kind / FAULTS.len())),
        Some(link) => format!("{} of {}", ["lost", "doubled", "delayed"][link / 2], side(link % 2)),
    }
}
