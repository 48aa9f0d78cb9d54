//! The matrix as a table in `docs/legacy-matrix.md`.

use std::fmt::Write as _;
use std::path::Path;

use crate::scenarios::ALL;
use crate::world::Program;
use crate::{Cell, PAIRS, PHASES, PRIORITIES, SWITCHING};

const BEGIN: &str = "<!-- Written by UPDATE_DOCS=1 cargo test -p schrittmacher-testkit --test matrix -->\n";
const END: &str = "<!-- End of what the test writes. -->\n";

/// Compares the table with the documentation; with `UPDATE_DOCS=1` writes it there.
pub fn check(matrix: &[Cell]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/legacy-matrix.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the beginning of the table");
    let (_, after) = rest.split_once(END).expect("the end of the table");
    let wanted = format!("{before}{BEGIN}{}{END}{after}", tables(matrix));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, wanted).unwrap();
    } else {
        assert!(
            text == wanted,
            "docs/legacy-matrix.md is out of date: \
             UPDATE_DOCS=1 cargo test -p schrittmacher-testkit --test matrix"
        );
    }
}

fn tables(matrix: &[Cell]) -> String {
    let mut text = String::new();
    for switching in SWITCHING {
        let time = if switching == 0.0 { "at once".to_owned() } else { format!("in {switching} s") };
        writeln!(text, "\nApplications switch {time}:\n").unwrap();
        writeln!(
            text,
            "| scenario | ours + 2.0.0: = | higher | lower | ours + 1.8.2: = | higher | lower | 2.0.0 + 2.0.0: = | higher | lower |"
        )
        .unwrap();
        writeln!(text, "|---|{}", "--:|".repeat(PAIRS.len() * PRIORITIES.len())).unwrap();
        for scenario in ALL {
            write!(text, "| {} |", scenario.name).unwrap();
            let row = |cell: &&Cell| cell.scenario.name == scenario.name && cell.switching == switching;
            let mut entries: Vec<String> = matrix.iter().filter(row).map(entry).collect();
            entries.resize(PAIRS.len() * PRIORITIES.len(), "–".to_owned());
            write!(text, " {} |", entries.join(" | ")).unwrap();
            text.push('\n');
        }
    }
    text.push('\n');
    text
}

/// `none/both` in seconds, the worst of all phases; or that it storms, and in how many.
fn entry(cell: &Cell) -> String {
    let storms = cell.runs.iter().filter(|run| run.stormy).count();
    if storms > 0 {
        return format!("storm {storms}/{}", PHASES.len());
    }
    let seconds = |time: std::time::Duration| (time.as_secs_f64() * 10.0).round() / 10.0;
    let (none, both) = (seconds(cell.worst(|m| m.none)), seconds(cell.worst(|m| m.both)));
    let mark = match cell.defect_of_legacy() {
        Some(defect) if cell.pair[0] == Program::Ours => format!(" {defect:?}"),
        None if cell.pair[0] == Program::Ours => String::new(),
        _ => match cell.wrong_ends() {
            0 => String::new(),
            wrong => format!(" ✗ {wrong}/{}", PHASES.len()),
        },
    };
    format!("{none}/{both}{mark}")
}
