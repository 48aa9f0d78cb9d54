//! Who may serve in the end, after a start and after a fault in a settled pair: what a rule that is only a
//! preference changes.

use crate::host::{FAULTS, Input};
use crate::pair::Label;

/// Sides as bits: first, second, nobody, never settled.
pub type Ends = u8;

/// What faults there are, as [`number`] counts them.
const KINDS: usize = 2 * FAULTS.len() + 6;

/// For each start, and for each fault in a pair in which the first, the second, nobody served.
#[derive(Clone, PartialEq, Eq)]
pub struct Outcomes {
    pub starts: Vec<Ends>,
    faults: [[Ends; 3]; KINDS],
}

impl Default for Outcomes {
    fn default() -> Outcomes {
        Outcomes { starts: Vec::new(), faults: [[0; 3]; KINDS] }
    }
}

impl Outcomes {
    /// `hot` served, this happened, these may serve then.
    pub fn add(&mut self, label: Label, hot: u8, ends: Ends) {
        if let Some(kind) = number(label) {
            self.faults[kind][usize::from(hot)] |= ends;
        }
    }

    /// What ends otherwise than in `usual`, in words.
    pub fn differences(&self, usual: &Outcomes) -> Vec<String> {
        let starts = self.starts.iter().zip(&usual.starts).filter(|(ours, usual)| ours != usual);
        let mut words: Vec<String> = starts
            .map(|(ours, usual)| format!("a start: {}, usually {}", sides(*ours), sides(*usual)))
            .collect();
        words.sort();
        words.dedup();
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
